"""How many packets before a sample a decoder of audio has to begin. No I/O.

These are libavformat's rules: one packet for AAC, 80 ms for Opus (RFC 7845, 4.6).
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from dashget.mux.direct.fragments import UnknownMediaError
from dashget.mux.direct.tables import Repeats
from dashget.mux.direct.tracks import DirectTrack

_OPUS_PREROLL: Final = 3840
"""Samples at 48 kHz: 80 ms."""
_MOST_PACKETS: Final = 32


class Roll(msgspec.Struct, frozen=True):
    """So many samples in a row, and their distance: less than 0, or 0 if it is not known."""

    count: int
    distance: int


def rolls_of(track: DirectTrack, steps: Repeats) -> list[Roll]:
    """Return the distances of the samples of a track, none if it has no use for them."""
    codec = track.parts[0].stretch.description.configuration.codec
    if codec == "aac":
        return [Roll(track.count, -1)]
    return opus_rolls(steps) if codec == "opus" else []


def opus_rolls(steps: Repeats) -> list[Roll]:
    """Return the distances of packets of Opus that last for ``steps``."""
    rolls: list[Roll] = []
    recent: deque[int] = deque(maxlen=_MOST_PACKETS)
    for count, step in steps:
        for number in range(count):
            distance = _distance(recent)
            # Once all packets that matter have the same duration, nothing changes.
            same = count - number if distance and number >= distance else 1
            _append(rolls, same, -distance)
            if same > 1:
                recent.extend([step] * min(same, _MOST_PACKETS))
                break
            recent.append(step)
    return rolls


def _distance(recent: deque[int]) -> int:
    """Return how many packets before the next last for 80 ms; 0 if there are not enough."""
    left = _OPUS_PREROLL
    for number, step in enumerate(reversed(recent), 1):
        left -= step
        if left <= 0:
            return number
    if len(recent) == _MOST_PACKETS:
        raise UnknownMediaError("packets of Opus that are too short")
    return 0


def _append(rolls: list[Roll], count: int, distance: int) -> None:
    if rolls and rolls[-1].distance == distance:
        rolls[-1] = Roll(rolls[-1].count + count, distance)
    else:
        rolls.append(Roll(count, distance))
