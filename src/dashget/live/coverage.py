"""What is recorded of each Representation, as the local MPD has it: Periods on one time line.

Every recorded segment of a template that players can show is in one Period, and none besides; where
a Period is cut while a segment of a track runs, that segment is in both, and players cut it there.
What they cannot show is video without the audio that the presentation has at that time, or audio
without the video (``together``).

A Period is cut at the end of a *hole*: dash.js takes a hole of all tracks for the end of a Period,
and no player finds the right file behind numbers that are missing (``S@n``). One that begins at the
end of the hole, while the one before it simply runs up to it, plays to the end in dash.js and in
Shaka Player. Generations follow one another: the times of an encoder that has begun again may be
those that were there before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from dashget.live.cuts import find_cuts
from dashget.live.groups import Group, Unrecorded, begin_of, find_groups, slack_of
from dashget.live.pieces import Look, Piece, RecordedLine, Row, Track
from dashget.live.spans import Run
from dashget.live.stretches import Stretch
from dashget.live.together import leave_out

_LARGEST_SCALE: Final = 1 << 31
_MICROSECONDS: Final = 1_000_000


class Part(msgspec.Struct, frozen=True, eq=False):
    """The rows of a Representation in a Period. Times in the document are axis times and ``shift``,
    each times ``factor``."""

    line: RecordedLine
    stretch: Stretch
    rows: tuple[Run | Row, ...]
    """Empty for a single file that begins earlier than its Period, or ends later."""
    offset: int = 0
    """``@presentationTimeOffset``, with the factor."""
    factor: int = 1


class PlayedPeriod(msgspec.Struct, frozen=True, eq=False):
    """A Period of the local MPD: seconds from its begin, on server time before ``moved``."""

    start: Fraction
    nominal: Fraction
    """Server time at which the Period of the presentation starts."""
    moved: Fraction
    """Server time at the begin of the local MPD's time line."""
    id: str
    generation: int
    parts: tuple[Part, ...]
    first: bool
    """True for the first piece of a Period of the presentation."""


def played_periods(
    lines: Iterable[RecordedLine],
    stretches: Mapping[int, Sequence[Stretch]],
    looks: Mapping[int, Look],
    unrecorded: Sequence[Unrecorded] = (),
    *,
    most: int,
    whole: bool = False,
) -> list[PlayedPeriod]:
    """Return the Periods that play what is recorded, in order, and of more than ``most`` the first.

    ``unrecorded`` is what else the presentation has. With ``whole`` nothing is left out, and a
    segment that runs where a Period is cut is in the first of the two alone.
    """
    groups = find_groups(lines, stretches, looks, unrecorded)
    if not whole:
        groups = leave_out(groups)
    found: list[PlayedPeriod] = []
    moved: Fraction | None = None
    end = Fraction(0)
    by_generation: dict[int, list[Group]] = {}
    for group in groups:
        by_generation.setdefault(group.generation, []).append(group)
    for generation in sorted(by_generation):
        groups = sorted(by_generation[generation], key=begin_of)
        begin = groups[0].begin
        if moved is None:
            moved = begin
        if begin - moved < end - slack_of(groups[0]):
            # The times of an encoder that has begun again are taken already.
            moved = begin - end
        before: Fraction | None = None
        for group in groups:
            for period in _cut(group, moved, before, whole=whole):
                if not found:
                    moved = moved + period.start
                    period = msgspec.structs.replace(period, start=Fraction(0), moved=moved)
                found.append(period)
                if len(found) == most:
                    return found
                before = period.start
            end = max(end, group.end - moved)
    return found


def _cut(
    group: Group, moved: Fraction, before: Fraction | None, *, whole: bool
) -> Iterator[PlayedPeriod]:
    """Yield the pieces of a Period of the presentation; ``before`` is the start of the last one."""
    tracks = sorted(group.tracks.values(), key=_first_line)
    first = group.begin
    if before is not None and abs(group.begin - group.start) < 2 * slack_of(group):
        first = group.start
    if before is not None and first - moved <= before:
        first = before + moved + Fraction(1, _MICROSECONDS)
    found = find_cuts(tracks, whole=whole)
    cuts = [first, *(cut for cut in found if cut > max(first, group.begin))]
    heads = [_Head(track) for track in tracks]
    for at, cut in enumerate(cuts):
        until = cuts[at + 1] if at + 1 < len(cuts) else None
        taken = [
            part for head in heads for part in head.take(None if whole or not at else cut, until)
        ]
        if not taken and tracks:
            continue
        if at == 0 or not whole:
            taken += _singles(group, cut)
        if not group.wanted.issubset({look.kind for _, look in taken}):
            # The rest of a segment of text, where a cut was meant for one track alone.
            continue
        begin = _whole(cut, group.start, taken)
        yield PlayedPeriod(
            start=begin - moved,
            nominal=group.start,
            moved=moved,
            id=group.id,
            generation=group.generation,
            parts=tuple(_placed(part, look, begin) for part, look in taken),
            first=at == 0,
        )


