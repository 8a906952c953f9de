"""Where a Period of a local MPD is cut: at holes, at new shapes, and where tracks come and go."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from dashget.live.pieces import Piece, Row, Track, row_time, spans_of, usual_seconds
from dashget.live.spans import Run
from dashget.live.together import common, seconds, united

_MICROSECONDS: Final = 1_000_000


def find_cuts(tracks: Sequence[Track], *, whole: bool) -> list[Fraction]:
    """Return the server times at which a Period has to be cut, sorted."""
    cuts = sorted(set(_ends_of_common_holes(tracks)))
    slack = Fraction(1, _MICROSECONDS)
    for low, high, track in sorted(_wanted(tracks, whole=whole), key=_high):
        at = bisect_right(cuts, high + slack) - 1
        if at < 0 or cuts[at] < low - slack:
            insort(cuts, _boundary(tracks, track, low, high))
    return cuts


def _wanted(tracks: Sequence[Track], *, whole: bool) -> Iterator[tuple[Fraction, Fraction, Track]]:
    """Yield the times between which one track has to be cut."""
    for track in tracks:
        before: Fraction | None = None
        for piece in track.pieces:
            if before is not None:
                # Another shape: players need another initialization, or other words.
                yield min(before, piece.begin), piece.begin, track
            for one, other in _holes(piece, whole=whole):
                yield piece.wall(one.end), piece.wall(other.time), track
            before = piece.end
    if not whole:
        for kind in sorted({track.look.kind for track in tracks} - {""}):
            yield from _changes([track for track in tracks if track.look.kind == kind])


def _holes(piece: Piece, *, whole: bool) -> Iterator[tuple[Run | Row, Run | Row]]:
    """Yield what is before and behind each hole that a Period cannot have within it."""
    look = piece.look
    for one, other in itertools.pairwise(piece.rows):
        if look.numbered:
            if one.number + one.count != other.number:
                yield one, other
        elif (look.listed or (look.kind and not whole)) and (
            2 * (other.time - one.end) >= min(one.duration, other.duration)
        ):
            # Players count the files of a list. Of names with times, dash.js takes a hole for the
            # end of the Period once it has nothing else to load.
            yield one, other


def _changes(tracks: Sequence[Track]) -> Iterator[tuple[Fraction, Fraction, Track]]:
    """Yield between which times a track goes, or comes, while another one of its kind is there.

    A Period has those that run through it, but for a segment: players stay with the one that they
    have chosen, and wait for it.
    """
    spans = [
        (track, united((span for piece in track.pieces for span in spans_of(piece)), Fraction(0)))
        for track in tracks
    ]
    begin = min(own[0][0] for _, own in spans)
    end = max(own[-1][1] for _, own in spans)
    for track, own in spans:
        step = usual_seconds(track.pieces[0])
        others = united((one for other, them in spans if other is not track for one in them), step)
        edges = [begin, *(moment for span in own for moment in span), end]
        holes = list(zip(edges[::2], edges[1::2], strict=True))
        for gone, back in holes:
            first = max(bisect_right(others, (gone,)) - 1, 0)
            beside = others[first : bisect_left(others, (back,))]
            if 2 * seconds(common([(gone, back)], beside)) < 3 * step:
                continue
            if gone > begin:
                yield gone, gone + step / 2, track
            if back < end:
                yield back - step / 2, back, track


def _high(wanted: tuple[Fraction, Fraction, Track]) -> Fraction:
    return wanted[1]


def _ends_of_common_holes(tracks: Sequence[Track]) -> Iterator[Fraction]:
    """Yield the ends of the stretches in which no track of video or audio has a segment."""
    main = [track for track in tracks if track.look.kind] or tracks
    spans: list[tuple[Fraction, Fraction, Fraction]] = []
    for piece in (piece for track in main for piece in track.pieces):
        first = piece.rows[0]
        begin, end, step = first.time, first.end, first.duration
        for row in piece.rows[1:]:
            if 2 * (row.time - end) < min(row.duration, step):
                end, step = max(end, row.end), row.duration
                continue
            spans.append(_span(piece, begin, end, step))
            begin, end, step = row.time, row.end, row.duration
        spans.append(_span(piece, begin, end, step))
    reached: Fraction | None = None
    for start, last, slack in sorted(spans):
        if reached is not None and start - reached >= slack:
            yield start
        reached = last if reached is None else max(reached, last)


def _span(piece: Piece, begin: int, end: int, step: int) -> tuple[Fraction, Fraction, Fraction]:
    """Return the server times of a stretch of segments, and the half of one."""
    return piece.wall(begin), piece.wall(end), Fraction(step, 2 * piece.line.scale)


def _boundary(tracks: Sequence[Track], cut: Track, low: Fraction, high: Fraction) -> Fraction:
    """Return the best time to cut between two: where the segments of another track meet.

    Video is asked first: of a segment of video that is cut, players show nothing before its next
    key frame.
    """
    for other in sorted(tracks, key=lambda track: not track.look.video):
        if other is cut:
            continue
        for piece in other.pieces:
            rows = piece.rows
            tick = math.floor((high - piece.stretch.origin) * piece.line.scale)
            at = bisect_right(rows, tick, key=row_time) - 1
            if at < 0:
                continue
            row = rows[at]
            position = min((tick - row.time) // max(row.duration, 1), row.count)
            found = piece.wall(row.time + position * row.duration)
            if low <= found <= high:
                return found
    return high
