"""Segment durations that repeat in a cycle: the element Pattern, and ``S@p`` (5.3.9.6).

A row with ``@p`` has no duration of its own: its segments take the durations of the Pattern in
order, from the entry ``@pE`` (counted from 0) on, and begin again behind the last one. All
questions are answered by arithmetic: a row may have any number of segments.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from math import floor, lcm

import msgspec


class DurationPattern(msgspec.Struct, frozen=True):
    """Durations in ticks, as pairs of how many segments and how long each of them is.

    ``counts`` and ``ends`` are the segments and the ticks up to the end of each pair.
    """

    pairs: tuple[tuple[int, int], ...]
    counts: tuple[int, ...]
    ends: tuple[int, ...]
    scale: int = 1
    """Ticks are in so many parts."""

    @classmethod
    def of(cls, pairs: Sequence[tuple[int, int | Fraction]]) -> DurationPattern:
        """Return the pattern of these pairs, in parts of ticks that make all durations whole."""
        scale = lcm(*(Fraction(ticks).denominator for _, ticks in pairs))
        return cls._of(tuple((count, int(ticks * scale)) for count, ticks in pairs), scale)

    @classmethod
    def _of(cls, pairs: tuple[tuple[int, int], ...], scale: int) -> DurationPattern:
        counts = tuple(accumulate(count for count, _ in pairs))
        ends = tuple(accumulate(count * ticks for count, ticks in pairs))
        return cls(pairs, counts, ends, scale)

    def scaled(self, factor: int) -> DurationPattern:
        """Return the pattern in units that are ``factor`` times smaller."""
        pairs = tuple((count, ticks * factor) for count, ticks in self.pairs)
        return self._of(pairs, self.scale * factor)

    @property
    def size(self) -> int:
        """The number of segments until it begins again."""
        return self.counts[-1]

    def span(self, entry: int, count: int) -> int:
        """Return the ticks of ``count`` segments from an entry on."""
        return self._until(entry + count) - self._until(entry)

    def needed(self, entry: int, ticks: Fraction | int) -> int:
        """Return how many segments from an entry on it takes to fill a time; at least 0."""
        if ticks <= 0:
            return 0
        cycles, rest = divmod(self._until(entry) + ticks, self.ends[-1])
        if not rest:
            cycles, rest = cycles - 1, Fraction(self.ends[-1])
        at = bisect_left(self.ends, rest)
        inside = rest - (self.ends[at - 1] if at else 0)
        full = -(-inside // self.pairs[at][1]) + (self.counts[at - 1] if at else 0)
        return int(cycles * self.size + full) - entry

    def complete(self, entry: int, ticks: Fraction | int) -> int:
        """Return how many segments from an entry on are over after a time; at least 0."""
        if ticks < 0:
            return 0
        cycles, rest = divmod(self._until(entry) + ticks, self.ends[-1])
        at = min(bisect_right(self.ends, rest), len(self.ends) - 1)
        inside = rest - (self.ends[at - 1] if at else 0)
        full = floor(inside / Fraction(self.pairs[at][1])) + (self.counts[at - 1] if at else 0)
        return int(cycles) * self.size + full - entry

    def iter_durations(self, entry: int) -> Iterator[tuple[int, int]]:
        """Yield pairs from an entry on, without end."""
        entry %= self.size
        at = bisect_right(self.counts, entry)
        first = self.counts[at] - entry
        while True:
            yield first, self.pairs[at][1]
            at = (at + 1) % len(self.pairs)
            first = self.pairs[at][0]

    def _until(self, position: int) -> int:
        """Return the ticks of the first ``position`` segments."""
        cycles, rest = divmod(position, self.size)
        at = bisect_right(self.counts, rest)
        before = self.counts[at - 1] if at else 0
        ticks = self.ends[at - 1] if at else 0
        if rest > before:
            ticks += (rest - before) * self.pairs[at][1]
        return cycles * self.ends[-1] + ticks
