"""Tell which stretch of its media a file has: from when on, and for how long.

For files that only their name tells, and of which the manifest knows no time. What a file says of
itself is in ticks of its own index (``sidx``), or of its track: then the initialization segment
tells how long a tick is.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from dashget.media.inspection import (
    duration,
    first_decode_time,
    media_timescale,
    sample_duration,
)
from dashget.media.isobmff import BoxError, iter_boxes, read_sidx
from dashget.media.sniff import Read
from dashget.media.topboxes import iter_top_boxes
from dashget.media.webm import CLUSTER, EbmlError, iter_elements, read_header

_LARGEST_INDEX: Final = 1 << 24
_MOST: Final = 1 << 62
_UNKNOWN: Final = (1 << 32) - 1
_HEAD_BYTES: Final = 1 << 16
_NANOSECONDS: Final = 1_000_000_000
_TIMESTAMP: Final = 0xE7
_EBML_ID: Final = b"\x1a\x45\xdf\xa3"
_CLUSTER_ID: Final = b"\x1f\x43\xb6\x75"


class Ticks(msgspec.Struct, frozen=True):
    """What an initialization segment says of the ticks of its track."""

    scale: int
    """So many are a second."""
    sample: int | None = None
    """How long a sample lasts of which a fragment says nothing."""


class Extent(msgspec.Struct, frozen=True):
    """A stretch of media, in ticks."""

    time: int
    duration: int
    """0: the file does not tell."""
    scale: int


def ticks_of(read: Read, size: int) -> Ticks | None:
    """Return what a file with a description says of ticks: if it has one track, or equal ones."""
    scale = media_timescale(read, size)
    return None if scale is None else Ticks(scale, sample_duration(read, size))


def extent_of(read: Read, size: int, ticks: Ticks | None = None) -> Extent | None:
    """Return the stretch of media that a file has; None if it does not tell.

    ``ticks`` come from its initialization segment, if it has one.
    """
    head = read(0, 4)
    if head in (_EBML_ID, _CLUSTER_ID):
        return _of_webm(read(0, min(size, _HEAD_BYTES)))
    try:
        found = _of_index(read, size) or _of_fragments(read, size, ticks) or _of_movie(read, size)
    except (BoxError, ValueError):
        return None
    return found if found is not None and found.time + found.duration < _MOST else None


def _of_index(read: Read, size: int) -> Extent | None:
    for box in iter_top_boxes(read, size):
        if box.type == "moof":
            return None
        if box.type == "sidx" and box.end is not None and box.end - box.start < _LARGEST_INDEX:
            sidx = read_sidx(read(box.start, box.end - box.start), box.start)
            length = sum(reference.duration for reference in sidx.references)
            if not sidx.timescale or not length:
                return None
            return Extent(sidx.earliest_presentation_time, length, sidx.timescale)
    return None


def _of_fragments(read: Read, size: int, ticks: Ticks | None) -> Extent | None:
    ticks = ticks_of(read, size) or ticks
    time = first_decode_time(read, size)
    if ticks is None or time is None:
        return None
    lasts = duration(read, size, ticks.sample)
    return Extent(time, 0 if lasts is None else lasts.total, ticks.scale)


def _of_movie(read: Read, size: int) -> Extent | None:
    """Return the stretch of a file whose description lists all its samples."""
    for box in iter_top_boxes(read, size):
        if box.type != "moov" or box.end is None or box.end - box.start >= _LARGEST_INDEX:
            continue
        moov = read(box.start, box.end - box.start)
        whole = next(iter_boxes(moov))
        for inner in iter_boxes(moov, whole.payload, whole.end):
            if inner.type == "mvhd":
                wide = moov[inner.payload : inner.payload + 1] == b"\x01"
                form, at = (">IQ", 20) if wide else (">II", 12)
                scale, length = struct.unpack_from(form, moov, inner.payload + at)
                return Extent(0, length, scale) if scale and 0 < length < _UNKNOWN else None
    return None


def _of_webm(data: bytes) -> Extent | None:
    """Return the stretch of a WebM file by its header, or the begin of a piece of one."""
    try:
        if not data.startswith(_EBML_ID):
            return _of_cluster(data)
        header = read_header(data)
        if header.duration is None or not 0 < header.duration < _UNKNOWN:
            return None
        # Ticks of a thousandth, as nearly all files have them.
        milliseconds = header.duration * header.timestamp_scale / _NANOSECONDS * 1000
        return Extent(0, round(milliseconds), 1000) if milliseconds < _MOST else None
    except (EbmlError, ValueError, IndexError, OverflowError):
        return None


def _of_cluster(data: bytes) -> Extent | None:
    cluster = next(iter_elements(data), None)
    if cluster is None or cluster.id != CLUSTER:
        return None
    for element in iter_elements(data, cluster.payload, cluster.end):
        if element.id == _TIMESTAMP and element.end is not None:
            time = int.from_bytes(data[element.payload : element.end])
            return Extent(time, 0, 1000) if time < _MOST else None
    return None
