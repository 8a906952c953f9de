"""A cover: a JPEG or PNG picture, whose size stands in its first bytes."""

from __future__ import annotations

import enum
import struct
from typing import Final

import msgspec

from dashget.common.shortrepr import short_repr

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of JPEG that tell the size."""
_ALONE: Final = frozenset((0x01, *range(0xD0, 0xD8)))
"""The markers of JPEG that have no length."""
LARGEST_BYTES: Final = 1 << 24


class PictureKind(enum.Enum):
    """The kinds that every container and player knows; the value is libavcodec's name."""

    JPEG = "mjpeg"
    PNG = "png"


class Picture(msgspec.Struct, frozen=True):
    """The bytes of a picture, and what has to be known of them."""

    __repr__ = short_repr

    data: bytes
    kind: PictureKind
    width: int
    height: int

    @property
    def name(self) -> str:
        """The name that players look for in Matroska."""
        return "cover.jpg" if self.kind is PictureKind.JPEG else "cover.png"

    @property
    def mime_type(self) -> str:
        """The type for Matroska."""
        return "image/jpeg" if self.kind is PictureKind.JPEG else "image/png"


def parse_picture(data: bytes) -> Picture:
    """Return a picture; ValueError for what is neither JPEG nor PNG, or has no size."""
    if len(data) > LARGEST_BYTES:
        raise ValueError(f"larger than {LARGEST_BYTES >> 20} MiB")
    if data.startswith(_PNG):
        return _sized(data, PictureKind.PNG, struct.unpack_from(">II", data.ljust(24, b"\0"), 16))
    if data.startswith(_JPEG):
        return _sized(data, PictureKind.JPEG, _jpeg_size(data))
    raise ValueError("neither JPEG nor PNG")


def _sized(data: bytes, kind: PictureKind, size: tuple[int, int]) -> Picture:
    width, height = size
    if not (0 < width < 1 << 16 and 0 < height < 1 << 16):
        raise ValueError("damaged: it tells no size")
    return Picture(data, kind, width, height)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Return width and height of JPEG; zeros if there are none."""
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
        if marker == 0xFF:
            position += 1
        elif marker in _ALONE:
            position += 2
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return 0, 0
