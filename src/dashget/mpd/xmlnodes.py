"""Every node of an XML document in a tree that can be changed and written again.

``xmltree`` keeps what matters to players. A patch may name anything, also a comment or a blank text
between two elements, so here nothing is left out: elements as they are called, attributes in their
order, texts, comments, instructions. The text is the one that ``parse_mpd`` accepts.
"""

from __future__ import annotations

import pyexpat as expat
from collections.abc import Iterator, Mapping
from typing import Final

from dashget.common.lateregex import late
from dashget.errors import MPDSyntaxError
from dashget.mpd.budget import ATTRIBUTE, ELEMENT, ITEM, Budget
from dashget.mpd.encoding import ENCODING
from dashget.mpd.parse import accepted
from dashget.mpd.xmltree import feed, syntax_error

XML: Final = "http://www.w3.org/XML/1998/namespace"
_ESCAPED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_IN_VALUES: Final = {**_ESCAPED, '"': "&quot;", "\n": "&#10;", "\t": "&#9;"}
_TEXT: Final = late("[&<>\r]")
_VALUE: Final = late('[&<>\r"\n\t]')
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Text:
    """Text; no two of them are beside each other."""

    __slots__ = ("parent", "value")

    def __init__(self, value: str) -> None:
        self.value = value
        self.parent: Element | None = None

    @property
    def is_blank(self) -> bool:
        """True if it is white space alone."""
        return not self.value.strip(" \t\r\n")


class Comment:
    """A comment."""

    __slots__ = ("parent", "value")

    def __init__(self, value: str) -> None:
        self.value = value
        self.parent: Element | None = None


class Instruction:
    """A processing instruction."""

    __slots__ = ("parent", "target", "value")

    def __init__(self, target: str, value: str) -> None:
        self.target = target
        self.value = value
        self.parent: Element | None = None


class Element:
    """An element. ``qname`` and the keys of ``attributes`` are as written, with their prefixes."""

    __slots__ = ("attributes", "children", "declared", "parent", "qname")

    def __init__(self, qname: str, attributes: dict[str, str], declared: dict[str, str]) -> None:
        self.qname = qname
        self.attributes = attributes
        self.declared = declared
        """The namespaces that it declares, by prefix."""
        self.children: list[Node] = []
        self.parent: Element | None = None

    @property
    def local(self) -> str:
        """The name without prefix."""
        return self.qname.rpartition(":")[2]

    @property
    def prefix(self) -> str:
        """The prefix of the name; empty without one."""
        return self.qname.rpartition(":")[0]

    @property
    def content(self) -> str:
        """All text in it and in the elements in it."""
        return "".join([node.value for node in self.nodes() if isinstance(node, Text)])

    def elements(self) -> Iterator[Element]:
        """Yield the children that are elements."""
        return (child for child in self.children if isinstance(child, Element))

    def nodes(self) -> Iterator[Node]:
        """Yield this element and all that is in it, in document order."""
        waiting: list[Node] = [self]
        while waiting:
            node = waiting.pop()
            yield node
            if isinstance(node, Element):
                waiting.extend(reversed(node.children))

    def scope(self) -> dict[str, str]:
        """Return the namespaces that prefixes stand for here."""
        found: dict[str, str] = {}
        at: Element | None = self
        while at is not None:
            for prefix, namespace in at.declared.items():
                found.setdefault(prefix, namespace)
            at = at.parent
        found.setdefault("xml", XML)
        return found

    def insert(self, at: int, nodes: list[Node]) -> None:
        """Put nodes before the child at an index; texts beside each other become one."""
        for node in nodes:
            node.parent = self
        self.children[at:at] = nodes
        self._join(at + len(nodes))
        self._join(at)

    def remove(self, at: int) -> None:
        """Take out the child at an index; the texts around it become one."""
        self.children.pop(at).parent = None
        self._join(at)

    def _join(self, at: int) -> None:
        """Make one text of the children before and at an index, if both are texts."""
        if not 0 < at < len(self.children):
            return
        before, after = self.children[at - 1], self.children[at]
        if isinstance(before, Text) and isinstance(after, Text):
            before.value += after.value
            del self.children[at]


Node = Element | Text | Comment | Instruction


