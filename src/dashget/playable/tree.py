"""A manifest as a tree of lxml, which can be changed and written; names without namespace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from xml.sax.saxutils import escape

from lxml import etree

from dashget.common.numbers import nearest_float
from dashget.errors import MPDSyntaxError
from dashget.mpd.encoding import ENCODING
from dashget.mpd.names import NAMESPACE, XLINK, fits, is_dash
from dashget.mpd.parse import accepted_text

Element = etree._Element  # lxml has no public name for it


def read(data: bytes) -> Element:
    """Parse a document that ``parse_mpd`` accepted: the very text that it read.

    Entities and network are off. What ``parse_mpd`` accepts beside that is namespaces that are not
    declared; here the parser's recovery passes over them.
    """
    text = accepted_text(data)
    root = _parsed(text)
    if not _is_uri(namespace_of(root)[1:-1]):
        root = _parsed(_with_namespace(text, namespace_of(root)[1:-1]))
        if not _is_uri(namespace_of(root)[1:-1]):
            raise MPDSyntaxError("the document cannot be rewritten: its namespace is not a URI")
    if text.count(b"xmlns") > 1:
        _unite(root, root)
    return root


def _parsed(text: bytes) -> Element:
    for recover in (False, True):
        parser = etree.XMLParser(
            encoding=ENCODING,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=True,
            recover=recover,
        )
        try:
            return etree.fromstring(text, parser)
        except etree.XMLSyntaxError:
            continue
    raise MPDSyntaxError("the document cannot be rewritten")


def _is_uri(namespace: str) -> bool:
    """Return True if elements can be made in a namespace, which lxml wants to be a URI."""
    try:
        etree.Element(f"{{{namespace}}}any" if namespace else "any")
    except ValueError:
        return False
    return True


def _with_namespace(text: bytes, namespace: str) -> bytes:
    """Return a text with the namespace of DASH in place of another, as ``mpd.names`` reads it."""
    declared = escape(namespace.strip(), {'"': "&quot;", "'": "&apos;"}).encode()
    pattern = rb"(\sxmlns(?::[\w.-]+)?\s*=\s*)([\"'])\s*" + re.escape(declared) + rb"\s*\2"
    return re.sub(pattern, rb"\1\2" + NAMESPACE.encode() + rb"\2", text)


def _unite(element: Element, root: Element, default: str = "") -> None:
    """Give the root's namespace to the elements that ``mpd.names`` reads as those of DASH.

    ``default`` is the namespace that an element around this one had, which is read as that of DASH.
    """
    ours = namespace_of(root)
    for child in list(element):
        space, local = namespace_of(child), name_of(child)
        if not local:
            continue
        known = child
        likely = child.prefix is None or space == default or is_dash(space[1:-1])
        if likely and space != ours and fits(local, name_of(element)):
            known = _moved(child, f"{ours}{local}", root)
        if namespace_of(known) == ours:
            _unite_attributes(known)
            _unite(known, root, default if known is child else space)


def _moved(element: Element, tag: str, root: Element) -> Element:
    """Replace an element by one of another name, without a default namespace of its own."""
    new = etree.SubElement(root, tag)
    for name, value in element.attrib.items():
        new.set(name, value)
    new.text, new.tail = element.text, element.tail
    new.extend(list(element))
    parent = element.getparent()
    if parent is not None:
        parent.replace(element, new)
    return new


def _unite_attributes(element: Element) -> None:
    """Give attributes with a prefix of DASH, or with a wrong one of xlink, their usual names."""
    for name, value in element.attrib.items():
        space, _, local = str(name)[1:].rpartition("}")
        if space and is_dash(space):
            unset(element, str(name))
            element.set(local, element.get(local, value))
        elif local == "href" and space == element.nsmap.get("xlink") != XLINK:
            unset(element, str(name))
            element.set(f"{{{XLINK}}}href", value)


def name_of(element: Element) -> str:
    """Return the local name of an element; empty for comments."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def namespace_of(element: Element) -> str:
    """Return the namespace of an element as a prefix for ``tag``: ``{...}``."""
    tag = str(element.tag)
    return tag[: tag.index("}") + 1] if tag.startswith("{") else ""


def children_of(element: Element, name: str) -> Iterator[Element]:
    """Yield the children with a local name and the namespace of their parent."""
    tag = f"{namespace_of(element)}{name}"
    return (child for child in element if child.tag == tag)


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
    text = f"{nearest_float(seconds):.6f}".rstrip("0").rstrip(".")
    return f"PT{text}S"
