"""Put the files of lists on a time line: each after the one before, with the holes in between.

What a file says of its media time counts. Where times go back, or leap, between two neighbours, an
encoder has begun anew: what comes is put behind what was there. A file without any time follows
the one before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.live.names import Row
from dashget.live.pieces import Names, RecordedLine
from dashget.live.spans import Run
from dashget.live.stretches import Stretch

if TYPE_CHECKING:
    from dashget.live.named import NamedLine

_LEAP_STEPS: Final = 10
_LEAP_SECONDS: Final = 60


class NamedFiles(msgspec.Struct, frozen=True, eq=False):
    """What is recorded of a line of names, at one moment."""

    id: int
    generation: int
    names: Names
    single: bool

    @classmethod
    def of(cls, line: NamedLine) -> NamedFiles:
        """Return what is recorded of a line now."""
        rows = line.rows
        names = Names(line.id, tuple(rows), tuple(rows.series))
        return cls(line.id, line.fact.generation, names, line.fact.single)


def placed(
    files: NamedFiles, stretches: Sequence[Stretch]
) -> Iterator[tuple[RecordedLine, Stretch]]:
    """Yield the files of a line, those on one clock together, with the clock."""
    if files.single:
        yield from _single(files, stretches)
        return
    clocks: list[_Clock] = []
    for row, stretch in _by_stretch(files.names.rows, stretches):
        _put(clocks, row, stretch)
    for at, clock in enumerate(clocks):
        yield (
            _made(files, at, clock.scale, clock.origin, clock.runs),
            msgspec.structs.replace(clock.stretch, time=clock.runs[0].time, origin=clock.origin),
        )


def _single(
    files: NamedFiles, stretches: Sequence[Stretch]
) -> Iterator[tuple[RecordedLine, Stretch]]:
    """Yield a single file with its newest stretch; without a run if nobody knows its length."""
    if not files.names.rows or not stretches:
        return
    row, stretch = files.names.rows[-1], stretches[-1]
    runs = [] if row.t is None or not row.d else [Run(row.t, row.d, 1, row.n)]
    yield _made(files, 0, row.scale, stretch.origin, runs), stretch


def _made(
    files: NamedFiles, at: int, scale: int, origin: Fraction, runs: Sequence[Run]
) -> RecordedLine:
    return RecordedLine(
        id=-(files.id << 32) - at,
        key="",
        generation=files.generation,
        scale=scale,
        origin=float(origin),
        recorded=tuple(runs),
        names=files.names,
    )


class _Clock:
    """Files on one clock: server time is media time and the origin."""

    def __init__(self, stretch: Stretch, scale: int, origin: Fraction, n: int) -> None:
        self.stretch = stretch
        self.scale = scale
        self.origin = origin
        self.runs: list[Run] = []
        self.next = n
        """The order number of the next file, if it follows at once."""

    def wall(self, time: int) -> Fraction:
        return self.origin + Fraction(time, self.scale)

    @property
    def end(self) -> int:
        return self.runs[-1].end

    def add(self, time: int, duration: int, row: Row) -> None:
        self.runs.append(Run(time, duration, row.count, row.n))
        self.next = row.n + row.count


def _put(clocks: list[_Clock], row: Row, stretch: Stretch) -> None:
    """Put a row behind what is there."""
    last = clocks[-1] if clocks else None
    scale, time = row.scale, row.t
    duration = row.d or (last.runs[-1].duration * scale // last.scale if last is not None else 0)
    duration = duration or scale
    if last is None:
        origin = stretch.origin if time is not None else stretch.start
        clocks.append(_Clock(stretch, scale, origin, row.n))
        clocks[-1].add(time or 0, duration, row)
        return
    goes_on = last.stretch is stretch and last.scale == scale
    if time is None:
        time = last.end if goes_on else 0
        origin = last.origin if goes_on else last.wall(last.end)
    else:
        origin = last.origin if goes_on else stretch.origin + _moved(last)
        if not _fits(last, origin + Fraction(time, scale), Fraction(duration, scale), row):
            origin = last.wall(last.end) - Fraction(time, scale)
    if not goes_on or origin != last.origin:
        clocks.append(_Clock(stretch, scale, origin, row.n))
    clocks[-1].add(time, duration, row)


def _moved(clock: _Clock) -> Fraction:
    """Return by how much a clock was moved against what the manifest says of it."""
    return clock.origin - clock.stretch.origin


def _fits(last: _Clock, begin: Fraction, duration: Fraction, row: Row) -> bool:
    """Return True if a file that begins at a time can come after what is there."""
    hole = begin - last.wall(last.end)
    if 2 * hole < -duration:
        return False
    return row.n != last.next or hole <= max(_LEAP_STEPS * duration, Fraction(_LEAP_SECONDS))


def _by_stretch(rows: Sequence[Row], stretches: Sequence[Stretch]) -> Iterator[tuple[Row, Stretch]]:
    """Yield rows, cut where another stretch begins: its time is an order number."""
    bounds = [stretch.time for stretch in stretches]
    if not bounds:
        return
    for row in rows:
        begin = 0
        while begin < row.count:
            at = max(bisect_right(bounds, row.n + begin) - 1, 0)
            until = bounds[at + 1] - row.n if at + 1 < len(bounds) else row.count
            until = min(max(until, begin + 1), row.count)
            yield row.part(begin, until), stretches[at]
            begin = until
