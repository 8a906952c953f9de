"""Pieces of lines: what is recorded of a stretch, on the clock of the presentation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from dashget.live.names import Row as NameRow
from dashget.live.names import Series
from dashget.live.spans import Run
from dashget.live.stretches import Stretch

if TYPE_CHECKING:
    from dashget.live.line import Line

Span = tuple[Fraction, Fraction]
"""Begin and end in seconds of server time."""


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


def spans_of(piece: Piece) -> Iterator[Span]:
    begin, end = piece.rows[0].time, piece.rows[0].end
    for row in piece.rows[1:]:
        if row.time != end:
            yield piece.wall(begin), piece.wall(end)
            begin = row.time
        end = row.end
    yield piece.wall(begin), piece.wall(end)


def usual_seconds(piece: Piece) -> Fraction:
    """Return the usual duration of a segment in seconds."""
    return Fraction(max(piece.rows, key=_count).duration, piece.line.scale)


def _count(row: Run | Row) -> int:
    return row.count


def row_time(row: Run | Row) -> int:
    """Return when a row begins, in ticks."""
    return row.time
