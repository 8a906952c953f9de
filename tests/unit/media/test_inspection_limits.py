"""Boxes of any size are looked at without reading them into memory."""

from __future__ import annotations

import struct

import pytest

from dashget.media.inspection import first_decode_time, media_timescale


@pytest.mark.parametrize("size", [3 << 30, 1 << 40])
@pytest.mark.parametrize("kind", [b"moof", b"moov"])
def test_a_box_of_gigabytes_is_not_read(kind: bytes, size: int) -> None:
    head = struct.pack(">I4sQ", 1, kind, size)
    wanted: list[int] = []

    def read(position: int, count: int) -> bytes:
        wanted.append(count)
        assert count < 1 << 20
        return head[position : position + count].ljust(count, b"\0")

    assert first_decode_time(read, size) is None
    assert media_timescale(read, size) is None
    assert sum(wanted) < 1000
