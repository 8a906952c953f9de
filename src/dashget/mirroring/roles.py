"""The kind and type that a planned file should have, for the checks of its content."""

from __future__ import annotations

from dashget.media.kind import SegmentKind
from dashget.media.role import Role
from dashget.mpd.presentation import ContentType, Representation, SingleAddressing
from dashget.planning.plan import PlannedSegment


def role_of(planned: PlannedSegment) -> Role:
    """Return the role of a planned file."""
    segment, representation = planned.segment, planned.track.representation
    kind, mime = segment.kind, representation.mime_type
    media = representation.content_type in (ContentType.VIDEO, ContentType.AUDIO)
    whole = isinstance(representation.addressing, SingleAddressing)
    initialization = representation.initialization
    shared = segment.range is not None or (
        initialization is not None
        and kind is SegmentKind.INITIALIZATION
        and initialization.range is not None
    )
    if kind is SegmentKind.MEDIA and (whole or shared):
        # With an initialization segment of its own, a file needs none inside.
        return Role(mime, kind, _has_all(representation), several=True, media=media)
    return Role(mime, kind, several=shared, media=media)


def _has_all(representation: Representation) -> bool:
    """Return True if one file holds the initialization segment and all media."""
    addressing, initialization = representation.addressing, representation.initialization
    if not isinstance(addressing, SingleAddressing):
        return False
    return initialization is None or initialization.address == addressing.media
