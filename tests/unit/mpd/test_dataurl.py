"""Decoding ``data:`` URLs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.mpd.dataurl import decode_data_url


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:,hello", b"hello"),
        ("data:,a%20b%00", b"a b\x00"),
        ("data:text/vtt,WEBVTT", b"WEBVTT"),
        ("data:video/mp4;base64,AAEC", b"\x00\x01\x02"),
        ("DATA:video/mp4;BASE64,AAEC", b"\x00\x01\x02"),
        ("data:video/mp4;base64,AAE", b"\x00\x01"),
        ("data:video/mp4;base64,A%41E%3D", b"\x00\x01"),
        ("data:;base64,AA\n EC", b"\x00\x01\x02"),
        ("data:,", b""),
    ],
)
def test_a_data_url_is_decoded(url: str, data: bytes) -> None:
    assert decode_data_url(url) == data


@pytest.mark.parametrize(
    "url", ["data:nothing", "http://h/,x", "data:;base64,!!!", "data:;base64,A"]
)
def test_malformed_data_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="data: URL"):
        decode_data_url(url)


@given(st.binary(max_size=64))
def test_any_bytes_can_be_encoded_and_decoded(data: bytes) -> None:
    import base64
    from urllib.parse import quote

    assert decode_data_url("data:;base64," + base64.b64encode(data).decode()) == data
    assert decode_data_url("data:," + quote(data)) == data
