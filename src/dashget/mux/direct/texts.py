"""Tracks that libavformat has written whole: subtitles and chapters. No I/O."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator

from dashget.media.isobmff import Box, iter_boxes
from dashget.mux.direct.index import Chunks


def read_texts(file: bytes, moov: Box, first: int) -> tuple[list[Chunks], bytes]:
    """Return the chunks of the tracks from ``first`` on, and all their bytes in a row.

    Offsets count from the first of these bytes.
    """
    tracks = [box for box in iter_boxes(file, moov.payload, moov.end) if box.type == "trak"]
    found, data = [], bytearray()
    for track in tracks[first:]:
        offsets: array[int] = array("Q")
        counts: array[int] = array("I")
        for offset, size, count in _chunks(file, track):
            offsets.append(len(data))
            counts.append(count)
            data += file[offset : offset + size]
        found.append(Chunks(offsets, counts))
    return found, bytes(data)


def _chunks(file: bytes, track: Box) -> Iterator[tuple[int, int, int]]:
    """Yield offset, bytes and samples of each chunk of a track."""
    table = track
    for name in ("mdia", "minf", "stbl"):
        table = next(b for b in iter_boxes(file, table.payload, table.end) if b.type == name)
    boxes = {box.type: box.payload + 4 for box in iter_boxes(file, table.payload, table.end)}
    one, count = struct.unpack_from(">II", file, boxes["stsz"])
    sizes = (
        [one] * count if one else list(struct.unpack_from(f">{count}I", file, boxes["stsz"] + 8))
    )
    code, at = ("Q", boxes["co64"]) if "co64" in boxes else ("I", boxes["stco"])
    (chunks,) = struct.unpack_from(">I", file, at)
    offsets = struct.unpack_from(f">{chunks}{code}", file, at + 4)
    (rows,) = struct.unpack_from(">I", file, boxes["stsc"])
    begins = dict(struct.iter_unpack(">II4x", file[boxes["stsc"] + 4 :][: 12 * rows]))
    each = done = 0
    for number, offset in enumerate(offsets, 1):
        each = begins.get(number, each)
        own = sizes[done : done + each]
        done += each
        yield offset, sum(own), each
