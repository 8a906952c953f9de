"""Read the boxes of ISO base media files that DashGet needs.

All functions work on bytes that the caller has read. For a box that is larger than the bytes,
they raise ``BoxError`` or return None, as each function says; nothing is guessed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec


class BoxError(ValueError):
    """The bytes contradict ISO/IEC 14496-12."""


class Box(msgspec.Struct, frozen=True):
    """One box: ``start`` and ``end`` in the bytes, and ``payload``, where its content begins.

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


class Reference(msgspec.Struct, frozen=True, gc=False):
    """One entry of a ``sidx``: a range of bytes that is media, or another ``sidx``."""

    is_index: bool
    size: int
    duration: int
    starts_with_sap: bool = False


class SidxBox(msgspec.Struct, frozen=True):
    """SegmentIndexBox (ISO/IEC 14496-12, 8.16.3).

    ``start`` is the offset of the box in its file. ``anchor`` is the offset of the first
    referenced byte: the end of the box plus ``first_offset``.
    """

    start: int
    end: int
    timescale: int
    earliest_presentation_time: int
    first_offset: int
    references: tuple[Reference, ...]

    @property
    def anchor(self) -> int:
        """The first referenced byte, in a file that contains index and media."""
        return self.end + self.first_offset


class PsshBox(msgspec.Struct, frozen=True):
    """ProtectionSystemSpecificHeaderBox (ISO/IEC 23001-7, 8.1)."""

    system_id: str
    key_ids: tuple[str, ...]
    data: bytes


class Protections(msgspec.Struct, frozen=True):
    """The encryption that an initialization segment declares."""

    schemes: tuple[str, ...]
    key_ids: tuple[str, ...]
    pssh: tuple[PsshBox, ...]


_CONTAINERS: Final = frozenset({"moov", "trak", "mdia", "minf", "stbl", "sinf", "schi", "moof"})
_SAMPLE_ENTRIES: Final = {"encv": 78, "enca": 28, "enct": 0, "encs": 8}
"""The number of bytes of a protected sample entry before its boxes (14496-12, 12)."""
_MAX_KEY_IDS: Final = 10_000
_MAX_DEPTH: Final = 16


def iter_boxes(
    data: bytes | bytearray | memoryview, start: int = 0, end: int | None = None
) -> Iterator[Box]:
    """Yield the boxes between two offsets; the last one may end after the given bytes.

    Raises BoxError for an invalid header. A truncated header ends the iteration.
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
    """Read a complete ``pssh`` box."""
    box = next(iter_boxes(data), None)
    if box is None or box.type != "pssh" or len(data) < box.payload + 24:
        raise BoxError("not a pssh box")
    version = data[box.payload]
    position = box.payload + 4
    system_id = _uuid(data[position : position + 16])
    position += 16
    kids: list[str] = []
    if version > 0:
        (count,) = struct.unpack_from(">I", data, position)
        position += 4
        if count > _MAX_KEY_IDS or position + 16 * count + 4 > len(data):
            raise BoxError(f"a pssh box of {len(data)} bytes with {count} key ids")
        for _ in range(count):
            kids.append(_uuid(data[position : position + 16]))
            position += 16
    (size,) = struct.unpack_from(">I", data, position)
    position += 4
    if position + size > len(data):
        raise BoxError(f"a pssh box with truncated data: {size} bytes")
    return PsshBox(system_id, tuple(kids), data[position : position + size])


def find_sidx(data: bytes, offset: int = 0) -> SidxBox | None:
    """Return the first complete ``sidx`` in bytes that begin at ``offset`` of their file.

    None if there is none, or if it is truncated (``box_end`` returns its end).
    """
    for box in iter_boxes(data):
        if box.type == "sidx":
            if box.end is None or box.end > len(data):
                return None
            return read_sidx(data[box.start : box.end], offset + box.start)
        if box.type in ("moof", "mdat"):
            return None
    return None


def box_end(data: bytes, kind: str, offset: int = 0) -> int | None:
    """Return the end of the first box of a type in its file, even after the end of the bytes."""
    for box in iter_boxes(data):
        if box.type == kind:
            return None if box.end is None else offset + box.end
    return None


def read_sidx(data: bytes, offset: int = 0) -> SidxBox:
    """Read a complete ``sidx`` box, version 0 or 1, that begins at ``offset`` of its file."""
    box = next(iter_boxes(data), None)
    if box is None or box.type != "sidx" or box.end is None or box.end > len(data):
        raise BoxError("not a complete sidx box")
    position = box.payload
    try:
        version = data[position]
        (timescale,) = struct.unpack_from(">I", data, position + 8)
        form = ">II" if version == 0 else ">QQ"
        earliest, first_offset = struct.unpack_from(form, data, position + 12)
        position += 12 + struct.calcsize(form)
        (count,) = struct.unpack_from(">H", data, position + 2)
        position += 4
        references = tuple(
            _reference(*struct.unpack_from(">III", data, position + 12 * i)) for i in range(count)
        )
    except (struct.error, IndexError) as err:
        raise BoxError("a sidx box that ends too early") from err
    if timescale == 0:
        raise BoxError("a sidx box with a timescale of 0")
    if position + 12 * count > box.end:
        raise BoxError(f"a sidx box of {box.size} bytes with {count} references")
    return SidxBox(offset, offset + box.end, timescale, earliest, first_offset, references)


def read_protection(data: bytes) -> Protections:
    """Return ``schm``, ``tenc`` and ``pssh`` of an initialization segment (ISO/IEC 23001-7)."""
    schemes: dict[str, None] = {}
    key_ids: dict[str, None] = {}
    pssh: dict[PsshBox, None] = {}
    for box in _iter_nested(data, 0, len(data), 0):
        end = len(data) if box.end is None else box.end
        if box.type == "pssh":
            pssh[read_pssh(data[box.start : end])] = None
        elif box.type == "schm" and end >= box.payload + 8:
            schemes[data[box.payload + 4 : box.payload + 8].decode("latin-1")] = None
        elif box.type == "tenc" and end >= box.payload + 24:
            raw = data[box.payload + 8 : box.payload + 24]
            key_ids[_uuid(raw)] = None
    return Protections(tuple(schemes), tuple(key_ids), tuple(pssh))


def _iter_nested(data: bytes, start: int, end: int, depth: int) -> Iterator[Box]:
    """Yield the boxes that lead to protection information, outer ones first."""
    if depth > _MAX_DEPTH:
        raise BoxError(f"boxes are nested more than {_MAX_DEPTH} deep")
    for box in iter_boxes(data, start, end):
        stop = min(end, end if box.end is None else box.end)
        inner: int | None = None
        if box.type in _CONTAINERS:
            inner = box.payload
        elif box.type == "stsd":
            inner = box.payload + 8
        elif box.type in _SAMPLE_ENTRIES:
            inner = box.payload + _SAMPLE_ENTRIES[box.type]
        yield box
        if inner is not None and inner < stop:
            yield from _iter_nested(data, inner, stop, depth + 1)


def _reference(word: int, duration: int, sap: int) -> Reference:
    return Reference(bool(word >> 31), word & 0x7FFFFFFF, duration, bool(sap >> 31))


def _uuid(data: bytes) -> str:
    """Format 16 bytes as in RFC 9562. Importing the module ``uuid`` takes longer."""
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
