"""What was written of each track, to be compared with what is read again."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import msgspec


class Written(msgspec.Struct, frozen=True):
    """The packets of one track: how many, their bytes and hash, their first and last time."""

    packets: int
    size: int
    digest: str | None
    start: Fraction
    """The presentation time of the earliest packet, in seconds."""
    last: Fraction
    """The presentation time of the latest packet, and its end."""
    end: Fraction
    timescale: int = 1
    times: Sequence[int] = ()
    """The presentation time of each packet in ticks, in the order of the packets; if hashed."""
    keys: bytes = b""
    """1 for each packet that is a key picture, else 0; if hashed."""


_NOTHING_SHOWN: Final = b"\0\0"
"""A sample of ``tx3g`` without text: it fills a gap, and libavformat ends tracks with one."""


class Witness:
    """Sees every packet of a track."""

    def __init__(self, *, hashed: bool) -> None:
        self._packets = self._size = 0
        self._start: int | None = None
        self._last: int | None = None
        self._end: int | None = None
        self._hash = None
        self._times: array[int] = array("q")
        self._keys = bytearray()
        if hashed:
            from hashlib import sha256

            self._hash = sha256()

    def note(self, packet: Any) -> None:
        """Count a packet, before it is written."""
        pts = packet.pts
        self._packets += 1
        self._size += packet.size
        if self._start is None or pts < self._start:
            self._start = pts
        if self._last is None or pts > self._last:
            self._last = pts
        end = pts + (packet.duration or 0)
        if self._end is None or end > self._end:
            self._end = end
        if self._hash is not None:
            self._hash.update(packet)
            self._times.append(pts)
            self._keys.append(packet.is_keyframe)

    def written(self, timescale: int, moved: int = 0) -> Written:
        """Return the sums; ``moved`` are the ticks that edit lists take off again."""
        return Written(
            self._packets,
            self._size,
            None if self._hash is None else self._hash.hexdigest(),
            Fraction((self._start or 0) - moved, timescale),
            Fraction((self._last or 0) - moved, timescale),
            Fraction((self._end or 0) - moved, timescale),
            timescale,
            self._times,
            bytes(self._keys),
        )


class TextWitness(Witness):
    """Sees every cue of a track, and hashes its time with it; gaps do not count."""

    def note(self, packet: Any) -> None:
        """Count a cue, before it is written."""
        if packet.size == len(_NOTHING_SHOWN) and bytes(packet) == _NOTHING_SHOWN:
            return
        super().note(packet)
        if self._hash is not None:
            self._hash.update(b"%d %d;" % (packet.pts, packet.duration or 0))
