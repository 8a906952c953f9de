"""Parse XML into a light element tree, which knows nothing of MPDs.

Events of expat are read directly, which is twice as fast as building a complete tree and needs a
tenth of the memory: the rows of the two long lists (``S`` and ``SegmentURL``) never become
elements. Document type declarations with a subset are refused, so there are no entities to expand,
and others are blanked out; nothing is ever fetched. ``names`` decides which elements are those of
DASH.
"""

from __future__ import annotations

import contextlib
import pyexpat as expat  # xml.parsers.expat is the same, two packages further in
from collections.abc import Iterator
from typing import Final

from dashget.common.lateregex import late
from dashget.errors import MPDSyntaxError, UnsupportedMPDError
from dashget.mpd.budget import (
    ATTRIBUTE,
    COMMON,
    ELEMENT,
    LEVEL,
    LISTED,
    RAISED_BY,
    ROW,
    Budget,
)
from dashget.mpd.encoding import ENCODING
from dashget.mpd.issues import IssueLog
from dashget.mpd.names import Names
from dashget.mpd.timeline import SegmentTimeline

_COSTS: Final = {
    **dict.fromkeys(("Period", "AdaptationSet", "Representation"), LEVEL),
    **dict.fromkeys(("BaseURL", "ContentProtection", "EssentialProperty"), COMMON),
    **dict.fromkeys(("SupplementalProperty", "Role", "Accessibility", "UTCTiming"), COMMON),
    **dict.fromkeys(("SegmentTemplate", "SegmentList", "SegmentBase", "EventStream"), COMMON),
}
"""The units of elements that become objects of the model."""
_MOST_ROWS: Final = 1000
"""Rows are counted before they are spent, since there may be a million."""
_ODD_NUMBER: Final = late(rb"""\s[tdrnk]\s*=\s*["'][^"'<]*?(?:[\x80-\xff]|&#|[0-9]_)""")
_PIECE: Final = 1 << 20
_CONTEXT_BYTES: Final = 200
_IN_A_ROW: Final = late(rb"(?:^|\s)[tdrnk]\s*=\s*$|^\s*(?:=\s*)?$")
"""What is before the value of an attribute of a row, or may be the end of that."""
_VISIBLE: Final = late(rb"[^\r\n]")


