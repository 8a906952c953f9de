"""SegmentTemplate without a timeline: segments of equal duration, or a single one (5.3.9.4)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from dashget.common.numbers import nearest_float
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import Representation, TemplateAddressing
from dashget.mpd.template import Address, FieldName
from dashget.segments.index import SegmentIndex, available_range, available_since, derived_count
from dashget.segments.segment import Segment, TimeBase


class DurationIndex(SegmentIndex):
    """Segments of equal duration; the k-th has number ``startNumber + k``, time ``k * duration``.

    Its presentation time is the Period's start plus ``k * duration / timescale``, and its media
    time ``@presentationTimeOffset`` plus ``k * duration``. ``$Time$`` is ``k * duration`` alone, as
    players fill it in: where a template has it, media time 0 is the Period's start here.
    ``@endNumber`` is the last segment, and overrides the Period's duration; it also
    counts segments without ``@duration``, which then have no times.
    """

    def __init__(
        self, representation: Representation, addressing: TemplateAddressing, limit: int | None
    ) -> None:
        super().__init__(representation, limit)
        self._addressing = addressing
        scale, by_time = addressing.timescale, self._has(FieldName.TIME)
        self._offset = 0 if by_time else addressing.presentation_time_offset
        origin = representation.period.start - Fraction(self._offset, scale)
        self._timebase = TimeBase(scale, origin)

    def count(self) -> int:
        positions = self._positions()
        return max(positions.stop - positions.start, 0)

    def reason(self) -> str:
        addressing, representation = self._addressing, self.representation
        if addressing.end_number is not None:
            first, last = addressing.start_number, addressing.end_number
            return f"from @startNumber {first} to @endNumber {last}"
        step = Fraction(addressing.duration or 1, addressing.timescale)
        length = f"segments of {nearest_float(step):g} s (@duration, @timescale)"
        if representation.window is not None and representation.window.begin is not None:
            return f"{length} that are {available_since(representation.window)}"
        return f"{length} in a Period of {nearest_float(representation.period.duration or 0):g} s"

    def media_addresses(self) -> Iterator[Address]:
        yield self._addressing.media
        if self._addressing.index is not None:
            yield self._addressing.index

    def media(self) -> Iterator[Segment]:
        addressing, positions = self._addressing, self._positions()
        if addressing.index is not None or addressing.tick_parts > 1 or addressing.duration is None:
            yield from self._elaborate(positions)
            return
        address, timebase, step = addressing.media, self._timebase, addressing.duration
        kind, start_number, offset = SegmentKind.MEDIA, addressing.start_number, self._offset
        last = self._last_derived(positions)
        for k in positions:
            yield Segment(
                kind,
                address,
                timebase,
                start_number + k,
                offset + k * step,
                step,
                1,
                None,
                False,
                k == last,
            )

    def _elaborate(self, positions: range) -> Iterator[Segment]:
        """Yield segments with index segments, with fractions of ticks, or without a duration."""
        addressing, timebase = self._addressing, self._timebase
        duration, index = addressing.duration, addressing.index
        explicit = duration is None
        last = None if explicit else self._last_derived(positions)
        timed = not explicit or not self._numbered
        cut = addressing.tick_parts > 1 and self._has(FieldName.TIME)
        for k in positions:
            time = self._offset + k * (duration or 0) if timed else None
            if cut:
                timebase, time = self._timebase.named(k * (duration or 0), addressing.tick_parts)
            number = addressing.start_number + k
            values = timebase, number, time, duration, 1, None, explicit, k == last
            if index is not None:
                yield Segment(SegmentKind.INDEX, index, *values)
            yield Segment(SegmentKind.MEDIA, addressing.media, *values)

    def _last_derived(self, positions: range) -> int | None:
        """Return the position of the segment that may be missing on the server.

        The only segment of a Period must exist: it is not a result of rounding the duration up.
        """
        beyond = self.representation.period.beyond
        derived = self._addressing.end_number is None and (positions.stop > 1 or beyond)
        return positions.stop - 1 if derived else None

    @property
    def _numbered(self) -> bool:
        """True if numbers alone tell the segments."""
        return self._addressing.end_number is not None and not self._has(FieldName.TIME)

    def _has(self, name: FieldName) -> bool:
        """Return True if a template has a field."""
        return any(
            field.name is name
            for address in self.media_addresses()
            for field in address.patterns[0].fields
        )

    def _last_number_count(self) -> int:
        addressing = self._addressing
        return max((addressing.end_number or 0) - addressing.start_number + 1, 0)

    def _positions(self) -> range:
        addressing, period = self._addressing, self.representation.period
        if addressing.duration is None:
            return range(self._last_number_count() if self._numbered else 1)
        segment = Fraction(addressing.duration, addressing.timescale)
        if addressing.end_number is not None:
            count: int | None = self._last_number_count()
        elif period.duration is not None:
            count = 1 if period.beyond else derived_count(period.duration, segment)
        else:
            count = None
        return available_range(
            self.representation.window,
            period,
            segment,
            addressing.availability_time_offset,
            count,
        )
