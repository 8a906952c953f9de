"""Write segment information that holds: all of a Representation's, and none that is replaced.

A player merges the segment information of all levels. So what an upper level says of files, which
have other names in the mirror, must go; what it says of times is carried down. Templates that are
the same for all Representations of a set, but for their ids and bandwidths, stay at the set.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from lxml import etree

from dashget.common.byterange import ByteRange
from dashget.playable.tree import (
    Element,
    children_of,
    drop_children,
    name_of,
    namespace_of,
    own_child,
    remove,
    unset,
)

_URL_ATTRIBUTES: Final = ("media", "initialization", "index", "bitstreamSwitching")
_FILES: Final = ("Initialization", "RepresentationIndex", "BitstreamSwitching")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]+")


class References(msgspec.Struct, frozen=True):
    """The references of one Representation: as attributes of its template, and as elements."""

    attributes: Mapping[str, str]
    elements: Mapping[str, tuple[str, ByteRange | None]]


def write_templates(
    adaptation_set: Element, members: Sequence[tuple[Element, References]], *, share: bool
) -> None:
    """Write the templates of the Representations of a set; those that are shared, at the set."""
    upper = None
    if share and children_with(adaptation_set, "SegmentTemplate"):
        upper = merged_child(adaptation_set, "SegmentTemplate")
        _put_first(upper, "Representation")
        _forget_files(upper)
    common = None if upper is None else _common(members)
    if upper is not None:
        for name, text in (common or {}).items():
            upper.set(name, text)
    for element, references in members:
        drop_children(element, ("SegmentList", "SegmentBase"))
        if share:
            own = own_child(element, "SegmentTemplate")
        else:
            own = merged_child(element, "SegmentTemplate")
        _forget_files(own)
        if common is None:
            for name, text in references.attributes.items():
                own.set(name, text)
        for name in reversed(_FILES):
            if name in references.elements:
                add_reference(own, name, *references.elements[name])
        if upper is not None and not own.attrib and not len(own):
            remove(own)
    if upper is not None and not upper.attrib and not len(upper):
        remove(upper)


def children_with(element: Element, name: str) -> list[Element]:
    """Return an element's children of a name and those of the levels above, the nearest first."""
    found: list[Element] = []
    at: Element | None = element
    while at is not None:
        found.extend(list(children_of(at, name))[:1])
        at = at.getparent()
    return found


def merged_child(element: Element, name: str) -> Element:
    """Return an element's own segment information, merged with that of the levels above.

    Rows of a SegmentList are not merged.
    """
    levels = children_with(element, name)
    own = own_child(element, name)
    for level in levels:
        if level is own:
            continue
        for attribute, value in level.attrib.items():
            if attribute not in own.attrib:
                own.set(attribute, value)
        have = {name_of(child) for child in own}
        for child in level:
            if name_of(child) not in (*have, "", "SegmentURL"):
                own.append(copy.deepcopy(child))
    return own


def add_reference(parent: Element, name: str, url: str, byte_range: ByteRange | None) -> None:
    """Add an element that names a file, where the schema has it."""
    found = etree.Element(f"{namespace_of(parent)}{name}")
    found.set("sourceURL", url)
    if byte_range is not None:
        found.set("range", str(byte_range))
    if name == "BitstreamSwitching":
        position = sum(1 for child in parent if name_of(child) != "SegmentURL")
    else:
        position = sum(1 for child in parent if name_of(child) in _FILES[:1] and name != _FILES[0])
    parent.insert(position, found)


def _put_first(element: Element, name: str) -> None:
    """Move an element before its siblings of a name, where the schema has it."""
    parent = element.getparent()
    sibling = None if parent is None else next(children_of(parent, name), None)
    if parent is not None and sibling is not None and parent.index(element) > parent.index(sibling):
        element.tail = None
        sibling.addprevious(element)


def _forget_files(template: Element) -> None:
    for attribute in _URL_ATTRIBUTES:
        unset(template, attribute)
    drop_children(template, _FILES)


def _common(members: Sequence[tuple[Element, References]]) -> Mapping[str, str] | None:
    """Return the attributes of a template that all members share; None if there is none."""
    first, theirs = members[0]
    wanted = _general(first, theirs.attributes)
    for element, references in members:
        if references.elements or wanted.keys() != references.attributes.keys():
            return None
        for name, text in wanted.items():
            if _filled(element, text) != references.attributes[name]:
                return None
    return wanted


def _general(element: Element, attributes: Mapping[str, str]) -> dict[str, str]:
    """Return templates with identifiers in place of the Representation's id and bandwidth."""
    general = dict(attributes)
    for identifier, value in _values(element):
        whole = re.compile(rf"(?<![A-Za-z0-9$%]){re.escape(value)}(?![A-Za-z0-9$%])")
        general = {name: whole.sub(f"${identifier}$", text) for name, text in general.items()}
    return general


def _filled(element: Element, text: str) -> str:
    for identifier, value in _values(element):
        text = text.replace(f"${identifier}$", value)
    return text


def _values(element: Element) -> list[tuple[str, str]]:
    """Return the identifiers that differ between Representations, with their plain values."""
    pairs = (("RepresentationID", "id"), ("Bandwidth", "bandwidth"))
    values = [(identifier, (element.get(name) or "").strip()) for identifier, name in pairs]
    return [(identifier, value) for identifier, value in values if _PLAIN.fullmatch(value)]
