"""``.dashget/record.jsonl.gz``: the beginning of a long record, compressed; readers see one record.

A week of a recording is millions of lines, each much like the one before. So the recorder moves all
but the newest megabytes into members of a gzip file, and puts a line before the rest that says how
much of that file counts: it *follows* so many bytes of the record, in so many of the file. That
line comes with the rename that takes the moved lines away, so a kill at any moment loses nothing
and doubles nothing: what is in the file beyond those bytes does not count, and is overwritten by
the next one.

Each member has in its header how long it is, compressed and not, and the mark of the file. So a
reader finds any byte without reading all before it. Who writes a member of more than ``_MOST``
times its size, to keep readers busy, has written a damaged one. Damage costs the lines of its
member: blanks stand for them.
"""

from __future__ import annotations

import io
import os
import secrets
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

import msgspec

from dashget.errors import StoreError
from dashget.store.control import PACKED
from dashget.store.directory import Directory, Identity
from dashget.store.soundness import UNREADABLE
from dashget.store.writing import read_at

_LINE_BYTES: Final = 256
_BLOCK: Final = 1 << 17
_MOST: Final = 32
_MOST_DAMAGE: Final = 1 << 30
"""So many bytes of a record may be lost in one piece: more were never there."""
"""Real lines are 8 to 24 times as long as what they are compressed to."""
_LEVELS: Final = (6, 1, 0)
"""Of zlib: the first that does not compress too well; the last does not compress."""
_HEAD: Final = struct.Struct("<4sIBBH2sHII8s")
_TAIL: Final = struct.Struct("<II")
_MAGIC: Final = b"\x1f\x8b\x08\x04"
"""gzip, deflate, with an extra field."""
_EXTRA: Final = _HEAD.size - 12
_FIELD: Final = _EXTRA - 4
_MARK_BYTES: Final = 8


class Follows(msgspec.Struct, frozen=True):
    """The first line of a record whose beginning is packed."""

    follows: int
    """How many bytes of the record are packed."""
    size: int
    """In how many bytes of the file these are."""
    of: str
    """The mark of the file."""

    @property
    def mark(self) -> bytes:
        """The mark as bytes."""
        return bytes.fromhex(self.of)

    def line(self) -> bytes:
        """Return the line, with its end."""
        return msgspec.json.encode(self) + b"\n"


class Packing(msgspec.Struct, frozen=True):
    """Lines of a record that were compressed, and are still to be taken out of its file."""

    follows: Follows
    end: int
    """Where they end in the file."""
    record: Identity
    """Which file it is."""


class Start(NamedTuple):
    """Where the plain lines of a record begin in its file, and what they follow."""

    follows: Follows | None
    skip: int


def read_start(record: BinaryIO) -> Start:
    """Read the first line of a record, if it is about a packed beginning; else nothing."""
    line = record.readline(_LINE_BYTES)
    try:
        follows = msgspec.json.decode(line, type=Follows)
        sound = len(follows.mark) == _MARK_BYTES and line.endswith(b"\n")
    except (*UNREADABLE, ValueError):
        sound = False
    if not sound or not 0 < follows.follows <= _MOST * follows.size:
        record.seek(0)
        return Start(None, 0)
    return Start(follows, len(line))


def pack(data: bytes, mark: bytes) -> Iterator[bytes]:
    """Yield the members that hold some bytes of a record."""
    for at in range(0, len(data), _BLOCK):
        block = data[at : at + _BLOCK]
        bodies = (_deflate(block, level) for level in _LEVELS)
        body = next(body for body in bodies if len(block) <= _MOST * len(body))
        size = _HEAD.size + len(body) + _TAIL.size
        yield _HEAD.pack(_MAGIC, 0, 0, 255, _EXTRA, b"DG", _FIELD, len(block), size, mark)
        yield body
        yield _TAIL.pack(zlib.crc32(block), len(block))


def pack_into(directory: Directory, record: BinaryIO, start: Start, end: int) -> Follows:
    """Add the lines of a record up to a byte to what is packed of it; return what it then follows.

    The disk has stored them when it returns.
    """
    follows = start.follows
    if follows is None:
        descriptor = directory.create(PACKED, mode=0o600)
        follows = Follows(0, 0, secrets.token_hex(_MARK_BYTES))
    else:
        directory.own_alone(PACKED)
        descriptor = directory.open(PACKED, os.O_WRONLY)
    length, size = follows.follows, follows.size
    with open(descriptor, "wb") as packed:
        # What a recorder that was killed had added does not count.
        packed.truncate(size)
        packed.seek(size)
        at = start.skip
        while at < end:
            block = read_at(record.fileno(), min(_BLOCK, end - at), at)
            if not block:
                break
            at += len(block)
            length += len(block)
            size += sum(map(packed.write, pack(block, follows.mark)))
        packed.flush()
        os.fsync(packed.fileno())
    return Follows(length, size, follows.of)


