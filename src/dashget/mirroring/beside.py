"""Choose the stored segments that are looked at when a few files have come beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dashget.media.kind import SegmentKind
from dashget.mirroring.rows import IN_A_ROW
from dashget.planning.layout import Layout
from dashget.planning.plan import PlannedSegment, iter_plan
from dashget.planning.tracks import Track


def those_beside(
    track: Track, layout: Layout, came: Collection[int] | None, some: int
) -> Iterator[PlannedSegment]:
    """Yield the segments of a track that are near those with the times ``came``.

    And ``some`` from all over the track. Those that came are left out; None: all are yielded.
    """
    if came is None:
        yield from _media(track, layout)
        return
    times = frozenset(came)
    places = [at for at, each in enumerate(_media(track, layout)) if each.segment.time in times]
    wanted = {at + step for at in places for step in range(-IN_A_ROW, IN_A_ROW + 1)}
    wanted.update(range(0, track.index.count(), max(1, track.index.count() // some)))
    wanted.difference_update(places)
    for at, planned in enumerate(_media(track, layout)):
        if at in wanted:
            yield planned


def _media(track: Track, layout: Layout) -> Iterator[PlannedSegment]:
    """Yield the media segments of a track that have a time."""
    for planned in iter_plan((track,), layout):
        if planned.segment.kind is SegmentKind.MEDIA and planned.segment.time is not None:
            yield planned
