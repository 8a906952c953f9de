"""SegmentTimeline: explicit segments, run by run (5.3.9.6)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor
from typing import Final

import msgspec

from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import PeriodSpan, Representation, TemplateAddressing, Window
from dashget.mpd.template import Address, FieldName
from dashget.mpd.timeline import SegmentTimeline
from dashget.segments.index import ROUNDING, SegmentIndex, available_since
from dashget.segments.segment import Segment, TimeBase

_SHARED_PARTS: Final = 256
"""The maximum of ``@k`` for which time bases are stored; a hostile ``@k`` may be any number."""


class Run(msgspec.Struct, frozen=True, gc=False):
    """``count`` segments of the same duration in a row, as one ``S`` describes them.

    ``parts`` is ``@k``: the number of segments that each of them is cut into. ``doubtful`` is True
    if the last one may only come from a rounded duration of the Period.
    """

    number: int
    time: int
    duration: int
    count: int
    parts: int = 1
    doubtful: bool = False


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


def iter_runs(timeline: SegmentTimeline, start_number: int, bounds: Bounds) -> Iterator[Run]:
    """Yield the runs of a timeline with times and numbers filled in.

    A missing ``@t`` is the end of the previous run (0 for the first). A given one is used even
    if it leaves a gap or an overlap. A negative ``@r`` repeats until the next ``S@t``, or up to
    ``bounds``.
    """
    number, time = start_number, 0
    for position, (t, d, r, n, k) in enumerate(timeline):
        if t is not None:
            time = t
        if n is not None:
            number = n
        if r >= 0:
            count = r + 1
            yield Run(number, time, d, count, k)
            number += count
            time += count * d
            continue
        next_time = timeline.time_at(position + 1)
        run = _open_run(Run(number, time, d, 0, k), next_time, bounds, alone=position == 0)
        if run.count:
            yield run
        number = run.number + run.count
        time = run.time + run.count * d


def bounds_of(
    period: PeriodSpan,
    timescale: int,
    presentation_time_offset: int,
    *,
    window: Window | None,
    availability_time_offset: Fraction | None,
    last_number: int | None,
) -> Bounds:
    """Convert the Period's end and the availability window into media time."""
    end = edge = oldest = None
    if period.duration is not None:
        end = period.duration * timescale + presentation_time_offset
    if window is not None:
        now = (window.now - period.start) * timescale + presentation_time_offset
        if availability_time_offset is not None:
            edge = now + availability_time_offset * timescale
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
        fields = addressing.media.patterns[0].fields
        self._in_parts = any(field.name is FieldName.SUB_NUMBER for field in fields)
        self._cut = addressing.tick_parts > 1 and any(
            field.name is FieldName.TIME
            for address in self.media_addresses()
            for field in address.patterns[0].fields
        )
        self._origin = representation.period.start - Fraction(
            addressing.presentation_time_offset, addressing.timescale
        )
        self._timebase = TimeBase(addressing.timescale, self._origin)
        self._counted: int | None = None

    def count(self) -> int:
        if self._counted is None:
            self._counted = self._count()
        return self._counted

    def _count(self) -> int:
        if self._in_parts:
            return sum(run.count * max(run.parts, 1) for run in self._runs())
        closed = self._timeline.closed_count
        return sum(run.count for run in self._runs()) if closed is None else closed

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
            if index is not None or self._cut or (self._in_parts and run.parts > 1):
                yield from self._elaborate(run)
                continue
            number, time, duration = run.number, run.time, run.duration
            for _ in range(run.count - run.doubtful):
                yield Segment(kind, address, timebase, number, time, duration, 1)
                number += 1
                time += duration
            if run.doubtful:
                yield Segment(kind, address, timebase, number, time, duration, 1, None, False, True)

    def _runs(self) -> Iterator[Run]:
        addressing = self._addressing
        bounds = bounds_of(
            self.representation.period,
            addressing.timescale,
            addressing.presentation_time_offset,
            window=self.representation.window,
            availability_time_offset=addressing.availability_time_offset,
            last_number=addressing.end_number,
        )
        return iter_runs(self._timeline, addressing.start_number, bounds)

    def _elaborate(self, run: Run) -> Iterator[Segment]:
        """Yield a run whose segments have index segments, or are sequences of ``@k`` parts.

        The parts of a sequence share its number and its ``$Time$``. Each has its own time base,
        so that its presentation time is exact even if ``d / k`` is a fraction.
        """
        address, index = self._addressing.media, self._addressing.index
        shared = tuple(self._parts(run)) if run.parts <= _SHARED_PARTS else None
        for i in range(run.count):
            number, time = run.number + i, run.time + i * run.duration
            listed, doubtful = time, run.doubtful and i == run.count - 1
            for j, (timebase, duration) in enumerate(shared or self._parts(run), 1):
                if self._cut:
                    timebase, time = timebase.named(listed, self._addressing.tick_parts)
                values = timebase, number, time, duration, j, None, not doubtful, doubtful
                if index is not None:
                    yield Segment(SegmentKind.INDEX, index, *values)
                yield Segment(SegmentKind.MEDIA, address, *values)

    def _parts(self, run: Run) -> Iterator[tuple[TimeBase, int]]:
        """Yield the time base and the duration of each part; the ticks add up to ``@d``."""
        parts = max(run.parts, 1) if self._in_parts else 1
        timescale, duration = self._addressing.timescale, run.duration
        for j in range(parts):
            origin = self._origin + Fraction(duration * j, parts * timescale)
            ticks = duration * (j + 1) // parts - duration * j // parts
            yield TimeBase(timescale, origin), ticks


def _open_run(run: Run, next_time: int | None, bounds: Bounds, *, alone: bool) -> Run:
    """Count the repetitions of a negative ``@r``; segments before the window are skipped.

    ``alone`` is True if there is no other run: the only segment of a Period is never doubtful.
    """
    duration = run.duration
    if not duration:
        return run
    if next_time is not None:
        return _run(run, 0, ceil(Fraction(next_time - run.time, duration)))
    if bounds.last_number is not None:
        return _run(run, 0, bounds.last_number - run.number + 1)
    stop = None if bounds.end is None else ceil((bounds.end - run.time) / duration)
    if bounds.edge is not None and (bounds.end is None or bounds.edge < bounds.end):
        reached = floor((bounds.edge - run.time) / duration)
        stop = reached if stop is None else min(stop, reached)
    skipped = 0
    if bounds.oldest is not None:
        skipped = max(ceil((bounds.oldest - run.time) / duration) - 2, 0)
    doubtful = False
    if stop is not None and bounds.end is not None and not (alone and stop == 1):
        tail = bounds.end - run.time - (stop - 1) * duration
        doubtful = tail <= bounds.rounding and tail < duration
    return _run(run, skipped, (stop or 0) - skipped, doubtful=doubtful)


def _run(run: Run, skipped: int, count: int, *, doubtful: bool = False) -> Run:
    return Run(
        run.number + skipped,
        run.time + skipped * run.duration,
        run.duration,
        max(count, 0),
        run.parts,
        doubtful and count > 0,
    )
