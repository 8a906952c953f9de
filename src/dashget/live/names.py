"""Files that only their names tell, in order: those of a SegmentList, and single files.

A *row* has files in a row on one clock whose names count on, so that a week of them takes little
memory. Times are media times, as the files say themselves, else as the manifest does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.live.facts import FileFact

_DIGITS: Final = frozenset("0123456789")
MOST_DIGITS: Final = 15
_NEAR: Final = 1e-5
"""Server times of one clock differ by less: a float has so many digits."""


class Series(msgspec.Struct, frozen=True):
    """Names that differ in a number; ``after`` is None for a name without one."""

    before: str
    width: int = 0
    """The digits of a number with zeros before it; 0: there are none."""
    after: str | None = None

    def name(self, number: int) -> str:
        """Return a name."""
        if self.after is None:
            return self.before
        return f"{self.before}{number:0{self.width}d}{self.after}"


class Row(msgspec.Struct, frozen=True, gc=False):
    """``count`` files in a row, the first of which has the order number ``n``."""

    n: int
    t: int | None
    """The media time of the first in ticks; None: nobody knows."""
    d: int
    """How long each lasts in ticks; 0: nobody knows."""
    scale: int
    at: float
    """Server time at which the first begins, or when it came."""
    series: int
    number: int
    """The number in the name of the first, and ``step`` from one to the next."""
    count: int = 1
    step: int = 0

    @property
    def end(self) -> float:
        """The server time at which the last one ends; when it begins, if nobody knows."""
        return self.moment(self.count - 1) + self.d / self.scale

    def moment(self, position: int) -> float:
        """Return the server time of one of them."""
        return self.at + position * self.d / self.scale if position else self.at

    def part(self, begin: int, end: int) -> Row:
        """Return those at positions ``begin`` up to, and without, ``end``."""
        time = None if self.t is None else self.t + begin * self.d
        return Row(
            self.n + begin, time, self.d, self.scale, self.moment(begin), self.series,
            self.number + begin * self.step, end - begin, self.step if end - begin > 1 else 0,
        )  # fmt: skip

    def joined(self, other: Row) -> Row | None:
        """Return both as one row, if the other one goes on alike."""
        if (
            self.t is None
            or other.t is None
            or not self.d
            or (self.d, self.scale, self.series) != (other.d, other.scale, other.series)
            or self.n + self.count != other.n
            or self.t + self.d * self.count != other.t
            or abs(self.moment(self.count) - other.at) > _NEAR
        ):
            return None
        step = other.number - self.number - (self.count - 1) * self.step
        if any(row.count > 1 and row.step != step for row in (self, other)):
            return None
        return msgspec.structs.replace(self, count=self.count + other.count, step=step)


class Rows:
    """The recorded files of one line of names, sorted by their order number."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.series: list[Series] = []
        self.count = 0
        self.forgotten = 0
        """How many files were recorded, and have been removed since."""
        self._known: dict[Series, int] = {}
        self._highest: dict[int, int] = {}
        """The highest number in the names of each series."""

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @property
    def first(self) -> int | None:
        """The order number of the first file."""
        return self.rows[0].n if self.rows else None

    @property
    def last(self) -> int | None:
        """The order number of the last file."""
        return self.rows[-1].n + self.rows[-1].count - 1 if self.rows else None

    @property
    def mark(self) -> tuple[int, ...]:
        """What changes with the files: how many there are, the first, and the last with its end."""
        if not self.rows:
            return (0,)
        last = self.rows[-1]
        return self.count, self.rows[0].n, last.n + last.count, last.d

    def add(self, fact: FileFact) -> bool:
        """Take a file; return False if its place is taken by others. The same may come again."""
        named, number = split_name(fact.path)
        series = self._known_as(named)
        self._highest[series] = max(number, self._highest.get(series, number))
        row = Row(
            fact.n, fact.t, fact.d, max(fact.scale, 1), fact.begins or 0.0, series, number,
        )  # fmt: skip
        at = bisect_right(self.rows, fact.n, key=_order)
        before = self.rows[at - 1] if at else None
        if before is not None and fact.n < before.n + before.count:
            if before.count > 1 or before.n != fact.n:
                return False
            self.rows[at - 1] = row
            return True
        self.count += 1
        if before is not None and (joined := before.joined(row)) is not None:
            at, row = at - 1, joined
            self.rows[at] = row
        else:
            self.rows.insert(at, row)
        if at + 1 < len(self.rows) and (joined := row.joined(self.rows[at + 1])) is not None:
            self.rows[at : at + 2] = [joined]
        return True

    def has(self, n: int) -> bool:
        """Return True if the file of an order number is recorded."""
        return self.find(n) is not None

    def find(self, n: int) -> Row | None:
        """Return the file of an order number as a row of one; None if it is not recorded."""
        at = bisect_right(self.rows, n, key=_order) - 1
        if at < 0 or n >= self.rows[at].n + self.rows[at].count:
            return None
        return self.rows[at].part(n - self.rows[at].n, n - self.rows[at].n + 1)

    def fill(self, series: tuple[Series, ...], rows: tuple[Row, ...], forgotten: int) -> None:
        """Take all that was known of a line of which nothing is known yet."""
        if self.rows:
            return
        self.rows, self.series = list(rows), list(series)
        self._known = {each: number for number, each in enumerate(series)}
        for row in rows:
            highest = row.number + (row.count - 1) * row.step
            self._highest[row.series] = max(highest, self._highest.get(row.series, highest))
        self.count = sum(row.count for row in rows)
        self.forgotten = max(forgotten, 0)

    def forget(self, time: float) -> int:
        """Forget the files that begin before a server time; return how many that are."""
        kept: list[Row] = []
        known = self.count
        for row in self.rows:
            if row.moment(row.count - 1) < time:
                self.count -= row.count
                continue
            gone = next(k for k in range(row.count) if row.moment(k) >= time)
            self.count -= gone
            kept.append(row.part(gone, row.count) if gone else row)
        self.rows = kept
        self.forgotten += known - self.count
        return known - self.count

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield all names, each with its order number."""
        for row in self.rows:
            series = self.series[row.series]
            for k in range(row.count):
                yield series.name(row.number + k * row.step), row.n + k

    def number_of(self, path: str) -> int | None:
        """Return the order number of a file by its name; None if it is not recorded."""
        named, number = split_name(path)
        series = self._known.get(named)
        if series is None or number > self._highest.get(series, -1):
            return None
        for row in self.rows:
            if row.series == series:
                k, rest = divmod(number - row.number, row.step or 1)
                if not rest and 0 <= k < row.count:
                    return row.n + k
        return None

    def _known_as(self, series: Series) -> int:
        if series not in self._known:
            self._known[series] = len(self.series)
            self.series.append(series)
        return self._known[series]


def split_name(path: str) -> tuple[Series, int]:
    """Return the series of a name, and its number in it: the last one before its ending."""
    first = path.rfind("/") + 1
    dot = path.rfind(".", first)
    end = dot if dot > first else len(path)
    while end > first and path[end - 1] not in _DIGITS:
        end -= 1
    begin = end
    while begin > first and path[begin - 1] in _DIGITS and end - begin < MOST_DIGITS:
        begin -= 1
    if begin == end:
        return Series(path), 0
    digits = path[begin:end]
    width = len(digits) if digits.startswith("0") and len(digits) > 1 else 0
    return Series(path[:begin], width, path[end:]), int(digits)


def _order(row: Row) -> int:
    return row.n
