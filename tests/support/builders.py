"""Small manifests and media files, as bytes."""

from __future__ import annotations

import struct

TIMESCALE = 10
"""Ticks a second of the media that is built here."""


def mpd(
    content: str, *, before: str = "", seconds: int = 6, kind: str = "static", more: str = ""
) -> bytes:
    """Return a manifest of one Period with this content; ``more`` are attributes of the MPD."""
    return (
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="{kind}" profiles="p" '
        f'minBufferTime="PT1S" mediaPresentationDuration="PT{seconds}S" {more}>{before}'
        f"<Period>{content}</Period></MPD>"
    ).encode()


FILLER = 'contentType="application" mimeType="application/x-filler"'
"""The type of segments whose content nobody can check: they may be any bytes."""


def numbered(media: str = "v/$Number$.m4s", extra: str = "", kind: str = FILLER) -> str:
    """Return an AdaptationSet with segments of two seconds; ``extra`` are template attributes."""
    return (
        f'<AdaptationSet {kind}><SegmentTemplate duration="2" media="{media}" {extra}/>'
        '<Representation id="v" bandwidth="8000"/></AdaptationSet>'
    )


def box(kind: str, *content: bytes) -> bytes:
    """Return a box of the ISO base media file format."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def initialization() -> bytes:
    """Return an initialization segment."""
    mdhd = box("mdhd", struct.pack(">IIIII", 0, 0, 0, TIMESCALE, 0), b"\0" * 4)
    moov = box("moov", box("mvhd", b"\0" * 96), box("trak", box("mdia", mdhd)))
    return box("ftyp", b"iso6", b"\0" * 4) + moov


def media_segment(number: int, content: bytes, *, seconds: int = 2) -> bytes:
    """Return the media segment ``number`` from 1, where each has so many seconds."""
    tfdt = box("tfdt", struct.pack(">IQ", 1 << 24, (number - 1) * seconds * TIMESCALE))
    moof = box("moof", box("mfhd", b"\0" * 8), box("traf", box("tfhd", b"\0" * 8), tfdt))
    return moof + box("mdat", content)
