"""Turn the snapshot of a live presentation into a static one that lists its segments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import SingleAddressing, TemplateAddressing
from dashget.planning.tracks import Track
from dashget.playable.places import Places, period_of
from dashget.playable.tree import Element, iso_duration
from dashget.playable.writing import attribute_text
from dashget.segments.segment import Segment

_LIVE_ATTRIBUTES: Final = (
    "availabilityStartTime",
    "availabilityEndTime",
    "minimumUpdatePeriod",
    "timeShiftBufferDepth",
    "suggestedPresentationDelay",
)


def make_static(root: Element, places: Places, tracks: Sequence[Track]) -> None:
    """Make the document static; the first available segment starts at time zero."""
    media = {
        track.key: [s for s in track.index if s.kind is SegmentKind.MEDIA and s.time is not None]
        for track in tracks
    }
    starts = [s.start for segments in media.values() for s in segments[:1] if s.start is not None]
    origin = min(starts, default=Fraction(0))
    root.attributes["type"] = "static"
    for attribute in _LIVE_ATTRIBUTES:
        root.attributes.pop(attribute, None)
    end = origin
    for track in tracks:
        segments = [s for s in media[track.key] if s.duration is not None]
        _list_snapshot(places, track, segments, origin)
        if segments:
            last = segments[-1]
            ticks = Fraction(last.duration or 0, last.timebase.timescale)
            end = max(end, (last.start or origin) + ticks)
    by_period: dict[str, list[Track]] = {}
    for track in tracks:
        by_period.setdefault(period_of(track), []).append(track)
    for where, own in by_period.items():
        if any(media[track.key] or _is_single(track) for track in own):
            _place_period(places[where], own[0], origin)
        else:
            places[where].remove()
    if end > origin or not any(media.values()):
        # Files of a length that is unknown tell none.
        root.attributes["mediaPresentationDuration"] = iso_duration(end - origin)


def _is_single(track: Track) -> bool:
    return isinstance(track.representation.addressing, SingleAddressing)


def _place_period(period: Element, track: Track, origin: Fraction) -> None:
    start = max(track.representation.period.start - origin, Fraction(0))
    period.attributes["start"] = iso_duration(start)
    period.attributes.pop("duration", None)


def _list_snapshot(
    places: Places, track: Track, segments: Sequence[Segment], origin: Fraction
) -> None:
    """Write the list of a Representation's available segments, with times from ``origin``."""
    addressing = track.representation.addressing
    if not isinstance(addressing, TemplateAddressing) or not segments:
        return
    template = places[track.representation.where].child("SegmentTemplate")
    for attribute in ("duration", "endNumber", "availabilityTimeOffset"):
        template.attributes.pop(attribute, None)
    template.drop(("SegmentTimeline",))
    scale = addressing.timescale
    skipped = max(origin - track.representation.period.start, Fraction(0))
    offset = addressing.presentation_time_offset + int(skipped * scale)
    first_number = segments[0].number
    template.attributes.update(
        timescale=str(scale),
        presentationTimeOffset=str(offset),
        startNumber=str(1 if first_number is None else first_number),
    )
    listed = Element("")
    listed.rows = [f"{attribute_text(run)}/>" for run in _runs(segments)]
    template.child("SegmentTimeline").append(listed)


def _runs(segments: Sequence[Segment]) -> Iterator[dict[str, str]]:
    """Yield segments as ``S`` rows; a jump of the number is written as ``@n``."""
    first = 0
    for index in range(1, len(segments) + 1):
        if index < len(segments) and _runs_on(segments[index - 1], segments[index]):
            continue
        row = {"t": str(segments[first].time or 0)}
        before = segments[first - 1].number if first else None
        number = segments[first].number
        if before is not None and number is not None and number != before + 1:
            row["n"] = str(number)
        row["d"] = str(segments[first].duration or 0)
        if index - first > 1:
            row["r"] = str(index - first - 1)
        yield row
        first = index


def _runs_on(one: Segment, following: Segment) -> bool:
    numbered = one.number is None or following.number == one.number + 1
    return (
        numbered
        and one.duration == following.duration
        and following.time == (one.time or 0) + (one.duration or 0)
    )
