"""Find media that nothing describes: no file of a Representation has a ``moov`` box.

A manifest may name no initialization segment, or in a way that nobody reads; all segments are
there, and none of them can be decoded. Loaded late: few manifests name none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from dashget.media.topboxes import has_description
from dashget.mirroring.files import role_of
from dashget.planning.layout import Layout
from dashget.planning.plan import PlannedSegment, iter_plan
from dashget.planning.tracks import Track
from dashget.store import Mirror

_LOOKED_AT: Final = 8
"""Files of each Representation: what describes it comes first."""


def undescribed(name: str) -> str:
    """Return the sentence about a Representation whose media cannot be decoded."""
    return (
        f"no file of Representation {name} has a moov box: its media cannot be decoded, and the"
        " manifest names no initialization segment"
    )


def find_undescribed(tracks: Sequence[Track], layout: Layout, store: Mirror) -> Iterator[str]:
    """Yield a sentence for each of these tracks that has come, and cannot be decoded."""
    for track in tracks:
        found: set[bool | None] = set()
        for planned in islice(iter_plan([track], layout), _LOOKED_AT):
            found.add(_describes(planned, store))
        if False in found and True not in found:
            yield undescribed(track.representation.id)


def _describes(planned: PlannedSegment, store: Mirror) -> bool | None:
    size = store.size(planned.path) if store.is_recorded(planned.path) else None
    role = role_of(planned)
    if size is None or role.whole or not role.is_iso:
        return None
    try:
        with store.open(planned.path) as file:

            def read(offset: int, count: int) -> bytes:
                file.seek(offset)
                return file.read(count)

            return has_description(read, size)
    except OSError:
        return None