def _deflate(block: bytes, level: int) -> bytes:
    deflater = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return deflater.compress(block) + deflater.flush()


def fits(packed: BinaryIO, follows: Follows) -> bool:
    """Return True if a file is the one that a record follows."""
    found = _read_head(packed.fileno(), 0, follows)
    return found is not None and os.fstat(packed.fileno()).st_size >= follows.size


def damaged() -> StoreError:
    """Return the error for a packed beginning that cannot be used."""
    return StoreError(
        f"the beginning of the mirror's record is missing, or damaged: .dashget/{PACKED}",
        hint="bring that file back from a copy; without it, move .dashget/record.jsonl away,"
        " too: then the directory has no record",
    )


class _Member(NamedTuple):
    length: int
    size: int


def _read_head(descriptor: int, at: int, follows: Follows) -> _Member | None:
    """Return the member that begins at a byte; None for a damaged one."""
    head = read_at(descriptor, _HEAD.size, at)
    if len(head) < _HEAD.size:
        return None
    magic, _, _, _, extra, name, field, length, size, mark = _HEAD.unpack(head)
    if (magic, extra, name, field, mark) != (_MAGIC, _EXTRA, b"DG", _FIELD, follows.mark):
        return None
    within = _HEAD.size + _TAIL.size < size <= follows.size - at
    # Deflate makes nothing much larger than it was.
    within = within and size <= 2 * _BLOCK
    return _Member(length, size) if within and 0 < length <= min(_BLOCK, _MOST * size) else None


class JoinedRecord(io.RawIOBase):
    """All of a record as one file to read: what is packed, then its plain lines."""

    def __init__(self, packed: BinaryIO, plain: BinaryIO, follows: Follows, *, skip: int) -> None:
        super().__init__()
        self._packed = packed
        self._plain = plain
        self._follows = follows
        self._skip = skip
        self._at = 0
        self._begins: list[int] = []
        """Where each member begins in the record."""
        self._places: list[tuple[int, int]] = []
        """Where each is in the file, and its size."""
        self._block: tuple[int, bytes] | None = None
        """The last one that was read."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Close both files."""
        self._packed.close()
        self._plain.close()
        super().close()

    def tell(self) -> int:
        """Return the position in the record."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position in the record."""
        base = 0
        if whence == os.SEEK_CUR:
            base = self._at
        elif whence == os.SEEK_END:
            size = os.fstat(self._plain.fileno()).st_size
            base = self._follows.follows + size - self._skip
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # all it gets
        """Read some bytes; 0 at the end."""
        plain = self._at - self._follows.follows
        if plain >= 0:
            data = read_at(self._plain.fileno(), len(buffer), self._skip + plain)
        else:
            begin, block = self._block_at(self._at)
            data = block[self._at - begin :][: len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _block_at(self, at: int) -> tuple[int, bytes]:
        """Return the block that has a byte of the packed part, and where it begins."""
        if self._block is not None and 0 <= at - self._block[0] < len(self._block[1]):
            return self._block
        if not self._begins:
            self._find_members()
        number = bisect_right(self._begins, at) - 1
        begin = self._begins[number]
        after = number + 1
        end = self._begins[after] if after < len(self._begins) else self._follows.follows
        place, size = self._places[number]
        if not size:
            # No member is found any more: as much as is asked for, and no more.
            begin, end = at, min(end, at + _BLOCK)
        self._block = begin, self._inflate(place, size, end - begin)
        return self._block

    def _find_members(self) -> None:
        """Read the heads of all members; what cannot be found is one without a size."""
        begin = place = 0
        while begin < self._follows.follows:
            member = _read_head(self._packed.fileno(), place, self._follows)
            self._begins.append(begin)
            if member is None or begin + member.length > self._follows.follows:
                if self._follows.follows - begin > _MOST_DAMAGE:
                    raise damaged()
                self._places.append((place, 0))
                return
            self._places.append((place, member.size))
            begin += member.length
            place += member.size

    def _inflate(self, place: int, size: int, length: int) -> bytes:
        if size:
            data = read_at(self._packed.fileno(), size, place)
            inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
            try:
                block = inflater.decompress(data[_HEAD.size : -_TAIL.size], length)
            except zlib.error:
                block = b""
            if len(block) == length and data[-_TAIL.size :] == _TAIL.pack(
                zlib.crc32(block), length
            ):
                return block
        return b" " * (length - 1) + b"\n"


def joined(packed: BinaryIO, plain: BinaryIO, follows: Follows, *, skip: int) -> BinaryIO:
    """Return all of a record as one file to read; its plain lines begin after *skip* bytes."""
    return io.BufferedReader(JoinedRecord(packed, plain, follows, skip=skip), _BLOCK)
