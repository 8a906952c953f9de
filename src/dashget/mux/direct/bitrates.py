"""Correct the bit rates in a sample entry that was written without the media. No I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from dashget.media.isobmff import iter_boxes
from dashget.mux.direct.fragments import UnknownMediaError
from dashget.mux.direct.tracks import DirectTrack

_RATES: Final = struct.Struct(">II")
_LARGEST: Final = (1 << 32) - 1
_STREAM, _DECODER = 3, 4


def set_bit_rates(described: bytearray, track: DirectTrack) -> None:
    """Write the average rate into ``stsd`` where one is, and a highest one that is no lower.

    The highest rate that stands there is that which the source names, or that of the few packets
    that were written.
    """
    duration = track.last_decoded + track.last_duration - track.first_decoded
    average = 8 * track.size * track.timescale // duration if duration else 0
    for at in _places(described, 78 if track.kind == "video" else 28):
        highest, written = _RATES.unpack_from(described, at)
        rate = min(average, _LARGEST) if written else 0
        _RATES.pack_into(described, at, max(highest, rate), rate)


def _places(described: bytearray, header: int) -> Iterator[int]:
    """Yield where two rates are: in ``btrt``, and in what ``esds`` says of the decoder."""
    table = next(iter_boxes(described))
    entry = next(iter_boxes(described, table.payload + 8))
    for box in iter_boxes(described, entry.payload + header, entry.end):
        if box.type == "btrt":
            yield box.payload + 4
        elif box.type == "esds":
            inner = _inside(described, box.payload + 4, _STREAM) + 3
            yield _inside(described, inner, _DECODER) + 5


def _inside(data: bytearray, at: int, tag: int) -> int:
    """Return where the contents of a descriptor begin, behind its tag and its size."""
    if data[at] != tag:
        raise UnknownMediaError(f"a descriptor {data[at]} in place of {tag}")
    at += 1
    while data[at] & 0x80:
        at += 1
    return at + 1
