"""Add up how long the movie fragments of ISO base media last (ISO/IEC 14496-12, 8.8).

A file may lose its end between two fragments: its boxes fill it, and media is missing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.media.isobmff import iter_boxes

_HAS_BASE_OFFSET: Final = 0x1
_HAS_DESCRIPTION: Final = 0x2
_HAS_DEFAULT_DURATION: Final = 0x8
_HAS_DATA_OFFSET: Final = 0x1
_HAS_FIRST_FLAGS: Final = 0x4
_HAS_DURATIONS: Final = 0x100
_COLUMNS: Final = (0x100, 0x200, 0x400, 0x800)
"""The columns of a ``trun``: duration, size, flags and composition offset of each sample."""


class Duration(msgspec.Struct, frozen=True):
    """How long fragments last, in ticks of their first track."""

    total: int
    last: int
    """The last of them."""


def duration_of(fragments: Iterator[bytes], default: int | None) -> Duration | None:
    """Return how long whole ``moof`` boxes last; None if one of them does not tell.

    ``default`` is the duration of a sample where a fragment says nothing (``trex``).
    """
    first: int | None = None
    total = last = 0
    try:
        for fragment in fragments:
            last, told = 0, False
            for track, ticks in _runs(fragment, default):
                first = track if first is None else first
                if track == first:
                    last, told = last + ticks, True
            if not told:
                return None
            total += last
    except (struct.error, IndexError, ValueError):
        return None
    return Duration(total, last)


def default_duration(moov: bytes) -> int | None:
    """Return the default duration of a sample (``trex``), if a ``moov`` box has just one."""
    found = [
        struct.unpack_from(">I", moov, extends.payload + 12)[0]
        for box in iter_boxes(moov)
        for inner in iter_boxes(moov, box.payload, box.end)
        if inner.type == "mvex"
        for extends in iter_boxes(moov, inner.payload, inner.end)
        if extends.type == "trex" and extends.end is not None and extends.size == 32
    ]
    return found[0] or None if len(found) == 1 else None


def _runs(fragment: bytes, default: int | None) -> Iterator[tuple[int, int]]:
    """Yield track and duration of each run of samples; raise ValueError if one is not told."""
    for box in iter_boxes(fragment):
        for traf in iter_boxes(fragment, box.payload, box.end):
            if traf.type != "traf":
                continue
            track, each = 0, default
            for inner in iter_boxes(fragment, traf.payload, traf.end):
                if inner.type == "tfhd":
                    track, each = _header(fragment, inner.payload, default)
                elif inner.type == "trun":
                    yield track, _run(fragment, inner.payload, each)


def _header(data: bytes, at: int, default: int | None) -> tuple[int, int | None]:
    flags, track = struct.unpack_from(">II", data, at)
    at += 8
    at += 8 if flags & _HAS_BASE_OFFSET else 0
    at += 4 if flags & _HAS_DESCRIPTION else 0
    if flags & _HAS_DEFAULT_DURATION:
        default = struct.unpack_from(">I", data, at)[0]
    return track, default


def _run(data: bytes, at: int, default: int | None) -> int:
    flags, count = struct.unpack_from(">II", data, at)
    if not flags & _HAS_DURATIONS:
        if default is None:
            raise ValueError("no duration of a sample")
        ticks: int = count * default
        return ticks
    at += 8
    at += 4 if flags & _HAS_DATA_OFFSET else 0
    at += 4 if flags & _HAS_FIRST_FLAGS else 0
    columns = sum(1 for flag in _COLUMNS if flags & flag)
    if at + 4 * columns * count > len(data):
        raise ValueError("a run of samples that ends too early")
    return sum(struct.unpack_from(f">{columns * count}I", data, at)[::columns])