def read_nodes(data: bytes, budget: Budget) -> Element:
    """Return a document as the element that holds its root, and what is around that.

    Raises MPDSyntaxError for a document that cannot be read.
    """
    return accepted(data, lambda text: _read(text, budget), budget)


def write_nodes(document: Element) -> bytes:
    """Write a document that was read, in UTF-8."""
    pieces = [_HEAD]
    waiting: list[Node | str] = [*reversed(document.children)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            pieces.append(node)
        elif isinstance(node, Text):
            pieces.append(escaped(node.value))
        elif isinstance(node, Comment):
            pieces.append(f"<!--{node.value}-->")
        elif isinstance(node, Instruction):
            pieces.append(f"<?{node.target} {node.value}?>" if node.value else f"<?{node.target}?>")
        elif node.children:
            pieces.append(f"<{node.qname}{_attributes(node)}>")
            waiting.append(f"</{node.qname}>")
            waiting.extend(reversed(node.children))
        else:
            pieces.append(f"<{node.qname}{_attributes(node)}/>")
    return "".join(pieces).encode() + b"\n"


def escaped(text: str) -> str:
    """Return a text as it is written between tags."""
    return _TEXT.sub(lambda found: _ESCAPED[found[0]], text)


def _attributes(element: Element) -> str:
    declared = {f"xmlns:{key}" if key else "xmlns": ns for key, ns in element.declared.items()}
    return "".join(
        f' {name}="{_VALUE.sub(lambda found: _IN_VALUES[found[0]], value)}"'
        for name, value in (*declared.items(), *element.attributes.items())
    )


def _read(text: bytes, budget: Budget) -> Element:
    builder = _Builder(budget)
    parser = expat.ParserCreate(ENCODING)
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.CommentHandler = builder.comment
    parser.ProcessingInstructionHandler = builder.instruction
    budget.spend(2 * len(text), "the nodes of the document")
    try:
        feed(parser, text, budget.limits.max_token)
    except expat.ExpatError as error:
        raise syntax_error(error) from None
    return builder.top


class _Builder:
    """Turns expat's events into nodes."""

    def __init__(self, budget: Budget) -> None:
        self.top = Element("", {}, {})
        """Holds the root."""
        self._budget = budget
        self._at = self.top
        self._depth = 0

    def start(self, qname: str, attributes: dict[str, str]) -> None:
        self._budget.spend_elements(1)
        self._budget.spend(ELEMENT + ATTRIBUTE * len(attributes), "its elements")
        self._depth += 1
        if self._depth > self._budget.limits.max_depth:
            raise MPDSyntaxError(f"elements are nested more than {self._depth - 1} deep")
        declared = _taken(attributes) if any(k[:5] == "xmlns" for k in attributes) else {}
        element = Element(qname, attributes, declared)
        self._put(element)
        self._at = element

    def end(self, _: str) -> None:
        assert self._at.parent is not None  # noqa: S101 - expat checks that tags match
        self._at = self._at.parent
        self._depth -= 1

    def text(self, value: str) -> None:
        last = self._at.children[-1] if self._at.children else None
        if isinstance(last, Text):
            last.value += value
        else:
            self._put(Text(value))

    def comment(self, value: str) -> None:
        self._put(Comment(value))

    def instruction(self, target: str, value: str) -> None:
        self._put(Instruction(target, value))

    def _put(self, node: Node) -> None:
        self._budget.spend(ITEM, "its nodes")
        node.parent = self._at
        self._at.children.append(node)


def _taken(attributes: dict[str, str]) -> dict[str, str]:
    """Take the declarations of namespaces out of the attributes of an element."""
    keys = [key for key in attributes if key == "xmlns" or key.startswith("xmlns:")]
    return {key[6:]: attributes.pop(key).strip() for key in keys}


def namespace_of(element: Element, scope: Mapping[str, str] | None = None) -> str:
    """Return the namespace of an element; empty for an undeclared prefix, or none."""
    prefix = element.prefix
    if scope is not None:
        return scope.get(prefix, "")
    at: Element | None = element
    while at is not None:
        if prefix in at.declared:
            return at.declared[prefix]
        at = at.parent
    return ""
