"""What follows from the rows of a plain timeline: begins, gaps and overlaps, and how many segments.

A timeline of a live presentation has most of its rows from the document before. Then only the
other rows are worked through: the result is the same.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

import msgspec


class Reused(msgspec.Struct, frozen=True):
    """Rows that were those of an earlier timeline: ``count`` of them, from ``first`` there."""

    serial: int
    """The earlier timeline."""
    at: int
    """The position of the first of them here."""
    first: int
    count: int


class Survey(msgspec.Struct, frozen=True, eq=False):
    """The facts about all rows; none of them is repeated without a number."""

    begins: array[int]
    """The time at which each row begins."""
    breaks: tuple[tuple[int, int, bool], ...]
    """Rows that do not begin where the one before ends: position, ticks, if it is an overlap."""
    segments: int
    end: int
    """Where the last row ends."""
    has_zero: bool = False
    """True if a row may have a duration of 0."""

    @property
    def in_order(self) -> bool:
        """True if each row begins where the one before ends, or later, and takes time."""
        return not self.has_zero and not any(overlap for *_, overlap in self.breaks)


class Columns(msgspec.Struct, frozen=True, eq=False):
    """The rows of a timeline as they are written; ``absent`` stands for a missing time."""

    times: Sequence[int]
    durations: Sequence[int]
    repeats: Sequence[int]
    absent: int


class _Walk:
    """Goes through rows, and keeps what is found."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.begins: array[int] = array("q")
        self.breaks: list[tuple[int, int, bool]] = []
        self.segments = 0
        self.end: int | None = None
        self.has_zero = False

    def go(self, first: int, last: int) -> bool:
        """Take rows; return False if one is repeated without a number."""
        columns, absent, end = self._columns, self._columns.absent, self.end
        rows = zip(
            columns.times[first:last],
            columns.durations[first:last],
            columns.repeats[first:last],
            strict=True,
        )
        for position, (t, d, r) in enumerate(rows, first):
            if r < 0:
                return False
            begin = (end or 0) if t == absent else t
            self.check(position, begin, end)
            end = begin + (r + 1) * d
            self.begins.append(begin)
            self.segments += r + 1
            self.has_zero = self.has_zero or not d
        self.end = end
        return True

    def check(self, position: int, begin: int, end: int | None) -> None:
        """Note a row that does not begin where the one before it ends."""
        if end is not None and begin != end:
            self.breaks.append((position, abs(begin - end), begin < end))

    def skip(self, old: Survey, reused: Reused, begin: int, repeats: Sequence[int]) -> None:
        """Take rows of an earlier timeline, the first of which begins then."""
        first, last, shift = reused.first, reused.first + reused.count, reused.at - reused.first
        self.check(reused.at, begin, self.end)
        self.begins += old.begins[first:last]
        self.breaks += [
            (position + shift, ticks, overlap)
            for position, ticks, overlap in old.breaks
            if first < position < last
        ]
        other = sum(repeats[:first]) + first + sum(repeats[last:]) + len(repeats) - last
        self.segments += old.segments - other
        self.has_zero = self.has_zero or old.has_zero
        at = reused.at + reused.count - 1
        self.end = self.begins[-1] + (self._columns.repeats[at] + 1) * self._columns.durations[at]

    def survey(self) -> Survey:
        """Return what was found."""
        return Survey(self.begins, tuple(self.breaks), self.segments, self.end or 0, self.has_zero)


def survey(columns: Columns) -> Survey | None:
    """Return the facts about rows; None if one is repeated without a number, or a time is huge."""
    walk = _Walk(columns)
    try:
        return walk.survey() if walk.go(0, len(columns.times)) else None
    except OverflowError:
        return None


def survey_again(
    columns: Columns, reused: Reused, old: Survey, old_repeats: Sequence[int]
) -> Survey | None:
    """Return the same, of rows most of which were surveyed before; None if that does not do."""
    walk = _Walk(columns)
    try:
        if not walk.go(0, reused.at):
            return None
        t = columns.times[reused.at]
        begin = (walk.end or 0) if t == columns.absent else t
        if begin != old.begins[reused.first]:
            return None
        walk.skip(old, reused, begin, old_repeats)
        return walk.survey() if walk.go(reused.at + reused.count, len(columns.times)) else None
    except OverflowError:
        return None


def iter_spans(
    surveyed: Survey, columns: Columns, first: int, last: int
) -> Iterator[tuple[int, int, int]]:
    """Yield begin, duration and number of segments of each row from ``first`` up to ``last``."""
    return (
        (begin, d, r + 1)
        for begin, d, r in zip(
            surveyed.begins[first:last],
            columns.durations[first:last],
            columns.repeats[first:last],
            strict=True,
        )
    )
