"""Find media that nothing describes: no file of a Representation says how to decode it.

A manifest may name no initialization segment, or in a way that nobody reads; all segments are
there, and none of them can be decoded. ``get`` does not call that complete, and ``verify`` not
sound: both ask ``Descriptions``. Loaded late: few manifests name none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from dashget.media.inspection import may_be_iso
from dashget.media.kind import WEBM, Role, SegmentKind
from dashget.media.topboxes import has_description
from dashget.media.webm import has_header
from dashget.mirroring.files import role_of
from dashget.planning.layout import Layout
from dashget.planning.plan import PlannedSegment, iter_plan
from dashget.planning.tracks import Track
from dashget.store import Mirror

if TYPE_CHECKING:
    from dashget.media.sniff import Read
    from dashget.mpd.presentation import Representation

UNDESCRIBED_HINT: Final = (
    "the files are as the server has them: without its initialization segment, which the manifest"
    " should name, no player opens this Representation; get --accept-odd takes it as it is"
)


class Descriptions:
    """What the files of Representations without an initialization segment have inside."""

    def __init__(self) -> None:
        self._first: dict[tuple[object, ...], PlannedSegment | None] = {}
        """The first media file without description; None if another file has one."""

    def wants(self, planned: PlannedSegment) -> bool:
        """Return True if a file may tell whether its Representation is described."""
        representation = planned.track.representation
        return (
            representation.initialization is None
            and not representation.dependency_ids
            and self._first.get(_position(representation), planned) is not None
            and _tells(role_of(planned))
        )

    def add(self, planned: PlannedSegment, read: Read, size: int) -> None:
        """Look into a file that is wanted."""
        role, position = role_of(planned), _position(planned.track.representation)
        look = has_header if role.mime in WEBM else has_description
        described, is_media = look(read, size), role.kind is SegmentKind.MEDIA
        if described or (described is None and is_media and not role.is_container):
            # Of an unknown type, and no such media: there is nothing to describe.
            self._first[position] = None
        elif described is False and is_media:
            self._first.setdefault(position, planned)

    def lacking(self) -> Iterator[PlannedSegment]:
        """Yield the first media file of each Representation that cannot be decoded."""
        yield from (planned for planned in self._first.values() if planned is not None)


def undescribed(planned: PlannedSegment) -> str:
    """Return the sentence about the Representation of a file, which cannot be decoded."""
    what = "an EBML header" if role_of(planned).mime in WEBM else "a moov box"
    return (
        f"no file of Representation {planned.track.representation.id} has {what}: its media cannot"
        " be decoded, and the manifest names no initialization segment"
    )


def find_undescribed(
    tracks: Sequence[Track], layout: Layout, store: Mirror
) -> Iterator[PlannedSegment]:
    """Yield the first media file of each of these tracks that has come, and cannot be decoded.

    One that was accepted by choice is left out: its first file is recorded as odd.
    """
    descriptions = Descriptions()
    for track in tracks:
        for planned in iter_plan([track], layout):
            if not descriptions.wants(planned):
                if planned.segment.kind is SegmentKind.MEDIA:
                    break
            elif store.is_recorded(planned.path):
                look_into(planned, store, descriptions)
    for planned in descriptions.lacking():
        record = store.records().get(planned.path)
        if record is None or not record.odd:
            yield planned


def look_into(planned: PlannedSegment, store: Mirror, descriptions: Descriptions) -> None:
    """Add a file of the mirror to the descriptions, if it can be read."""
    size = store.size(planned.path)
    if not size:
        return
    try:
        with store.open(planned.path) as file:

            def read(offset: int, count: int) -> bytes:
                file.seek(offset)
                return file.read(count)

            descriptions.add(planned, read, size)
    except OSError:
        return


def _tells(role: Role) -> bool:
    """Return True for a file that is described inside, or else by another of its kind."""
    if role.whole or role.kind is SegmentKind.SPARE:
        return False
    return role.mime in WEBM or may_be_iso(role)


def _position(representation: Representation) -> tuple[object, ...]:
    """Return what is the same in all versions of the manifest."""
    period = representation.period
    return period.id, period.start, representation.adaptation_set, representation.id
