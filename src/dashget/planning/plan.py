"""The plan: every request that a selection implies, in presentation order, as a stream.

Order: Period by Period; in a Period first what is not on the timeline (initialization,
index), then media by start time, Representations in document order where they start
together. Nothing is held but one segment per Representation, so a plan of a million
segments takes the memory of a plan of ten.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from operator import attrgetter
from typing import Final

import msgspec

from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import Presentation, Representation
from dashget.mpd.template import Address
from dashget.planning.layout import Layout, SafePath
from dashget.segments import SegmentIndex, address
from dashget.segments.segment import Segment, TimeBase

_BEFORE_MEDIA: Final = float("-inf")


class Track(msgspec.Struct, frozen=True, eq=False):
    """One Representation of one Period with its segments; ``key`` numbers them in a plan."""

    key: int
    representation: Representation
    index: SegmentIndex

    @property
    def files(self) -> int | None:
        """How many segments of all kinds there are; None where only reading them tells."""
        media = self.index.count()
        representation = self.representation
        others = (
            representation.initialization,
            representation.representation_index,
            representation.bitstream_switching,
        )
        return None if media is None else media + sum(1 for other in others if other is not None)

    @property
    def bytes_estimated(self) -> int | None:
        """Bandwidth x duration; None where either is unknown. Good to some ten percent."""
        span = self.representation.period
        if self.representation.bandwidth is None or span.duration is None:
            return None
        return int(self.representation.bandwidth * span.duration / 8)


class PlannedSegment(msgspec.Struct, frozen=True, gc=False):
    """One segment, whose it is, and the path of its resource in the mirror."""

    track: Track
    segment: Segment
    path: SafePath
    urls: tuple[str, ...]
    """The absolute URLs of the resource, the first choice first."""


class PlanLine(msgspec.Struct, frozen=True, gc=False):
    """The JSON form of a planned segment: one line of ``dashget plan --json``.

    ``start`` and ``duration`` are seconds on the presentation timeline, the nearest
    doubles to the exact values; ``time`` is media time in ticks of ``timescale``.
    """

    period: str | None
    period_index: int
    adaptation_set: int
    representation: str
    kind: SegmentKind
    number: int | None
    time: int | None
    timescale: int
    start: float | None
    duration: float | None
    url: str
    range: str | None
    explicit: bool
    path: str


def track_label(representation: Representation) -> str:
    """Describe a Representation to people: ``1280x720 2400k (v2)``."""
    facts: list[str] = []
    if representation.width and representation.height:
        facts.append(f"{representation.width}x{representation.height}")
    if representation.lang:
        facts.append(representation.lang)
    if representation.bandwidth:
        facts.append(f"{representation.bandwidth / 1000:.0f}k")
    facts.append(f"({representation.id})")
    return " ".join(facts)


def make_tracks(presentation: Presentation, *, limit: int | None = None) -> tuple[Track, ...]:
    """Number the Representations of a (narrowed) presentation; give each its segment index.

    ``limit`` is the most segments that one Representation may have.
    """
    return tuple(
        Track(key, representation, address(representation, limit=limit))
        for key, representation in enumerate(iter_representations(presentation))
    )


def iter_representations(presentation: Presentation) -> Iterator[Representation]:
    """Yield all Representations in document order."""
    for period in presentation.periods:
        for adaptation_set in period.adaptation_sets:
            yield from adaptation_set.representations


def make_layout(presentation: Presentation, name: SafePath | None = None) -> Layout:
    """Name the resources of a whole presentation, whatever is selected of it.

    Names are relative to the presentation's URL; ``name`` is that of the MPD.
    """
    return Layout(presentation.url, _iter_addresses(presentation), name=name)


def iter_plan(tracks: Sequence[Track], layout: Layout) -> Iterator[PlannedSegment]:
    """Yield the segments of the tracks, which are grouped by Period, in presentation order."""
    period = attrgetter("representation.period.index")
    for _, group in groupby(tracks, key=period):
        streams = [_iter_track(track, layout) for track in group]
        if len(streams) == 1:
            yield from streams[0]
        else:
            ordered = [_with_order(position, s) for position, s in enumerate(streams)]
            for item in heapq.merge(*ordered):
                yield item[3]


def plan_line(planned: PlannedSegment) -> PlanLine:
    """Give the JSON form of a planned segment."""
    representation, segment = planned.track.representation, planned.segment
    base, time, ticks = segment.timebase, segment.time, segment.duration
    period, scale, span = representation.period, base.timescale, segment.range
    return PlanLine(
        period.id,
        period.index,
        representation.adaptation_set,
        representation.id,
        segment.kind,
        segment.number,
        time,
        scale,
        None if time is None else _seconds(base, time),
        None if ticks is None else ticks / scale,
        segment.url,
        None if span is None else str(span),
        segment.explicit,
        planned.path,
    )


def _iter_addresses(presentation: Presentation) -> Iterator[Address]:
    for representation in iter_representations(presentation):
        yield from address(representation).addresses()


def _iter_track(track: Track, layout: Layout) -> Iterator[PlannedSegment]:
    known: Address | None = None
    for segment in track.index:
        if segment.address is not known:
            known = segment.address
            first, *others = known.patterns
            constant = None if first.fields else layout.path(known, None, None, None)
            place = first if constant else layout.pattern(known)
        number, time, sub_number = segment.number, segment.time, segment.sub_number
        path = constant or SafePath(place.expand(number, time, sub_number))
        urls: tuple[str, ...] = (first.expand(number, time, sub_number),)
        if others:
            urls += tuple([other.expand(number, time, sub_number) for other in others])
        yield PlannedSegment(track, segment, path, urls)


def _with_order(
    position: int, stream: Iterator[PlannedSegment]
) -> Iterator[tuple[float, int, int, PlannedSegment]]:
    """Put a sort key before each item; it is unique, so that items are never compared.

    A double suffices: only the order of starts that differ by nanoseconds depends on it.
    """
    for count, item in enumerate(stream):
        time = item.segment.time
        if item.segment.kind is SegmentKind.MEDIA and time is not None:
            yield _seconds(item.segment.timebase, time), position, count, item
        else:
            yield _BEFORE_MEDIA, position, count, item


def _seconds(base: TimeBase, time: int) -> float:
    """Return the double nearest to ``origin + time / timescale``; int division rounds once."""
    origin: Fraction = base.origin
    numerator, denominator = origin.numerator, origin.denominator
    return (numerator * base.timescale + time * denominator) / (denominator * base.timescale)
