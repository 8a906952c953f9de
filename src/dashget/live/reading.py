"""From a resolved presentation to a ``Version``: the lines of segments of its tracks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import msgspec

from dashget.live.listing import Axis, Listing, Once, PeriodMark, Version
from dashget.live.spans import Run
from dashget.media.kind import SegmentKind
from dashget.mpd.model import MPD
from dashget.mpd.presentation import (
    Presentation,
    Representation,
    TemplateAddressing,
)
from dashget.mpd.template import Address, FieldName, UrlPattern
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track, track_label
from dashget.segments.index import SegmentIndex, derived_count
from dashget.segments.timeline import bounds_of, iter_runs

_MOST_PARTS = 64
"""The most parts of a segment sequence of which each is a line of its own."""


def read_version(
    mpd: MPD,
    presentation: Presentation,
    tracks: Sequence[Track],
    layout: Layout,
    digest: str,
) -> Version:
    """Return what a document says about the tracks that are to be recorded."""
    window = presentation.window
    begin = mpd.availability_start_time
    listings = [each for track in tracks for each in _listings(track, layout, begin or Fraction(0))]
    return Version(
        digest=digest,
        dynamic=presentation.dynamic,
        begin=begin,
        publish=None if mpd.publish_time is None else float(mpd.publish_time),
        update=None if mpd.minimum_update_period is None else float(mpd.minimum_update_period),
        depth=None if window is None or window.depth is None else float(window.depth),
        end=_end(mpd, presentation),
        listings=tuple(listings),
        periods=tuple(
            PeriodMark(period.id or f"#{period.index}", period.start, period.span.end)
            for period in presentation.periods
        ),
        location=mpd.locations[0].strip() if mpd.locations else None,
    )


def _end(mpd: MPD, presentation: Presentation) -> float | None:
    """Return the server time at which all of a presentation is there; None while it is open."""
    begin = mpd.availability_start_time or Fraction(0)
    last = presentation.periods[-1].span.end if presentation.periods else None
    if last is None or presentation.early_periods:
        return None if mpd.availability_end_time is None else float(mpd.availability_end_time)
    return float(begin + last)


def _listings(track: Track, layout: Layout, begin: Fraction) -> Iterator[Listing]:
    representation, addressing = track.representation, track.representation.addressing
    if isinstance(addressing, TemplateAddressing):
        made: Iterable[Listing] = _of_template(track, addressing, layout, begin)
    else:
        made = [_of_names(track, layout, begin)]
    once = tuple(_once(track.index, representation, layout))
    for position, listing in enumerate(made):
        more = once if position == 0 else ()
        yield msgspec.structs.replace(listing, once=(*listing.once, *more))


def _once(index: SegmentIndex, representation: Representation, layout: Layout) -> Iterator[Once]:
    for segment in index.preamble():
        path = layout.path(segment.address, None, None, None)
        urls = tuple(p.expand(None, None, None) for p in segment.address.patterns)
        yield Once(path, urls, segment.kind, representation, segment.address)


def _blank(track: Track, address: Address, place: UrlPattern, key: str) -> Listing:
    """Return a listing without segments."""
    representation = track.representation
    window = representation.window
    return Listing(
        key=key,
        label=track_label(representation),
        address=address,
        place=place,
        axis=Axis.NAME,
        scale=1,
        origin=Fraction(0),
        at_once=True,
        depth=None if window is None else window.depth,
        static=window is None,
        representation=representation,
        period=representation.period.id or f"#{representation.period.index}",
    )


def _of_template(
    track: Track, addressing: TemplateAddressing, layout: Layout, begin: Fraction
) -> Iterator[Listing]:
    """Yield the lines of a SegmentTemplate: its media, and its index segments if it has any."""
    addresses = [(addressing.media, SegmentKind.MEDIA)]
    if addressing.index is not None:
        addresses.append((addressing.index, SegmentKind.INDEX))
    for address, kind in addresses:
        names = frozenset(field.name for field in address.patterns[0].fields)
        place = layout.pattern(address)
        for part in _parts(addressing, names):
            text = f"{place.text}#{part}" if FieldName.SUB_NUMBER in names else place.text
            blank = _blank(track, address, place, text)
            line = _line(blank, track, addressing, names, part)
            yield msgspec.structs.replace(
                line, origin=line.origin + begin, kind=kind, sub_number=part,
                tick_parts=addressing.tick_parts,
            )  # fmt: skip


def _parts(addressing: TemplateAddressing, names: frozenset[FieldName]) -> range:
    if addressing.timeline is None or FieldName.SUB_NUMBER not in names:
        return range(1, 2)
    most = max((k for *_, k in addressing.timeline), default=1)
    return range(1, min(most, _MOST_PARTS) + 1)


def _line(
    blank: Listing,
    track: Track,
    addressing: TemplateAddressing,
    names: frozenset[FieldName],
    part: int,
) -> Listing:
    """Return a line whose origin counts from the begin of the presentation."""
    start, scale = track.representation.period.start, addressing.timescale
    offset = addressing.presentation_time_offset
    if addressing.timeline is not None:
        line = msgspec.structs.replace(
            blank,
            key=f"{blank.key} {Axis.TIME.value}/{scale}",
            axis=Axis.TIME,
            scale=scale,
            origin=start - Fraction(offset, scale),
            at_once=addressing.availability_time_offset is None,
            rows=tuple(_rows(track, addressing, part)),
        )
        return _with_open_row(line, track, addressing)
    if addressing.duration is None:
        # Numbers without times, or one file.
        first, last = addressing.start_number, addressing.end_number or 0
        count = max(last - first + 1, 1) if FieldName.NUMBER in names else 1
        key = f"{blank.key} {Axis.NAME.value}"
        return msgspec.structs.replace(
            blank, key=key, origin=start, rows=(Run(first, 1, count, first),)
        )
    return _derived_line(blank, track, addressing, by_time=FieldName.TIME in names)


def _derived_line(
    blank: Listing, track: Track, addressing: TemplateAddressing, *, by_time: bool
) -> Listing:
    """Return a line of segments that follow from ``@duration``."""
    period, scale = track.representation.period, addressing.timescale
    step, first = addressing.duration or 1, addressing.start_number
    at = 0 if by_time else first * step
    axis = Axis.TIME if by_time else Axis.NUMBER
    count = _derived(track.representation, addressing)
    return msgspec.structs.replace(
        blank,
        key=f"{blank.key} {axis.value}/{scale}/{step}",
        axis=axis,
        scale=scale,
        origin=period.start - Fraction(at, scale),
        step=step,
        begin=at,
        first_number=first,
        length=None if period.duration is None else period.duration * scale,
        stop=None if count is None else at + count * step,
        shift=0 if by_time else addressing.presentation_time_offset - at,
        at_once=addressing.availability_time_offset is None,
    )


def _rows(track: Track, addressing: TemplateAddressing, sub_number: int) -> Iterator[Run]:
    """Yield the rows of a timeline; an open one up to what is complete."""
    timeline = addressing.timeline
    if timeline is None:
        return
    bounds = bounds_of(
        track.representation.period,
        addressing.timescale,
        addressing.presentation_time_offset,
        window=track.representation.window,
        # What is there earlier is not complete yet: nothing is gained by it.
        availability_time_offset=None
        if addressing.availability_time_offset is None
        else Fraction(0),
        last_number=addressing.end_number,
    )
    for run in iter_runs(timeline, addressing.start_number, bounds):
        if run.count and run.parts >= sub_number:
            # What has no duration takes a tick, so that it is known by its place.
            yield Run(run.time, max(run.duration, 1), run.count, run.number)


def _with_open_row(line: Listing, track: Track, addressing: TemplateAddressing) -> Listing:
    """Return a line whose last row repeats: what it brings follows from its duration."""
    period, timeline = track.representation.period, addressing.timeline
    if timeline is None or not timeline.runs_on or line.static or not line.rows:
        return line
    last = line.rows[-1]
    *_, (_, step, _, _, _) = timeline
    if last.duration != step:
        return line
    end: Fraction | None = None
    if period.duration is not None:
        end = period.duration * addressing.timescale + addressing.presentation_time_offset
    return msgspec.structs.replace(
        line,
        rows=line.rows[:-1],
        step=last.duration,
        begin=last.time,
        first_number=last.number,
        length=None if end is None else end - last.time,
        stop=None if end is None else last.time - (last.time - end) // step * step,
    )


def _derived(representation: Representation, addressing: TemplateAddressing) -> int | None:
    """Return the number of segments that follow from a duration; None for an open Period."""
    period = representation.period
    if addressing.end_number is not None:
        return max(addressing.end_number - addressing.start_number + 1, 0)
    if period.duration is None:
        return None
    if period.beyond:
        return 1
    return derived_count(period.duration, Fraction(addressing.duration or 1, addressing.timescale))


def _of_names(track: Track, layout: Layout, begin: Fraction) -> Listing:
    """Return the files of a SegmentList, or the single one: their names alone tell them.

    The times of a list that slides seldom slide with it.
    """
    representation = track.representation
    once: list[Once] = []
    usual = 0.0
    for segment in track.index.media():
        if segment.duration:
            usual = segment.duration / segment.timebase.timescale
        path = layout.path(segment.address, segment.number, segment.time, None)
        urls = (segment.url, *segment.alternatives)
        once.append(Once(path, urls, segment.kind, representation, segment.address))
    address, place = Address((UrlPattern.literal("data:,"),)), UrlPattern.literal("")
    blank = _blank(track, address, place, f"{representation.id} {Axis.NAME.value}")
    origin = begin + representation.period.start
    return msgspec.structs.replace(blank, origin=origin, once=tuple(once), usual=usual)
