"""Choose what goes into the file: of what the mirror has, the best of everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from dashget.mpd.presentation import ContentType, Presentation
from dashget.planning.selection import Selection, parse_selection, select
from dashget.planning.tracks import Track, iter_representations

DEFAULTS: Final = {"video": "best1", "audio": "best", "text": "all", "image": "none"}
"""The filters of a file, as on the command line: what is given replaces each by itself."""

COVER: Final = "best1"
"""The filter of images where a cover is made of them, and none is given."""


class Choices(msgspec.Struct, frozen=True):
    """The filters that are given; None takes the default of a file."""

    video: str | None = None
    audio: str | None = None
    text: str | None = None
    image: str | None = None
    period: str | None = None

    def __post_init__(self) -> None:
        """Read the filters once, so that choices which exist are valid."""
        self.selection()

    def selection(self) -> Selection:
        """Return the rules; UsageError for an invalid one."""
        given = {name: getattr(self, name) or default for name, default in DEFAULTS.items()}
        return parse_selection(**given, period=self.period)


def choose(presentation: Presentation, there: Sequence[Track], choices: Choices) -> Presentation:
    """Return what the file is made of: of the tracks that are ``there``, those chosen.

    Images are left out: no file track can hold them. Raises SelectionError.
    """
    known = {id(track.representation) for track in there}
    chosen = select(_only(presentation, known), choices.selection())
    media = {
        id(r)
        for r in iter_representations(chosen)
        if r.content_type not in (ContentType.IMAGE, ContentType.OTHER)
    }
    return _only(chosen, media)


def choose_images(
    presentation: Presentation, there: Sequence[Track], choices: Choices
) -> Presentation:
    """Return the images that a cover can be made of, of the tracks that are ``there``."""
    choices = msgspec.structs.replace(choices, image=choices.image or COVER)
    known = {id(track.representation) for track in there}
    chosen = select(_only(presentation, known), choices.selection())
    images = {id(r) for r in iter_representations(chosen) if r.content_type is ContentType.IMAGE}
    return _only(chosen, images)


def _only(presentation: Presentation, kept: set[int]) -> Presentation:
    """Return the part of a presentation whose Representations are ``kept``."""
    replace = msgspec.structs.replace
    periods = []
    for period in presentation.periods:
        sets = [
            replace(s, representations=tuple(r for r in s.representations if id(r) in kept))
            for s in period.adaptation_sets
        ]
        periods.append(replace(period, adaptation_sets=tuple(s for s in sets if s.representations)))
    return replace(presentation, periods=tuple(p for p in periods if p.adaptation_sets))
