"""SegmentTemplate without a timeline: segments of equal duration, or a single one (5.3.9.4)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

import msgspec

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

    With ``$SubNumber$``, ``@k`` cuts each of them into a sequence of segments. Positions then
    count these, and ``@duration`` and numbers are those of the sequence. Those of a sequence that
    begin after the Period's end may be missing.
    """

    def __init__(
        self, representation: Representation, addressing: TemplateAddressing, limit: int | None
    ) -> None:
        super().__init__(representation, limit)
        self._addressing = addressing
        self._parts = addressing.sequence
        scale, by_time = addressing.timescale, self._has(FieldName.TIME)
        self._offset = 0 if by_time else addressing.presentation_time_offset
        origin = representation.period.start - Fraction(self._offset, scale)
        self._timebase = TimeBase(scale, origin)

    def count(self) -> int:
        positions = self._positions()
        return max(positions.stop - positions.start, 0)

    def reason(self) -> str:
        addressing, representation = self._addressing, self.representation
        each = f", each of @k {self._parts:,}" if self._parts > 1 else ""
        if addressing.end_number is not None:
            first, last = addressing.start_number, addressing.end_number
            return f"from @startNumber {first} to @endNumber {last}{each}"
        step = Fraction(addressing.duration or 1, addressing.timescale)
        length = f"segments of {nearest_float(step):g} s (@duration, @timescale){each}"
        if representation.window is not None and representation.window.begin is not None:
            return f"{length} that are {available_since(representation.window)}"
        return f"{length} in a Period of {nearest_float(representation.period.duration or 0):g} s"

    def media_addresses(self) -> Iterator[Address]:
        yield self._addressing.media
        if self._addressing.index is not None:
            yield self._addressing.index

    def media(self) -> Iterator[Segment]:
        addressing, positions = self._addressing, self._positions()
        if self._parts > 1:
            yield from self._sequences(positions)
            return
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
                0,
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
            values = timebase, number, time, duration, 0, None, explicit, k == last
            if index is not None:
                yield Segment(SegmentKind.INDEX, index, *values)
            yield Segment(SegmentKind.MEDIA, addressing.media, *values)

    def _sequences(self, positions: range) -> Iterator[Segment]:
        """Yield the parts of sequences; all have the number and the time of their sequence."""
        from dashget.segments.sequence import Cutter

        addressing, index, parts = self._addressing, self._addressing.index, self._parts
        duration = addressing.duration
        ticks, explicit = duration or 0, duration is None
        timed = not explicit or not self._numbered
        cut = addressing.tick_parts > 1 and self._has(FieldName.TIME)
        cutter = Cutter(self._timebase)
        shared, doubts = cutter.cut(ticks, parts), self._doubts(positions)
        for i in range(positions.start // parts, -(-positions.stop // parts)):
            number = addressing.start_number + i
            listed = self._offset + i * ticks if timed else None
            cuts = shared or cutter.iter_cut(ticks, parts)
            for j, (timebase, part) in zip(range(positions.stop - i * parts), cuts, strict=False):
                time = listed
                if cut and listed is not None:
                    timebase, time = timebase.named(listed, addressing.tick_parts)
                length = None if explicit else part
                doubtful = not explicit and doubts.cover(i, j)
                values = timebase, number, time, length, j, None, explicit, doubtful
                if index is not None:
                    yield Segment(SegmentKind.INDEX, index, *values)
                yield Segment(SegmentKind.MEDIA, addressing.media, *values)

    def doubts(self, sequence: int, part: int) -> bool:
        """Return True if a part of a sequence may be missing on the server.

        All of the Period are counted, whether they are available yet or not.
        """
        total = self.total()
        if self._addressing.duration is None or total is None:
            return False
        positions = range(total * self._parts)
        if self._parts == 1:
            return sequence == self._last_derived(positions)
        return self._doubts(positions).cover(sequence, part)

    def _doubts(self, positions: range) -> _Doubts:
        """Return which parts of sequences may be missing on the server."""
        addressing, period = self._addressing, self.representation.period
        step = Fraction(addressing.duration or 0, addressing.timescale)
        beyond, last = None, self._last_derived(positions)
        if step and period.duration is not None:
            beyond = max(ceil(period.duration * self._parts / step), 0)
            last = None if last is None else min(last, beyond - 1)
        return _Doubts(self._parts, beyond, last, None if period.beyond else 0)

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

    def total(self) -> int | None:
        """Return how many the whole Period has, by ``@duration``; None for an open one."""
        addressing, period = self._addressing, self.representation.period
        if addressing.end_number is not None:
            return self._last_number_count()
        if period.duration is None:
            return None
        if period.beyond:
            return 1
        segment = Fraction(addressing.duration or 1, addressing.timescale)
        return derived_count(period.duration, segment)

    def _positions(self) -> range:
        addressing, period = self._addressing, self.representation.period
        if addressing.duration is None:
            return range((self._last_number_count() if self._numbered else 1) * self._parts)
        segment = Fraction(addressing.duration, addressing.timescale)
        count = self.total()
        window, early = self.representation.window, addressing.early_seconds
        whole = available_range(window, period, segment, early, count)
        parts = self._parts
        if parts == 1:
            return whole
        # A part is there when it is complete; players need sequences from their first part on.
        total = None if count is None else count * parts
        ends = available_range(window, period, segment / parts, early, total)
        return range(whole.start * parts, max(ends.stop, whole.start * parts))


class _Doubts(msgspec.Struct, frozen=True):
    """Tells which parts of sequences may be missing on the server.

    Those are the parts from position ``beyond`` on, which begin after the Period's end, in a
    sequence that begins before it; and, where the number of segments is derived, the ``last`` one
    before that end. The ``first`` one must be there.
    """

    parts: int
    beyond: int | None
    last: int | None
    first: int | None

    def cover(self, sequence: int, part: int) -> bool:
        """Return True for a part that may be missing."""
        begin = sequence * self.parts
        position = begin + part
        if position == self.first:
            return False
        if position == self.last:
            return True
        return self.beyond is not None and begin < self.beyond <= position
