"""SegmentTimeline: explicit segments, run by run (5.3.9.6)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import PeriodSpan, Representation, TemplateAddressing, Window
from dashget.mpd.template import Address, FieldName
from dashget.mpd.timeline import SegmentTimeline
from dashget.segments.index import ROUNDING, SegmentIndex, available_since
from dashget.segments.segment import Segment, TimeBase

if TYPE_CHECKING:
    from dashget.mpd.pattern import DurationPattern
    from dashget.segments.sequence import Cutter


class Run(msgspec.Struct, frozen=True, gc=False):
    """``count`` segments in a row, as one ``S`` describes them.

    They have the same duration, or those of a ``pattern`` from ``entry`` on. ``parts`` is ``@k``:
    the number of segments that each of them is cut into. ``doubtful`` is True if the last one may
    only come from a rounded duration of the Period; parts of it that begin at ``until`` or later
    are behind the Period's end.
    """

    number: int
    time: int
    duration: int
    count: int
    parts: int = 1
    doubtful: bool = False
    pattern: DurationPattern | None = None
    entry: int = 0
    until: Fraction | None = None

    @property
    def end(self) -> int:
        """The time at which the last segment is over."""
        if self.pattern is None:
            return self.time + self.count * self.duration
        return self.time + self.pattern.span(self.entry, self.count)

    def stretches(self) -> Iterator[tuple[int, int, int]]:
        """Yield segments of equal duration: time of the first, duration, and how many they are."""
        if self.pattern is None:
            yield self.time, self.duration, self.count
            return
        time, left = self.time, self.count
        durations = self.pattern.iter_durations(self.entry)
        while left > 0:
            count, duration = next(durations)
            count = min(count, left)
            yield time, duration, count
            time += duration * count
            left -= count

    def segments(self) -> Iterator[tuple[int, int]]:
        """Yield time and duration of each segment."""
        for time, duration, count in self.stretches():
            for _ in range(count):
                yield time, duration
                time += duration

    def doubts(self, begin: Fraction | int) -> bool:
        """Return True if a part of the last segment, beginning then, is behind the Period's end."""
        return self.until is not None and begin >= self.until


class Bounds(msgspec.Struct, frozen=True):
    """The bounds of a run that repeats without a number, in ticks of media time.

    ``end`` is the Period's end, ``edge`` the live edge and ``oldest`` the begin of the
    time-shift buffer; ``last_number`` is ``@endNumber``. None stands for a missing bound.
    ``rounding`` is the time by which the Period's end may be rounded.
    """

    end: Fraction | None = None
    edge: Fraction | None = None
    oldest: Fraction | None = None
    last_number: int | None = None
    rounding: Fraction = Fraction(0)


def iter_runs(
    timeline: SegmentTimeline, start_number: int, bounds: Bounds, parts: int = 1
) -> Iterator[Run]:
    """Yield the runs of a timeline with times and numbers filled in.

    A missing ``@t`` is the end of the previous run (0 for the first). A given one is used even
    if it leaves a gap or an overlap. A negative ``@r`` repeats until the next ``S@t``, or up to
    ``bounds``; it may come to no segment. ``parts`` stands for a missing ``@k``.
    """
    number, time, patterned = start_number, 0, timeline.has_patterns
    for position, (t, d, r, n, k) in enumerate(timeline):
        if t is not None:
            time = t
        if n is not None:
            number = n
        each = parts if k is None else k
        pattern = timeline.pattern_at(position) if patterned else None
        if r >= 0 and pattern is None:
            count = r + 1
            yield Run(number, time, d, count, each)
            number += count
            time += count * d
            continue
        run = Run(number, time, d, r + 1 if r >= 0 else 0, each)
        if pattern is not None:
            run = msgspec.structs.replace(run, pattern=pattern[0], entry=pattern[1])
        if r < 0:
            run = _open_run(run, timeline.time_at(position + 1), bounds, alone=position == 0)
        yield run
        number, time = run.number + run.count, run.end


