"""Encryption that only the media tell, and hostile bytes in their place."""

from __future__ import annotations

import pytest

from dashget.media.isobmff import BoxError
from dashget.mux.padding import _element, matroska_header
from dashget.mux.protection import found
from dashget.mux.sampleentries import SampleEntry, read_tracks
from tests.support.builders import box


def webm(*, encrypted: bool) -> bytes:
    encoding = _element(0x6240, _element(0x5035, b"") if encrypted else b"")
    entry = _element(0xAE, _element(0x6D80, encoding))
    return _element(0x1A45DFA3, b"") + _element(0x18538067, _element(0x1654AE6B, entry))


def moov(entry: bytes, handler: bytes = b"vide") -> bytes:
    stsd = box("stsd", bytes(8) + entry)
    hdlr = box("hdlr", bytes(8) + handler + bytes(12))
    minf = box("minf", box("stbl", stsd))
    return box("moov", box("trak", box("mdia", hdlr + minf)))


def test_an_encrypted_webm_track_is_seen() -> None:
    assert found(webm(encrypted=True), b"") == "WebM encryption"
    assert found(webm(encrypted=False), b"") is None
    plain = matroska_header("A_AAC", b"", delay_nanoseconds=1, sample_rate=48000, channels=2)
    assert found(plain, b"") is None


@pytest.mark.parametrize(("code", "handler"), [("encv", b"vide"), ("enca", b"soun")])
def test_an_encrypted_sample_entry_is_seen_without_a_key_id(code: str, handler: bytes) -> None:
    told = found(moov(box(code, bytes(78)), handler), b"")
    assert told == "unknown scheme; no key id given"


def test_a_sample_entry_keeps_its_configuration() -> None:
    entry = box("avc1", bytes(78) + box("avcC", b"12") + box("btrt", bytes(12)))
    assert read_tracks(moov(entry)) == ((SampleEntry("avc1", (("avcC", b"12"),)),),)
    assert found(moov(entry), box("moof", box("traf", box("trun", b"")))) is None


def test_fragments_with_encrypted_samples_are_seen() -> None:
    fragment = box("moof", box("traf", box("tfhd", b"") + box("senc", b"")))
    assert "senc" in str(found(moov(box("avc1", bytes(78))), fragment))


def test_an_audio_entry_of_an_unknown_version_is_an_error_of_the_box() -> None:
    entry = bytearray(box("mp4a", bytes(28)))
    entry[16:18] = b"\x00\x09"
    with pytest.raises(BoxError, match="version 9"):
        read_tracks(moov(bytes(entry), b"soun"))
