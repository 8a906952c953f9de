"""Write references that lead to the mirror's files."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Final
from urllib.parse import quote

from dashget.media.kind import SegmentKind
from dashget.mpd.budget import Budget
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
from dashget.playable.beside import beside_attribute, file_reference
from dashget.playable.opening import KEPT_IN_PATHS
from dashget.playable.places import Places
from dashget.playable.references import lead_to_mirror
from dashget.playable.templates import (
    References,
    add_reference,
    children_with,
    merged_child,
    write_templates,
)
from dashget.playable.tree import Element
from dashget.playable.waysout import is_outward
from dashget.segments.segment import Segment

_ADDRESSING: Final = ("SegmentBase", "SegmentList", "SegmentTemplate")
_FILES: Final = ("Initialization", "RepresentationIndex", "BitstreamSwitching")
_REFERENCES: Final = ("SegmentURL", *_FILES)
_ONCE: Final = ("SegmentTimeline", *_FILES)
_URL_ATTRIBUTES: Final = ("media", "initialization", "index", "bitstreamSwitching", "sourceURL")
_AFTER_BASE_URL: Final = ("SubRepresentation", *_ADDRESSING)


def drop_doubles(root: Element) -> None:
    """Keep the first of several elements of which there may be one: some players take the last."""
    seen: set[tuple[Element, str]] = set()
    for element in list(root.elements()):
        parent, name = element.parent, element.name
        if parent is None or not (
            name in _ADDRESSING or (name in _ONCE and parent.name in _ADDRESSING)
        ):
            continue
        if (parent, name) in seen:
            element.remove()
        seen.add((parent, name))


def is_transparent(root: Element, url: str, tracks: Sequence[Track], layout: Layout) -> bool:
    """Return True if the document's own references lead to the mirror's files."""
    if any(is_outward(reference) for reference in _iter_references(root)):
        return False
    return lead_to_mirror(url, tracks, layout)


def _iter_references(root: Element) -> Iterator[str]:
    for element in root.elements():
        name = element.local
        if name == "BaseURL":
            yield element.content.strip()
        elif name in _ADDRESSING or name in _REFERENCES:
            for attribute in _URL_ATTRIBUTES:
                yield element.attributes.get(attribute, "").strip()
        else:
            yield element.attributes.get(beside_attribute(element) or "", "").strip()


def rewrite_addresses(
    root: Element,
    places: Places,
    tracks: Sequence[Track],
    layout: Layout,
    budget: Budget,
    *,
    share: bool,
) -> None:
    """Replace all BaseURLs and references by references to the mirror's files.

    Every Representation gets all of its segment information; with ``share``, what the templates of
    a set have in common stays at the set. That of the levels above goes.
    """
    templates: dict[Element, list[tuple[Element, References]]] = {}
    bases: set[Element] = set()
    for track in tracks:
        element = places[track.representation.where]
        addressing = track.representation.addressing
        if isinstance(addressing, TemplateAddressing):
            references = _references(addressing, track.representation, layout)
            templates.setdefault(element.parent or root, []).append((element, references))
        elif isinstance(addressing, ListAddressing):
            _write_list(element, track, layout, budget)
        else:
            bases.add(_write_single(element, addressing, track.representation, layout, budget))
    for adaptation_set, members in templates.items():
        write_templates(adaptation_set, members, budget, share=share)
    written = {places[track.representation.where] for track in tracks}
    written.update(adaptation_set for adaptation_set in templates if share)
    _drop_others(root, written, bases)


def _drop_others(root: Element, written: Container[Element], bases: Container[Element]) -> None:
    """Remove the references that were not written here, wherever they stand.

    ``written`` has the elements whose templates, or whose whole segment information, hold;
    ``bases`` has the BaseURLs that do.
    """
    for element in list(root.elements()):
        parent = element.parent
        if element.local in _ADDRESSING:
            kept = parent in written and element.name == element.local
            if parent is not None and parent.name == "AdaptationSet":
                kept = kept and element.name == "SegmentTemplate"
        elif element.local in _REFERENCES:
            kept = parent is not None and parent.name in _ADDRESSING
        else:
            kept = element.local != "BaseURL" or element in bases
        if not kept:
            element.remove()


def _references(
    addressing: TemplateAddressing, representation: Representation, layout: Layout
) -> References:
    """Return the references of a template to the mirror's files."""
    initialization, switching = representation.initialization, representation.bitstream_switching
    index, plain = representation.representation_index, {"media": addressing.media}
    inside = {}
    if addressing.index is not None:
        plain["index"] = addressing.index
    if switching is not None:
        plain["bitstreamSwitching"] = switching.address
    if initialization is not None:
        if initialization.range is None:
            plain["initialization"] = initialization.address
        else:
            inside["Initialization"] = initialization
    if index is not None:
        inside["RepresentationIndex"] = index
    return References(
        {name: _reference(address, layout) for name, address in plain.items()},
        {name: (file_reference(r.address, layout), r.range) for name, r in inside.items()},
    )