class Element:
    """One element. ``name`` is the local name, ``{namespace}local`` for foreign ones.

    ``origins`` has the references that led to an element from another document; ``line`` is
    None for these. ``namespace`` is set for the root only, whose namespace is treated as that of
    DASH. ``timeline`` has the ``S`` rows of a SegmentTimeline and ``listed`` the attributes of
    the SegmentURL rows of a SegmentList; both are left out of the children.
    """

    __slots__ = (
        "attributes",
        "children",
        "line",
        "listed",
        "name",
        "namespace",
        "origins",
        "text",
        "timeline",
    )

    def __init__(self, name: str, attributes: dict[str, str], line: int | None) -> None:
        self.name = name
        self.attributes = attributes
        self.line = line
        self.namespace: str | None = None
        self.origins: tuple[str, ...] = ()
        self.text = ""
        self.children: list[Element] = []
        self.timeline: SegmentTimeline | None = None
        self.listed: list[dict[str, str]] | None = None

    def all(self, name: str) -> Iterator[Element]:
        """Return the children of this name, in document order."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> Element | None:
        """Return the first child of this name, None if there is none."""
        return next(self.all(name), None)


class XmlError(Exception):
    """The text is not well-formed. ``truncated`` is True if it only ends too early."""

    def __init__(
        self, reason: str, line: int, column: int, inside: str, *, truncated: bool
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column
        self.inside = inside
        self.truncated = truncated


def read_tree(data: bytes, log: IssueLog, budget: Budget) -> Element:
    """Parse a document in UTF-8 into a tree; raise XmlError if it is not well-formed."""
    data = without_doctype(data, log, budget)
    builder = _Builder(log, budget)
    builder.read(data)
    assert builder.root is not None  # noqa: S101 - expat reports a document without root
    return builder.root


def feed(parser: expat.XMLParserType, text: bytes, most: int) -> None:
    """Give a text to a parser; raise UnsupportedMPDError for a tag of more than ``most`` bytes.

    Python gives expat a megabyte at a time, and what has not ended then (a tag, a comment) is
    read again from its beginning: 70 MB of it would take as long as gigabytes.
    """
    if len(text) > most:
        view, step = memoryview(text), min(most, _PIECE)
        for begin in range(0, len(text), step):
            parser.Parse(view[begin : begin + step], False)
            if min(begin + step, len(text)) - parser.CurrentByteIndex > most:
                line = parser.CurrentLineNumber
                raise UnsupportedMPDError(
                    f"a tag or comment has more than {most:,} bytes (line {line}); {RAISED_BY}",
                    hint="no presentation is known to need as much",
                )
        text = b""
    parser.Parse(text, True)


def syntax_error(error: expat.ExpatError) -> XmlError:
    """Return what expat found, for a reader that does not tell where a document is cut off."""
    reason = expat.ErrorString(error.code)
    return XmlError(reason, error.lineno, error.offset + 1, "", truncated=False)


def without_doctype(data: bytes, log: IssueLog, budget: Budget) -> bytes:
    """Return a document with blanks in place of its document type declaration.

    So no reader of the text gets to see one.
    """
    if b"<!DOCTYPE" not in data:
        return data
    prolog = _Prolog(log)
    prolog.read(data, budget.limits.max_token)
    end = prolog.end
    # What is left of one that contains another is not well-formed.
    begin = max(0, data.rfind(b"<!DOCTYPE", 0, end))
    return data[:begin] + _VISIBLE.sub(b" ", data[begin:end]) + data[end:]


class _RootError(Exception):
    """The root has begun: the rest is not read."""


class _Prolog:
    """Finds the end of the document type declaration; it is 0 without one."""

    def __init__(self, log: IssueLog) -> None:
        self.end = 0
        self._log = log
        self._parser = parser = expat.ParserCreate(ENCODING)
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._root

    def read(self, data: bytes, most: int) -> None:
        # A mistake is reported by the parser of the whole document.
        with contextlib.suppress(_RootError, expat.ExpatError):
            feed(self._parser, data, most)

    def _doctype(self, _: str, system: str | None, public: str | None, subset: bool) -> None:
        line = self._parser.CurrentLineNumber
        if subset:
            raise MPDSyntaxError(
                f"the document has a document type declaration with a subset (line {line})",
                hint="an MPD must not have one, because it may define entities",
            )
        names = f" {system or public!r}, which is not fetched" if system or public else ""
        self._log.warn(f"a document type declaration{names}; ignored", "MPD", line, "5.2.2")
        self.end = self._parser.CurrentByteIndex + 1

    def _root(self, *_: object) -> None:
        raise _RootError


def has_odd_numbers(data: bytes) -> bool:
    """Return True if a row of a timeline may have a number that only Python reads as one.

    Those are digits of other scripts and ``1_000``, which ``int`` takes. Rows are read a million at
    a time, so this is asked once. Most documents have few underscores, and none in a number.
    """
    if not data.isascii() or b"&#" in data or data.count(b"_") > _MOST_ROWS:
        return _ODD_NUMBER.search(data) is not None
    at = data.find(b"_")
    while at >= 0:
        before = data[max(at - _CONTEXT_BYTES, 0) : at]
        value = max(before.rfind(b'"'), before.rfind(b"'"))
        if value < 0 or _IN_A_ROW.search(before[:value]):
            return True
        at = data.find(b"_", at + 1)
    return False


class _Builder:
    """Turns expat's events into elements."""

    def __init__(self, log: IssueLog, budget: Budget) -> None:
        self.root: Element | None = None
        self._log = log
        self._budget = budget
        self._depth = budget.limits.max_depth
        self._stack: list[Element] = []
        self._texts: list[list[str]] = []
        self._names: list[str] = []
        self._row: str | None = None
        self._space = Names(log, budget)
        self._rows = 0
        self._parser = expat.ParserCreate(ENCODING)

    def read(self, data: bytes) -> None:
        parser = self._parser
        parser.buffer_text = True
        careful = has_odd_numbers(data)
        parser.StartElementHandler = self._start_carefully if careful else self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.SkippedEntityHandler = self._entity
        # Texts and the values of attributes are copied two or three times until they are used.
        self._budget.spend(2 * len(data), "the document")
        try:
            feed(parser, data, self._budget.limits.max_token)
            self._spend_rows()
        except expat.ExpatError as err:
            self._spend_rows()
            reason = expat.ErrorString(err.code)
            open_tokens = ("no element found", "unclosed token", "unclosed CDATA section")
            truncated = reason in open_tokens and (self.root is None or bool(self._names))
            inside = "/".join(self._names[-4:])
            raise XmlError(
                reason, err.lineno, err.offset + 1, inside, truncated=truncated
            ) from None

    def _entity(self, name: str, *_: object) -> None:
        line = self._parser.CurrentLineNumber
        raise MPDSyntaxError(
            f"undefined entity: {name!r} (line {line})",
            hint="an MPD must not have entities of its own",
        )

    def _start(self, qname: str, attributes: dict[str, str]) -> None:
        if qname == self._row:
            self._start_row(attributes)
            return
        budget = self._budget
        budget.elements += 1
        budget.work += _COSTS.get(qname, ELEMENT) + ATTRIBUTE * len(attributes)
        if not budget.elements & 255:
            self._spend_rows()
        line = self._parser.CurrentLineNumber
        parent = self._stack[-1] if self._stack else None
        name, attributes = self._space.enter(
            qname, attributes, parent.name if parent else None, self._names, line
        )
        element = Element(name, attributes, line)
        if parent is None:
            element.namespace = self._space.dash
            self.root = element
        elif (name == "S" and parent.timeline is not None) or (
            name == "SegmentURL" and parent.listed is not None
        ):
            self._start_row(attributes)
        else:
            parent.children.append(element)
        self._stack.append(element)
        self._texts.append([])
        self._names.append(qname)
        if len(self._stack) > self._depth:
            raise MPDSyntaxError(
                f"elements are nested more than {self._depth} deep "
                f"(line {self._parser.CurrentLineNumber})"
            )
        self._enter(qname, element)

    def _enter(self, qname: str, element: Element) -> None:
        """Switch to reading rows inside the two elements that hold long lists."""
        prefix = qname[: -len(element.name)]
        if element.name == "SegmentTimeline":
            if element.timeline is None:
                element.timeline = SegmentTimeline(line=element.line)
                element.timeline.span = self._parser.CurrentByteIndex, 0
            self._row = f"{prefix}S"
            self._parser.CharacterDataHandler = None
        elif element.name == "SegmentList":
            element.listed = element.listed if element.listed is not None else []
            self._row = f"{prefix}SegmentURL"
            self._parser.CharacterDataHandler = None
        else:
            self._row = None
            self._parser.CharacterDataHandler = self._text

    def _start_carefully(self, qname: str, attributes: dict[str, str]) -> None:
        """Begin an element of a document in which some row may have numbers for Python only."""
        timeline = self._stack[-1].timeline if qname == self._row else None
        if timeline is None or all(
            text.isascii() and "_" not in text for text in attributes.values()
        ):
            self._start(qname, attributes)
            return
        self._rows += 1
        self._budget.work += COMMON
        timeline.append_odd(attributes, self._parser.CurrentLineNumber)

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._rows += 1
        if self._rows > _MOST_ROWS:
            self._spend_rows()
        top = self._stack[-1]
        if top.timeline is None:
            if top.listed is not None:
                top.listed.append(self._named(attributes))
                self._budget.work += LISTED
            return
        t = attributes.get("t")
        r = attributes.get("r")
        try:
            if len(attributes) == 1 + (t is not None) + (r is not None):
                top.timeline.append(
                    None if t is None else int(t), int(attributes["d"]), 0 if r is None else int(r)
                )
                return
            n = attributes.get("n")
            k = attributes.get("k")
            if len(attributes) == 1 + sum(value is not None for value in (t, r, n, k)):
                top.timeline.append(
                    None if t is None else int(t),
                    int(attributes["d"]),
                    0 if r is None else int(r),
                    None if n is None else int(n),
                    None if k is None else int(k),
                )
                return
        except (KeyError, ValueError, OverflowError):
            pass
        self._budget.work += COMMON
        top.timeline.append_odd(self._named(attributes), self._parser.CurrentLineNumber)

    def _named(self, attributes: dict[str, str]) -> dict[str, str]:
        return self._space.of_row(attributes, self._names, self._parser.CurrentLineNumber)

    def _end(self, qname: str) -> None:
        if qname == self._row:
            return
        element = self._stack.pop()
        if element.timeline is not None and element.timeline.span is not None:
            element.timeline.span = element.timeline.span[0], self._parser.CurrentByteIndex
        self._names.pop()
        self._space.leave()
        if self._stack:
            self._enter(self._names[-1], self._stack[-1])
        element.text = "".join(self._texts.pop()).strip()

    def _text(self, data: str) -> None:
        self._texts[-1].append(data)

    def _spend_rows(self) -> None:
        """Spend the rows since the last time, and look if anything is left."""
        rows, self._rows = self._rows, 0
        self._budget.spend_elements(rows)
        self._budget.spend(ROW * rows, "its elements")
