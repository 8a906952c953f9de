"""Make the ticks of segment information whole without rounding.

Packagers with float clocks write ``duration="1.5"`` or ``timescale="29.97"``. Cutting every tick
into the same number of parts makes all of these numbers integers again, and none is rounded.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import msgspec

from dashget.mpd.model import MultipleSegmentBase, SegmentBase
from dashget.mpd.timeline import SegmentTimeline


class Clock(msgspec.Struct, frozen=True):
    """Timescale, ``@presentationTimeOffset``, ``@duration`` and timeline in ``1 / parts`` ticks."""

    timescale: int
    offset: int
    duration: int | None
    timeline: SegmentTimeline | None
    parts: int = 1


def whole_ticks(info: SegmentBase) -> Clock:
    """Return the clock of segment information, in whole numbers."""
    timescale, offset = info.timescale or 1, info.presentation_time_offset or 0
    duration, timeline = None, None
    if isinstance(info, MultipleSegmentBase):
        duration, timeline = info.duration, info.timeline
    listed = 1 if timeline is None else timeline.scale
    if (
        listed == 1
        and isinstance(timescale, int)
        and isinstance(offset, int)
        and isinstance(duration, int | None)
    ):
        return Clock(timescale, offset, duration, timeline)
    numbers = (Fraction(number) for number in (timescale, offset, duration or 0))
    parts = lcm(listed, *(number.denominator for number in numbers))
    return Clock(
        int(timescale * parts),
        int(offset * parts),
        None if duration is None else int(duration * parts),
        None if timeline is None else timeline.rescaled(parts // listed),
        parts,
    )


def nearest_tick(time: int, parts: int) -> int:
    """Return the tick of the manifest nearest to a time in parts of ticks, for ``$Time$``."""
    return (2 * time + parts) // (2 * parts)
