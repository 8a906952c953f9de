"""Read the Cues of a WebM file: the offsets and times of its Clusters.

Only the needed parts of EBML (RFC 8794) are read: the Segment's offset, its TimestampScale and
Duration (RFC 9559), and the Cues. All functions work on bytes that the caller has read.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from dashget.media.sniff import Read

SEGMENT: Final = 0x18538067
_INFO: Final = 0x1549A966
_TIMESTAMP_SCALE: Final = 0x2AD7B1
_DURATION: Final = 0x4489
CUES: Final = 0x1C53BB6B
CLUSTER: Final = 0x1F43B675
_CUE_POINT: Final = 0xBB
_CUE_TIME: Final = 0xB3
_CUE_POSITIONS: Final = 0xB7
_CLUSTER_POSITION: Final = 0xF1
EBML: Final = 0x1A45DFA3


class EbmlError(ValueError):
    """The bytes contradict RFC 8794 or RFC 9559."""


class EbmlElement(msgspec.Struct, frozen=True):
    """An element's id, and the range of its content; ``end`` is None for an unknown size."""

    id: int
    start: int
    payload: int
    end: int | None


class WebmHeader(msgspec.Struct, frozen=True):
    """The facts at the beginning of a file.

    ``segment_start`` is the offset that Cues count from. ``timestamp_scale`` is the length of a
    tick in nanoseconds; ``duration`` is in ticks, None if unknown.
    """

    segment_start: int
    segment_end: int | None
    timestamp_scale: int = 1_000_000
    duration: float | None = None


class Cue(msgspec.Struct, frozen=True, order=True):
    """A Cluster: its offset in the file, and its time in ticks."""

    position: int
    time: int


def iter_elements(data: bytes, start: int = 0, end: int | None = None) -> Iterator[EbmlElement]:
    """Yield the elements between two offsets; a truncated header ends the iteration."""
    stop = len(data) if end is None else min(end, len(data))
    position = start
    while position < stop:
        identity = _vint(data, position, stop, keep_marker=True)
        if identity is None:
            return
        size = _vint(data, identity[1], stop, keep_marker=False)
        if size is None:
            return
        length, payload = size
        unknown = length == (1 << (7 * (payload - identity[1]))) - 1
        element_end = None if unknown else payload + length
        yield EbmlElement(identity[0], position, payload, element_end)
        if element_end is None:
            return
        position = element_end


def has_header(read: Read, size: int) -> bool | None:
    """Return True if a file begins with an EBML header, False if with media that needs one.

    None for all other files.
    """
    try:
        first = next(iter_elements(read(0, min(size, 16))), None)
    except EbmlError:
        return None
    return {EBML: True, CLUSTER: False}.get(-1 if first is None else first.id)


def read_header(data: bytes) -> WebmHeader:
    """Read the beginning of a file, up to its Info element."""
    elements = iter_elements(data)
    first = next(elements, None)
    if first is None or first.id != EBML:
        raise EbmlError("not a WebM file: no EBML header")
    segment = next((element for element in elements if element.id == SEGMENT), None)
    if segment is None:
        raise EbmlError("no Segment element at the beginning of the file")
    scale, duration = 1_000_000, None
    for element in iter_elements(data, segment.payload, segment.end):
        if element.id == _INFO:
            for item in iter_elements(data, element.payload, element.end):
                if item.id == _TIMESTAMP_SCALE:
                    scale = _unsigned(data, item)
                elif item.id == _DURATION:
                    duration = _float(data, item)
            break
    if scale == 0:
        raise EbmlError("a TimestampScale of 0")
    return WebmHeader(segment.payload, segment.end, scale, duration)


def read_cues(data: bytes, header: WebmHeader) -> tuple[Cue, ...]:
    """Read the Cues element at the start of the bytes; one Cue per Cluster, in file order."""
    cues = next(iter_elements(data), None)
    if cues is None or cues.id != CUES:
        raise EbmlError("the index range does not begin with Cues")
    if cues.end is not None and cues.end > len(data):
        raise EbmlError(f"Cues of {cues.end} bytes in an index range of {len(data)}")
    times: dict[int, int] = {}
    for point in iter_elements(data, cues.payload, cues.end):
        if point.id != _CUE_POINT:
            continue
        time: int | None = None
        for item in iter_elements(data, point.payload, point.end):
            if item.id == _CUE_TIME:
                time = _unsigned(data, item)
            elif item.id == _CUE_POSITIONS and time is not None:
                for part in iter_elements(data, item.payload, item.end):
                    if part.id == _CLUSTER_POSITION:
                        position = header.segment_start + _unsigned(data, part)
                        times[position] = min(time, times.get(position, time))
    return tuple(Cue(position, time) for position, time in sorted(times.items()))


def _vint(data: bytes, position: int, stop: int, *, keep_marker: bool) -> tuple[int, int] | None:
    """Read a variable-size integer; None if it is truncated."""
    if position >= stop:
        return None
    first = data[position]
    if first == 0:
        raise EbmlError(f"invalid variable-size integer at {position}")
    length = 9 - first.bit_length()
    if position + length > stop:
        return None
    value = int.from_bytes(data[position : position + length], "big")
    if not keep_marker:
        value &= (1 << (7 * length)) - 1
    return value, position + length


def _content(data: bytes, element: EbmlElement) -> bytes:
    if element.end is None or element.end > len(data):
        raise EbmlError(f"element {element.id:X} is truncated")
    return data[element.payload : element.end]


def _unsigned(data: bytes, element: EbmlElement) -> int:
    content = _content(data, element)
    if len(content) > 8:
        raise EbmlError(f"element {element.id:X} is a number of {len(content)} bytes, not 8")
    return int.from_bytes(content, "big")


def _float(data: bytes, element: EbmlElement) -> float | None:
    """Return a finite number that is not negative; None for any other."""
    content = _content(data, element)
    form = {4: ">f", 8: ">d"}.get(len(content))
    value: float = math.nan if form is None else struct.unpack(form, content)[0]
    return value if math.isfinite(value) and value >= 0 else None
