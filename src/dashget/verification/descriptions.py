"""Find media that nothing describes: no file of a Representation has a ``moov`` box.

A manifest may name the initialization segment in a way that nobody reads; its segments are all
there, and none of them can be decoded.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashget.media.kind import SegmentKind
from dashget.mirroring.undescribed import undescribed
from dashget.mpd.presentation import Representation
from dashget.verification.findings import Finding, Problem


class DescriptionCheck:
    """The Representations without an initialization segment, and what their files contain."""

    def __init__(self) -> None:
        self._undescribed: dict[tuple[object, ...], str | None] = {}
        """The first media file without description; None if another file has one."""

    def wants(self, representation: Representation) -> bool:
        """Return True if the files of a Representation have to tell if they are described."""
        return (
            representation.initialization is None
            and not representation.dependency_ids
            and self._undescribed.get(_position(representation), "") is not None
        )

    def add(
        self, path: str, kind: SegmentKind, representation: Representation, described: bool | None
    ) -> None:
        """Remember if a file is described: ``described`` is from ``has_description``."""
        if described:
            self._undescribed[_position(representation)] = None
        elif described is False and kind is SegmentKind.MEDIA:
            self._undescribed.setdefault(_position(representation), path)

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each Representation whose media cannot be decoded."""
        for position, path in self._undescribed.items():
            if path is not None:
                yield Finding(path, Problem.STRUCTURE, undescribed(str(position[-1])))


def _position(representation: Representation) -> tuple[object, ...]:
    period = representation.period
    return period.id, period.start, representation.adaptation_set, representation.id
