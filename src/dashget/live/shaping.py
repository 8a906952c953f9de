"""Give the listings of a document their shapes, worked out anew only where they may be others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from dashget.errors import MPDError
from dashget.live.listing import Listing, Version
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.presentation import Presentation
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track
from dashget.playable.shapes import fixed_part, shapes_of, without_moving

_UNPLAYABLE: Final = "the local MPD lacks what this manifest has, all of which is recorded: {}"


class Shaper:
    """Remembers the shapes of the last document."""

    def __init__(self, limits: WorkLimits) -> None:
        self._limits = limits
        self._key: tuple[object, ...] = ()
        self._shapes: Mapping[str, str] = {}
        self.left_out: dict[str, str] = {}
        """What the local MPD lacks of any document, for people, by its kind."""

    def give(
        self,
        version: Version,
        data: bytes,
        presentation: Presentation,
        tracks: Sequence[Track],
        layout: Layout,
        remote: Mapping[str, bytes],
    ) -> Version:
        """Return a version whose listings have their shapes, as far as there are any."""
        fixed = fixed_part(data)
        places = tuple(track.representation.where for track in tracks)
        pieces = (
            without_moving(fixed),
            *(part for pair in sorted(remote.items()) for part in pair),
        )
        digests = [sha256(p if isinstance(p, bytes) else p.encode()).digest() for p in pieces]
        key = presentation.url, places, *digests
        if key != self._key:
            self._shapes = self._made(fixed, data, presentation, tracks, layout, remote)
            self._key = key
        shapes = self._shapes
        return msgspec.structs.replace(
            version, listings=tuple(_with(each, shapes) for each in version.listings)
        )

    def _made(
        self,
        fixed: bytes,
        data: bytes,
        presentation: Presentation,
        tracks: Sequence[Track],
        layout: Layout,
        remote: Mapping[str, bytes],
    ) -> Mapping[str, str]:
        """Work shapes out: of a document without its timelines, else of all of it."""
        problem: MPDError | None = None
        for text in (fixed, data):
            budget = Budget(self._limits)
            try:
                return shapes_of(text, presentation, tracks, layout, remote=remote, budget=budget)
            except MPDError as error:
                problem = error
        if problem is not None:
            self.left_out["shapes"] = _UNPLAYABLE.format(problem.message)
        return {}


def _with(listing: Listing, shapes: Mapping[str, str]) -> Listing:
    where = "" if listing.representation is None else listing.representation.where
    shape = shapes.get(where, "")
    return msgspec.structs.replace(listing, shape=shape) if shape else listing
