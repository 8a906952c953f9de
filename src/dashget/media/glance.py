"""A glance at each small file of a run, cheap enough for all of them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import msgspec

_BEGINNING: Final = 1 << 16
_read_box: Final = struct.Struct(">I4s").unpack_from
_read_tfdt: Final = struct.Struct(">I4xB3xQ").unpack_from
_WIDE_BYTES: Final = 20
_NARROW_BYTES: Final = 16
"""Sizes of a tfdt with a time of 64 and of 32 bits; behind it come the samples."""
_USUAL: Final = frozenset((b"ftyp", b"styp", b"emsg", b"prft", b"ssix", b"free", b"skip", b"uuid"))
"""The boxes of media segments, beside those that are counted."""

_BEFORE: Final = frozenset((b"styp", b"sidx", b"prft", b"emsg"))
"""Boxes that may stand before a fragment."""
_UUID_BYTES: Final = 24
"""The header of a ``uuid`` box: size, type, and the type that it extends."""


class Sound(msgspec.Struct, frozen=True, gc=False):
    """What a glance sees in a segment without problems."""

    ticks: int | None = None
    """The first decode time (``tfdt``) of a media segment, in ticks of its track."""
    indexed: bool = False
    """True if it has a ``sidx``."""
    untimed: bool = False
    """True if its only fragment surely has no decode time; else None may mean: look closer."""


_INITIAL: Final = Sound()


def glance_at_initialization(pieces: Sequence[bytes], size: int) -> Sound | None:
    """Return what is seen in pieces that are an initialization segment; None: look closer."""
    return _walk(pieces, size, initialization=True)


def glance(pieces: Sequence[bytes], size: int) -> Sound | None:
    """Return what is seen in pieces that are a media segment without problems; None: look closer.

    For every small file of a run: it reads eight bytes of each box, and one ``tfdt``. The pieces
    may be the beginning only, if it has the header of every box.
    """
    # The usual segment first, with a third of the Python: one fragment behind a few small boxes.
    at, indexed, piece = 0, False, pieces[0] if pieces else b""
    try:
        length, kind = _read_box(piece, 0)
        while kind in _BEFORE and length >= 8:
            indexed = indexed or kind == b"sidx"
            at += length
            length, kind = _read_box(piece, at)
        if kind == b"moof" and length >= 8:
            ends = at + length
            length, kind = _read_box(piece, ends)
            if kind == b"mdat" and ends + length == size and length >= 8:
                found = piece.find(b"tfdt", at + 8, ends)
                if found < 0:
                    return Sound(None, indexed, untimed=True)
                return Sound(_time_at(piece, found), indexed)
    except struct.error:
        # A box begins in another piece.
        pass
    return _walk(pieces, size, initialization=False)


def _walk(pieces: Sequence[bytes], size: int, *, initialization: bool) -> Sound | None:
    """Do as ``glance``, for boxes in any order."""
    moofs = mdats = moovs = sidxs = index = begins = ends = 0
    piece = fragment = pieces[0] if pieces else b""
    end = len(piece)
    # Where the next box begins and the whole ends, from the beginning of the piece.
    at, left = 0, size
    while at < left:
        while at >= end:
            at -= end
            left -= end
            index += 1
            if index == len(pieces):
                return None
            piece = pieces[index]
            end = len(piece)
        if at + 8 > end:
            return None
        length, kind = _read_box(piece, at)
        if length < 8:
            return None
        if kind == b"mdat":
            mdats += 1
        elif kind == b"moof":
            if not moofs:
                fragment, begins, ends = piece, at, at + length
            moofs += 1
        elif kind == b"sidx":
            sidxs += 1
        elif kind == b"moov":
            moovs += 1
        elif kind not in _USUAL or (kind == b"uuid" and length < _UUID_BYTES):
            return None
        at += length
    if at != left or moofs > mdats:
        return None
    if initialization:
        return _INITIAL if moovs else None
    if not moofs:
        return None
    found = fragment.find(b"tfdt", begins + 8, ends)
    if 0 <= found <= len(fragment) - 16:
        ticks = _time_at(fragment, found)
    else:
        # It may begin in one piece and end in the next.
        ticks = None if found < 0 and ends <= len(fragment) else decode_time(pieces)
    return Sound(ticks, sidxs > 0)


def decode_time(pieces: Sequence[bytes]) -> int | None:
    """Return the first decode time (``tfdt``) of a whole segment, in ticks of its track.

    It is looked for in the first ``moof``, whose beginning must be among the first 64 KiB.
    """
    data = _beginning(pieces)
    found = _find_tfdt(data)
    return None if found is None else _time_at(data, found)


def _time_at(data: bytes, found: int) -> int | None:
    """Return the time of a ``tfdt`` whose name was found; None if it is no such box."""
    length, version, read = _read_tfdt(data, found - 4)
    time: int = read
    if length == _WIDE_BYTES and version == 1:
        return time
    return time >> 32 if length == _NARROW_BYTES and version == 0 else None


def _find_tfdt(data: bytes) -> int | None:
    """Return where the first ``moof`` has ``tfdt``; None if it has none, or not in these bytes.

    Boxes are passed by their sizes: media may be large, and have any bytes.
    """
    at = 0
    while at + 8 <= len(data):
        length, kind = _read_box(data, at)
        if kind == b"moof":
            found = data.find(b"tfdt", at + 8, at + length)
            return found if 0 <= found <= len(data) - 16 else None
        if length < 8:
            return None
        at += length
    return None


def _beginning(pieces: Sequence[bytes]) -> bytes:
    """Return the first pieces, as many as the beginning needs."""
    count, length = 0, 0
    while count < len(pieces) and length < _BEGINNING:
        length += len(pieces[count])
        count += 1
    return b"".join(pieces[:count])