def bounds_of(
    period: PeriodSpan,
    timescale: int,
    presentation_time_offset: int,
    *,
    window: Window | None,
    early_seconds: Fraction | None,
    last_number: int | None,
) -> Bounds:
    """Convert the Period's end and the availability window into media time."""
    end = edge = oldest = None
    if period.duration is not None:
        end = period.duration * timescale + presentation_time_offset
    if window is not None:
        now = (window.now - period.start) * timescale + presentation_time_offset
        if early_seconds is not None:
            edge = now + early_seconds * timescale
        elif end is None:
            edge = now
        if window.depth is not None:
            oldest = now - window.depth * timescale
    return Bounds(end, edge, oldest, last_number, ROUNDING * timescale)


class TimelineIndex(SegmentIndex):
    """SegmentTemplate with a SegmentTimeline; ``$Time$`` is the time as listed."""

    def __init__(
        self,
        representation: Representation,
        addressing: TemplateAddressing,
        timeline: SegmentTimeline,
        limit: int | None,
    ) -> None:
        super().__init__(representation, limit)
        self._addressing = addressing
        self._timeline = timeline
        self._in_parts = addressing.has_sub_numbers
        self._cut = addressing.tick_parts > 1 and any(
            field.name is FieldName.TIME
            for address in self.media_addresses()
            for field in address.patterns[0].fields
        )
        self._origin = representation.period.start - Fraction(
            addressing.presentation_time_offset, addressing.timescale
        )
        self._timebase = TimeBase(addressing.timescale, self._origin)
        self._known_cutter: Cutter | None = None
        self._counted: int | None = None

    def count(self) -> int:
        if self._counted is None:
            self._counted = self._count()
        return self._counted

    def _count(self) -> int:
        if self._in_parts:
            return sum(run.count * max(run.parts, 1) for run in self._runs())
        closed = self._timeline.closed_count
        if closed is None or self._may_be_unwritten:
            return sum(run.count for run in self._runs())
        return closed

    def reason(self) -> str:
        runs = enumerate(self._runs(), 1)
        number, run = max(runs, key=lambda item: item[1].count, default=(0, None))
        window = self.representation.window
        if run is None:
            return "in an empty SegmentTimeline"
        if self._timeline.runs_on and window is not None and window.begin is not None:
            return f"segments in a SegmentTimeline that are {available_since(window)}"
        parts = f", each of @k {run.parts:,}" if self._in_parts and run.parts > 1 else ""
        return f"in a SegmentTimeline; S@r of run {number} makes {run.count:,}{parts}"

    def media_addresses(self) -> Iterator[Address]:
        yield self._addressing.media
        if self._addressing.index is not None:
            yield self._addressing.index

    def media(self) -> Iterator[Segment]:
        address, timebase, index = self._addressing.media, self._timebase, self._addressing.index
        kind = SegmentKind.MEDIA
        for run in self._runs():
            in_parts = self._in_parts and run.parts > 1
            if index is not None or self._cut or in_parts or run.pattern is not None:
                yield from self._elaborate(run)
                continue
            number, time, duration = run.number, run.time, run.duration
            for _ in range(run.count - run.doubtful):
                yield Segment(kind, address, timebase, number, time, duration, 0)
                number += 1
                time += duration
            if run.doubtful:
                yield Segment(kind, address, timebase, number, time, duration, 0, None, False, True)

    def _runs(self) -> Iterator[Run]:
        addressing = self._addressing
        bounds = bounds_of(
            self.representation.period,
            addressing.timescale,
            addressing.presentation_time_offset,
            window=self.representation.window,
            early_seconds=addressing.early_seconds,
            last_number=addressing.end_number,
        )
        runs = iter_runs(self._timeline, addressing.start_number, bounds, addressing.parts)
        return _written(runs, bounds.edge) if self._may_be_unwritten else runs

    @property
    def _may_be_unwritten(self) -> bool:
        """True if the last segment of the list may still be written, as with low latency."""
        return self.representation.window is not None and not self._addressing.available_as_a_whole

    def _cutter(self) -> Cutter:
        if self._known_cutter is None:
            from dashget.segments.sequence import Cutter

            self._known_cutter = Cutter(self._timebase)
        return self._known_cutter

    def _elaborate(self, run: Run) -> Iterator[Segment]:
        """Yield a run with index segments, a pattern, or sequences of ``@k`` parts."""
        address, index = self._addressing.media, self._addressing.index
        parts = max(run.parts, 1) if self._in_parts else 1
        last = run.count - 1
        cutter = self._cutter()
        for i, (listed, length) in enumerate(run.segments()):
            number = run.number + i
            cuts = cutter.cut(length, parts) or cutter.iter_cut(length, parts)
            for j, (timebase, duration) in enumerate(cuts):
                time, doubtful = listed, run.doubtful and i == last
                if j and i == last:
                    doubtful = doubtful or run.doubts(listed + Fraction(length * j, parts))
                if self._cut:
                    timebase, time = timebase.named(listed, self._addressing.tick_parts)
                values = timebase, number, time, duration, j, None, not doubtful, doubtful
                if index is not None:
                    yield Segment(SegmentKind.INDEX, index, *values)
                yield Segment(SegmentKind.MEDIA, address, *values)


