"""Read a manifest into a tree that can be changed, by the parser and the rules of ``mpd``.

The text is the one that ``parse_mpd`` accepted, expat reads it, and ``mpd.names`` decides which
elements are those of DASH: no second opinion about a document is possible.
"""

from __future__ import annotations

import pyexpat as expat
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.mpd.budget import ATTRIBUTE, ELEMENT, ROW, Budget
from dashget.mpd.encoding import ENCODING
from dashget.mpd.issues import IssueLog
from dashget.mpd.names import Names
from dashget.mpd.parse import accepted
from dashget.mpd.xmltree import syntax_error
from dashget.playable.tree import Element
from dashget.playable.writing import attribute_text, escaped

_ROWS: Final = {"SegmentTimeline": "S"}
_PLAIN: Final = frozenset("tdrnk")
_DIGITS: Final = late("[0-9]*")
_NAME: Final = late(r"[^\W\d][^:]*")
"""A name without prefix; expat has checked its characters, as a part of a longer name."""

_XML_ID: Final = "{http://www.w3.org/XML/1998/namespace}id"
_PLAIN_NAME: Final = late("[A-Za-z_][A-Za-z0-9_.-]*")
"""Some parsers refuse a document for another ``xml:id``."""


def read(data: bytes, budget: Budget) -> Document:
    """Read a document that ``parse_mpd`` accepted; MPDSyntaxError for any other."""
    return accepted(data, lambda text: read_text(text, budget), budget)


def read_text(text: bytes, budget: Budget) -> Document:
    """Read a text in UTF-8 without document type declaration; XmlError if it cannot be read."""
    reader = _Reader(budget)
    reader.read(text)
    assert reader.root is not None  # noqa: S101 - expat reports a document without root
    return Document(reader.root, reader.namespace)


class Document(msgspec.Struct, frozen=True, eq=False):
    """A document; ``namespace`` is that of the root, which is read as that of DASH.

    The comments around the root are its siblings.
    """

    root: Element
    namespace: str


class _Reader:
    """Turns expat's events into a tree.

    A plain row of a timeline is kept as text: there may be a million.
    """

    def __init__(self, budget: Budget) -> None:
        self.root: Element | None = None
        self._budget = budget
        self._top = Element("")
        self._names = Names(IssueLog(), budget)
        self._pieces: list[str] = []
        self._row: str | None = None
        """How rows are called here; None where there are none."""
        self._outer_rows: list[str | None] = []
        self._pending: dict[str, str] | None = None
        """The attributes of a row that has begun."""
        self._count = 0

    def read(self, text: bytes) -> None:
        parser = expat.ParserCreate(ENCODING)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._comment
        parser.ProcessingInstructionHandler = self._instruction
        self._budget.spend(2 * len(text), "the local MPD")
        try:
            parser.Parse(text, True)
        except expat.ExpatError as error:
            raise syntax_error(error) from None
        self._spend()
        for node in self._top:
            node.parent = None
        if self.root is not None:
            self._declare_usual(self.root)

    @property
    def namespace(self) -> str:
        """The namespace of the root."""
        return self._names.dash

    def _start(self, qname: str, attributes: dict[str, str]) -> None:
        if self._pieces:
            self._flush()
        if self._pending is not None:
            self._open_pending()
        elif qname == self._row and _is_plain(attributes):
            self._pending = attributes
            return
        self._open(qname, attributes)

    def _open(self, qname: str, attributes: dict[str, str]) -> None:
        self._count += 1
        self._budget.work += ELEMENT + ATTRIBUTE * len(attributes)
        if not self._count & 255:
            self._spend()
        declared = {k[6:]: v.strip() for k, v in attributes.items() if k[:6] in ("xmlns", "xmlns:")}
        inside = None if self.root is None else self._top.name
        colons = any(":" in name for name in attributes)
        name, found = self._names.enter(qname, attributes, inside, [], 1)
        element = Element(name, _named(found) if colons else found)
        element.prefix, colon, local = qname.rpartition(":")
        if colon and not _NAME.fullmatch(local):
            element.name = f"{name[: len(name) - len(local)]}_{local}"
        if declared:
            element.declared = declared
        if self.root is None:
            self.root = element
        self._top.append(element)
        self._top = element
        self._outer_rows.append(self._row)
        row = _ROWS.get(name)
        self._row = None if row is None else qname[: -len(name)] + row

    def _end(self, qname: str) -> None:
        if self._pieces:
            self._flush()
        if self._pending is not None:
            self._close_row(self._pending)
            return
        self._row = self._outer_rows.pop()
        self._names.leave()
        assert self._top.parent is not None  # noqa: S101 - expat checks that tags match
        self._top = self._top.parent

    def _open_pending(self) -> None:
        """Make an element of a row that has content after all."""
        attributes, self._pending = self._pending, None
        self._open(self._row or "S", attributes or {})

    def _close_row(self, attributes: dict[str, str]) -> None:
        self._pending = None
        rows = self._top.last
        if rows is None or rows.rows is None:
            self._top.append(rows := Element(""))
            rows.rows = []
        assert rows.rows is not None  # noqa: S101 - given above
        rows.rows.append(f"{attribute_text(attributes)}/>")
        self._count += 1
        self._budget.work += 3 * ROW
        if not self._count & 255:
            self._spend()

    def _text(self, data: str) -> None:
        if self._pending is not None:
            self._open_pending()
        self._pieces.append(data)

    def _flush(self) -> None:
        text = "".join(self._pieces)
        self._pieces.clear()
        last = self._top.last
        if last is None:
            self._top.text += text
        elif last.rows is not None:
            last.rows[-1] += escaped(text)
        else:
            last.tail += text

    def _comment(self, text: str) -> None:
        self._markup(f"<!--{text}-->")

    def _instruction(self, target: str, text: str) -> None:
        self._markup(f"<?{target} {text}?>" if text else f"<?{target}?>")

    def _markup(self, text: str) -> None:
        if self._pieces:
            self._flush()
        if self._pending is not None:
            self._open_pending()
        node = Element("")
        node.text = text
        self._top.append(node)
        self._count += 1
        self._budget.work += ELEMENT
        if not self._count & 255:
            self._spend()

    def _spend(self) -> None:
        self._budget.spend(0, "the local MPD")

    def _declare_usual(self, root: Element) -> None:
        """Declare prefixes that the document only uses."""
        root.declared = {**self._names.undeclared, **root.declared}


def _is_plain(attributes: dict[str, str]) -> bool:
    return (
        _PLAIN.issuperset(attributes)
        and _DIGITS.fullmatch("".join(attributes.values())) is not None
    )


def _named(attributes: dict[str, str]) -> dict[str, str]:
    """Return the attributes whose names without prefix are names, too, as is ``xml:id``."""
    return {
        name: value
        for name, value in attributes.items()
        if name != "xmlns"
        and _NAME.fullmatch(name.rpartition("}")[2])
        and (name != _XML_ID or _PLAIN_NAME.fullmatch(value))
    }
