"""One segment as the manifest addresses it, and the time base of its ticks."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.shortrepr import short_repr
from dashget.media.kind import SegmentKind
from dashget.mpd.template import Address
from dashget.mpd.ticks import nearest_tick


class TimeBase(msgspec.Struct, frozen=True):
    """Converts media time in ticks into seconds on the presentation timeline.

    ``origin`` is the presentation time, in seconds, of media time 0: Period start less
    ``@presentationTimeOffset`` / ``@timescale`` (ISO/IEC 23009-1, 5.3.9.2.2).
    """

    timescale: int
    origin: Fraction

    def named(self, time: int, tick_parts: int) -> tuple[TimeBase, int]:
        """Return the whole tick that ``$Time$`` names, with its own time base.

        ``time`` is in parts of ticks. In the time base, the tick is at exactly that time.
        """
        tick = nearest_tick(time, tick_parts)
        return TimeBase(self.timescale, self.origin + Fraction(time - tick, self.timescale)), tick


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One request that a Representation needs.

    ``time`` and ``duration`` are ticks of ``timebase.timescale`` (media time, offset not
    subtracted; what names the segment, where ``$Time$`` is another), None if the manifest does
    not tell them. ``range`` is None for the whole
    resource. ``explicit`` is True if the manifest lists the segment, False if it is derived
    from a duration. ``last_derived`` marks what may be missing on the server: the very last
    derived segment of a Representation in its Period, and a file that only segment information
    names which is not in use.
    """

    __repr__ = short_repr

    kind: SegmentKind
    address: Address
    timebase: TimeBase
    number: int | None = None
    time: int | None = None
    duration: int | None = None
    sub_number: int | None = None
    range: ByteRange | None = None
    explicit: bool = True
    last_derived: bool = False

    @property
    def url(self) -> str:
        """The absolute URL that is tried first."""
        return self.address.patterns[0].expand(self.number, self.time, self.sub_number)

    @property
    def alternatives(self) -> tuple[str, ...]:
        """URLs of the same segment under other BaseURLs, in the order to try them."""
        patterns = self.address.patterns
        if len(patterns) == 1:
            return ()
        return tuple(
            pattern.expand(self.number, self.time, self.sub_number) for pattern in patterns[1:]
        )

    @property
    def start(self) -> Fraction | None:
        """Seconds on the presentation timeline, exact."""
        if self.time is None:
            return None
        return self.timebase.origin + Fraction(self.time, self.timebase.timescale)
