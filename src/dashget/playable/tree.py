"""A manifest as a tree of lxml, which can be changed and written; names without namespace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from lxml import etree

from dashget.errors import MPDSyntaxError
from dashget.mpd.malformed import mended

Element = etree._Element  # lxml has no public name for it


def read(data: bytes) -> Element:
    """Parse a document that ``parse_mpd`` accepted, without entities and network, mended alike."""
    for text, recover in ((data, False), (mended(data)[0], False), (data, True)):
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, recover=recover
        )
        try:
            return etree.fromstring(text, parser)
        except etree.XMLSyntaxError:
            continue
    raise MPDSyntaxError("the document cannot be rewritten")


def name_of(element: Element) -> str:
    """Return the local name of an element; empty for comments."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def namespace_of(element: Element) -> str:
    """Return the namespace of an element as a prefix for ``tag``: ``{...}``."""
    tag = str(element.tag)
    return tag[: tag.index("}") + 1] if tag.startswith("{") else ""


def children_of(element: Element, name: str) -> Iterator[Element]:
    """Yield the children with a local name."""
    return (child for child in element if name_of(child) == name)


def own_child(element: Element, name: str) -> Element:
    """Return the element's child ``name``; add one at the end if it has none."""
    for child in children_of(element, name):
        return child
    return etree.SubElement(element, f"{namespace_of(element)}{name}")


def unset(element: Element, attribute: str) -> None:
    """Remove an attribute if it is there."""
    if attribute in element.attrib:
        del element.attrib[attribute]


def drop_children(element: Element, names: Sequence[str]) -> None:
    """Remove the children with one of the local names."""
    for child in list(element):
        if name_of(child) in names:
            remove(child)


def drop_everywhere(root: Element, name: str, *, keep: str) -> None:
    """Remove all elements with a local name, except those with the attribute ``keep``."""
    for element in list(root.iter()):
        if name_of(element) == name and element.get(keep) is None:
            remove(element)


def remove(element: Element) -> None:
    """Remove an element, but keep the text after it."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        previous = element.getprevious()
        if previous is not None:
            previous.tail = (previous.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def write(root: Element) -> bytes:
    """Return the document as bytes."""
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="utf-8") + b"\n"


def iso_duration(seconds: Fraction) -> str:
    """Format seconds as an xs:duration, rounded to microseconds."""
    text = f"{float(seconds):.6f}".rstrip("0").rstrip(".")
    return f"PT{text}S"
