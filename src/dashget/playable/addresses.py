"""Write references that lead to the mirror's files."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from lxml import etree

from dashget.media.kind import SegmentKind
from dashget.mpd.markers import MARKER
from dashget.mpd.presentation import (
    ListAddressing,
    Representation,
    Resource,
    SingleAddressing,
    TemplateAddressing,
)
from dashget.mpd.template import Address, UrlPattern
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track
from dashget.playable.places import Places
from dashget.playable.references import lead_to_mirror
from dashget.playable.tree import (
    Element,
    children_of,
    drop_children,
    drop_everywhere,
    name_of,
    namespace_of,
    own_child,
    unset,
)
from dashget.segments.segment import Segment

_ADDRESSING: Final = ("SegmentBase", "SegmentList", "SegmentTemplate")
_REFERENCES: Final = (
    "SegmentURL",
    "Initialization",
    "RepresentationIndex",
    "BitstreamSwitching",
)
_URL_ATTRIBUTES: Final = ("media", "initialization", "index", "bitstreamSwitching", "sourceURL")
_AFTER_BASE_URL: Final = ("SubRepresentation", *_ADDRESSING)
_KEEP_IN_PATH: Final = "/!$&'()*+,;=:@~"


def is_transparent(root: Element, url: str, tracks: Sequence[Track], layout: Layout) -> bool:
    """Return True if the document's own references lead to the mirror's files."""
    if any(_is_absolute(reference) for reference in _iter_references(root)):
        return False
    return lead_to_mirror(url, tracks, layout)


def _iter_references(root: Element) -> Iterator[str]:
    for element in root.iter():
        name = name_of(element)
        if name == "BaseURL":
            yield (element.text or "").strip()
        elif name in _ADDRESSING or name in _REFERENCES:
            for attribute in (
                "media",
                "initialization",
                "index",
                "bitstreamSwitching",
                "sourceURL",
            ):
                yield (element.get(attribute) or "").strip()


def _is_absolute(reference: str) -> bool:
    return reference.startswith("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", reference) is not None


def rewrite_addresses(
    root: Element, places: Places, tracks: Sequence[Track], layout: Layout
) -> None:
    """Replace all BaseURLs and references by references to the mirror's files."""
    for track in tracks:
        element = places[track.representation.where]
        addressing = track.representation.addressing
        if isinstance(addressing, TemplateAddressing):
            _write_template(element, addressing, track.representation, layout)
        elif isinstance(addressing, ListAddressing):
            _write_list(element, track, layout)
        else:
            _write_single(element, addressing, track.representation, layout)
    drop_everywhere(root, "BaseURL", keep=_OWN_BASE)
    for element in root.iter():
        if isinstance(element.tag, str):
            unset(element, _OWN_BASE)


_OWN_BASE: Final = "dashget-own"
"""A temporary attribute that marks the BaseURL elements to keep."""


def _write_template(
    element: Element,
    addressing: TemplateAddressing,
    representation: Representation,
    layout: Layout,
) -> None:
    template = own_child(element, "SegmentTemplate")
    template.set("media", _reference(addressing.media, layout))
    if addressing.index is not None:
        template.set("index", _reference(addressing.index, layout))
    drop_children(template, ("Initialization", "BitstreamSwitching"))
    switching = representation.bitstream_switching
    if switching is not None:
        template.set("bitstreamSwitching", _reference(switching.address, layout))
    initialization = representation.initialization
    if initialization is not None and initialization.range is not None:
        unset(template, "initialization")
        _write_initialization(template, initialization, layout)
    elif initialization is not None:
        template.set("initialization", _reference(initialization.address, layout))


def _write_list(element: Element, track: Track, layout: Layout) -> None:
    own = own_child(element, "SegmentList")
    listed = _nearest_listed(element)
    if listed and listed[0].getparent() is not own:
        own.extend(copy.deepcopy(child) for child in listed)
    segments = list(track.index)
    for attribute, kind in (("media", SegmentKind.MEDIA), ("index", SegmentKind.INDEX)):
        urls = [
            u for u in children_of(own, "SegmentURL") if kind is SegmentKind.MEDIA or u.get("index")
        ]
        of_kind = [s for s in segments if s.kind is kind]
        for url, segment in zip(urls, of_kind[len(of_kind) - len(urls) :], strict=False):
            url.set(attribute, _path_reference(segment, layout))
    _write_initialization(own, track.representation.initialization, layout)


def _nearest_listed(element: Element) -> list[Element]:
    """Return the SegmentURLs of the nearest SegmentList that has some."""
    at: Element | None = element
    while at is not None:
        for child in children_of(at, "SegmentList"):
            if found := list(children_of(child, "SegmentURL")):
                return found
        at = at.getparent()
    return []


def _write_single(
    element: Element,
    addressing: SingleAddressing,
    representation: Representation,
    layout: Layout,
) -> None:
    base = etree.Element(f"{namespace_of(element)}BaseURL")
    base.text = _reference(addressing.media, layout)
    base.set(_OWN_BASE, "1")
    following = next((c for c in element if name_of(c) in _AFTER_BASE_URL), None)
    if following is None:
        element.append(base)
    else:
        following.addprevious(base)
    if representation.initialization is not None:
        resource = representation.initialization
        _write_initialization(own_child(element, "SegmentBase"), resource, layout, beside=base.text)


def _write_initialization(
    parent: Element, resource: Resource | None, layout: Layout, *, beside: str = ""
) -> None:
    """Set the reference of an initialization segment, relative to the BaseURL ``beside`` it."""
    if resource is None:
        return
    found = next(children_of(parent, "Initialization"), None)
    if found is None:
        found = etree.Element(f"{namespace_of(parent)}Initialization")
        parent.insert(0, found)
        if resource.range is not None:
            found.set("range", str(resource.range))
    found.set("sourceURL", "../" * beside.count("/") + _reference(resource.address, layout))


def _reference(address: Address, layout: Layout) -> str:
    """Return the mirror's path of an address as a relative URL, with fields as identifiers."""
    pattern = layout.pattern(address)
    pieces = MARKER.split(pattern.marked)
    pieces[::2] = [quote(piece, safe=_KEEP_IN_PATH) for piece in pieces[::2]]
    return UrlPattern.from_marked("".join(pieces), pattern.fields).text


def _path_reference(segment: Segment, layout: Layout) -> str:
    path = layout.path(segment.address, segment.number, segment.time, segment.sub_number)
    return quote(path, safe=_KEEP_IN_PATH)
