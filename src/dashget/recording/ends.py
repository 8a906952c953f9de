"""Refuse an end that was over before anything of a presentation that is still there began."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dashget.common.numbers import shown_time
from dashget.common.validation import FieldError, Wrong
from dashget.live.listing import Axis
from dashget.live.options import Wishes
from dashget.live.reading import read_version
from dashget.manifest.load import LoadedManifest
from dashget.mirroring.expectation import Expected


def check_end(wishes: Wishes, loaded: LoadedManifest, expected: Expected) -> None:
    """Raise FieldError if nothing that is there begins before the wished end.

    An end in the past is a good one where the window still has what was before it.
    """
    now = None if loaded.now is None else loaded.now.timestamp()
    if now is None or wishes.until > now:
        return
    first = min(_begins(loaded, expected, now), default=-math.inf)
    back = wishes.begin_back
    begin = max(wishes.begin, -math.inf if back is None else now - back)
    what = "what is still there begins"
    if begin > first:
        first, what = begin, "the recording is to begin"
    if first > now:
        # It is waited for, or said to begin later.
        return
    if wishes.until <= first:
        text = f"{shown_time(wishes.until)} UTC is over, and {what} at {shown_time(first)} UTC"
        raise FieldError("until", Wrong(text, "name a later end"))


def _begins(loaded: LoadedManifest, expected: Expected, now: float) -> Iterator[float]:
    """Yield when the first segment of each track begins: server times."""
    version = read_version(
        loaded.mpd, loaded.presentation, expected.selected_tracks(), expected.layout, ""
    )
    for listing in version.listings:
        if listing.axis is Axis.NAME:
            yield -math.inf
        else:
            yield from (listing.wall(run.time) for run in listing.runs(now))