def _singles(group: Group, cut: Fraction) -> Iterator[tuple[Part, Look]]:
    """Yield the single files that do not end before a Period starts."""
    for piece in group.singles:
        if not piece.rows or piece.end > cut:
            rows = () if group.tracks else tuple(piece.rows)
            yield Part(piece.line, piece.stretch, rows), piece.look


def _first_line(track: Track) -> int:
    return min(piece.line.order for piece in track.pieces)


class _Head:
    """Gives the rows of a track, cut after cut."""

    def __init__(self, track: Track) -> None:
        self._rest = list(track.pieces)
        self._last: dict[int, Run | Row] = {}
        """The last segment that was given of each piece, by its position."""
        self._running: tuple[Piece, Run | Row] | None = None

    def take(self, cut: Fraction | None, until: Fraction | None) -> list[tuple[Part, Look]]:
        """Return what begins before ``until``, and what runs at ``cut`` already."""
        found: list[tuple[Part, Look]] = []
        ended: tuple[Piece, Run | Row] | None = None
        if self._running is not None and cut is not None and _runs(*self._running, cut):
            ended = self._running
        self._running = None
        for piece in tuple(self._rest):
            taken = _taken_before(piece, until)
            last = self._last.get(id(piece))
            if last is not None and cut is not None and _runs(piece, last, cut):
                taken.insert(0, last)
            if taken:
                row = taken[-1]
                self._last[id(piece)] = row.part(row.count - 1, row.count)
                found.append((Part(piece.line, piece.stretch, tuple(taken)), piece.look))
            if not piece.rows:
                self._rest.remove(piece)
                if (row_ := self._last.pop(id(piece), None)) is not None:
                    self._running = piece, row_
        if not found and ended is not None:
            # The last segment of a track that does not go on.
            piece, row = ended
            found.append((Part(piece.line, piece.stretch, (row,)), piece.look))
            self._running = ended
        return found


def _runs(piece: Piece, row: Run | Row, cut: Fraction) -> bool:
    """Return True if a segment is cut in two, at a tenth of it at least."""
    begin, end = piece.wall(row.time), piece.wall(row.end)
    return min(end - cut, cut - begin) * 10 > end - begin


def _taken_before(piece: Piece, until: Fraction | None) -> list[Run | Row]:
    """Remove and return what begins before a server time, a tenth of a segment aside."""
    rows = piece.rows
    taken: list[Run | Row] = []
    if until is None:
        taken.extend(rows)
        rows.clear()
        return taken
    tick = math.ceil((until - piece.stretch.origin) * piece.line.scale)
    for whole, row in enumerate(rows):
        limit = tick - row.duration // 10
        count = min(row.count, max(-((row.time - limit) // max(row.duration, 1)), 0))
        if count:
            taken.append(row.part(0, count))
        if count < row.count:
            rows[: whole + 1] = [row.part(count, row.count)]
            return taken
    rows.clear()
    return taken


# Where a Period starts, in whole ticks of its tracks.


def _whole(cut: Fraction, start: Fraction, taken: Sequence[tuple[Part, Look]]) -> Fraction:
    """Return the last time up to a cut that is whole ticks of all tracks; most cuts are."""
    if all(_factor(part, look, cut) for part, look in taken):
        return cut
    each = math.gcd(_MICROSECONDS, *(part.line.scale for part, _ in taken))
    return start + Fraction(math.floor((cut - start) * each), each)


def _factor(part: Part, look: Look, at: Fraction) -> int:
    """Return by which ticks have to be cut so that a time is a whole number; 0: that is no way."""
    exact = (at - part.stretch.origin) * part.line.scale
    if exact.denominator == 1:
        return 1
    if look.timed or part.line.scale * exact.denominator >= _LARGEST_SCALE:
        return 0
    return exact.denominator


def _placed(part: Part, look: Look, begin: Fraction) -> Part:
    factor = _factor(part, look, begin) or 1
    exact = (begin - part.stretch.origin) * part.line.scale + part.stretch.shift
    offset = math.floor(exact * factor + Fraction(1, 2))
    return msgspec.structs.replace(part, offset=offset, factor=factor)
