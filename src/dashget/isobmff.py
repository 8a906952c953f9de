"""ISO base media files: boxes, and the few of them that DashGet reads.

Everything works on bytes that somebody else fetched. A box that claims more than is there
raises ``BoxError`` or asks for more bytes, as each function says; nothing is guessed.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from typing import Final

import msgspec


class BoxError(ValueError):
    """The bytes contradict ISO/IEC 14496-12."""


class Box(msgspec.Struct, frozen=True):
    """One box: ``start`` and ``end`` in the bytes walked, ``payload`` where its content begins.

    ``end`` is None for a box that runs to the end of the file (size 0).
    """

    type: str
    start: int
    payload: int
    end: int | None

    @property
    def size(self) -> int | None:
        """The size in bytes, header included."""
        return None if self.end is None else self.end - self.start


class PsshBox(msgspec.Struct, frozen=True):
    """ProtectionSystemSpecificHeaderBox (ISO/IEC 23001-7, 8.1)."""

    system_id: str
    key_ids: tuple[str, ...]
    data: bytes


_MAX_KEY_IDS: Final = 10_000


def iter_boxes(data: bytes | memoryview, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Walk the boxes between two offsets; the last one may reach past the bytes at hand.

    BoxError where a header cannot be one. A header that is cut off ends the walk.
    """
    stop = len(data) if end is None else min(end, len(data))
    position = start
    while position + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", data, position)
        payload = position + 8
        if size == 1:
            if position + 16 > stop:
                return
            (size,) = struct.unpack_from(">Q", data, position + 8)
            payload = position + 16
        if kind == b"uuid":
            payload += 16
        name = kind.decode("latin-1")
        if size == 0:
            yield Box(name, position, payload, end)
            return
        if size < payload - position:
            raise BoxError(f"a box of {size} bytes at {position}: less than its header")
        yield Box(name, position, payload, position + size)
        position += size


def read_pssh(data: bytes) -> PsshBox:
    """Read a whole ``pssh`` box."""
    box = next(iter_boxes(data), None)
    if box is None or box.type != "pssh" or len(data) < box.payload + 24:
        raise BoxError("not a pssh box")
    version = data[box.payload]
    position = box.payload + 4
    system_id = str(uuid.UUID(bytes=data[position : position + 16]))
    position += 16
    kids: list[str] = []
    if version > 0:
        (count,) = struct.unpack_from(">I", data, position)
        position += 4
        if count > _MAX_KEY_IDS or position + 16 * count + 4 > len(data):
            raise BoxError(f"a pssh box with {count} key ids in {len(data)} bytes")
        for _ in range(count):
            kids.append(str(uuid.UUID(bytes=data[position : position + 16])))
            position += 16
    (size,) = struct.unpack_from(">I", data, position)
    position += 4
    if position + size > len(data):
        raise BoxError(f"a pssh box whose {size} bytes of data are cut off")
    return PsshBox(system_id, tuple(kids), data[position : position + size])
