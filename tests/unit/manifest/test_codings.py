"""A compressed document costs work for its size, however it is put together."""

from __future__ import annotations

import gzip
import time
import zlib

import pytest

from dashget.errors import FetchError
from dashget.manifest.document import decoded

MOST = 1 << 20
DOCUMENT = b"<MPD>" + b"x" * 70_000 + b"</MPD>"
URL = "http://h/x.mpd"


def test_members_that_follow_each_other_are_one_document() -> None:
    pieces = (DOCUMENT[at : at + 999] for at in range(0, len(DOCUMENT), 999))
    assert decoded(b"".join(map(gzip.compress, pieces)), MOST, URL) == DOCUMENT


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_document_in_several_codings_is_read(compress: object) -> None:
    assert callable(compress)
    assert decoded(compress(compress(DOCUMENT)), MOST, URL) == DOCUMENT


@pytest.mark.parametrize("inner", [b"", b"<", DOCUMENT[:99]])
def test_members_without_number_take_no_time(inner: bytes) -> None:
    """What follows a member was copied for each of them: minutes for a few megabytes."""
    data = gzip.compress(inner) * 50_000
    began = time.process_time()
    with pytest.raises(FetchError, match="more than 20,000 pieces"):
        decoded(data, 1 << 26, URL)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_bomb_is_unpacked_no_further_than_the_limit(compress: object, depth: int) -> None:
    assert callable(compress)
    data = bytes(20 * MOST)
    for _ in range(depth):
        data = compress(data)
    assert len(decoded(data, MOST, URL)) <= MOST


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_a_document_that_ends_early_is_an_error(cut: int) -> None:
    with pytest.raises(FetchError, match="ends early"):
        decoded(gzip.compress(DOCUMENT)[:-cut], MOST, URL)
