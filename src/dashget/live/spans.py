"""Stretches of a line's segments, in ticks: what is known, recorded or lost, in little memory.

A week of segments of equal duration is one ``Run``. ``Spans`` tells which stretches are known, by
the middle of each segment: a segment that is announced again a little earlier or later is known.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, MutableSequence

import msgspec


class Run(msgspec.Struct, frozen=True, gc=False):
    """``count`` segments in a row: the first begins at ``time``, each lasts ``duration`` ticks."""

    time: int
    duration: int
    count: int
    number: int = 0
    """The number of the first; each following one has the next."""

    @property
    def end(self) -> int:
        """Where the last segment ends."""
        return self.time + self.duration * self.count

    def part(self, begin: int, end: int) -> Run:
        """Return the segments at positions ``begin`` up to, and without, ``end``."""
        time = self.time + begin * self.duration
        return Run(time, self.duration, end - begin, self.number + begin)

    def goes_on(self, other: Run) -> bool:
        """Return True if ``other`` follows at once, with segments of the same kind."""
        return (
            self.end == other.time
            and self.duration == other.duration
            and self.number + self.count == other.number
        )


class Spans:
    """Stretches of time that do not touch: sorted, with begin and end."""

    __slots__ = ("_begins", "_ends", "steps")

    def __init__(self) -> None:
        self.steps = 0
        """How many stretches were moved or looked through: few where all comes in its order."""
        self._begins: list[int] = []
        self._ends: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._begins, self._ends, strict=True))

    def __len__(self) -> int:
        return len(self._begins)

    @property
    def end(self) -> int | None:
        """The end of the last stretch; None if there is none."""
        return self._ends[-1] if self._ends else None

    def has(self, time: int) -> bool:
        """Return True if a moment is in one of them."""
        at = bisect_right(self._begins, time) - 1
        return at >= 0 and time < self._ends[at]

    def add(self, begin: int, end: int, *, slack: int = 0) -> None:
        """Add a stretch; gaps of up to ``slack`` ticks to its neighbours are closed."""
        if self._ends and self._ends[-1] + slack >= begin >= self._begins[-1]:
            # The usual case: what follows the last one.
            self._ends[-1] = max(self._ends[-1], end)
            return
        first = bisect_left(self._ends, begin - slack)
        last = bisect_right(self._begins, end + slack)
        if first < last:
            begin = min(begin, self._begins[first])
            end = max(end, self._ends[last - 1])
        self.steps += len(self._begins) - last
        self._begins[first:last] = [begin]
        self._ends[first:last] = [end]

    def cut(self, time: int) -> None:
        """Forget what lies before a moment."""
        at = bisect_right(self._ends, time)
        del self._begins[:at], self._ends[:at]
        if self._begins and self._begins[0] < time:
            self._begins[0] = time

    def fill(self, time: int, slack: int) -> None:
        """Close the gaps before a moment, and less than ``slack`` ticks after it."""
        at = bisect_left(self._begins, time)
        if not at:
            return
        end = max(self._ends[at - 1], time)
        if at < len(self._begins) and self._begins[at] - time < slack:
            end = max(end, self._begins[at])
        self.add(self._begins[0], end)

    def missing(self, run: Run) -> Iterator[Run]:
        """Yield the parts of a run whose segments are not known."""
        step = max(run.duration, 1)
        middle = run.time + run.duration // 2
        at = bisect_right(self._ends, middle)
        k = 0
        while k < run.count:
            if at == len(self._begins):
                yield run.part(k, run.count)
                return
            # Middles before the begin of this stretch are not known, those up to its end are.
            before = min(run.count, max(k, -((middle - self._begins[at]) // step)))
            if before > k:
                yield run.part(k, before)
            k = max(before, min(run.count, -((middle - self._ends[at]) // step)))
            at += 1
            self.steps += 1


class Runs:
    """Segments, sorted by time, as runs; those that follow one another are one run.

    A run takes 32 bytes, and more only if a time does not fit into 64 bits.
    """

    __slots__ = ("_columns", "_pack", "count", "steps")

    def __init__(self) -> None:
        self.steps = 0
        """How many runs were moved: few where all comes in its order."""
        self._pack: Callable[[Iterable[int]], MutableSequence[int]] = _pack
        self._columns = [self._pack(()) for _ in range(4)]
        """Times, durations, counts and numbers."""
        self.count = 0
        """The number of segments."""

    def __iter__(self) -> Iterator[Run]:
        # As a list, since segments may be added or taken meanwhile.
        return map(Run, *map(list, self._columns))

    def __len__(self) -> int:
        return len(self._columns[0])

    @property
    def first(self) -> Run | None:
        """The first run."""
        return self._run(0) if self._columns[0] else None

    @property
    def last(self) -> Run | None:
        """The last run."""
        return self._run(-1) if self._columns[0] else None

    def find(self, time: int) -> Run | None:
        """Return the segment that begins at ``time``, as a run of one."""
        at = self._at(time)
        if at < 0:
            return None
        run = self._run(at)
        position = (time - run.time) // max(run.duration, 1)
        if position >= run.count or run.time + position * run.duration != time:
            return None
        return run.part(position, position + 1)

    def add(self, run: Run) -> None:
        """Add segments; none of them may be there already."""
        self.count += run.count
        size = len(self._columns[0])
        at = size if not size or self._columns[0][-1] <= run.time else self._at(run.time) + 1
        first = last = at
        if at > 0 and (before := self._run(at - 1)).goes_on(run):
            first = at - 1
            run = Run(before.time, run.duration, before.count + run.count, before.number)
        if at < size and run.goes_on(after := self._run(at)):
            last = at + 1
            run = Run(run.time, run.duration, run.count + after.count, run.number)
        self._put(first, last, [run])

    def take(self, time: int) -> Run | None:
        """Remove and return the segment that begins at ``time``; None if it is not there."""
        one = self.find(time)
        if one is None:
            return None
        at = self._at(time)
        run = self._run(at)
        position = (time - run.time) // max(run.duration, 1)
        rest = [run.part(0, position), run.part(position + 1, run.count)]
        self._put(at, at + 1, [part for part in rest if part.count])
        self.count -= 1
        return one

    def take_before(self, time: int) -> list[Run]:
        """Remove and return the segments that begin before ``time``."""
        taken: list[Run] = []
        for run in map(self._run, range(len(self))):
            if run.time >= time:
                break
            most = -((run.time - time) // max(run.duration, 1))
            taken.append(run.part(0, min(run.count, max(most, 1))))
        if taken:
            last = self._run(len(taken) - 1)
            kept = last.part(taken[-1].count, last.count)
            self._put(0, len(taken), [kept] if kept.count else [])
        self.count -= sum(run.count for run in taken)
        return taken

    def take_from(self, time: int) -> list[Run]:
        """Remove and return the segments that begin at ``time`` or later."""
        taken: list[Run] = []
        at = len(self)
        kept: list[Run] = []
        while at and (run := self._run(at - 1)).end > time:
            first = max(0, -((run.time - time) // max(run.duration, 1)))
            if first >= run.count:
                break
            at -= 1
            taken.append(run.part(first, run.count))
            if first:
                kept = [run.part(0, first)]
                break
        self._put(at, len(self), kept)
        self.count -= sum(run.count for run in taken)
        return taken[::-1]

    def take_all(self) -> list[Run]:
        """Remove and return all segments."""
        taken = list(self)
        self._put(0, len(taken), [])
        self.count = 0
        return taken

    def _run(self, at: int) -> Run:
        times, durations, counts, numbers = self._columns
        return Run(times[at], durations[at], counts[at], numbers[at])

    def _put(self, first: int, last: int, runs: list[Run]) -> None:
        """Replace the runs at positions ``first`` up to, and without, ``last``."""
        self.steps += len(self) - last
        values = [(run.time, run.duration, run.count, run.number) for run in runs]
        columns = list(zip(*values, strict=True)) or [()] * 4
        try:
            new = [self._pack(column) for column in columns]
        except OverflowError:
            self._pack = list
            self._columns = [list(column) for column in self._columns]
            new = [list(column) for column in columns]
        for column, part in zip(self._columns, new, strict=True):
            column[first:last] = part

    def _at(self, time: int) -> int:
        """Return the position of the last run that begins at ``time`` or before it; else -1."""
        return bisect_right(self._columns[0], time) - 1


def _pack(numbers: Iterable[int]) -> MutableSequence[int]:
    """Return numbers in 8 bytes each; OverflowError if one does not fit."""
    return array("q", numbers)
