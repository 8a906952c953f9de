"""A planned file on its way through one run, and the role that its content is checked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from dashget.events import Outcome
from dashget.media.kind import Content, Role, SegmentKind
from dashget.mpd.presentation import ContentType, Representation, SingleAddressing
from dashget.planning.layout import SafePath
from dashget.planning.plan import PlannedSegment
from dashget.store import FileRecord

if TYPE_CHECKING:
    from dashget.store import PartialFile, Unfinished
    from dashget.transfer.contract import Fetched, TransferError


FETCHED: Final = (Outcome.DOWNLOADED, Outcome.RESUMED, Outcome.UPDATED)
"""The outcomes of files that have come in this run."""

_CONTENTS: Final = {
    ContentType.TEXT: Content.TEXT,
    ContentType.IMAGE: Content.IMAGE,
    ContentType.OTHER: Content.OTHER,
}
_PLAIN: Final = (Content.TEXT, Content.IMAGE)


class Rejection(msgspec.Struct, frozen=True):
    """The reason why the bytes of a file are rejected although all of them arrived."""

    reason: str
    is_other: bool = False
    """True if they are something else in place of the file, such as an HTML page."""
    hint: str | None = None
    lasting: bool = False
    """True if the same would come again."""
    too_large: bool = False
    """True if it is beyond a limit of the user."""


class Coded(msgspec.Struct, frozen=True):
    """How a file came that lies decoded in the mirror."""

    codings: tuple[str, ...]
    size: int
    """Its size with them."""


class PlannedFile(msgspec.Struct, eq=False):
    """One planned file on its way; the payload of its jobs."""

    planned: PlannedSegment
    path: SafePath
    urls: tuple[str, ...]
    unfinished: Unfinished | None = None
    """The stored bytes, before the file has its name."""
    part: PartialFile | None = None
    """The same, if they arrive in several steps and are not checked yet."""
    checksum: str | None = None
    """The checksum for the record, if one is wanted."""
    ticks: int | None = None
    """The decode time inside a media segment that has arrived, if it is looked at."""
    coded: Coded | None = None
    """How it came, if content codings were removed."""
    odd: bool = False
    """True if its bytes are something else than they should be, and are accepted."""
    rejection: Rejection | None = None
    local_size: int | None = None
    known: FileRecord | None = None
    rejected: int = 0
    """How often all bytes arrived and were rejected."""
    refused: int = 0
    """How often the place did not accept the file."""
    tries: int = 0
    """Attempts of earlier rounds."""
    transferred: int = 0
    """Bytes received in all rounds."""
    verdict: tuple[Fetched | TransferError, str, str | None] | None = None
    """How its last try ended, with reason and hint: its failure if there is no other try."""
    first: Fetched | None = None
    """How it came first, if its end was in doubt and it is asked for once more."""
    found: bool = False
    """True if it was found in place, and has the server's size."""
    unjudged: str | None = None
    """What is decided about it when all files have come, for its record."""
    missed: bool = False
    """True if no server had the file when it was its turn."""


def role_of(planned: PlannedSegment) -> Role:
    """Return the role of a planned file."""
    segment, representation = planned.segment, planned.track.representation
    kind, mime = segment.kind, representation.mime_type
    if kind is SegmentKind.FONT:
        return Role(None, kind)
    for other in representation.others:
        if other.resource.address is segment.address and other.kind is kind and other.type:
            content = _CONTENTS.get(other.type.content_type, Content.MEDIA)
            return Role(other.type.mime_type, kind, content=content)
    content = _CONTENTS.get(representation.content_type, Content.MEDIA)
    whole = isinstance(representation.addressing, SingleAddressing)
    initialization = representation.initialization
    shared = segment.range is not None or (
        initialization is not None
        and kind is SegmentKind.INITIALIZATION
        and initialization.range is not None
    )
    if kind is SegmentKind.MEDIA and (whole or shared):
        # With an initialization segment of its own, a file needs none inside.
        return Role(mime, kind, _has_all(representation), several=True, content=content)
    role = Role(mime, kind, several=shared, content=content)
    if kind is SegmentKind.INITIALIZATION and content in _PLAIN and not role.is_container:
        # A plain text needs none; it may be that of other Representations, in any format.
        return Role(None, kind, several=shared)
    return role


def _has_all(representation: Representation) -> bool:
    """Return True if one file holds the initialization segment and all media."""
    addressing, initialization = representation.addressing, representation.initialization
    if not isinstance(addressing, SingleAddressing):
        return False
    return initialization is None or initialization.address == addressing.media