def _write_list(element: Element, track: Track, layout: Layout, budget: Budget) -> None:
    listed = _nearest_listed(element)
    own = merged_child(element, "SegmentList", budget)
    element.drop([name for name in _ADDRESSING if name != "SegmentList"])
    if listed and listed[0].parent is not own:
        for child in listed:
            own.append(child.copy(budget))
    segments = [segment for segment in track.index if not segment.last_derived]
    for attribute, kind in (("media", SegmentKind.MEDIA), ("index", SegmentKind.INDEX)):
        urls = [
            u
            for u in own.all("SegmentURL")
            if kind is SegmentKind.MEDIA or u.attributes.get("index")
        ]
        of_kind = [s for s in segments if s.kind is kind]
        for url, segment in zip(urls, of_kind[len(of_kind) - len(urls) :], strict=False):
            url.attributes[attribute] = path_reference(segment, layout)
        for url in urls[len(of_kind) :]:
            # A list that is not the one in use: none of it is in the mirror.
            url.attributes.pop(attribute, None)
            if kind is SegmentKind.MEDIA:
                url.remove()
    representation = track.representation
    for name, resource in (
        ("BitstreamSwitching", representation.bitstream_switching),
        ("RepresentationIndex", representation.representation_index),
        ("Initialization", representation.initialization),
    ):
        _write_resource(own, name, resource, layout)
    if own.is_empty:
        own.remove()


def _nearest_listed(element: Element) -> list[Element]:
    """Return the SegmentURLs of the nearest first SegmentList that has some."""
    for child in children_with(element, "SegmentList"):
        if found := list(child.all("SegmentURL")):
            return found
    return []


def _write_single(
    element: Element,
    addressing: SingleAddressing,
    representation: Representation,
    layout: Layout,
    budget: Budget,
) -> Element:
    """Write the BaseURL of a single file, and return it."""
    base = Element("BaseURL")
    base.prefix = element.prefix
    base.text = file_reference(addressing.media, layout)
    element.insert(base, next((c for c in element if c.local in _AFTER_BASE_URL), None))
    named = (representation.initialization, representation.representation_index)
    information = children_with(element, "SegmentBase")
    element.drop(("SegmentTemplate", "SegmentList"))
    if not information and not any(named):
        return base
    own = merged_child(element, "SegmentBase", budget)
    # What is a part of the file stays as it is.
    for name, resource in zip(("Initialization", "RepresentationIndex"), named, strict=True):
        if resource is not None:
            _write_resource(own, name, resource, layout, beside=base.text)
    return base


def _write_resource(
    parent: Element, name: str, resource: Resource | None, layout: Layout, *, beside: str = ""
) -> None:
    """Set the reference of a single file, relative to the BaseURL ``beside`` it, or remove it."""
    parent.drop((name,))
    if resource is not None:
        reference = "../" * beside.count("/") + file_reference(resource.address, layout)
        add_reference(parent, name, reference, resource.range)


def _reference(address: Address, layout: Layout) -> str:
    """Return the mirror's path of an address as a template, with fields as identifiers."""
    pattern = layout.pattern(address)
    pieces = MARKER.split(pattern.marked)
    pieces[::2] = [quote(piece, safe=KEPT_IN_PATHS) for piece in pieces[::2]]
    return UrlPattern.from_marked("".join(pieces), pattern.fields).text


def path_reference(segment: Segment, layout: Layout) -> str:
    path = layout.path(segment.address, segment.number, segment.time, segment.sub_number)
    return quote(path, safe=KEPT_IN_PATHS)
