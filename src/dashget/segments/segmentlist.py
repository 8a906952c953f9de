"""SegmentList: one segment per SegmentURL (5.3.9.3)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import repeat

from dashget.common.byterange import ByteRange
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import ListAddressing, Representation
from dashget.mpd.references import address_literal
from dashget.mpd.template import Address
from dashget.segments.index import SegmentIndex
from dashget.segments.segment import Segment, TimeBase
from dashget.segments.timeline import Bounds, iter_runs


class ListIndex(SegmentIndex):
    """The segments of a SegmentList. Times come from its SegmentTimeline, or from ``@duration``.

    With ``@duration``, the k-th has media time ``@presentationTimeOffset + k * duration``. In a
    live presentation the list slides, and ``@startNumber`` tells how far: files before count as
    well, as Shaka Player and dash.js have it. Every SegmentURL is fetched, regardless of the
    Period's duration.
    """

    def __init__(
        self, representation: Representation, addressing: ListAddressing, limit: int | None
    ) -> None:
        super().__init__(representation, limit)
        self._addressing = addressing
        offset = Fraction(addressing.presentation_time_offset, addressing.timescale)
        self._timebase = TimeBase(addressing.timescale, representation.period.start - offset)

    def count(self) -> int:
        return len(self._addressing.segments) - len(self._addressing.without_media)

    def reason(self) -> str:
        return "in a SegmentList"

    def media_addresses(self) -> Iterator[Address]:
        seen: tuple[Address, ...] = ()
        for segment in self.media():
            if segment.address not in seen:
                yield segment.address
                seen = (segment.address, *seen[:1])

    def media(self) -> Iterator[Segment]:
        timebase, without_media = self._timebase, self._addressing.without_media
        shared: tuple[str | None, Address | None] = (None, None)
        rows = zip(self._addressing.segments, self._times(), strict=False)
        for position, (listed, (number, time, duration)) in enumerate(rows):
            if listed.index is not None:
                index, index_range = self._locate(listed.index, listed.index_range)
                yield Segment(
                    SegmentKind.INDEX, index, timebase, number, time, duration, 0, index_range
                )
            if position in without_media:
                continue
            reference = listed.media or ""
            address, media_range = shared[1], listed.media_range
            if shared[0] != reference or address is None or self._turns_ranges:
                address, media_range = self._locate(reference, listed.media_range)
                shared = (reference, address)
            yield Segment(
                SegmentKind.MEDIA, address, timebase, number, time, duration, 0, media_range
            )

    @property
    def _turns_ranges(self) -> bool:
        return self.representation.bases[0].byte_range is not None

    def _locate(
        self, reference: str, byte_range: ByteRange | None
    ) -> tuple[Address, ByteRange | None]:
        representation = self.representation
        return address_literal(reference, byte_range, representation.bases, representation.query)

    def _times(self) -> Iterator[tuple[int, int | None, int | None]]:
        """Yield number, time and duration of segment after segment, without end."""
        addressing = self._addressing
        first = addressing.start_number
        if addressing.timeline is not None:
            yield from self._timeline_times()
            return
        duration, offset = addressing.duration, addressing.presentation_time_offset
        if duration is None:
            only = len(addressing.segments) == 1
            for k, _ in enumerate(repeat(None)):
                yield first + k, offset if only else None, None
            return
        before = 0 if self.representation.window is None else max(first - 1, 0)
        for k, _ in enumerate(repeat(None)):
            yield first + k, offset + (before + k) * duration, duration

    def _timeline_times(self) -> Iterator[tuple[int, int | None, int | None]]:
        """Yield numbers and times by the timeline; SegmentURLs after its end have no time."""
        addressing = self._addressing
        assert addressing.timeline is not None  # noqa: S101 - the caller has looked
        number = addressing.start_number
        last = number + len(addressing.segments) - 1
        for run in iter_runs(addressing.timeline, number, Bounds(last_number=last)):
            for number, (time, duration) in enumerate(run.segments(), run.number):
                yield number, time, duration
            number += 1
        for k, _ in enumerate(repeat(None)):
            yield number + k, None, None
