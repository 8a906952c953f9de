"""The plan: a stream of all files that the selected tracks need, in presentation order.

Order: Period by Period. Within a Period first the files outside the timeline (initialization,
index), then media by start time; Representations in document order if they start together. Last
come the segments of segment information that is not in use.
Only one segment per Representation is held in memory, so a plan of a million segments takes the
memory of a plan of ten.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from operator import attrgetter
from typing import Final

from dashget.common.secrets import HidesSecrets
from dashget.common.url import without_user
from dashget.media.kind import SegmentKind
from dashget.mpd.budget import Budget
from dashget.mpd.presentation import Presentation
from dashget.mpd.template import Address
from dashget.planning.layout import NAME_BYTES, Layout, SafePath
from dashget.planning.tracks import Track, iter_representations
from dashget.segments import address
from dashget.segments.segment import Segment, TimeBase

_BEFORE_MEDIA: Final = float("-inf")
_AFTER_MEDIA: Final = float("inf")


class PlannedSegment(HidesSecrets, frozen=True, gc=False):
    """One segment with its track, the path of its file in the mirror, and its URLs."""

    track: Track
    segment: Segment
    path: SafePath
    urls: tuple[str, ...]
    """The absolute URLs of the resource, the preferred one first."""


class PlanLine(HidesSecrets, frozen=True, gc=False):
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


def make_layout(
    presentation: Presentation,
    name: SafePath | None = None,
    name_bytes: int = NAME_BYTES,
    budget: Budget | None = None,
    known: Mapping[str, str] | None = None,
) -> Layout:
    """Return the paths of all resources of a presentation, selected or not.

    Paths are relative to the presentation's URL; ``name`` is the file name of the MPD, and
    ``name_bytes`` the longest name that the place of the mirror takes. It spends from ``budget``.
    ``known`` has the names of other versions of the document.
    """
    addresses, budget = _iter_addresses(presentation), budget or Budget()
    return Layout(
        presentation.url, addresses, budget, name=name, name_bytes=name_bytes, known=known
    )


def iter_plan(tracks: Sequence[Track], layout: Layout) -> Iterator[PlannedSegment]:
    """Yield the planned files in presentation order; the tracks must be grouped by Period."""
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
    """Return the JSON form of a planned segment."""
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
        without_user(segment.url),
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
            # Most paths are the end of their URL: then they need not be made, but only cut off.
            start = None if constant else first.start_of(place)
        number, time, sub_number = segment.number, segment.time, segment.sub_number
        url = first.expand(number, time, sub_number)
        if start is not None:
            path = SafePath(url[start:])
        else:
            path = constant or SafePath(place.expand(number, time, sub_number))
        urls: tuple[str, ...] = (url,)
        if others:
            urls += tuple([other.expand(number, time, sub_number) for other in others])
        yield PlannedSegment(track, segment, path, urls)


def _with_order(
    position: int, stream: Iterator[PlannedSegment]
) -> Iterator[tuple[float, int, int, PlannedSegment]]:
    """Yield each item behind a unique sort key, so that items themselves are never compared.

    A double is exact enough: only starts that differ by nanoseconds may change places.
    """
    for count, item in enumerate(stream):
        time = item.segment.time
        if item.segment.kind is SegmentKind.MEDIA and time is not None:
            yield _seconds(item.segment.timebase, time), position, count, item
        elif item.segment.kind is SegmentKind.SPARE:
            yield _AFTER_MEDIA, position, count, item
        else:
            yield _BEFORE_MEDIA, position, count, item


def _seconds(base: TimeBase, time: int) -> float:
    """Return the double nearest to ``origin + time / timescale``; int division rounds once."""
    origin: Fraction = base.origin
    numerator, denominator = origin.numerator, origin.denominator
    return (numerator * base.timescale + time * denominator) / (denominator * base.timescale)
