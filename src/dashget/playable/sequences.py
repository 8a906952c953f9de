"""Write sequences and patterns of segments so that the players of browsers read them.

A row of a timeline with ``@k`` is read by Shaka Player (5.2) and dash.js (5.2), from sub number 0
on. ``SegmentTemplate@k`` is read by dash.js alone, and a Pattern by Shaka Player alone. So both
become plain rows. Shaka Player takes ``$SubNumber$`` without a width only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dashget.media.kind import SegmentKind
from dashget.mpd.budget import LISTED, Budget
from dashget.mpd.presentation import TemplateAddressing
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track
from dashget.playable.places import Places
from dashget.playable.rows import list_by_name, list_by_template, names_time
from dashget.playable.templates import children_with
from dashget.playable.tree import Element
from dashget.segments.segment import Segment

_MOST_SEGMENTS, _MOST_ROWS = 1_000_000, 100_000
"""A longer list stays as it is written."""
_PATTERN_NEEDED: Final = "urn:mpeg:dash:pattern:2024"
"""The EssentialProperty of sets with Patterns, for which players leave out the set."""


def list_sequences(places: Places, tracks: Sequence[Track], layout: Layout, budget: Budget) -> None:
    """List the segments of Representations whose sequences or patterns not every player reads."""
    listed: set[Element] = set()
    for track in tracks:
        addressing, element = track.representation.addressing, places[track.representation.where]
        if not isinstance(addressing, TemplateAddressing) or not _is_special(addressing):
            continue
        if _list(element, track, addressing, layout, budget):
            listed.add(element)
            forget_patterns(element)
    if not listed:
        return
    kept = {
        level
        for track in tracks
        if (element := places[track.representation.where]) not in listed
        for level in element.levels()
    }
    for element in listed:
        for level in element.levels():
            upper = level.find("SegmentTemplate")
            if level is not element and level not in kept and upper is not None:
                # No Representation takes its rows from there any more.
                for name in ("k", "duration", "endNumber"):
                    upper.attributes.pop(name, None)
                upper.drop(("SegmentTimeline",))


def forget_patterns(element: Element) -> None:
    """Remove the statement that the timelines of a Representation have Patterns."""
    for level in element.levels():
        for needed in list(level.all("EssentialProperty")):
            if needed.attributes.get("schemeIdUri", "").strip() == _PATTERN_NEEDED:
                needed.remove()


def media_times(track: Track, segments: Sequence[Segment]) -> list[int]:
    """Return the media times of segments that ``$Time$`` names; empty where it names none."""
    addressing = track.representation.addressing
    if not isinstance(addressing, TemplateAddressing) or not names_time(addressing):
        return []
    scale, begun = addressing.timescale, track.representation.period.start
    offset = addressing.presentation_time_offset
    return [int(((s.start or begun) - begun) * scale) + offset for s in segments]


def _is_special(addressing: TemplateAddressing) -> bool:
    timeline = addressing.timeline
    if timeline is None and addressing.duration is None:
        return False
    return addressing.sequence > 1 or (timeline is not None and timeline.has_patterns)


def _list(
    element: Element, track: Track, addressing: TemplateAddressing, layout: Layout, budget: Budget
) -> bool:
    """Write the rows of a Representation; return False if they are too many."""
    count = track.index.count()
    if count > _MOST_SEGMENTS:
        return False
    template = element.child("SegmentTemplate")
    offset, derived = addressing.presentation_time_offset, addressing.timeline is None
    if not names_time(addressing) or not (addressing.tick_parts > 1 or (derived and offset)):
        played = _played(track)
        return list_by_template(template, played, addressing, offset, budget, most=_MOST_ROWS)
    if count > _MOST_ROWS:
        return False
    budget.spend(2 * LISTED * count, "the local MPD's list of segments")
    segments = list(_played(track))
    if not segments:
        return False
    clock = {"timescale": str(addressing.timescale), "presentationTimeOffset": str(offset)}
    for upper in reversed(children_with(element, "SegmentTemplate")):
        if "initialization" in upper.attributes:
            template.attributes["initialization"] = upper.attributes["initialization"]
    list_by_name(template, segments, media_times(track, segments), clock, layout, budget)
    return True


def _played(track: Track) -> Iterator[Segment]:
    """Yield the media segments that begin before the Period's end."""
    period = track.representation.period
    end = None if period.duration is None else period.start + period.duration
    for segment in track.index:
        if segment.kind is not SegmentKind.MEDIA or segment.time is None:
            continue
        if segment.last_derived and end is not None and (segment.start or 0) >= end:
            continue
        yield segment
