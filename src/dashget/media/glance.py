"""A glance at each small file of a run, cheap enough for all of them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

_read_box: Final = struct.Struct(">I4s").unpack_from
_USUAL: Final = frozenset(
    (b"ftyp", b"styp", b"sidx", b"emsg", b"prft", b"ssix", b"free", b"skip", b"uuid")
)
"""The boxes of media segments, beside those that are counted."""

_UUID_BYTES: Final = 24
"""The header of a ``uuid`` box: size, type, and the type that it extends."""


def is_sound_segment(pieces: Sequence[bytes], size: int, *, initialization: bool = False) -> bool:
    """Return True if the pieces are a media segment without problems; False: look closer.

    For every small file of a run: it reads eight bytes of each box. The pieces may be the
    beginning only, if it has the header of every box.
    """
    moofs = mdats = moovs = index = 0
    piece = pieces[0] if pieces else b""
    end = len(piece)
    # Where the next box begins and the whole ends, from the beginning of the piece.
    at, left = 0, size
    while at < left:
        while at >= end:
            at -= end
            left -= end
            index += 1
            if index == len(pieces):
                return False
            piece = pieces[index]
            end = len(piece)
        if at + 8 > end:
            return False
        length, kind = _read_box(piece, at)
        if length < 8:
            return False
        if kind == b"mdat":
            mdats += 1
        elif kind == b"moof":
            moofs += 1
        elif kind == b"moov":
            moovs += 1
        elif kind not in _USUAL or (kind == b"uuid" and length < _UUID_BYTES):
            return False
        at += length
    return at == left and moofs <= mdats and bool(moovs if initialization else moofs)
