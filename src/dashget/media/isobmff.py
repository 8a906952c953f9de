"""ISO base media files: boxes, and the few of them that DashGet reads.

Everything works on bytes that somebody else fetched. A box that claims more than is there
raises ``BoxError`` or asks for more bytes, as each function says; nothing is guessed.
"""

from __future__ import annotations

import struct
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


class Reference(msgspec.Struct, frozen=True, gc=False):
    """One entry of a ``sidx``: a stretch of bytes that is media, or another ``sidx``."""

    is_index: bool
    size: int
    duration: int
    starts_with_sap: bool = False


class SidxBox(msgspec.Struct, frozen=True):
    """SegmentIndexBox (ISO/IEC 14496-12, 8.16.3).

    ``start`` is where the box begins in its file and ``anchor`` where what it refers to
    begins: right behind the box, plus ``first_offset``.
    """

    start: int
    end: int
    timescale: int
    earliest_presentation_time: int
    first_offset: int
    references: tuple[Reference, ...]

    @property
    def anchor(self) -> int:
        """The first byte that is referred to, in a file that holds index and media."""
        return self.end + self.first_offset


class PsshBox(msgspec.Struct, frozen=True):
    """ProtectionSystemSpecificHeaderBox (ISO/IEC 23001-7, 8.1)."""

    system_id: str
    key_ids: tuple[str, ...]
    data: bytes


class Protections(msgspec.Struct, frozen=True):
    """What an initialization segment says about encryption."""

    schemes: tuple[str, ...]
    key_ids: tuple[str, ...]
    pssh: tuple[PsshBox, ...]


_CONTAINERS: Final = frozenset({"moov", "trak", "mdia", "minf", "stbl", "sinf", "schi", "moof"})
_SAMPLE_ENTRIES: Final = {"encv": 78, "enca": 28, "enct": 0, "encs": 8}
"""How many bytes of a protected sample entry come before its boxes (14496-12, 12)."""
_MAX_KEY_IDS: Final = 10_000
_MAX_DEPTH: Final = 16


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
    system_id = _uuid(data[position : position + 16])
    position += 16
    kids: list[str] = []
    if version > 0:
        (count,) = struct.unpack_from(">I", data, position)
        position += 4
        if count > _MAX_KEY_IDS or position + 16 * count + 4 > len(data):
            raise BoxError(f"a pssh box with {count} key ids in {len(data)} bytes")
        for _ in range(count):
            kids.append(_uuid(data[position : position + 16]))
            position += 16
    (size,) = struct.unpack_from(">I", data, position)
    position += 4
    if position + size > len(data):
        raise BoxError(f"a pssh box whose {size} bytes of data are cut off")
    return PsshBox(system_id, tuple(kids), data[position : position + size])


def find_sidx(data: bytes, offset: int = 0) -> SidxBox | None:
    """Find the first whole ``sidx`` in bytes that begin at ``offset`` of their file.

    None where there is none, or where it is cut off (``box_end`` tells how far it goes).
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
    """Say where the first box of a kind ends in the file, even where the bytes do not reach."""
    for box in iter_boxes(data):
        if box.type == kind:
            return None if box.end is None else offset + box.end
    return None


def read_sidx(data: bytes, offset: int = 0) -> SidxBox:
    """Read a whole ``sidx`` box that begins at ``offset`` of its file; both versions."""
    box = next(iter_boxes(data), None)
    if box is None or box.type != "sidx" or box.end is None or box.end > len(data):
        raise BoxError("not a whole sidx box")
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
        raise BoxError(f"a sidx box with {count} references in {box.size} bytes")
    return SidxBox(offset, offset + box.end, timescale, earliest, first_offset, references)


def read_protection(data: bytes) -> Protections:
    """Gather ``schm``, ``tenc`` and ``pssh`` of an initialization segment (ISO/IEC 23001-7)."""
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
    """Walk the boxes that lead to protection information, outer ones first."""
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
    """Write 16 bytes as RFC 9562 does. The module ``uuid`` asks for the platform first."""
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
