"""Find and replace the remote elements in a tree (5.5).

The tree is changed in place here; other packages use ``remote``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from dashget.mpd.issues import IssueLog
from dashget.mpd.model import RemoteElement
from dashget.mpd.names import XLINK
from dashget.mpd.xmltree import Element

HREF: Final = f"{{{XLINK}}}href"
RESOLVE_TO_ZERO: Final = "urn:mpeg:dash:resolve-to-zero:2013"
_WITH_SEGMENTS: Final = (
    *("Period", "AdaptationSet", "SegmentList", "SegmentTimeline"),
    "InitializationSet",
)
MAX_NESTING: Final = 4
"""The maximum depth of remote elements inside remote elements."""


def find_remote(root: Element, where: str = "MPD") -> tuple[RemoteElement, ...]:
    """Return the remote elements in document order."""
    found: list[RemoteElement] = []
    for child, place in _placed(root, where):
        href = child.attributes.get(HREF)
        if href is not None:
            found.append(
                RemoteElement(
                    where=place,
                    line=child.line,
                    href=href.strip(),
                    element=child.name,
                    lacking=child.name in _WITH_SEGMENTS
                    and not child.children
                    and not child.listed,
                )
            )
        if child.children:
            found.extend(find_remote(child, place))
    return tuple(found)


def find_imported(root: Element) -> tuple[RemoteElement, ...]:
    """Return the MPDs that are imported as Periods: as text, or as ``@uri`` in drafts."""
    return tuple(
        RemoteElement(
            where=f"MPD/Period[{number}]/ImportedMPD",
            line=child.line,
            href=child.text.strip() or child.attributes.get("uri", "").strip(),
            element=child.name,
            lacking=True,
            reason="is another MPD, and not a part of this mirror",
        )
        for number, period in enumerate(root.all("Period"), 1)
        for child in period.all("ImportedMPD")
    )


def _is_empty(element: Element) -> bool:
    """Return True if an element has neither children nor rows."""
    rows = None if element.timeline is None else next(iter(element.timeline), None)
    return not element.children and not element.listed and rows is None


def remove_resolved_to_zero(root: Element) -> None:
    """Remove the elements whose reference stands for no element (5.5.3)."""
    replace_remote(root, lambda element, href, _: [] if href == RESOLVE_TO_ZERO else [element])


def forget_empty(root: Element, log: IssueLog) -> None:
    """Drop references without any text, which lead to no element."""

    def choose(element: Element, href: str, where: str) -> list[Element]:
        if not href:
            del element.attributes[HREF]
            log.warn("xlink:href is empty; ignored", where, element.line, "5.5")
        return [element]

    replace_remote(root, choose)


def replace_remote(
    root: Element, choose: Callable[[Element, str, str], list[Element]], where: str = "MPD"
) -> None:
    """Replace each remote element by the elements that ``choose`` returns.

    ``choose`` is called with the element, its reference, and its place.
    """
    for child, place in _placed(root, where):
        if child.children:
            replace_remote(child, choose, place)
    if any(HREF in child.attributes for child in root.children):
        children: list[Element] = []
        for child, place in _placed(root, where):
            href = child.attributes.get(HREF)
            children.extend([child] if href is None else choose(child, href.strip(), place))
        root.children = children


def mark_origin(element: Element, origins: tuple[str, ...]) -> None:
    """Record where an element came from, and drop its line, which is that of another document."""
    element.origins = origins
    element.line = None
    for child in element.children:
        mark_origin(child, origins)


def _placed(root: Element, where: str) -> Iterator[tuple[Element, str]]:
    counts: dict[str, int] = {}
    for child in root.children:
        counts[child.name] = counts.get(child.name, 0) + 1
        yield child, f"{where}/{child.name}[{counts[child.name]}]"
