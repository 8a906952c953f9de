"""Find the samples in the segments of an MP4 track (ISO/IEC 14496-12, 8.8).

Only movie fragments: DASH has no other samples. No I/O, and nothing but offsets and times.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.media.isobmff import Box, BoxError, iter_boxes
from dashget.mux.subtitles.limits import MOST_SAMPLES, SubtitleError

_DEFAULT_DURATION, _DEFAULT_SIZE, _DATA_OFFSET = 0x8, 0x10, 0x1
_TO_ENTRIES: Final = ("moov", "trak", "mdia", "minf", "stbl", "stsd")


class Sample(msgspec.Struct, frozen=True, gc=False):
    """A sample: its media time and duration in ticks, and where its bytes are in the segment."""

    start: int
    duration: int
    offset: int
    size: int


class TextHeader(msgspec.Struct, frozen=True):
    """What an initialization segment says about a text track."""

    code: str
    """The four-character code of the sample entry."""
    timescale: int
    configuration: bytes
    """The ``vttC`` box of ``wvtt``, and nothing else."""
    duration: int
    size: int
    """The defaults of samples (``trex``)."""


def read_text_header(data: bytes) -> TextHeader:
    """Read the ``moov`` of an initialization segment, or of the beginning of a file."""
    try:
        return _read_header(data)
    except (BoxError, IndexError, struct.error) as error:
        raise SubtitleError(f"its initialization segment: {error}") from error


def iter_samples(data: bytes, header: TextHeader) -> Iterator[Sample]:
    """Yield the samples of a segment, in its order; SubtitleError for one that is not in it."""
    count = 0
    try:
        for box in iter_boxes(data):
            if box.type != "moof":
                continue
            for fragment in _children(data, box, "traf"):
                for sample in _fragment(data, box, fragment, header):
                    count += 1
                    if count > MOST_SAMPLES:
                        raise SubtitleError(f"more than {MOST_SAMPLES:,} samples in a segment")
                    if sample.offset < 0 or sample.offset + sample.size > len(data):
                        raise SubtitleError("a sample that is not in its segment")
                    yield sample
    except (BoxError, IndexError, struct.error) as error:
        raise SubtitleError(f"a segment: {error}") from error


def _read_header(data: bytes) -> TextHeader:
    moov = next((box for box in iter_boxes(data) if box.type == "moov"), None)
    if moov is None:
        raise SubtitleError("it has no initialization segment")
    tracks = _children(data, moov, "trak")
    if len(tracks) != 1:
        raise SubtitleError(f"{len(tracks)} tracks in one file")
    media = _only(data, tracks[0], "mdia")
    entries = media
    for name in _TO_ENTRIES[3:]:
        entries = _only(data, entries, name)
    entry = next(iter_boxes(data, entries.payload + 8, _end(data, entries)), None)
    if entry is None:
        raise SubtitleError("it has no sample entry")
    start = min(entry.payload + 8, _end(data, entry))
    configuration = b""
    if entry.type == "wvtt":
        for box in iter_boxes(data, start, _end(data, entry)):
            if box.type == "vttC":
                configuration = data[box.payload : _end(data, box)]
    head = _only(data, media, "mdhd")
    version = data[head.payload] if head.payload < len(data) else 0
    (timescale,) = struct.unpack_from(">I", data, head.payload + (20 if version == 1 else 12))
    if not timescale:
        raise SubtitleError("a timescale of 0")
    duration = size = 0
    for extends in _children(data, moov, "mvex"):
        for box in _children(data, extends, "trex"):
            duration, size = struct.unpack_from(">II", data, box.payload + 12)
    return TextHeader(entry.type, timescale, configuration, duration, size)


def _fragment(data: bytes, moof: Box, fragment: Box, header: TextHeader) -> Iterator[Sample]:
    duration, size, time = header.duration, header.size, None
    position = moof.start
    runs: list[Box] = []
    for box in iter_boxes(data, fragment.payload, _end(data, fragment)):
        if box.type == "tfhd":
            duration, size = _defaults(data, box, duration, size)
        elif box.type == "tfdt":
            form = ">Q" if data[box.payload] == 1 else ">I"
            (time,) = struct.unpack_from(form, data, box.payload + 4)
        elif box.type == "trun":
            runs.append(box)
    if time is None:
        raise SubtitleError("a fragment without its decode time (tfdt)")
    position = _end(data, moof) + 8
    for run in runs:
        flags, count = struct.unpack_from(">II", data, run.payload)
        flags &= 0xFFFFFF
        at = run.payload + 8
        if flags & _DATA_OFFSET:
            (offset,) = struct.unpack_from(">i", data, at)
            position, at = moof.start + offset, at + 4
        at += 4 if flags & 0x4 else 0
        step = 4 * sum(1 for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit)
        for _ in range(count):
            if at + step > _end(data, run):
                raise SubtitleError("a run of samples (trun) that is cut off")
            own_duration, own_size, shift = duration, size, 0
            read = at
            if flags & 0x100:
                (own_duration,), read = struct.unpack_from(">I", data, read), read + 4
            if flags & 0x200:
                (own_size,), read = struct.unpack_from(">I", data, read), read + 4
            read += 4 if flags & 0x400 else 0
            if flags & 0x800:
                (shift,) = struct.unpack_from(">i", data, read)
            yield Sample(time + shift, own_duration, position, own_size)
            time, position, at = time + own_duration, position + own_size, at + step


def _defaults(data: bytes, box: Box, duration: int, size: int) -> tuple[int, int]:
    """Return the defaults of a fragment (``tfhd``), else those that are given."""
    flags, _ = struct.unpack_from(">II", data, box.payload)
    at = box.payload + 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
    if flags & _DEFAULT_DURATION:
        (duration,), at = struct.unpack_from(">I", data, at), at + 4
    if flags & _DEFAULT_SIZE:
        (size,) = struct.unpack_from(">I", data, at)
    return duration, size


def _only(data: bytes, parent: Box, name: str) -> Box:
    found = _children(data, parent, name)
    if not found:
        raise SubtitleError(f"its initialization segment has no {name} box")
    return found[0]


def _children(data: bytes, parent: Box, name: str) -> list[Box]:
    return [b for b in iter_boxes(data, parent.payload, _end(data, parent)) if b.type == name]


def _end(data: bytes, box: Box) -> int:
    return len(data) if box.end is None else min(box.end, len(data))
