"""WebM files: header and Cues."""

from __future__ import annotations

import struct

import pytest

from dashget.media.webm import Cue, EbmlError, WebmHeader, iter_elements, read_cues, read_header

EBML = bytes.fromhex("1a45dfa380")
SEGMENT = bytes.fromhex("18538067")


def element(identity: str, payload: bytes) -> bytes:
    return bytes.fromhex(identity) + bytes([0x40 | len(payload) >> 8, len(payload) & 255]) + payload


def unsigned(identity: str, value: int) -> bytes:
    return element(identity, value.to_bytes(4, "big"))


def info(*parts: bytes) -> bytes:
    return element("1549a966", b"".join(parts))


def cue(time: int, *positions: int) -> bytes:
    tracks = b"".join(element("b7", unsigned("f7", 1) + unsigned("f1", p)) for p in positions)
    return element("bb", unsigned("b3", time) + tracks)


def test_the_header_has_the_offset_of_the_segment_and_the_length_of_a_tick() -> None:
    data = EBML + SEGMENT + b"\x88" + info(unsigned("2ad7b1", 500_000))
    assert read_header(data) == WebmHeader(10, 18, 500_000, None)


def test_a_segment_of_unknown_size_has_no_end() -> None:
    duration = element("4489", struct.pack(">f", 1500.0))
    data = EBML + SEGMENT + b"\x01" + b"\xff" * 7 + info(duration)
    assert read_header(data) == WebmHeader(17, None, 1_000_000, 1500.0)


def test_cues_are_clusters_in_file_order_with_their_first_time() -> None:
    data = element("1c53bb6b", cue(5000, 900) + cue(0, 100) + cue(200, 100) + element("ec", b"..."))
    assert read_cues(data, WebmHeader(50, None)) == (Cue(150, 0), Cue(950, 5000))


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", EBML, EBML + b"\xec\x80", EBML + SEGMENT + b"\xff" + info(unsigned("2ad7b1", 0))],
)
def test_an_invalid_webm_header_is_an_error(data: bytes) -> None:
    with pytest.raises(EbmlError):
        read_header(data)


@pytest.mark.parametrize("data", [b"", element("ec", b""), element("1c53bb6b", cue(0, 1))[:-1]])
def test_incomplete_cues_are_an_error(data: bytes) -> None:
    with pytest.raises(EbmlError):
        read_cues(data, WebmHeader(0, None))


def test_a_truncated_header_ends_the_iteration() -> None:
    assert list(iter_elements(b"\x1a\x45")) == []
    assert list(iter_elements(b"\xec\x40")) == []
