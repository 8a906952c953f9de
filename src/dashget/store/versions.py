"""All versions of a live manifest, byte for byte, in one file that is only ever added to.

``.dashget/manifests.log`` is a row of entries. Each has a mark, a checksum, its facts, and a text:
a version whole, or what makes it of the version before. A version whole stands now and then, so
that no more than a few hundred entries are read for one. An entry that was cut off, or is damaged,
costs itself and the versions that were made of it; what follows is found again by its mark.
"""

from __future__ import annotations

import enum
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import msgspec

from dashget.store.delta import apply_delta, make_delta
from dashget.store.soundness import UNREADABLE

LOG: Final = "manifests.log"
_MARK: Final = b"\x00\xd5MV"
_HEAD: Final = struct.Struct(">4sIIH")
"""The mark, the checksum of what follows it, the sizes of the texts and of the facts."""
_SIZES: Final = struct.Struct(">IH")
_MOST_DELTAS: Final = 255
_MOST_CHAINED: Final = 128 << 20
"""The bytes of all versions that are made of the same whole one."""
MOST_BYTES: Final = 128 << 20
"""The largest manifest."""
_MOST_DAMAGE: Final = 256 << 20
"""How many damaged bytes are looked through for what follows them."""
_BLOCK: Final = 1 << 18
_TOLD_SECONDS: Final = 60.0
_END_OF_TIME: Final = 253_402_300_800.0
"""The end of the year 9999, in seconds since 1970."""


class How(enum.IntEnum):
    """How a version was read."""

    FULL = 0
    """As a whole."""
    PATCH = 1
    """Made by a patch of the one before."""
    SAME = 2
    """Read again, and the same: reads of a minute are one entry."""
    EVENT = 3
    """Came in an event of a media segment."""


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an entry says of its version."""

    time: float
    """When it was read, on this computer's clock, in seconds since 1970."""
    how: How
    publish: float | None = None
    """``@publishTime``, in seconds since 1970."""
    size: int = 0
    checksum: int = 0
    """The CRC-32 of the version."""
    stored: int = 0
    """The bytes of its text as stored; what follows them is the patch."""
    whole: bool = True
    patch: int = 0
    """The bytes of the patch that made it."""
    count: int = 1
    """How many reads it stands for."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry, and where it is in the file."""

    facts: Facts
    begin: int
    """Where it begins."""
    at: int
    """Where its texts begin."""
    length: int
    number: int = 0
    """The number of the version, from 1; that of the one before if it was the same."""
    lost: bool = False
    """True if what it is made of is damaged."""


class Damage(msgspec.Struct, frozen=True, gc=False):
    """Bytes of a log that cannot be read."""

    size: int
    cut_off: bool
    """True if an entry was not written to its end, as by a kill."""


