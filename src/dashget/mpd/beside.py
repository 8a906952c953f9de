"""The files that a manifest names outside of segment information (5.3.3.2, 5.3.12).

An initialization segment for a whole AdaptationSet (``@initializationPrincipal``) or for all
Periods (``InitializationSet@initialization``), and fonts for subtitles (DVB). The URLs are resolved
against the BaseURLs of the level that they stand at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dashget.media.kind import SegmentKind
from dashget.mpd.budget import COMMON, Budget
from dashget.mpd.context import Place
from dashget.mpd.model import (
    MPD,
    AdaptationSet,
    Node,
    Representation,
    UrlReference,
)
from dashget.mpd.presentation import Base, ContentType, FileType
from dashget.mpd.references import NamedFile

_CONTENTS: Final = {kind.value: kind for kind in ContentType}


def files_beside(
    element: AdaptationSet | Representation, bases: tuple[Base, ...]
) -> tuple[NamedFile, ...]:
    """Return the files that attributes of an element, or of its descriptors, name."""
    found = []
    principal = getattr(element, "initialization_principal", None)
    if principal is not None:
        kind, name = SegmentKind.INITIALIZATION, "@initializationPrincipal"
        found.append(_named(kind, element, principal, bases, name))
    found.extend(
        _named(SegmentKind.FONT, descriptor, descriptor.font, bases, "@dvb:url")
        for descriptor in (*element.essential, *element.supplemental)
        if descriptor.font is not None
    )
    return tuple(found)


class InitializationSets:
    """The initialization segments of InitializationSets, by the AdaptationSets they belong to.

    One belongs to those that refer to it; if there is none, to those of its content type; if
    there is none of these either, to all. So it is fetched whatever is selected of them.
    """

    def __init__(self, mpd: MPD, bases: tuple[Base, ...], budget: Budget) -> None:
        self._by_id: dict[str, list[NamedFile]] = {}
        self._by_type: dict[str, list[NamedFile]] = {}
        self._of_all: list[NamedFile] = []
        naming = [each for each in mpd.initialization_sets if each.initialization is not None]
        self.empty = not naming
        if not naming:
            return
        sets = [s for period in mpd.periods for s in period.adaptation_sets]
        budget.spend(COMMON * (len(naming) + len(sets)), "InitializationSets")
        referred = {name for s in sets for name in s.initialization_sets}
        types = {name for s in sets for name in _types(s)}
        for each in naming:
            kind = SegmentKind.INITIALIZATION
            url = each.initialization or ""
            own = _type(each.content_type, each.mime_type)
            known = FileType(each.mime_type, _CONTENTS.get(own, ContentType.OTHER))
            file = _named(kind, each, url, bases, "@initialization", type_=known)
            if each.id is not None and each.id in referred:
                self._by_id.setdefault(each.id, []).append(file)
            elif own in types:
                self._by_type.setdefault(own, []).append(file)
            else:
                self._of_all.append(file)

    def of(self, element: AdaptationSet) -> tuple[NamedFile, ...]:
        """Return the segments that belong to an AdaptationSet."""
        if self.empty:
            return ()
        by_id = (f for name in element.initialization_sets for f in self._by_id.get(name, ()))
        by_type = (f for name in _types(element) for f in self._by_type.get(name, ()))
        return (*by_id, *by_type, *self._of_all)


def _named(
    kind: SegmentKind,
    node: Node,
    url: str,
    bases: tuple[Base, ...],
    name: str,
    *,
    type_: FileType | None = None,
) -> NamedFile:
    """Return the reference to a file; one with a type of its own belongs to no Representation."""
    place = Place(node.where, node.line)
    reference = UrlReference(where=f"{node.where}/{name}", line=node.line, source_url=url)
    return NamedFile(
        kind, place, reference=reference, bases=bases, in_use=type_ is None, type=type_
    )


def _types(element: AdaptationSet) -> Iterator[str]:
    """Yield the content types of a set, each once; an empty one if nothing tells."""
    declared = [(element.content_type, element.mime_type)]
    declared += [(None, representation.mime_type) for representation in element.representations]
    yield from dict.fromkeys(_type(*pair) for pair in declared)


def _type(content_type: str | None, mime_type: str | None) -> str:
    return (content_type or (mime_type or "").partition("/")[0]).strip().lower()
