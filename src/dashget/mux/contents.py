"""The files of one stretch: an initialization segment, and the media segments after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.common.secrets import HidesSecrets
from dashget.errors import MuxError
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import ListAddressing, Representation, SingleAddressing
from dashget.planning.layout import Layout
from dashget.planning.plan import PlannedSegment, iter_plan
from dashget.planning.tracks import Track
from dashget.store import Mirror, Presence

_MEDIA: Final = (SegmentKind.INITIALIZATION, SegmentKind.MEDIA)
MOST_LACKING: Final = 200_000
_REASONS: Final = {
    Presence.MISSING: "missing",
    Presence.UNRECORDED: "not as it was recorded",
}


class Span(msgspec.Struct, frozen=True, gc=False):
    """Bytes of a file of the mirror."""

    path: str
    first: int
    size: int


class Lack(msgspec.Struct, frozen=True, gc=False):
    """A file of the mirror that cannot be used, and why."""

    path: str
    reason: str
    occupied: bool = False
    """True if something else has its name."""


class Contents(msgspec.Struct, frozen=True):
    """The bytes of a stretch in order, and the files that are not there."""

    spans: tuple[Span, ...]
    first_media: int
    """The position in ``spans`` of the first media segment; the beginning is before it."""
    lacking: tuple[Lack, ...]
    beginning_lacks: bool
    """True if the initialization segment is not there: nothing can be read without it."""
    mime_type: str | None = None
    whole: bool = False
    """True if one file holds the initialization segment and all media."""


class Piece(HidesSecrets, frozen=True):
    """A part of a stretch that is opened by itself: one key decrypts it, or it is clear.

    ``head`` replaces the initialization segment; its span has no path.
    """

    secrets = ("key",)

    contents: Contents
    key: str | None = None
    head: bytes | None = None


def find_contents(store: Mirror, track: Track, layout: Layout) -> Contents:
    """Look for the files of a stretch; a last derived segment that is absent is no lack.

    Raises MuxError if almost nothing is there: a mirror from somebody else may name files without
    end.
    """
    spans: list[Span] = []
    lacking: list[Lack] = []
    first_media, beginning_lacks = 0, False
    unread = _has_unread_range(track.representation)
    for planned in _needed(track, layout):
        if len(lacking) > MOST_LACKING:
            raise MuxError(
                f"more than {MOST_LACKING:,} files of Representation {track.representation.id!r}"
                " are missing",
                hint="dashget verify shows what the mirror has",
            )
        beginning = planned.segment.kind is SegmentKind.INITIALIZATION
        presence = store.presence(planned.path, planned.urls[0])
        if presence is Presence.BLOCKED:
            occupant = store.occupant(planned.path) or "something else"
            lacking.append(Lack(planned.path, f"{occupant} has its name", occupied=True))
            beginning_lacks = beginning_lacks or beginning
            continue
        if presence in _REASONS:
            if not planned.segment.last_derived or presence is not Presence.MISSING:
                lacking.append(Lack(planned.path, _REASONS[presence]))
                beginning_lacks = beginning_lacks or beginning
            continue
        if unread and not beginning and planned.segment.range is None:
            lacking.append(Lack(planned.path, "the range of a segment in it cannot be read"))
            continue
        span = _span_of(store, planned)
        if span is None:
            lacking.append(Lack(planned.path, "shorter than the range that it should have"))
            beginning_lacks = beginning_lacks or beginning
            continue
        if beginning:
            first_media = len(spans) + 1
        elif _continues(spans, first_media, span):
            last = spans[-1]
            span = Span(last.path, last.first, last.size + span.size)
            spans.pop()
        spans.append(span)
    representation = track.representation
    return Contents(
        tuple(spans),
        first_media,
        tuple(lacking),
        beginning_lacks,
        representation.mime_type,
        _has_beginning_inside(representation),
    )


def _has_unread_range(representation: Representation) -> bool:
    """Return True if the range of a segment in a file cannot be read: it is not the whole file."""
    addressing = representation.addressing
    if not isinstance(addressing, ListAddressing):
        return False
    issues = (row.invalid for row in addressing.segments if row.media_range is None)
    return any(issue is not None and issue.message.startswith("@mediaRange") for issue in issues)


def _needed(track: Track, layout: Layout) -> Iterator[PlannedSegment]:
    """Yield the segments that media are read from: no index, nothing that is named beside."""
    inside = _has_beginning_inside(track.representation)
    for planned in iter_plan((track,), layout):
        segment = planned.segment
        if segment.kind not in _MEDIA:
            continue
        if segment.kind is SegmentKind.INITIALIZATION:
            own = track.representation.initialization
            beside = own is not None and segment.address is not own.address
            if inside or beside or segment.last_derived:
                continue
        yield planned


def _has_beginning_inside(representation: Representation) -> bool:
    """Return True if the one file of a Representation holds its initialization segment, too."""
    addressing, initialization = representation.addressing, representation.initialization
    if not isinstance(addressing, SingleAddressing):
        return False
    return initialization is None or initialization.address == addressing.media


def _span_of(store: Mirror, planned: PlannedSegment) -> Span | None:
    """Return the bytes of a segment in its file; None if the file ends before them."""
    size = store.size(planned.path) or 0
    wanted = planned.segment.range
    resource = planned.track.representation.initialization
    if wanted is None and planned.segment.kind is SegmentKind.INITIALIZATION and resource:
        wanted = resource.range
    if wanted is None:
        return Span(planned.path, 0, size)
    last = size - 1 if wanted.last is None else wanted.last
    if last >= size or wanted.first > last:
        return None
    return Span(planned.path, wanted.first, last - wanted.first + 1)


def _continues(spans: list[Span], first_media: int, span: Span) -> bool:
    """Return True if a media segment follows the one before it in the same file."""
    if len(spans) <= first_media:
        return False
    last = spans[-1]
    return last.path == span.path and last.first + last.size == span.first
