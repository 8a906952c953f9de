"""Laws of boxes whose sizes lie: 0, 1 with 64 bits, less than the header, beyond the file, overflow.

Whatever the sizes say, reading ends, stays within the bytes, takes memory for what is there and not
for what is claimed, and time for each byte once.
"""

from __future__ import annotations

import contextlib
import struct
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.media.inspection import check, first_decode_time, media_timescale
from dashget.media.isobmff import (
    BoxError,
    box_end,
    find_sidx,
    iter_boxes,
    read_protection,
    read_pssh,
    read_sidx,
)
from dashget.media.kind import Role, SegmentKind
from dashget.media.topboxes import has_description

ROLE: Final = Role("video/mp4", kind=SegmentKind.MEDIA)
KINDS: Final = (
    b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"encv", b"sinf", b"schi", b"schm", b"tenc",
    b"pssh", b"sidx", b"moof", b"traf", b"tfdt", b"mdat", b"mdhd", b"uuid", b"ftyp", b"free", b"\0\0\0\0",
)  # fmt: skip
SIZES: Final = st.one_of(
    st.sampled_from((0, 1, 2, 7, 8, 9, 15, 16, 17, 23, 24, 25, 1 << 31, (1 << 32) - 1)),
    st.integers(0, 200),
)
LARGE: Final = st.one_of(
    st.sampled_from((0, 1, 8, 15, 16, 17, 32, 1 << 32, 1 << 63, (1 << 64) - 16, (1 << 64) - 1)),
    st.integers(0, 200),
)


def boxes(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Boxes of any size, around some content; most have the size that they should."""
    honest = st.builds(
        lambda kind, body: struct.pack(">I4s", 8 + len(body), kind) + body,
        st.sampled_from(KINDS), inner,
    )  # fmt: skip
    small = st.builds(lambda size, kind, body: struct.pack(">I4s", size, kind) + body,
                      SIZES, st.sampled_from(KINDS), inner)  # fmt: skip
    large = st.builds(lambda size, kind, body: struct.pack(">I4sQ", 1, kind, size) + body,
                      LARGE, st.sampled_from(KINDS), inner)  # fmt: skip
    return st.lists(honest | honest | small | large, max_size=4).map(b"".join)


FILES: Final = st.recursive(st.binary(max_size=60), boxes, max_leaves=12)


def readers(data: bytes) -> tuple[Callable[[], Any], ...]:
    """Return everything that reads boxes, for these bytes."""

    def read(offset: int, size: int) -> bytes:
        assert offset >= 0
        assert 0 <= size <= max(1 << 26, len(data))
        return data[offset : offset + size]

    size = len(data)
    return (
        lambda: list(iter_boxes(data)),
        lambda: find_sidx(data),
        lambda: box_end(data, "moof"),
        lambda: read_sidx(data),
        lambda: read_pssh(data),
        lambda: read_protection(data),
        lambda: check(read, size, ROLE),
        lambda: first_decode_time(read, size),
        lambda: media_timescale(read, size),
        lambda: has_description(read, size),
    )


@given(FILES)
def test_every_file_is_read_or_named_as_damaged(data: bytes) -> None:
    for reader in readers(data):
        with contextlib.suppress(BoxError):
            reader()


@given(FILES)
def test_boxes_follow_each_other_and_are_no_shorter_than_their_headers(data: bytes) -> None:
    position = 0
    with contextlib.suppress(BoxError):
        for box in iter_boxes(data):
            assert box.start == position
            assert box.start + 8 <= len(data)
            assert box.payload - box.start in (8, 16, 24, 32)
            if box.end is None:
                break
            assert box.end >= box.payload
            position = box.end


CLAIMS: Final = {
    "of nothing": b"\0\0\0\x08free" * 8192,
    "to the end": b"\0\0\0\0moov" * 8192,
    "of 4 GiB": b"\xff\xff\xff\xffmoof" + bytes(65_528),
    "of 16 EiB": b"\0\0\0\x01moof" + b"\xff" * 8 + bytes(65_520),
    "that overflow": b"\0\0\0\x01free" + b"\xff" * 7 + b"\xf0" + b"\0\0\0\x10moof" * 4095,
    "of 4 GiB, nested": b"\xff\xff\xff\xffmoov" * 8192,
    "of many key ids": struct.pack(">I4sI16sI", 65_536, b"pssh", 1 << 24, b"", (1 << 32) - 1).ljust(65_536, b"\0"),
    "of many references": struct.pack(">I4sIIIIIHH", 65_536, b"sidx", 0, 1, 1, 0, 0, 0, 65_535).ljust(65_536, b"\0"),
}  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_sizes_claim_costs_neither_time_nor_memory(claim: str) -> None:
    data = CLAIMS[claim]
    for reader in readers(data):
        started = time.process_time()
        tracemalloc.start()
        try:
            with contextlib.suppress(BoxError):
                reader()
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()
        assert time.process_time() - started < 1
