"""Boxes of ISO media files."""

from __future__ import annotations

import struct
import uuid

import pytest

from dashget.media.isobmff import (
    BoxError,
    Protections,
    box_end,
    find_sidx,
    iter_boxes,
    read_protection,
    read_pssh,
    read_sidx,
)
from tests.support.builders import box

SYSTEM = uuid.UUID("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed")
KID = uuid.UUID("10000000-1000-1000-1000-100000000001")


def pssh(*, version: int = 0) -> bytes:
    kids = struct.pack(">I", 1) + KID.bytes if version else b""
    return box(
        "pssh", bytes([version, 0, 0, 0]) + SYSTEM.bytes + kids + struct.pack(">I", 3) + b"abc"
    )


def test_boxes_are_walked_with_all_forms_of_size() -> None:
    data = box("ftyp", b"iso6") + struct.pack(">I4sQ", 1, b"mdat", 20) + b"1234" + box("free")
    data += struct.pack(">I4s", 0, b"mdat") + b"to the end"
    found = [(b.type, b.start, b.payload, b.end) for b in iter_boxes(data)]
    assert found == [
        ("ftyp", 0, 8, 12),
        ("mdat", 12, 28, 32),
        ("free", 32, 40, 40),
        ("mdat", 40, 48, None),
    ]


def test_a_box_may_end_after_the_available_bytes() -> None:
    boxes = list(iter_boxes(struct.pack(">I4s", 5000, b"moov") + b"..."))
    assert [(b.type, b.end) for b in boxes] == [("moov", 5000)]


def test_a_size_below_the_header_is_an_error() -> None:
    with pytest.raises(BoxError, match="a box of 4 bytes at 8"):
        list(iter_boxes(box("free") + struct.pack(">I4s", 4, b"free")))


def test_a_truncated_header_ends_the_iteration() -> None:
    assert list(iter_boxes(b"\0\0\0")) == []
    assert list(iter_boxes(struct.pack(">I4s", 1, b"mdat") + b"\0")) == []


def test_pssh_is_read_in_both_versions() -> None:
    assert read_pssh(pssh()).key_ids == ()
    found = read_pssh(pssh(version=1))
    assert (found.system_id, found.key_ids, found.data) == (str(SYSTEM), (str(KID),), b"abc")


@pytest.mark.parametrize(
    "data",
    [b"", box("free"), pssh()[:-5], pssh(version=1)[:40], pssh()[:28] + b"\xff" * 10],
)
def test_an_invalid_pssh_is_an_error(data: bytes) -> None:
    with pytest.raises(BoxError):
        read_pssh(data)


def test_the_needed_length_of_a_truncated_sidx_is_known() -> None:
    body = bytes(4) + struct.pack(">IIIIHH", 1, 1000, 0, 0, 0, 1) + struct.pack(">III", 9, 9, 9)
    data = box("ftyp") + box("sidx", body)
    assert find_sidx(data[:-1]) is None
    assert box_end(data[:20], "sidx") == len(data)
    assert box_end(data, "moof") is None
    sidx = find_sidx(data)
    assert sidx is not None
    assert sidx.start == 8


def test_a_sidx_after_media_is_not_found() -> None:
    assert find_sidx(box("moof") + box("sidx", bytes(24))) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes(4),
        bytes(4) + struct.pack(">IIIIHH", 1, 0, 0, 0, 0, 0),
        bytes(4) + struct.pack(">IIIIHH", 1, 1000, 0, 0, 0, 9),
    ],
)
def test_a_sidx_that_contradicts_itself_is_an_error(body: bytes) -> None:
    with pytest.raises(BoxError):
        read_sidx(box("sidx", body))


def test_protection_is_found_in_an_initialization_segment() -> None:
    tenc = box("tenc", bytes([0, 0, 0, 0, 0, 0, 1, 8]) + KID.bytes)
    scheme = box("schm", bytes(4) + b"cbcs" + bytes(4))
    entry = box("encv", bytes(78) + box("sinf", scheme + box("schi", tenc)))
    table = box("stsd", bytes(8) + entry)
    track = box("trak", box("mdia", box("minf", box("stbl", table))))
    data = box("ftyp", b"iso6") + box("moov", track + pssh(version=1))
    found = read_protection(data)
    assert found.schemes == ("cbcs",)
    assert found.key_ids == (str(KID),)
    assert [p.system_id for p in found.pssh] == [str(SYSTEM)]


def test_a_clear_initialization_segment_has_no_protection() -> None:
    assert read_protection(box("ftyp") + box("moov", box("trak"))) == Protections((), (), ())
