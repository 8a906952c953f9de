"""Pieces of lines: what is recorded of a stretch, on the clock of the presentation."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.live.names import Row as NameRow
from dashget.live.names import Series
from dashget.live.spans import Run
from dashget.live.stretches import Stretch

if TYPE_CHECKING:
    from dashget.live.line import Line

Span = tuple[int, int]
"""Begin and end on the server's clock, in ticks that all pieces of a Period have in common."""

_MICROSECONDS: Final = 1_000_000
_MOST_TICKS: Final = 10**60


class RecordedLine(msgspec.Struct, frozen=True, eq=False):
    """What is recorded of a line, at one moment."""

    id: int
    key: str
    generation: int
    scale: int
    origin: float
    """Server time at axis time 0, nearly."""
    recorded: tuple[Run, ...]
    names: Names | None = None
    """The names of its files, where each has one of its own."""

    @property
    def order(self) -> int:
        """What comes first of lines, as documents have them."""
        return self.id if self.names is None else self.names.line

    @classmethod
    def of(cls, line: Line) -> RecordedLine:
        """Return what is recorded of a line now."""
        origin = float(line.origins[0]) if line.origins else 0.0
        runs = tuple(line.recorded)
        return cls(line.id, line.key, line.generation, line.scale, origin, runs)


class Names(msgspec.Struct, frozen=True, eq=False):
    """The names of the files of a list, or of a single file, by their order numbers."""

    line: int
    rows: tuple[NameRow, ...]
    series: tuple[Series, ...]

    def __getitem__(self, n: int) -> str:
        row = self.rows[bisect_right(self.rows, n, key=_order) - 1]
        return self.series[row.series].name(row.number + (n - row.n) * row.step)


def _order(row: NameRow) -> int:
    return row.n


class Look(msgspec.Struct, frozen=True):
    """What of a shape matters for times: how its files are named, and which track it is."""

    shape: int
    track: str
    """The id of the Representation."""
    essence: str
    """The shape without estimates: stretches with the same one are one."""
    media: str
    numbered: bool
    """True if files are told by their numbers, and not by their times."""
    timed: bool
    """True if ``$Time$`` is in their names, so that ticks have to stay as they are."""
    kind: str = ""
    """``video`` or ``audio``; empty for what is neither."""
    listed: bool = False
    """True if its files are those of a list."""
    single: bool = False
    """True if all of it is one file."""

    @property
    def video(self) -> bool:
        """True for video."""
        return self.kind == "video"


class Row(msgspec.Struct, frozen=True, gc=False):
    """Segments in a row on the axis of their line, each in ``parts`` files."""

    time: int
    duration: int
    count: int
    number: int
    parts: int = 1

    @property
    def end(self) -> int:
        """Where the last one ends."""
        return self.time + self.duration * self.count

    def part(self, begin: int, end: int) -> Row:
        """Return those at positions ``begin`` up to, and without, ``end``."""
        time = self.time + begin * self.duration
        return Row(time, self.duration, end - begin, self.number + begin, self.parts)


Rows = Sequence[Run | Row]


def parts_of(row: Run | Row) -> int:
    """Return in how many files each segment is."""
    return row.parts if isinstance(row, Row) else 1


class Piece(msgspec.Struct, frozen=True, eq=False):
    """What is recorded of a stretch of a line."""

    line: RecordedLine
    stretch: Stretch
    look: Look
    rows: list[Run | Row]

    def wall(self, time: int) -> Fraction:
        """Return the server time at an axis time."""
        return self.stretch.wall(time, self.line.scale)

    @property
    def begin(self) -> Fraction:
        return self.wall(self.rows[0].time)

    @property
    def end(self) -> Fraction:
        return self.wall(self.rows[-1].end)


class Track:
    """A Representation in a Period of the presentation: its pieces, sorted by time."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    @property
    def look(self) -> Look:
        return self.pieces[-1].look


class Ticks:
    """The axis of a piece in ticks that all pieces beside it have in common."""

    __slots__ = ("_offset", "_scale", "per_second")

    def __init__(self, piece: Piece, per_second: int) -> None:
        self.per_second = per_second
        self._scale = piece.line.scale
        self._offset = math.floor(piece.stretch.origin * per_second)

    def at(self, time: int) -> int:
        """Return the common tick at an axis time."""
        return time * self.per_second // self._scale + self._offset

    def lasting(self, duration: int) -> int:
        """Return how many common ticks a duration on the axis is."""
        return duration * self.per_second // self._scale

    def floor(self, tick: int) -> int:
        """Return the last axis time up to a common tick."""
        return (tick - self._offset) * self._scale // self.per_second

    def ceil(self, tick: int) -> int:
        """Return the first axis time from a common tick on."""
        return -((self._offset - tick) * self._scale // self.per_second)


def ticks_per_second(pieces: Iterable[Piece]) -> int:
    """Return a number of ticks that all times of pieces are whole in, and the twentieth of each.

    Clocks that hostile records make up may have none of a sensible size: theirs are rounded.
    """
    found = _MICROSECONDS
    for piece in pieces:
        found = math.lcm(found, piece.line.scale, piece.stretch.origin.denominator)
        if found > _MOST_TICKS:
            return 20 * _MOST_TICKS
    return 20 * found


def spans_of(piece: Piece, ticks: Ticks) -> Iterator[Span]:
    """Yield when there are segments that follow one another."""
    begin, end = piece.rows[0].time, piece.rows[0].end
    for row in piece.rows[1:]:
        if row.time != end:
            yield ticks.at(begin), ticks.at(end)
            begin = row.time
        end = row.end
    yield ticks.at(begin), ticks.at(end)


def usual_duration(piece: Piece) -> int:
    """Return the usual duration of a segment on its axis."""
    return max(piece.rows, key=_count).duration


def _count(row: Run | Row) -> int:
    return row.count


def row_time(row: Run | Row) -> int:
    """Return when a row begins, in ticks."""
    return row.time
