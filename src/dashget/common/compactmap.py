"""A map from many strings to a few integers each, in a ninth of the memory of a dict.

New entries go to a dict. When it is full, they are moved to buckets of bytes, which hold only
the hash of each string (64 bits, different in each process). Among a million strings, two share
a hash in one of forty million runs. So an entry that is found does not prove that the string is
the same; compare the integers as well.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

RECENT_AT_MOST: Final = 16_384
_BUCKETS: Final = 16_384
"""With a million entries, searching a bucket takes less than a microsecond."""
_HASH: Final = struct.Struct("<q")


class CompactMap:
    """Map each string to ``width`` signed integers of 64 bits."""

    __slots__ = ("_older", "_width", "contains", "recent")

    def __init__(self, width: int) -> None:
        self._width = width
        self.recent: dict[str, tuple[int, ...]] = {}
        """The new entries, always the same dict. Where every file of a run passes, an entry is
        set here, without a call of Python, and ``settle`` called if they are many."""
        self._older: Buckets | None = None
        self.contains: Callable[[str], bool] = self.recent.__contains__
        """Return True if a string is in the map; like ``in``, but as fast as that of a dict
        until the first entries are moved."""

    def __setitem__(self, text: str, values: tuple[int, ...]) -> None:
        self.recent[text] = values
        if len(self.recent) >= RECENT_AT_MOST:
            self.settle()

    def settle(self) -> None:
        """Move the new entries to the buckets."""
        if self._older is None:
            self._older = Buckets(self._width)
            recent, older = self.recent, self._older
            self.contains = lambda text: text in recent or text in older
        self._older.update(self.recent)
        self.recent.clear()

    def get(self, text: str) -> tuple[int, ...] | None:
        """Return the integers of a string; None if it is not in the map."""
        found = self.recent.get(text)
        if found is None and self._older is not None:
            found = self._older.get(text)
        return found

    def __contains__(self, text: str) -> bool:
        return self.contains(text)

    def discard(self, text: str) -> None:
        """Remove a string, if it is in the map."""
        self.recent.pop(text, None)
        if self._older is not None:
            self._older.discard(text)

    def __len__(self) -> int:
        """Return the number of strings; one that was set again after a move counts twice."""
        return len(self.recent) + (0 if self._older is None else len(self._older))


class Buckets:
    """Entries of a hash and its integers, one after the other in the bytes of a bucket."""

    __slots__ = ("_buckets", "_entry")

    def __init__(self, width: int) -> None:
        self._entry = struct.Struct(f"<{1 + width}q")
        self._buckets = [bytearray() for _ in range(_BUCKETS)]

    def update(self, entries: Mapping[str, tuple[int, ...]]) -> None:
        """Set the integers of many strings."""
        buckets, pack, size = self._buckets, self._entry.pack, self._entry.size
        for text, values in entries.items():
            number = hash(text)
            bucket = buckets[number % _BUCKETS]
            entry = pack(number, *values)
            # Most are new: then the bytes of the hash occur nowhere.
            at = bucket.find(entry[:8])
            if at >= 0 and at % size:
                at = self._find(bucket, number)
            if at < 0:
                bucket += entry
            else:
                bucket[at : at + size] = entry

    def get(self, text: str) -> tuple[int, ...] | None:
        """Return the integers of a string; None if its hash is missing."""
        number = hash(text)
        bucket = self._buckets[number % _BUCKETS]
        at = bucket.find(_HASH.pack(number))
        if at >= 0 and at % self._entry.size:
            at = self._find(bucket, number)
        if at < 0:
            return None
        values: tuple[int, ...] = self._entry.unpack_from(bucket, at)
        return values[1:]

    def __contains__(self, text: str) -> bool:
        number = hash(text)
        return self._find(self._buckets[number % _BUCKETS], number) >= 0

    def discard(self, text: str) -> None:
        """Remove a string, if it is here."""
        number = hash(text)
        bucket = self._buckets[number % _BUCKETS]
        at = self._find(bucket, number)
        if at >= 0:
            del bucket[at : at + self._entry.size]

    def __len__(self) -> int:
        return sum(map(len, self._buckets)) // self._entry.size

    def _find(self, bucket: bytearray, number: int) -> int:
        """Return the position of the entry of a hash; -1 if there is none."""
        sought, size = _HASH.pack(number), self._entry.size
        at = bucket.find(sought)
        while at >= 0 and at % size:
            # The same bytes, but across the borders of entries.
            at = bucket.find(sought, at + 1)
        return at
