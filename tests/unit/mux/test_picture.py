"""Pictures for covers: what is known of them from their first bytes."""

from __future__ import annotations

import struct

import pytest

from dashget.mux.picture import LARGEST_BYTES, PictureKind, parse_picture

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 360) + b"\x08\x02\0\0\0"
APP0 = b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
SIZE = b"\0\x0b\x08" + struct.pack(">HH", 360, 640) + b"\x01\x01\x11\0"


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2])
def test_jpeg_tells_its_size_in_its_frame(marker: int) -> None:
    tables = b"\xff\xc4\0\x03\0" + b"\xff\xff\xdb\0\x03\0" + b"\xff\x01"
    picture = parse_picture(b"\xff\xd8" + APP0 + tables + bytes((0xFF, marker)) + SIZE)
    assert (picture.kind, picture.width, picture.height) == (PictureKind.JPEG, 640, 360)
    assert (picture.name, picture.mime_type) == ("cover.jpg", "image/jpeg")


def test_png_tells_its_size_at_the_start() -> None:
    picture = parse_picture(PNG)
    assert (picture.kind, picture.width, picture.height) == (PictureKind.PNG, 640, 360)
    assert (picture.name, picture.mime_type) == ("cover.png", "image/png")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "neither JPEG nor PNG"),
        (b"GIF89a", "neither JPEG nor PNG"),
        (PNG[:12], "it tells no size"),
        (PNG[:16] + bytes(8), "it tells no size"),
        (b"\xff\xd8\xff", "it tells no size"),
        (b"\xff\xd8" + APP0, "it tells no size"),
        (b"\xff\xd8\xff\xe0\xff\xff", "it tells no size"),
        (b"\xff\xd8" + APP0 + b"\0\0" + SIZE, "it tells no size"),
        (b"\xff\xd8" + b"\xff\xe0\0\0" * 9, "it tells no size"),
        (b"\xff\xd8\xff" + bytes(LARGEST_BYTES), "larger than 16 MiB"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_picture(data)
