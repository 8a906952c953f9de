"""Which files go when only the newest are kept: the oldest, over all lines, by their begin."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

_NEAR: Final = 0.001
"""What begins within so many seconds goes together."""
_AHEAD: Final = 4096
_MOST: Final = 1024
"""The most files that go at a time, but for those that begin together."""


class Kept(msgspec.Struct, frozen=True, order=True, gc=False):
    """A file that may have to go."""

    begin: float
    """The server time at which its segment begins."""
    path: str
    size: int
    line: bytes
    """Its line in the record."""


class Batch(msgspec.Struct, frozen=True):
    """The files that go together: all that begin before a time."""

    before: float
    files: tuple[Kept, ...]

    @property
    def bytes(self) -> int:
        """Their size."""
        return sum(file.size for file in self.files)


class Oldest:
    """The oldest files. ``more`` brings some that come after these; it returns False at the end."""

    def __init__(self, more: Callable[[], bool]) -> None:
        self._more = more
        self._heap: list[Kept] = []

    def __iter__(self) -> Iterator[Kept]:
        return iter(sorted(self._heap))

    @property
    def first(self) -> Kept | None:
        """The oldest file."""
        return self._heap[0] if self._fill() else None

    def add(self, file: Kept) -> None:
        """Add a file."""
        heapq.heappush(self._heap, file)

    def take(self, horizon: float, lacking: int) -> Batch | None:
        """Remove and return the files that have to go; None if there are none.

        These are the ones that begin before the horizon, and the oldest up to so many bytes that
        are lacking. A few go at a time, and what begins at the same time goes together.
        """
        taken: list[Kept] = []
        while self._fill() and self._has_to_go(taken, horizon, lacking):
            taken.append(heapq.heappop(self._heap))
            lacking -= taken[-1].size
        if not taken:
            return None
        # It is not the begin of any other segment: times are not exact.
        return Batch(taken[-1].begin + _NEAR / 2, tuple(taken))

    def _has_to_go(self, taken: list[Kept], horizon: float, lacking: int) -> bool:
        begin = self._heap[0].begin
        if taken and begin <= taken[-1].begin + _NEAR:
            return True
        return len(taken) < _MOST and (begin < horizon or lacking > 0)

    def _fill(self) -> bool:
        """Have so many files at hand that later ones of them can hardly be older."""
        while len(self._heap) < _AHEAD and self._more():
            pass
        return bool(self._heap)