def _written(runs: Iterator[Run], edge: Fraction | None) -> Iterator[Run]:
    """Yield runs without the last segment if that ends after ``edge``, the present time.

    Those before it are written, whatever a clock says: one that follows is listed.
    """
    last: Run | None = None
    for run in runs:
        if run.count <= 0:
            continue
        if last is not None:
            yield last
        last = run
    if last is not None and edge is not None and last.end > edge:
        last = msgspec.structs.replace(last, count=last.count - 1, doubtful=False)
    if last is not None and last.count:
        yield last


def _open_run(run: Run, next_time: int | None, bounds: Bounds, *, alone: bool) -> Run:
    """Count the repetitions of a negative ``@r``; segments before the window are skipped.

    ``alone`` is True if there is no other run: the only segment of a Period is never doubtful.
    """
    if run.pattern is None and not run.duration:
        return run
    pattern, entry, begin = _pattern_of(run), run.entry, run.time
    if next_time is not None:
        return _run(run, 0, pattern.needed(entry, next_time - begin))
    stop = None if bounds.end is None else pattern.needed(entry, bounds.end - begin)
    if bounds.last_number is not None:
        stop = max(bounds.last_number - run.number + 1, 0)
    cut_short = bounds.edge is not None and (bounds.end is None or bounds.edge < bounds.end)
    if bounds.edge is not None and cut_short:
        reached = pattern.complete(entry, bounds.edge - begin)
        stop = reached if stop is None else min(stop, reached)
    skipped = 0
    if bounds.oldest is not None:
        skipped = max(pattern.needed(entry, bounds.oldest - begin) - 2, 0)
    doubtful, until = False, None
    derived = bounds.end is not None and bounds.last_number is None
    if stop and bounds.end is not None and derived and not (alone and stop == 1):
        tail = bounds.end - begin - pattern.span(entry, stop - 1)
        doubtful = tail <= bounds.rounding and tail < pattern.span(entry + stop - 1, 1)
    if bounds.end is not None and derived:
        until = bounds.end - bounds.rounding
    return _run(run, skipped, (stop or 0) - skipped, doubtful=doubtful, until=until)


def _pattern_of(run: Run) -> DurationPattern:
    """Return the pattern of a run; segments of the same duration are one, too."""
    from dashget.mpd.pattern import DurationPattern

    return run.pattern or DurationPattern.of([(1, run.duration)])


def _run(
    run: Run, skipped: int, count: int, *, doubtful: bool = False, until: Fraction | None = None
) -> Run:
    count = max(count, 0)
    return msgspec.structs.replace(
        run,
        number=run.number + skipped,
        time=run.time + _pattern_of(run).span(run.entry, skipped),
        count=count,
        doubtful=doubtful and count > 0,
        entry=run.entry + skipped,
        until=until,
    )
