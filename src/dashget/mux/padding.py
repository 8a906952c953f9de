"""AAC priming in Matroska: a stream that makes libavformat write ``CodecDelay``.

PyAV has no way to set a stream's initial padding, but it copies that of its template. So the
template is read from a header of Matroska, made here, that states the delay.
"""

from __future__ import annotations

import io
import struct
from typing import Any

from dashget.mux.description import Description
from dashget.mux.errors import load_av

_CODECS = {"aac": "A_AAC"}
_NANOSECONDS = 10**9


def can_delay(described: Description) -> bool:
    """Return True for a track with priming that Matroska can be made to hide here."""
    return described.priming > 0 and described.configuration.codec in _CODECS


def with_codec_delay(template: Any, described: Description) -> Any:
    """Return a template like the given one, with the delay of its priming."""
    codec = _CODECS[described.configuration.codec]
    rate = described.configuration.sample_rate
    header = matroska_header(
        codec,
        described.configuration.extradata,
        delay_nanoseconds=round(described.priming * _NANOSECONDS / rate),
        sample_rate=rate,
        channels=template.codec_context.channels,
    )
    return load_av().open(io.BytesIO(header), "r", format="matroska").streams[0]


def matroska_header(
    codec: str, private: bytes, *, delay_nanoseconds: int, sample_rate: int, channels: int
) -> bytes:
    """Return the beginning of a Matroska file with one audio track (RFC 9559), and no media."""
    audio = _element(0xB5, struct.pack(">d", sample_rate)) + _element(0x9F, _number(channels))
    track = (
        _element(0xD7, _number(1))
        + _element(0x73C5, _number(1))
        + _element(0x83, _number(2))
        + _element(0x86, codec.encode())
        + _element(0x63A2, private)
        + _element(0x56AA, _number(delay_nanoseconds))
        + _element(0xE1, audio)
    )
    info = _element(0x2AD7B1, _number(1_000_000))
    head = _element(0x4282, b"matroska") + _element(0x4287, _number(4))
    cluster = _element(0x1F43B675, _element(0xE7, _number(0)))
    tracks = _element(0x1654AE6B, _element(0xAE, track))
    segment = _element(0x1549A966, info) + tracks + cluster
    return _element(0x1A45DFA3, head) + _element(0x18538067, segment)


def _number(value: int) -> bytes:
    return value.to_bytes(max((value.bit_length() + 7) // 8, 1), "big")


def _element(identity: int, content: bytes) -> bytes:
    """Return an element of EBML; its size takes eight bytes (RFC 8794)."""
    return _number(identity) + (len(content) | 1 << 56).to_bytes(8, "big") + content
