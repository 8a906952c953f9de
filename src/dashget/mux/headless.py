"""Leave out media before zero, for files that cannot hide them (Matroska)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def drop_before_zero(packets: Iterator[Any], *, video: bool) -> Iterator[Any]:
    """Yield packets from the last point on from which all that is shown can be decoded.

    Audio that ends at or before zero goes. Of video, groups of pictures go as a whole: those
    before the last key picture at or before zero.
    """
    held: list[Any] = []
    for packet in packets:
        if packet.pts > 0 or (not video and packet.pts + (packet.duration or 0) > 0):
            yield from held
            yield packet
            break
        if video and not packet.is_keyframe:
            held.append(packet)
        else:
            held = [packet] if video else []
    else:
        yield from held
    yield from packets
