"""From a resolved presentation to a ``Version``: the lines of segments of its tracks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from dashget.common.numbers import nearest_float
from dashget.errors import UnsupportedMPDError
from dashget.live.listing import (
    Axis,
    Listing,
    Once,
    PatchOffer,
    PeriodMark,
    Version,
    runs_of,
)
from dashget.live.rows import KnownRows
from dashget.live.spans import Run
from dashget.media.events import EXPIRY
from dashget.media.kind import SegmentKind
from dashget.mpd.model import MPD
from dashget.mpd.presentation import (
    Addressing,
    ListAddressing,
    Presentation,
    Representation,
    SingleAddressing,
    TemplateAddressing,
)
from dashget.mpd.template import Address, FieldName, UrlPattern
from dashget.mpd.timeline import SegmentTimeline
from dashget.mpd.urls import resolve_reference
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track, track_label
from dashget.segments.index import SegmentIndex
from dashget.segments.segment import Segment
from dashget.segments.template import DurationIndex
from dashget.segments.timeline import Run as Row
from dashget.segments.timeline import bounds_of, iter_runs

MOST_LOCATIONS: Final = 4
_MOST_PARTS: Final = 1000
"""The most parts of a sequence of segments: each is a line of its own."""


def read_version(
    mpd: MPD,
    presentation: Presentation,
    tracks: Sequence[Track],
    layout: Layout,
    digest: str,
    known: KnownRows | None = None,
) -> Version:
    """Return what a document says about the tracks that are to be recorded.

    ``known`` has the rows of the version before, and gets those of this one.
    """
    known = known or KnownRows()
    known.turn()
    window = presentation.window
    begin = mpd.availability_start_time
    since = begin or Fraction(0)
    listings = [each for track in tracks for each in _listings(track, layout, since, known)]
    expiring = _expiring(presentation)
    if expiring:
        listings = [
            msgspec.structs.replace(each, expires=True) if _set_of(each) in expiring else each
            for each in listings
        ]
    return Version(
        digest=digest,
        dynamic=presentation.dynamic,
        begin=begin,
        publish=_seconds(mpd.publish_time),
        update=_seconds(mpd.minimum_update_period),
        depth=None if window is None or window.depth is None else float(window.depth),
        end=_end(mpd, presentation),
        closes=_seconds(mpd.availability_end_time),
        listings=tuple(listings),
        periods=tuple(
            PeriodMark(period.id or f"#{period.index}", period.start, period.span.end)
            for period in presentation.periods
        ),
        locations=tuple(_resolved(presentation, each) for each in mpd.locations[:MOST_LOCATIONS]),
        patch=_patch_offer(mpd, presentation),
    )


def _expiring(presentation: Presentation) -> frozenset[tuple[int, int]]:
    """Return the AdaptationSets with events that end the validity of manifests: by Period."""
    return frozenset(
        (period.index, each.index)
        for period in presentation.periods
        for each in period.adaptation_sets
        if any(stream.scheme == EXPIRY for stream in each.inband_events)
    )


def _set_of(listing: Listing) -> tuple[int, int] | None:
    made_of = listing.representation
    return None if made_of is None else (made_of.period.index, made_of.adaptation_set)


def _resolved(presentation: Presentation, reference: str) -> str:
    return resolve_reference(presentation.url, reference)


def _patch_offer(mpd: MPD, presentation: Presentation) -> PatchOffer | None:
    """Return where patches are, if they can belong to this document."""
    if not mpd.patch_locations or mpd.id is None or mpd.publish_time is None:
        return None
    located = mpd.patch_locations[0]
    until = None if located.ttl is None else mpd.publish_time + located.ttl
    return PatchOffer(
        _resolved(presentation, located.url), None if until is None else nearest_float(until)
    )


def _seconds(value: Fraction | None) -> float | None:
    return None if value is None else nearest_float(value)


def _end(mpd: MPD, presentation: Presentation) -> float | None:
    """Return the server time at which all of a presentation is there; None while it is open."""
    begin = mpd.availability_start_time or Fraction(0)
    last = presentation.periods[-1].span.end if presentation.periods else None
    if last is None or presentation.early_periods:
        return _seconds(mpd.availability_end_time)
    return float(begin + last)


def _listings(track: Track, layout: Layout, begin: Fraction, known: KnownRows) -> Iterator[Listing]:
    representation, addressing = track.representation, track.representation.addressing
    if isinstance(addressing, TemplateAddressing):
        made: Iterable[Listing] = _of_template(track, addressing, layout, begin, known)
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
    track: Track,
    addressing: TemplateAddressing,
    layout: Layout,
    begin: Fraction,
    known: KnownRows,
) -> Iterator[Listing]:
    """Yield the lines of a SegmentTemplate: its media, and its index segments if it has any.

    The segments of sequences are a line for each sub number.
    """
    addresses = [(addressing.media, SegmentKind.MEDIA)]
    if addressing.index is not None:
        addresses.append((addressing.index, SegmentKind.INDEX))
    parts = _parts(track.representation, addressing)
    for address, kind in addresses:
        names = frozenset(field.name for field in address.patterns[0].fields)
        place = layout.pattern(address)
        in_parts = FieldName.SUB_NUMBER in names and addressing.has_sub_numbers
        for part in range(parts if in_parts else 1):
            text = f"{place.text}#{part}" if in_parts else place.text
            blank = _blank(track, address, place, text)
            line = _line(blank, track, addressing, names, part, known)
            line = msgspec.structs.replace(
                line, origin=line.origin + begin, kind=kind,
                period_start=track.representation.period.start + begin, sub_number=part,
                tick_parts=addressing.tick_parts, grows=not addressing.available_as_a_whole,
            )  # fmt: skip
            hidden = () if line.in_order and not line.step else tuple(_hidden(line))
            yield msgspec.structs.replace(line, once=hidden)


def _hidden(line: Listing) -> Iterator[Once]:
    """Yield the segments that overlap one before them by more than a half, as files by name.

    Their place on the axis does not tell them from that one.
    """
    rows = [*line.rows]
    if line.step and line.rows:
        count = max(line.rows[-1].end - line.begin, 0) // line.step + 1
        count = min(count, _MOST_PARTS)
        rows.append(Run(line.begin, line.step, count, line.first_number))
    end: int | None = None
    for run in rows:
        for k in range(run.count):
            time, number = run.time + k * run.duration, run.number + k
            if end is None or time + run.duration // 2 >= end:
                break
            urls = line.urls(time, number)
            path = line.path(time, number)
            yield Once(path, urls, line.kind, line.representation, line.address)
        end = run.end if end is None else max(end, run.end)


def _parts(representation: Representation, addressing: TemplateAddressing) -> int:
    """Return the most parts that a sequence has; raise UnsupportedMPDError if they are too many."""
    most, timeline = addressing.sequence, addressing.timeline
    if addressing.has_sub_numbers and timeline is not None:
        most = max((most if k is None else k for *_, k in timeline), default=1)
    if most > _MOST_PARTS:
        raise UnsupportedMPDError(
            f"Representation {representation.id!r} has sequences of {most:,} segments (@k), more "
            f"than the {_MOST_PARTS:,} that can be recorded"
            f" ({representation.where}, line {representation.line})",
            hint="select other Representations, or mirror what is there with dashget get",
        )
    return max(most, 1)


def _line(
    blank: Listing,
    track: Track,
    addressing: TemplateAddressing,
    names: frozenset[FieldName],
    part: int,
    known: KnownRows,
) -> Listing:
    """Return a line whose origin counts from the begin of the presentation."""
    period, scale = track.representation.period, addressing.timescale
    by_time = FieldName.TIME in names
    if addressing.timeline is not None:
        line = msgspec.structs.replace(
            blank,
            key=f"{blank.key} {Axis.TIME.value}/{scale}",
            axis=Axis.TIME,
            scale=scale,
            origin=period.start - Fraction(addressing.presentation_time_offset, scale),
            at_once=addressing.availability_time_offset is None,
        )
        plain = None
        if not addressing.has_sub_numbers:
            plain = known.rows(addressing.timeline, addressing.start_number)
        if plain is not None:
            return msgspec.structs.replace(
                line, rows=plain.all, base=plain.base, fresh=plain.fresh, in_order=plain.in_order
            )
        return _with_rows(line, track, addressing, addressing.timeline, part)
    if addressing.duration is not None:
        return _derived_line(blank, track, addressing, by_time=by_time, part=part)
    # Numbers without times, or one file.
    first, last = addressing.start_number, addressing.end_number
    count = max(last - first + 1, 0) if last is not None and not by_time else 1
    return msgspec.structs.replace(
        blank,
        key=f"{blank.key} {Axis.NAME.value}",
        origin=period.start,
        rows=(Run(first, 1, count, first),) if count else (),
        # It has no time: $Time$ is 0.
        shift=-first,
    )


def _derived_line(
    blank: Listing, track: Track, addressing: TemplateAddressing, *, by_time: bool, part: int
) -> Listing:
    """Return a line of segments that follow from ``@duration``."""
    period, scale = track.representation.period, addressing.timescale
    step, first = addressing.duration or 1, addressing.start_number
    at = 0 if by_time else first * step
    axis = Axis.TIME if by_time else Axis.NUMBER
    index = track.index
    count = index.total() if isinstance(index, DurationIndex) else None
    after = addressing.sequence - 1 - part if addressing.sequence > 1 else 0
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
        doubtful=count is not None
        and isinstance(index, DurationIndex)
        and index.doubts(count - 1, part),
        early=Fraction(step * after, addressing.sequence),
        shift=0 if by_time else addressing.presentation_time_offset - at,
        at_once=addressing.availability_time_offset is None,
    )


def _with_rows(
    line: Listing,
    track: Track,
    addressing: TemplateAddressing,
    timeline: SegmentTimeline,
    part: int,
) -> Listing:
    """Return a line with the rows of a timeline that have a part.

    A last row that repeats goes on without another read: what it brings follows from its
    durations.
    """
    period, scale = track.representation.period, addressing.timescale
    offset, parts = addressing.presentation_time_offset, addressing.parts
    bounds = bounds_of(
        period, scale, offset,
        window=None, early_seconds=None, last_number=addressing.end_number,
    )  # fmt: skip
    rows = list(iter_runs(timeline, addressing.start_number, bounds, parts))
    with_part = [row for row in rows if max(row.parts, 1) > part or not addressing.has_sub_numbers]
    last = with_part[-1] if with_part and with_part[-1] is rows[-1] else None
    if last is None or not timeline.runs_on or (last.pattern is None and not last.duration):
        closed = tuple(run for row in with_part if row.count for run in runs_of(row))
        return msgspec.structs.replace(line, rows=closed)
    closed = tuple(run for row in with_part[:-1] if row.count for run in runs_of(row))
    end = bounds.end if bounds.last_number is None else None
    known = bounds.end is not None or bounds.last_number is not None or line.static
    shortest = last.duration
    if last.pattern is not None:
        shortest = min(ticks for _, ticks in last.pattern.pairs)
    return msgspec.structs.replace(
        line,
        rows=closed,
        step=shortest,
        cycle=last.pattern,
        entry=last.entry,
        begin=last.time,
        first_number=last.number,
        length=None if end is None else end - last.time,
        stop=last.end if known else None,
        doubtful=last.count > 0 and (last.doubtful or (part > 0 and _is_behind(last, part))),
    )


def _is_behind(row: Row, part: int) -> bool:
    """Return True if a part of the last sequence of a row is behind the Period's end."""
    length = row.duration if row.pattern is None else row.pattern.span(row.entry + row.count - 1, 1)
    return row.doubts(row.end - length + Fraction(length * part, max(row.parts, 1)))


