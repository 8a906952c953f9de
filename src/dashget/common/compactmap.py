"""A map from many strings to a few integers each, in a ninth of the memory that a dict takes.

The first entries are in a dict. Whenever that is full they are moved to where a string is
known by its hash alone (64 bits, other ones in each process): a million strings share two
hashes once in forty million runs. So nobody may take what is found here for proof that
two strings are the same, unless the integers say so as well.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

RECENT_AT_MOST: Final = 16_384
_BUCKETS: Final = 16_384
"""With a million entries a bucket is searched in less than a microsecond."""
_HASH: Final = struct.Struct("<q")


class CompactMap:
    """Maps each string to ``width`` integers of 64 bits with a sign.

    ``recent`` and ``older`` are for those who look up so often that a call is too much: what is
    in neither is not in the map. ``older`` is None as long as nothing was moved there.
    """

    __slots__ = ("_width", "older", "recent")

    def __init__(self, width: int) -> None:
        self._width = width
        self.recent: dict[str, tuple[int, ...]] = {}
        self.older: Buckets | None = None

    def __setitem__(self, text: str, values: tuple[int, ...]) -> None:
        self.recent[text] = values
        if len(self.recent) >= RECENT_AT_MOST:
            self.settle()

    def settle(self) -> None:
        """Move the recent entries to the older ones."""
        if self.older is None:
            self.older = Buckets(self._width)
        self.older.update(self.recent)
        self.recent.clear()

    def get(self, text: str) -> tuple[int, ...] | None:
        """Return the integers of a string; None where it is not in the map."""
        found = self.recent.get(text)
        if found is None and self.older is not None:
            found = self.older.get(text)
        return found

    def __contains__(self, text: str) -> bool:
        return text in self.recent or (self.older is not None and text in self.older)

    def discard(self, text: str) -> None:
        """Take a string out, if it is in the map."""
        self.recent.pop(text, None)
        if self.older is not None:
            self.older.discard(text)

    def __len__(self) -> int:
        """The number of strings; one that was set again after it had been moved counts twice."""
        return len(self.recent) + (0 if self.older is None else len(self.older))


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
            # Most are new, and what is not in the bytes is no entry.
            at = bucket.find(entry[:8])
            if at >= 0 and at % size:
                at = self._find(bucket, number)
            if at < 0:
                bucket += entry
            else:
                bucket[at : at + size] = entry

    def get(self, text: str) -> tuple[int, ...] | None:
        """Return the integers of a string; None where its hash is not here."""
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
        """Take a string out, if it is here."""
        number = hash(text)
        bucket = self._buckets[number % _BUCKETS]
        at = self._find(bucket, number)
        if at >= 0:
            del bucket[at : at + self._entry.size]

    def __len__(self) -> int:
        return sum(map(len, self._buckets)) // self._entry.size

    def _find(self, bucket: bytearray, number: int) -> int:
        """Return where the entry of a hash begins; -1 where there is none."""
        sought, size = _HASH.pack(number), self._entry.size
        at = bucket.find(sought)
        while at >= 0 and at % size:
            # The same bytes, but across the borders of entries.
            at = bucket.find(sought, at + 1)
        return at
