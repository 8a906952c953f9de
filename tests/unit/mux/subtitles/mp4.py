"""The smallest MP4 segments with subtitles."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def box(name: str, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return struct.pack(">I4s", 8 + len(body), name.encode()) + body


def full(name: str, body: bytes, flags: int = 0, version: int = 0) -> bytes:
    return box(name, struct.pack(">I", version << 24 | flags), body)


def initialization(code: str, timescale: int = 1000, *inner: bytes) -> bytes:
    """Return a ``moov`` with one track of subtitles."""
    entry = box(code, bytes(6), b"\0\1", *inner)
    table = box("stbl", full("stsd", struct.pack(">I", 1) + entry))
    head = full("mdhd", struct.pack(">IIIII", 0, 0, timescale, 0, 0))
    handler = full("hdlr", struct.pack(">I4s12xx", 0, b"text"))
    track = box("trak", box("mdia", head, handler, box("minf", table)))
    extends = box("mvex", full("trex", struct.pack(">IIIII", 1, 1, 500, 0, 0)))
    return box("moov", track, extends)


def segment(time: int, samples: Sequence[tuple[int, bytes]]) -> bytes:
    """Return a segment with samples of these durations, and their bytes."""
    rows = b"".join(struct.pack(">II", duration, len(data)) for duration, data in samples)

    def moof(offset: int) -> bytes:
        run = full("trun", struct.pack(">Ii", len(samples), offset) + rows, 0x301)
        head = full("tfhd", struct.pack(">I", 1), 0x20000)
        return box("moof", box("traf", head, full("tfdt", struct.pack(">Q", time), 0, 1), run))

    first = moof(0)
    return moof(len(first) + 8) + box("mdat", *(data for _, data in samples))


def shown(text: str, settings: str | None = None) -> bytes:
    """Return a ``vttc`` box."""
    parts = [] if settings is None else [box("sttg", settings.encode())]
    return box("vttc", *parts, box("payl", text.encode()))


NOTHING = box("vtte")