class VersionLog:
    """Adds versions to the log. ``append`` gets each entry in one piece."""

    def __init__(self, append: Callable[[bytes], object]) -> None:
        self._append = append
        self._last: bytes | None = None
        self._deltas = 0
        self._chained = 0
        self._same = 0
        self._told = 0.0
        self._seen = 0.0

    def add(
        self, document: bytes, time: float, how: How, publish: float | None, patch: bytes = b""
    ) -> None:
        """Add a version; one that is the same as the last is only counted."""
        if document == self._last and not patch:
            self.same(time)
            return
        self._tell_same()
        text, whole = self._text(document)
        packed = zlib.compress(patch, 6) if patch else b""
        facts = Facts(
            round(time, 3), how, publish, len(document), zlib.crc32(document), len(text), whole,
            len(patch),
        )  # fmt: skip
        self._append(_encode(facts, text + packed))
        self._last, self._told = document, time

    def same(self, time: float) -> None:
        """Count a read that brought nothing new."""
        self._same += 1
        self._seen = time
        if time - self._told >= _TOLD_SECONDS:
            self._tell_same()

    def close(self) -> None:
        """Write down what was counted."""
        self._tell_same()

    def _tell_same(self) -> None:
        if self._same:
            facts = Facts(round(self._seen, 3), How.SAME, count=self._same)
            self._append(_encode(facts, b""))
            self._same, self._told = 0, self._seen

    def _text(self, document: bytes) -> tuple[bytes, bool]:
        """Return a version as it is stored, and if that is whole."""
        last, size = self._last, len(document)
        if last is not None and self._deltas < _MOST_DELTAS:
            made = make_delta(last, document, size // 2)
            delta = b"" if made is None else zlib.compress(made, 6)
            if delta and self._chained + size <= _MOST_CHAINED and len(delta) < size // 4:
                self._deltas += 1
                self._chained += size
                return delta, False
        self._deltas, self._chained = 0, 0
        return zlib.compress(document, 6), True


def _encode(facts: Facts, texts: bytes) -> bytes:
    told = msgspec.msgpack.encode(facts)
    body = _SIZES.pack(len(texts), len(told)) + told + texts
    return _MARK + zlib.crc32(body).to_bytes(4, "big") + body


def read_entries(file: BinaryIO, at: int = 0) -> Iterator[Entry | Damage]:
    """Yield the entries of a log in their order, and what of it is damaged.

    ``at`` is the beginning of an entry that is not made of others.
    """
    file.seek(0, 2)
    end = file.tell()
    number = made = chained = wasted = 0
    most = _MOST_DAMAGE
    known = False
    while at < end:
        found = _entry_at(file, at, end)
        if found is None:
            looked_to = min(end, at + 1 + most)
            following = _next_mark(file, at + 1, looked_to)
            most -= following - at
            wasted += _claimed(file, at, end)
            if wasted > 2 * end or following == looked_to:
                # Entries that claim each other's bytes, or nothing for ever: no accident does that.
                following = end
            yield Damage(following - at, _is_cut_off(file, at, following))
            at, known = following, False
            continue
        facts, begin, length = found
        lost = False
        if facts.how is not How.SAME:
            number += 1
            made = 0 if facts.whole else made + 1
            chained = 0 if facts.whole else chained + facts.size
            known = facts.whole or (known and made <= _MOST_DELTAS and chained <= _MOST_CHAINED)
            lost = not known
        yield Entry(facts, at, begin, length, number, lost)
        at = begin + length


class Oldest:
    """Finds how much of a log may go, so that all versions since a time stay."""

    def __init__(self) -> None:
        self._wholes: deque[tuple[float, int]] = deque()
        """The time of each version that is stored whole, and where its entry begins."""
        self._read = 0
        """Up to where the log was read: the beginning of the last of these."""

    def before(self, file: BinaryIO, time: float) -> int:
        """Return how many bytes at the beginning are needed for no version since a time."""
        for entry in read_entries(file, self._read):
            if isinstance(entry, Entry) and entry.facts.whole and entry.facts.how is not How.SAME:
                if not self._wholes or entry.begin > self._wholes[-1][1]:
                    self._wholes.append((entry.facts.time, entry.begin))
                self._read = entry.begin
        while len(self._wholes) > 1 and self._wholes[1][0] <= time:
            self._wholes.popleft()
        return self._wholes[0][1] if self._wholes and self._wholes[0][0] <= time else 0

    def cut(self, count: int) -> None:
        """Take that so many bytes at the beginning are gone."""
        self._read = max(0, self._read - count)
        self._wholes = deque((time, at - count) for time, at in self._wholes if at >= count)


class VersionReader:
    """Gives versions back. ``take`` each entry in its order: a version is made of others."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._chain: list[Entry] = []

    def take(self, entry: Entry) -> None:
        """Remember an entry."""
        if entry.facts.how is How.SAME:
            return
        if entry.facts.whole or entry.lost:
            self._chain = []
        self._chain.append(entry)

    def chain(self) -> list[Entry]:
        """Return what the newest version is made of, for ``text``."""
        return self._chain.copy()

    def text(self, chain: list[Entry]) -> bytes:
        """Return a version byte for byte; ValueError if it cannot be made of what is there."""
        text = b""
        for entry in chain:
            text = self.next(text, entry)
        return text

    def next(self, before: bytes, entry: Entry) -> bytes:
        """Return a version, made of the one before it; ValueError if it cannot be made."""
        facts = entry.facts
        if entry.lost:
            raise ValueError("what it is made of is damaged")
        self._file.seek(entry.at)
        # A delta has a few bytes for each stretch that it copies, beside what is new.
        most = facts.size if facts.whole else 2 * facts.size + 64
        text = _inflated(self._file.read(facts.stored), most)
        if not facts.whole:
            text = apply_delta(before, text, facts.size)
        if len(text) != facts.size or zlib.crc32(text) != facts.checksum:
            raise ValueError("its checksum is another one")
        return text


def read_patch(file: BinaryIO, entry: Entry) -> bytes:
    """Return the patch that made a version, as received; empty if it was read as a whole."""
    if not entry.facts.patch:
        return b""
    file.seek(entry.at + entry.facts.stored)
    patch = _inflated(file.read(entry.length - entry.facts.stored), entry.facts.patch)
    if len(patch) != entry.facts.patch:
        raise ValueError("a patch of another size")
    return patch


def _inflated(data: bytes, most: int) -> bytes:
    try:
        text = zlib.decompressobj().decompress(data, max(most, 1))
    except zlib.error as error:
        raise ValueError(f"its compressed data is damaged: {error}") from None
    return text


def _entry_at(file: BinaryIO, at: int, end: int) -> tuple[Facts, int, int] | None:
    """Return the facts of the entry at a place, and where its texts are; None if it is damaged."""
    if end - at < _HEAD.size:
        return None
    file.seek(at)
    mark, checksum, length, told = _HEAD.unpack(file.read(_HEAD.size))
    begin = at + _HEAD.size + told
    if mark != _MARK or begin + length > end:
        return None
    facts = file.read(told)
    found = zlib.crc32(facts, zlib.crc32(_SIZES.pack(length, told)))
    left = length
    while left:
        block = file.read(min(left, _BLOCK))
        found = zlib.crc32(block, found)
        left -= len(block)
        if not block:
            return None
    if found != checksum:
        return None
    try:
        read = msgspec.msgpack.decode(facts, type=Facts)
    except UNREADABLE:
        return None
    sane = 0 <= read.size <= MOST_BYTES and 0 <= read.stored <= length
    # Not a number is within no bounds.
    sane = sane and abs(read.time) < _END_OF_TIME and abs(read.publish or 0.0) < _END_OF_TIME
    return (read, begin, length) if sane and 0 <= read.patch <= MOST_BYTES else None


def _claimed(file: BinaryIO, at: int, end: int) -> int:
    """Return how many bytes were read for what turned out to be no entry."""
    file.seek(at)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size or not head.startswith(_MARK):
        return 0
    _, _, length, told = _HEAD.unpack(head)
    whole: int = _HEAD.size + length + told
    return whole if at + whole <= end else 0


def _is_cut_off(file: BinaryIO, at: int, end: int) -> bool:
    """Return True if an entry that begins here is longer than what is there of it."""
    file.seek(at)
    head = file.read(min(_HEAD.size, end - at))
    if len(head) < _HEAD.size:
        return _MARK.startswith(head[: len(_MARK)])
    mark, _, length, told = _HEAD.unpack(head)
    return bool(mark == _MARK) and at + _HEAD.size + told + length > end


def _next_mark(file: BinaryIO, at: int, end: int) -> int:
    """Return where the next mark is; the end if there is none."""
    file.seek(at)
    before = b""
    while at < end and (block := file.read(min(_BLOCK, end - at))):
        found = (before + block).find(_MARK)
        if found >= 0:
            return at - len(before) + found
        at += len(block)
        before = (before + block)[-len(_MARK) + 1 :]
    return end
