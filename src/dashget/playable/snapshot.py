"""Turn the snapshot of a live presentation into a static one that lists its segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor, gcd
from typing import Final

from dashget.media.kind import SegmentKind
from dashget.mpd.budget import Budget
from dashget.mpd.presentation import (
    ContentType,
    ListAddressing,
    SingleAddressing,
    TemplateAddressing,
)
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track
from dashget.playable.eventtimes import STREAM, move_events
from dashget.playable.places import Places, drop_empty, period_of
from dashget.playable.rows import list_by_name, list_by_template, use_rows
from dashget.playable.sequences import forget_patterns, media_times
from dashget.playable.tree import Element, iso_duration
from dashget.segments.segment import Segment

_MICROSECONDS: Final = 1_000_000
"""So many are in a second: the starts of Periods are written with them."""
_MAIN: Final = (ContentType.VIDEO, ContentType.AUDIO)
_LIVE_ATTRIBUTES: Final = (
    "availabilityStartTime",
    "availabilityEndTime",
    "minimumUpdatePeriod",
    "timeShiftBufferDepth",
    "suggestedPresentationDelay",
)


def make_static(
    root: Element, places: Places, tracks: Sequence[Track], layout: Layout, budget: Budget
) -> None:
    """Make the document static; the first available segment starts at time zero.

    That is a little later where no offset in whole ticks tells its time. A Period of which the
    window has video alone, or audio alone, is left out if the presentation has both there: players
    refuse it, or stop.
    """
    media = {
        track.key: [s for s in track.index if s.kind is SegmentKind.MEDIA and s.time is not None]
        for track in tracks
    }
    left_out = _periods_left_out(tracks, media)
    for track in tracks:
        if period_of(track) in left_out:
            media[track.key] = []
    starts = [s.start for segments in media.values() for s in segments[:1] if s.start is not None]
    origin = _whole(min(starts, default=Fraction(0)), [t for t in tracks if media[t.key]])
    root.attributes["type"] = "static"
    for attribute in _LIVE_ATTRIBUTES:
        root.attributes.pop(attribute, None)
    end = origin
    for track in tracks:
        segments = [s for s in media[track.key] if s.duration is not None]
        _place_track(places[track.representation.where], track, segments, origin, layout, budget)
        if segments:
            last = segments[-1]
            ticks = Fraction(last.duration or 0, last.timebase.timescale)
            end = max(end, (last.start or origin) + ticks)
    by_period: dict[str, list[Track]] = {}
    for track in tracks:
        by_period.setdefault(period_of(track), []).append(track)
    for where, own in by_period.items():
        if where not in left_out and any(media[t.key] or _is_single(t) for t in own):
            _place_period(places[where], own[0], origin)
        else:
            places[where].remove()
    if end > origin or not any(media.values()):
        # Files of a length that is unknown tell none.
        root.attributes["mediaPresentationDuration"] = iso_duration(end - origin)


def _whole(origin: Fraction, tracks: Sequence[Track]) -> Fraction:
    """Return the last time up to ``origin`` that is whole ticks, and microseconds, of a Period.

    The Period that has begun before ``origin`` loses its begin, so that the offsets of its tracks
    grow. They are whole numbers, and one that is rounded would move a track against the others.
    """
    cut = [track for track in tracks if track.representation.period.start < origin]
    if not cut:
        return origin
    begin = min(track.representation.period.start for track in cut)
    each = gcd(_MICROSECONDS, *(track.representation.addressing.timescale for track in cut))
    return begin + Fraction(floor((origin - begin) * each), each)


def _periods_left_out(tracks: Sequence[Track], media: Mapping[int, Sequence[Segment]]) -> set[str]:
    """Return the places of the Periods that lack a main kind of media, which they would have."""
    announced: dict[str, set[ContentType]] = {}
    here: dict[str, set[ContentType]] = {}
    for track in tracks:
        kind, period = track.representation.content_type, period_of(track)
        if kind in _MAIN:
            announced.setdefault(period, set()).add(kind)
            if media[track.key] or _is_single(track):
                here.setdefault(period, set()).add(kind)
    known = set().union(*here.values())
    left_out = {where for where in here if announced[where] & known > here[where]}
    # If there is nothing else, something is better.
    return left_out if left_out < here.keys() else set()


def _is_single(track: Track) -> bool:
    return isinstance(track.representation.addressing, SingleAddressing)


def _place_period(period: Element, track: Track, origin: Fraction) -> None:
    start = track.representation.period.start - origin
    if start < 0:
        # Its begin is lost: the events count from there.
        for stream in period.all(STREAM):
            move_events(stream, -start)
    period.attributes["start"] = iso_duration(max(start, Fraction(0)))
    period.attributes.pop("duration", None)


def _list_times(listed: Element, segments: Sequence[Segment], clock: Mapping[str, str]) -> None:
    """Give a list the times of its segments, on a clock that begins with the first of all."""
    listed.attributes.update(clock)
    durations = [segment.duration or 0 for segment in segments]
    use_rows(listed, [segment.time or 0 for segment in segments], durations)


def _place_track(
    representation: Element,
    track: Track,
    segments: Sequence[Segment],
    origin: Fraction,
    layout: Layout,
    budget: Budget,
) -> None:
    """Write a Representation's available segments, and its offset, with times from ``origin``."""
    addressing = track.representation.addressing
    skipped = max(origin - track.representation.period.start, Fraction(0))
    offset = addressing.presentation_time_offset + int(skipped * addressing.timescale)
    clock = {"timescale": str(addressing.timescale), "presentationTimeOffset": str(offset)}
    if isinstance(addressing, TemplateAddressing):
        if not segments:
            if addressing.timeline is None and addressing.duration is not None:
                # A player would work out segments that are not there.
                drop_empty(representation)
            return
        template = representation.child("SegmentTemplate")
        forget_patterns(representation)
        times = media_times(track, segments)
        heads = zip(segments, times, strict=False)
        if not times or all(time == (s.time or 0) for s, time in heads if not s.sub_number):
            list_by_template(template, segments, addressing, offset, budget)
        else:
            list_by_name(template, segments, times, clock, layout, budget)
    elif isinstance(addressing, ListAddressing):
        if segments:
            _list_times(representation.child("SegmentList"), segments, clock)
    elif skipped and (base := representation.find("SegmentBase")) is not None:
        base.attributes.update(clock)
