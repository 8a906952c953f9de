"""Write segment information that holds: all of a Representation's, and none that is replaced.

A player merges the segment information of all levels. So what an upper level says of files, which
have other names in the mirror, must go; what it says of times is carried down. Templates that are
the same for all Representations of a set, but for their ids and bandwidths, stay at the set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from dashget.common.byterange import ByteRange
from dashget.mpd.budget import ITEM, Budget
from dashget.playable.tree import Element

_URL_ATTRIBUTES: Final = ("media", "initialization", "index", "bitstreamSwitching")
_FILES: Final = ("Initialization", "RepresentationIndex", "BitstreamSwitching")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]+")


class References(msgspec.Struct, frozen=True):
    """The references of one Representation: as attributes of its template, and as elements."""

    attributes: Mapping[str, str]
    elements: Mapping[str, tuple[str, ByteRange | None]]


def write_templates(
    adaptation_set: Element,
    members: Sequence[tuple[Element, References]],
    budget: Budget,
    *,
    share: bool,
) -> None:
    """Write the templates of the Representations of a set; those that are shared, at the set."""
    upper = None
    if share and children_with(adaptation_set, "SegmentTemplate"):
        upper = merged_child(adaptation_set, "SegmentTemplate", budget)
        _put_first(upper, "Representation")
        _forget_files(upper)
    common = None if upper is None else _common(members)
    if upper is not None:
        upper.attributes.update(common or {})
    for element, references in members:
        element.drop(("SegmentList", "SegmentBase"))
        if share:
            own = element.child("SegmentTemplate")
        else:
            own = merged_child(element, "SegmentTemplate", budget)
        _forget_files(own)
        if common is None:
            own.attributes.update(references.attributes)
        for name in reversed(_FILES):
            if name in references.elements:
                add_reference(own, name, *references.elements[name])
        if upper is not None and own.is_empty:
            own.remove()
    if upper is not None and upper.is_empty:
        upper.remove()


def children_with(element: Element, name: str) -> list[Element]:
    """Return an element's child of a name and those of the levels above, the nearest first."""
    found = (level.find(name) for level in element.levels())
    return [child for child in found if child is not None]


def merged_child(element: Element, name: str, budget: Budget) -> Element:
    """Return an element's own segment information, merged with that of the levels above.

    Rows of a SegmentList are not merged.
    """
    levels = children_with(element, name)
    own = element.child(name)
    for level in levels:
        if level is own:
            continue
        budget.spend(ITEM * len(level.attributes), "segment information that is copied")
        for attribute, value in level.attributes.items():
            own.attributes.setdefault(attribute, value)
        have = {child.local for child in own}
        for child in level:
            if child.name and child.local not in (*have, "SegmentURL"):
                own.append(child.copy(budget))
    return own


def add_reference(parent: Element, name: str, url: str, byte_range: ByteRange | None) -> None:
    """Add an element that names a file, where the schema has it."""
    found = Element(name, {"sourceURL": url})
    found.prefix = parent.prefix
    if byte_range is not None:
        found.attributes["range"] = str(byte_range)
    following = parent.first
    if name == "BitstreamSwitching":
        following = parent.find("SegmentURL")
    elif name != _FILES[0] and following is not None and following.name == _FILES[0]:
        following = following.after
    parent.insert(found, following)


def _put_first(element: Element, name: str) -> None:
    """Move an element before its siblings of a name, where the schema has it."""
    parent = element.parent
    sibling = None if parent is None else parent.find(name)
    if parent is None or sibling is None:
        return
    before = sibling.before
    while before is not None and before is not element:
        before = before.before
    if before is None:
        element.take_out()
        element.tail = ""
        parent.insert(element, sibling)


def _forget_files(template: Element) -> None:
    for attribute in _URL_ATTRIBUTES:
        template.attributes.pop(attribute, None)
    template.drop(_FILES)


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
    values = [(identifier, element.attributes.get(name, "").strip()) for identifier, name in pairs]
    return [(identifier, value) for identifier, value in values if _PLAIN.fullmatch(value)]