def _of_names(track: Track, layout: Layout, begin: Fraction) -> Listing:
    """Return the files of a SegmentList, or the single one: their names alone tell them.

    The times of a list that slides seldom slide with it.
    """
    representation, addressing = track.representation, track.representation.addressing
    period, scale = representation.period, addressing.timescale
    single = isinstance(addressing, SingleAddressing)
    origin = begin + period.start - Fraction(addressing.presentation_time_offset, scale)
    window = representation.window
    depth = None if window is None or window.depth is None else float(window.depth)
    behind = "" if single else _path_of_initialization(track, layout)
    timed = isinstance(addressing, ListAddressing) and addressing.timeline is not None
    once: list[Once] = []
    usual = 0.0
    end = period.end
    open_ = window is not None and (end is None or end > window.now)
    for segment in track.index.media():
        if segment.duration and not single:
            usual = segment.duration / segment.timebase.timescale
        path = layout.path(segment.address, segment.number, segment.time, None)
        part = segment.range
        in_one = single or part is not None
        urls = (segment.url, *segment.alternatives)
        once.append(
            Once(
                path, urls, segment.kind, representation, segment.address,
                time=None if single else _listed_time(segment, addressing),
                duration=0 if single else segment.duration or 0,
                scale=scale, origin=origin, depth=depth, behind=behind,
                timed=timed, in_one=in_one, grows=in_one and open_,
                least=0 if part is None or part.last is None else part.last + 1,
            )
        )  # fmt: skip
    address, place = Address((UrlPattern.literal("data:,"),)), UrlPattern.literal("")
    name = period.id or f"#{float(begin + period.start)}"
    blank = _blank(track, address, place, f"{name} {representation.id} {Axis.NAME.value}")
    return msgspec.structs.replace(
        blank, scale=scale, origin=origin, once=tuple(once), usual=usual,
        period_start=begin + period.start, named=True, single=single,
    )  # fmt: skip


def _path_of_initialization(track: Track, layout: Layout) -> str:
    initialization = track.representation.initialization
    if initialization is None:
        return ""
    return layout.path(initialization.address, None, None, None)


def _listed_time(segment: Segment, addressing: Addressing) -> int | None:
    """Return the media time of a file of a list, as players work it out: numbers count.

    The list slides, and so does its first number.
    """
    if isinstance(addressing, ListAddressing) and addressing.timeline is None:
        if addressing.duration is None or segment.number is None:
            return None
        ahead = max(segment.number - 1, 0) * addressing.duration
        return addressing.presentation_time_offset + ahead
    return segment.time
