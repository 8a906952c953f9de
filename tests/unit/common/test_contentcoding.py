"""What comes out of a content coding is proved, or refused with the reason."""

from __future__ import annotations

import gzip
import random
import time
import zlib
from collections.abc import Callable, Iterator

import pytest

from dashget.common.contentcoding import CodingError, all_decoded, decoded

BODY = random.Random(5).randbytes(70_000) + bytes(200_000)
MOST = 1 << 30


def bare(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-15)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 7, 1 << 10, 1 << 20])
@pytest.mark.parametrize(
    ("codings", "coded"),
    [
        (("gzip",), gzip.compress(BODY)),
        (("deflate",), zlib.compress(BODY)),
        (("deflate",), bare(BODY)),
        (("gzip",), gzip.compress(BODY[:9]) + gzip.compress(b"") + gzip.compress(BODY[9:])),
        (("gzip",), gzip.compress(BODY) + bytes(512)),
        (("gzip", "gzip"), gzip.compress(gzip.compress(BODY))),
        (("gzip", "gzip"), gzip.compress(BODY)),
        (("deflate", "gzip"), gzip.compress(zlib.compress(BODY))),
        (("gzip", "deflate"), bare(gzip.compress(BODY))),
        (("gzip",), BODY),
        ((), BODY),
    ],
)
def test_a_body_comes_out_whole_in_whatever_pieces_it_comes(
    codings: tuple[str, ...], coded: bytes, size: int
) -> None:
    assert b"".join(decoded(pieces(coded, size), codings)) == BODY


@pytest.mark.parametrize("make", [gzip.compress, zlib.compress, bare])
@pytest.mark.parametrize("data", [b"", b"x", BODY])
def test_each_cut_is_noticed(make: Callable[[bytes], bytes], data: bytes) -> None:
    coding = "gzip" if make is gzip.compress else "deflate"
    coded = make(data)
    for kept in {1, 2, 3, len(coded) // 2, len(coded) - 5, len(coded) - 1} & {
        *range(1, len(coded))
    }:
        with pytest.raises(CodingError, match="end early, after"):
            all_decoded(coded[:kept], (coding,), MOST)


@pytest.mark.parametrize(
    ("coding", "coded", "told"),
    [
        ("gzip", gzip.compress(BODY) + b"x", "other data behind their end"),
        ("gzip", gzip.compress(BODY) + bytes(9) + b"x", "other data behind their end"),
        ("gzip", gzip.compress(BODY) + b"\x1f\x8b", "end early"),
        ("gzip", gzip.compress(BODY)[:-8] + bytes(8), "are damaged: incorrect data check"),
        ("gzip", gzip.compress(BODY)[:-4] + bytes(4), "are damaged: incorrect length check"),
        ("deflate", zlib.compress(BODY)[:-4] + bytes(4), "are damaged: incorrect data check"),
        ("deflate", zlib.compress(BODY) + zlib.compress(BODY), "other data behind their end"),
        ("deflate", bare(BODY) + b"\0", "other data behind their end"),
        ("br", BODY, "unknown here: br"),
    ],
)
def test_what_is_not_proved_is_refused(coding: str, coded: bytes, told: str) -> None:
    with pytest.raises(CodingError, match=told):
        all_decoded(coded, (coding,), MOST)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(bytes(1 << 28), 9)
    made: list[int] = []
    with pytest.raises(CodingError, match="100 times as many: they may be a bomb"):
        made.extend(map(len, decoded((bomb,), ("gzip",))))
    assert sum(made) <= 64 << 20


def test_what_is_small_may_grow_as_it_likes() -> None:
    body = bytes(60 << 20)
    assert all_decoded(gzip.compress(body, 9), ("gzip",), MOST) == body


@pytest.mark.parametrize("inner", [b"", b"x"])
def test_members_without_number_take_no_time(inner: bytes) -> None:
    began = time.process_time()
    with pytest.raises(CodingError, match="more than 20,000 pieces"):
        all_decoded(gzip.compress(inner) * 50_000, ("gzip",), MOST)
    assert time.process_time() - began < 5
