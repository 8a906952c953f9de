"""SegmentBase and bare BaseURL: the resource is one file (5.3.9.2)."""

from __future__ import annotations

from collections.abc import Iterator

from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import Representation, SingleAddressing
from dashget.mpd.template import Address
from dashget.segments.index import SegmentIndex
from dashget.segments.segment import Segment, TimeBase


class SingleIndex(SegmentIndex):
    """One media segment without range, which contains initialization and index.

    Its duration is the Period's. ``subsegments`` replaces this index once the file's own index
    has been read.
    """

    def __init__(
        self, representation: Representation, addressing: SingleAddressing, limit: int | None
    ) -> None:
        super().__init__(representation, limit)
        self._addressing = addressing

    def count(self) -> int:
        return 1

    def reason(self) -> str:
        return "segment in a single file"

    def media_addresses(self) -> Iterator[Address]:
        yield self._addressing.media

    def media(self) -> Iterator[Segment]:
        period = self.representation.period
        if period.duration is None:
            timebase, duration = TimeBase(1, period.start), None
        else:
            timebase = TimeBase(period.duration.denominator, period.start)
            duration = period.duration.numerator
        yield Segment(SegmentKind.MEDIA, self._addressing.media, timebase, None, 0, duration)
