"""The header compression of the tests' HTTP/2 server, by the examples of RFC 7541."""

from __future__ import annotations

import pytest

from tests.support import hpack

REQUEST = [(":method", "GET"), (":scheme", "http"), (":path", "/")]
HOST = (":authority", "www.example.com")


def test_reads_the_examples_of_the_standard() -> None:
    """C.4: Huffman codes, and a table that grows with each request."""
    decoder = hpack.Decoder()
    first = decoder.decode(bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff"))
    assert first == [*REQUEST, HOST]
    second = decoder.decode(bytes.fromhex("828684be5886a8eb10649cbf"))
    assert second == [*REQUEST, HOST, ("cache-control", "no-cache")]
    third = decoder.decode(bytes.fromhex("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"))
    https = [(":method", "GET"), (":scheme", "https"), (":path", "/index.html")]
    assert third == [*https, HOST, ("custom-key", "custom-value")]


def test_forgets_what_is_too_much_to_remember() -> None:
    decoder = hpack.Decoder()
    assert decoder.decode(b"\x40\x01a\x01b\xbe") == [("a", "b")] * 2
    with pytest.raises(IndexError):
        decoder.decode(b"\x20\xbe")


def test_reads_what_it_writes() -> None:
    fields = [(":status", "206"), ("etag", '"x"'), ("location", "/" + "é~" * 300)]
    assert hpack.Decoder().decode(hpack.encode(fields)) == fields


def test_writes_lower_case_names() -> None:
    assert hpack.encode([("ETag", "1")]) == b"\x00\x04etag\x011"


@pytest.mark.parametrize("block", ["80", "82ff", "4181", "4183ffffff", "410561"])
def test_refuses_what_is_no_block(block: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        hpack.Decoder().decode(bytes.fromhex(block))
