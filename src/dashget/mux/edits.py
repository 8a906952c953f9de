"""Correct the edit lists that libavformat has written into an MP4 file.

libavformat writes either a delay or a hidden beginning. A track that needs both is written with
its delay, two entries; here the second one gets the beginning that it hides.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from dashget.errors import MuxError
from dashget.media.isobmff import Box, iter_boxes

_HEADER_BYTES = 16


def hide_beginnings(file: BinaryIO, hidden: Mapping[int, tuple[int, int]]) -> None:
    """Let tracks begin behind their priming.

    ``hidden`` maps the position of a track to the hidden ticks, in its own timescale and in that
    of the movie. Only the values of the file's edit lists change.
    """
    if not hidden:
        return
    start, moov = _read_moov(file)
    view = memoryview(moov)
    top = next(iter_boxes(view))
    tracks = [box for box in iter_boxes(view, top.payload) if box.type == "trak"]
    for position, (ticks, movie_ticks) in hidden.items():
        found = next(_nested(moov, tracks[position], ("edts", "elst")), None)
        if found is None:
            raise MuxError(f"track {position} was written without an edit list")
        _rewrite(moov, found, ticks, movie_ticks)
    file.seek(start)
    file.write(moov)


def _rewrite(moov: bytearray, box: Box, ticks: int, movie_ticks: int) -> None:
    version = moov[box.payload]
    (count,) = struct.unpack_from(">I", moov, box.payload + 4)
    form = ">QqI" if version == 1 else ">IiI"
    size = struct.calcsize(form)
    if count != 2:
        raise MuxError(f"an edit list of {count} entries was written, not of 2")
    at = box.payload + 8 + size
    duration, begin, rate = struct.unpack_from(form, moov, at)
    struct.pack_into(form, moov, at, max(duration - movie_ticks, 0), begin + ticks, rate)


def _nested(moov: bytearray, box: Box, names: tuple[str, ...]) -> Iterator[Box]:
    for child in iter_boxes(memoryview(moov), box.payload, box.end):
        if child.type == names[0]:
            if len(names) == 1:
                yield child
            else:
                yield from _nested(moov, child, names[1:])


def _read_moov(file: BinaryIO) -> tuple[int, bytearray]:
    """Return the offset and the bytes of the ``moov`` box."""
    position, end = 0, file.seek(0, 2)
    while position < end:
        file.seek(position)
        box = next(iter_boxes(file.read(_HEADER_BYTES)), None)
        if box is None or box.size is None:
            break
        if box.type == "moov":
            file.seek(position)
            return position, bytearray(file.read(box.size))
        position += box.size
    raise MuxError("the file was written without a moov box")
