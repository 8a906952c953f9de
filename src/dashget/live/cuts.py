"""Where a Period of a local MPD is cut: at holes, at new shapes, and where tracks come and go."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from dashget.live.pieces import (
    Look,
    Piece,
    Row,
    Span,
    Ticks,
    Track,
    row_time,
    spans_of,
    ticks_per_second,
    usual_duration,
)
from dashget.live.spans import Run
from dashget.live.together import common, length, united

_MICROSECONDS: Final = 1_000_000


class _Way:
    """A track with its pieces in common ticks."""

    def __init__(self, track: Track, per_second: int) -> None:
        self.look: Look = track.look
        self.pieces = [(piece, Ticks(piece, per_second)) for piece in track.pieces]
        self._begins = [ticks.at(piece.rows[0].time) for piece, ticks in self.pieces]
        ends = (ticks.at(piece.rows[-1].end) for piece, ticks in self.pieces)
        self._ends = list(itertools.accumulate(ends, max))
        """The latest end up to each piece."""

    def between(self, low: int, high: int) -> Iterator[tuple[Piece, Ticks]]:
        """Yield the pieces that may have something between two times."""
        first = bisect_left(self._ends, low)
        return itertools.islice(self.pieces, first, bisect_right(self._begins, high))


def find_cuts(tracks: Sequence[Track], *, whole: bool) -> list[Fraction]:
    """Return the server times at which a Period has to be cut, sorted."""
    per_second = ticks_per_second(piece for track in tracks for piece in track.pieces)
    ways = [_Way(track, per_second) for track in tracks]
    # Video is asked first: of a segment of video that is cut, players show nothing before its next
    # key frame.
    asked = sorted(ways, key=lambda way: not way.look.video)
    ends = sorted(set(_ends_of_common_holes(ways)))
    made: list[int] = []
    slack = per_second // _MICROSECONDS
    for low, high, way in sorted(_wanted(ways, whole=whole), key=_high):
        at = bisect_right(ends, high + slack) - 1
        # Each cut that is made lies behind those before: they lie before what is wanted here.
        if (at < 0 or ends[at] < low - slack) and (not made or made[-1] < low - slack):
            made.append(_boundary(asked, way, low, high))
    return [Fraction(cut, per_second) for cut in sorted(ends + made)]


def _wanted(ways: Sequence[_Way], *, whole: bool) -> Iterator[tuple[int, int, _Way]]:
    """Yield the times between which one track has to be cut."""
    for way in ways:
        before: int | None = None
        for piece, ticks in way.pieces:
            if before is not None:
                # Another shape: players need another initialization, or other words.
                begin = ticks.at(piece.rows[0].time)
                yield min(before, begin), begin, way
            for one, other in _holes(piece, whole=whole):
                yield ticks.at(one.end), ticks.at(other.time), way
            before = ticks.at(piece.rows[-1].end)
    if not whole:
        for kind in sorted({way.look.kind for way in ways} - {""}):
            yield from _changes([way for way in ways if way.look.kind == kind])


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


def _changes(ways: Sequence[_Way]) -> Iterator[tuple[int, int, _Way]]:
    """Yield between which times a track goes, or comes, while another one of its kind is there.

    A Period has those that run through it, but for a segment: players stay with the one that they
    have chosen, and wait for it.
    """
    found: list[tuple[_Way, list[Span]]] = []
    for way in ways:
        spans = (span for piece, ticks in way.pieces for span in spans_of(piece, ticks))
        found.append((way, united(spans, 0)))
    begin = min(own[0][0] for _, own in found)
    end = max(own[-1][1] for _, own in found)
    for way, own in found:
        piece, ticks = way.pieces[0]
        step = ticks.lasting(usual_duration(piece))
        beside = united((one for other, them in found if other is not way for one in them), step)
        edges = [begin, *(moment for span in own for moment in span), end]
        for gone, back in zip(edges[::2], edges[1::2], strict=True):
            first = max(bisect_right(beside, (gone,)) - 1, 0)
            near = beside[first : bisect_left(beside, (back,))]
            if 2 * length(common([(gone, back)], near)) < 3 * step:
                continue
            if gone > begin:
                yield gone, gone + step // 2, way
            if back < end:
                yield back - step // 2, back, way


def _high(wanted: tuple[int, int, _Way]) -> int:
    return wanted[1]


def _ends_of_common_holes(ways: Sequence[_Way]) -> Iterator[int]:
    """Yield the ends of the stretches in which no track of video or audio has a segment."""
    main = [way for way in ways if way.look.kind] or ways
    spans: list[tuple[int, int, int]] = []
    for piece, ticks in (each for way in main for each in way.pieces):
        first = piece.rows[0]
        begin, end, step = first.time, first.end, first.duration
        for row in piece.rows[1:]:
            if 2 * (row.time - end) < min(row.duration, step):
                end, step = max(end, row.end), row.duration
                continue
            spans.append((ticks.at(begin), ticks.at(end), ticks.lasting(step) // 2))
            begin, end, step = row.time, row.end, row.duration
        spans.append((ticks.at(begin), ticks.at(end), ticks.lasting(step) // 2))
    reached: int | None = None
    for start, last, slack in sorted(spans):
        if reached is not None and start - reached >= slack:
            yield start
        reached = last if reached is None else max(reached, last)


def _boundary(asked: Sequence[_Way], cut: _Way, low: int, high: int) -> int:
    """Return the best time to cut between two: where the segments of another track meet."""
    for other in asked:
        if other is cut:
            continue
        for piece, ticks in other.between(low, high):
            rows = piece.rows
            tick = ticks.floor(high)
            at = bisect_right(rows, tick, key=row_time) - 1
            if at < 0:
                continue
            row = rows[at]
            position = min((tick - row.time) // max(row.duration, 1), row.count)
            found = ticks.at(row.time + position * row.duration)
            if low <= found <= high:
                return found
    return high
