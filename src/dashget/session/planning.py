"""The tracks and the plan of a presentation that is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dashget.common.validation import optional, require, whole
from dashget.manifest.load import LoadedManifest
from dashget.mirroring.options import SELECTION
from dashget.planning.limits import Limits, require_countable
from dashget.planning.plan import PlannedSegment, iter_plan, make_layout
from dashget.planning.selection import Selection, select
from dashget.planning.tracks import Track, make_tracks, split_sound
from dashget.session.keywords import merge_selection


def tracks_of(
    loaded: LoadedManifest,
    selection: Selection | None,
    filters: Mapping[str, Any],
    limits: Limits,
) -> tuple[Track, ...]:
    """Return the selected tracks; raise UsageError, SelectionError or MPDError.

    Those that cannot be planned are left out, unless nothing is left.
    """
    require("selection", selection, optional(SELECTION), "plan")
    require("segment_limit", limits.segments, optional(whole(1)), "plan")
    require("total_limit", limits.total, optional(whole(1)), "plan")
    narrowed = select(loaded.presentation, merge_selection(selection, filters))
    tracks = make_tracks(split_sound(narrowed)[0])
    require_countable(tracks, limits, loaded.budget)
    return tracks


def plan_tracks(loaded: LoadedManifest, tracks: tuple[Track, ...]) -> Iterator[PlannedSegment]:
    """Yield the segments of selected tracks, in presentation order."""
    return iter_plan(
        tracks, make_layout(loaded.presentation, loaded.name, budget=loaded.budget.copy())
    )


def plan_of(
    loaded: LoadedManifest,
    selection: Selection | None,
    filters: Mapping[str, Any],
    limits: Limits,
) -> Iterator[PlannedSegment]:
    """Yield every segment of a selection; no request is made."""
    return plan_tracks(loaded, tracks_of(loaded, selection, filters, limits))
