"""Write the references to files that a manifest names outside of segment information.

Initialization segments of whole sets and presentations, and fonts: see ``mpd.beside``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from dashget.mpd.descriptors import FONT_SCHEME
from dashget.mpd.template import Address
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track
from dashget.playable.opening import KEPT_IN_PATHS
from dashget.playable.places import Places
from dashget.playable.tree import Element

_ATTRIBUTES: Final = {
    "InitializationSet": "initialization",
    "AdaptationSet": "initializationPrincipal",
}
_DESCRIPTORS: Final = ("EssentialProperty", "SupplementalProperty")


def beside_attribute(element: Element) -> str | None:
    """Return the attribute of an element that names such a file, as far as it is there."""
    name: str | None = _ATTRIBUTES.get(element.name)
    if element.name in _DESCRIPTORS:
        scheme = element.attributes.get("schemeIdUri", "").strip()
        found = (n for n in element.attributes if n.rpartition("}")[2] == "url")
        name = next(found, None) if scheme == FONT_SCHEME else None
    return name if name in element.attributes else None


def find_beside(places: Places, tracks: Sequence[Track], layout: Layout) -> dict[Element, str]:
    """Return the elements that name such files, each with the reference to the mirror's file."""
    found: dict[Element, str] = {}
    seen: set[str] = set()
    for track in tracks:
        representation = track.representation
        for other in representation.others:
            if other.required and other.where not in seen:
                seen.add(other.where)
                element = places.below(other.where)
                found[element] = file_reference(other.resource.address, layout)
        parent = places[representation.where].parent
        own = representation.initialization
        if own is not None and parent is not None and beside_attribute(parent):
            # The segment for the whole set may be that of its Representations.
            found.setdefault(parent, file_reference(own.address, layout))
    return found


def write_beside(root: Element, beside: Mapping[Element, str], *, rewritten: bool) -> None:
    """Set these references if others are ``rewritten``; those to no file of the mirror go."""
    for element in list(root.elements()):
        name = beside_attribute(element)
        if name is None:
            continue
        if element in beside:
            if rewritten:
                element.attributes[name] = beside[element]
        elif element.name in _DESCRIPTORS:
            element.remove()
        else:
            del element.attributes[name]


def file_reference(address: Address, layout: Layout) -> str:
    """Return the mirror's path of a single file as a relative URL, in which ``$`` is no sign."""
    return quote(layout.path(address, None, None, None), safe=KEPT_IN_PATHS)
