"""List the single files that segment information names, of all kinds and levels.

The kind that is used, and the nearest level, decide what a player begins with. The files that
other kinds and levels name are fetched too: players differ in what they ask for.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dashget.media.kind import SegmentKind
from dashget.mpd.context import Place
from dashget.mpd.model import (
    AdaptationSet,
    MultipleSegmentBase,
    Period,
    Representation,
    SegmentBase,
    SegmentTemplate,
    UrlReference,
)

Level = Period | AdaptationSet | Representation


class NamedFile(msgspec.Struct, frozen=True):
    """A reference to a file: the text of a template, or an element with ``@sourceURL``."""

    kind: SegmentKind
    place: Place
    template: str | None = None
    reference: UrlReference | None = None


def named_files(levels: tuple[Level, ...]) -> tuple[NamedFile, ...]:
    """Return the files that a Representation's levels name, those of the nearest level first."""
    return tuple(
        found
        for level in reversed(levels)
        for information in (level.segment_template, level.segment_list, level.segment_base)
        if information is not None
        for found in _of(information)
    )


def _of(info: SegmentBase) -> Iterator[NamedFile]:
    place = Place(info.where, info.line)
    templates: tuple[tuple[SegmentKind, str | None], ...] = ()
    if isinstance(info, SegmentTemplate):
        templates = (
            (SegmentKind.INITIALIZATION, info.initialization_template),
            (SegmentKind.BITSTREAM_SWITCHING, info.bitstream_switching_template),
            (SegmentKind.INDEX, info.index),
        )
    references = (
        (SegmentKind.INITIALIZATION, info.initialization),
        (SegmentKind.INDEX, info.representation_index),
        (
            SegmentKind.BITSTREAM_SWITCHING,
            info.bitstream_switching if isinstance(info, MultipleSegmentBase) else None,
        ),
    )
    for kind, template in templates:
        if template is not None:
            yield NamedFile(kind, place, template=template)
    for kind, reference in references:
        if reference is not None:
            yield NamedFile(kind, place, reference=reference)
