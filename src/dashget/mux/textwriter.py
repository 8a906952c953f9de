"""Write cues into a file: a stream that libavformat knows, and its packets.

Each kind of file has one codec for all subtitles: ``mov_text`` (tx3g) in MP4, SubRip in Matroska,
WebVTT in WebM. No encoder is needed.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, Final

from dashget.mux.container import Container, Family
from dashget.mux.errors import load_av
from dashget.mux.subtitles.formats import (
    Timed,
    subrip_payload,
    timed_text_entry,
    timed_text_samples,
    webvtt_file,
)
from dashget.mux.texts import TextTrack

_MILLISECONDS: Final = 1000


def timescale_beside(container: Container, others: Sequence[int]) -> int:
    """Return the ticks of subtitles in a file with other tracks: whole parts of milliseconds.

    In MP4 libavformat compares the ticks of media with those of subtitles as they are, to see if
    these have ended. So they are as fine as the finest.
    """
    if container.family is not Family.MP4:
        return _MILLISECONDS
    return _MILLISECONDS * -(-max(others) // _MILLISECONDS)


def add_stream(output: Any, container: Container, text: TextTrack, timescale: int) -> Any:
    """Add a track for subtitles; its labels are the caller's."""
    if container.family is Family.MP4:
        header = timed_text_file(timed_text_entry(forced="forced" in text.label.purposes))
        template = load_av().open(io.BytesIO(header), "r", format="mp4").streams[0]
        stream = output.add_stream_from_template(template, opaque=True)
    else:
        stream = output.add_mux_stream("webvtt" if container.muxer == "webm" else "subrip")
    stream.time_base = Fraction(1, timescale)
    return stream


def iter_packets(container: Container, text: TextTrack, timescale: int) -> Iterator[Any]:
    """Yield the packets of a track, in order; their times are ticks of ``timescale``."""
    if container.family is Family.MP4:
        factor = timescale // _MILLISECONDS
        for start, end, sample in timed_text_samples(text.timed):
            yield _packet_of((start * factor, end * factor, sample))
    elif container.muxer == "webm":
        yield from _webvtt_packets(text.timed)
    else:
        for start, end, cue in text.timed:
            payload = subrip_payload(cue).encode("utf-8", "replace")
            if payload:
                yield _packet_of((start, end, payload))


def _packet_of(sample: tuple[int, int, bytes]) -> Any:
    start, end, data = sample
    packet = load_av().Packet(data)
    packet.pts = packet.dts = start
    packet.duration = end - start
    packet.is_keyframe = True
    return packet


def _webvtt_packets(timed: tuple[Timed, ...]) -> Iterator[Any]:
    """Have libavformat read WebVTT: settings and identifier are its side data."""
    file = io.BytesIO(webvtt_file(timed).encode("utf-8", "replace"))
    with load_av().open(file, "r", format="webvtt") as container:
        for packet in container.demux():
            if packet.size:
                packet.dts = packet.pts
                yield packet


def timed_text_file(entry: bytes) -> bytes:
    """Return an MP4 file with one track of ``tx3g`` and no samples.

    PyAV has no way to give a stream the contents of its sample entry, but it copies those of a
    template.
    """
    described = _box(b"tx3g", struct.pack(">6xH", 1) + entry)
    table = _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1) + described),
        *(_full(name, struct.pack(">I", 0)) for name in (b"stts", b"stsc", b"stco")),
        _full(b"stsz", struct.pack(">II", 0, 0)),
    )
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, _MILLISECONDS, 0, 0x55C4, 0)),
        _full(b"hdlr", struct.pack(">I4s12xx", 0, b"sbtl")),
        _box(b"minf", _full(b"nmhd", b""), table),
    )
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    track = _full(
        b"tkhd", struct.pack(">IIIII8xHHHH", 0, 0, 1, 0, 0, 0, 0, 0, 0) + matrix + bytes(8)
    )
    movie = struct.pack(">IIIIIH10x", 0, 0, _MILLISECONDS, 0, 0x10000, 0x100) + matrix
    return _box(b"ftyp", b"isom", bytes(4), b"isom") + _box(
        b"moov",
        _full(b"mvhd", movie + bytes(24) + struct.pack(">I", 2)),
        _box(b"trak", track, media),
    )


def _box(name: bytes, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return struct.pack(">I4s", 8 + len(body), name) + body


def _full(name: bytes, body: bytes) -> bytes:
    return _box(name, bytes(4) + body)
