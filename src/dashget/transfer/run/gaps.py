"""The byte ranges of a large file that no exchange fetches yet."""

from __future__ import annotations

from collections.abc import Iterable

from dashget.common.byterange import ByteRange


class Gaps:
    """The bytes that are neither on disk nor claimed, as sorted disjoint spans ``[first, end)``."""

    __slots__ = ("_spans",)

    def __init__(self, size: int, finished: Iterable[ByteRange] = ()) -> None:
        self._spans: list[tuple[int, int]] = []
        position = 0
        for done in sorted(finished):
            if done.first > position:
                self._spans.append((position, min(done.first, size)))
            position = max(position, size if done.last is None else done.last + 1)
            if position >= size:
                return
        self._spans.append((position, size))

    def __bool__(self) -> bool:
        return bool(self._spans)

    @property
    def total(self) -> int:
        """The bytes of all gaps together."""
        return sum(end - first for first, end in self._spans)

    @property
    def first(self) -> int | None:
        """The first byte of the first gap; None if there is none."""
        return self._spans[0][0] if self._spans else None

    @property
    def is_only_beginning(self) -> bool:
        """True if one gap is left, and it begins at zero."""
        return len(self._spans) == 1 and self._spans[0][0] == 0

    def take(self, most: int) -> tuple[int, int] | None:
        """Claim up to ``most`` bytes from the front of the first gap."""
        if not self._spans:
            return None
        first, end = self._spans[0]
        # A rest that is not worth a request of its own goes along.
        if end - first <= most + most // 4:
            del self._spans[0]
            return first, end
        self._spans[0] = (first + most, end)
        return first, first + most

    def take_late(self, most: int) -> tuple[int, int] | None:
        """Claim up to ``most`` bytes that do not begin at zero."""
        if not self._spans or self._spans[0] == (0, 1):
            return None
        first, end = self._spans[0]
        if first:
            return self.take(most)
        start = max(1, end - most)
        self._spans[0] = (0, start)
        return start, end

    def take_after_bytes(self) -> tuple[int, int, int] | None:
        """Claim the first gap with bytes before it; return where these begin, and the claim.

        Only if nobody else claims anything: then what lies between two gaps is on disk.
        """
        begin = 0
        for i, (first, end) in enumerate(self._spans):
            if first > begin:
                del self._spans[i]
                return begin, first, end
            begin = end
        return None

    def extend(self, position: int, most: int) -> int | None:
        """Claim up to ``most`` bytes from ``position`` on; None if no gap begins there."""
        for i, (first, end) in enumerate(self._spans):
            if first == position:
                stop = min(end, first + most)
                if stop == end:
                    del self._spans[i]
                else:
                    self._spans[i] = (stop, end)
                return stop
        return None

    def give_back(self, first: int, end: int) -> None:
        """Return the rest of a claim that was not fetched."""
        if first >= end:
            return
        merged: list[tuple[int, int]] = []
        for span in sorted([*self._spans, (first, end)]):
            if merged and span[0] <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(span[1], merged[-1][1]))
            else:
                merged.append(span)
        self._spans = merged


def finished_prefix(finished: Iterable[ByteRange]) -> int:
    """Return how many bytes from the very beginning are finished."""
    position = 0
    for done in sorted(finished):
        if done.first > position or done.last is None:
            break
        position = max(position, done.last + 1)
    return position
