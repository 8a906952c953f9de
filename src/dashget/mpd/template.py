"""URL templates: parsed once, expanded a million times.

The road of a template: ``parse_template`` splits the text of ``SegmentTemplate@media`` into
literals and identifiers; ``Template.marked`` fills in what is known per Representation and
puts a private-use character in the place of every ``$Number$``, ``$Time$`` and
``$SubNumber$``; that text is resolved like any URL reference; ``UrlPattern.from_marked``
compiles the absolute URL for expansion (ISO/IEC 23009-1, 5.3.9.4.4).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import Final

import msgspec

MAX_WIDTH: Final = 64
"""The widest number format that is believed; a wider one is hostile."""

_MARKER_BASE: Final = 0xE000
_MARKERS: Final = re.compile("[\ue000-\uf8ff]")
_IDENTIFIER: Final = re.compile(
    r"\$(?:(?P<name>RepresentationID|Number|Bandwidth|Time|SubNumber)"
    r"(?:%(?P<width>\d{0,20})(?P<radix>[dxXoiu]))?)?\$",
    re.ASCII,
)
_LEFT_OVER: Final = re.compile(r"\$[^$/]*\$?|\{[^{}]*\}")


class FieldName(enum.Enum):
    """The identifiers whose value changes from segment to segment."""

    NUMBER = "Number"
    TIME = "Time"
    SUB_NUMBER = "SubNumber"


class Field(msgspec.Struct, frozen=True):
    """One identifier in a URL, with its printf format: ``$Number%05d$``."""

    name: FieldName
    width: int = 0
    radix: str = "d"

    def __str__(self) -> str:
        if not self.width and self.radix == "d":
            return f"${self.name.value}$"
        return f"${self.name.value}%{f'0{self.width}' if self.width else ''}{self.radix}$"

    @property
    def printf(self) -> str:
        """The conversion for Python's ``%`` operator."""
        return f"%0{self.width}{self.radix}" if self.width else f"%{self.radix}"


class UrlPattern:
    """A URL in which zero or more fields are still open.

    ``marked`` is the text with the i-th field replaced by ``chr(0xE000 + i)``: whoever has
    to build another text with the same fields (a path in the mirror) works on that, and
    calls ``from_marked`` again. ``expand(number, time, sub_number)`` gives the final text;
    values of fields that the pattern does not have are ignored.
    """

    __slots__ = ("_text", "expand", "fields", "marked")

    marked: str
    fields: tuple[Field, ...]
    expand: Callable[[int | None, int | None, int | None], str]

    def __init__(self, marked: str, fields: tuple[Field, ...] = ()) -> None:
        self.marked = marked
        self.fields = fields
        self.expand = _compile(marked, fields)
        self._text: str | None = None

    @classmethod
    def from_marked(cls, marked: str, fields: tuple[Field, ...]) -> UrlPattern:
        """Make a pattern of a text whose private-use characters stand for ``fields``."""
        return cls(marked, fields)

    @classmethod
    def literal(cls, url: str) -> UrlPattern:
        """Make a pattern without fields."""
        return cls(escape_markers(url))

    @property
    def text(self) -> str:
        """The canonical text, fields visible: ``http://h/v1-$Number%05d$.m4s``."""
        if self._text is None:
            fields = self.fields
            text = self.marked.replace("$", "$$")
            self._text = _MARKERS.sub(lambda m: str(fields[ord(m[0]) - _MARKER_BASE]), text)
        return self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UrlPattern):
            return NotImplemented
        return self.marked == other.marked and self.fields == other.fields

    def __hash__(self) -> int:
        return hash((self.marked, self.fields))

    def __repr__(self) -> str:
        return f"UrlPattern({self.text!r})"


class Address(msgspec.Struct, frozen=True):
    """Where a segment can be had: the first pattern is the first choice.

    The other patterns are the same resource under the next BaseURLs (5.6.5), in the order
    in which to try them.
    """

    patterns: tuple[UrlPattern, ...]


class Template(msgspec.Struct, frozen=True):
    """A parsed template: literal texts and identifiers in their order.

    ``parts`` holds a ``str`` for literal text, a ``Field`` for what differs from segment to
    segment, and a ``Constant`` for what is known per Representation.
    """

    source: str
    parts: tuple[str | Field | Constant, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The distinct fields; the i-th has the marker ``chr(0xE000 + i)``."""
        return tuple(dict.fromkeys(part for part in self.parts if isinstance(part, Field)))

    def has(self, name: FieldName) -> bool:
        """Whether the template names this identifier."""
        return any(field.name is name for field in self.fields)

    @property
    def has_bandwidth(self) -> bool:
        """Whether the template names ``$Bandwidth$``."""
        return any(isinstance(part, Constant) and part.name == "Bandwidth" for part in self.parts)

    @property
    def has_id(self) -> bool:
        """Whether the template names ``$RepresentationID$``."""
        return any(isinstance(part, Constant) and part.name != "Bandwidth" for part in self.parts)

    def marked(self, representation_id: str, bandwidth: int | None) -> str:
        """Fill in the constants, and leave a marker for every field.

        What an identifier is replaced with is never read as a template again.
        """
        pieces: list[str] = []
        fields = self.fields
        for part in self.parts:
            if isinstance(part, str):
                pieces.append(escape_markers(part))
            elif isinstance(part, Field):
                pieces.append(chr(_MARKER_BASE + fields.index(part)))
            elif part.name == "Bandwidth":
                value = f"%{f'0{part.width}' if part.width else ''}{part.radix}" % (bandwidth or 0)
                pieces.append(value)
            else:
                pieces.append(escape_markers(representation_id))
        return "".join(pieces)


class Constant(msgspec.Struct, frozen=True):
    """``$RepresentationID$`` or ``$Bandwidth$``: the same for a whole Representation."""

    name: str
    width: int = 0
    radix: str = "d"


def parse_template(text: str) -> tuple[Template, tuple[str, ...]]:
    """Parse a template, and say what is odd about it.

    Anything between dollar signs (or braces) that is no identifier is literal text, with a
    remark for the first. A width on ``$RepresentationID$`` is ignored, as players do.
    """
    parts: list[str | Field | Constant] = []
    remarks: list[str] = []
    literal = ""
    position = 0
    for match in _IDENTIFIER.finditer(text):
        literal += text[position : match.start()]
        position = match.end()
        name = match["name"]
        if name is None:
            literal += "$"
            continue
        width, radix, remark = _read_format(name, match["width"], match["radix"])
        if remark:
            remarks.append(f"{match[0]}: {remark}")
        if literal:
            parts.append(literal)
            literal = ""
        if name in ("RepresentationID", "Bandwidth"):
            parts.append(Constant(name, width, radix))
        else:
            parts.append(Field(FieldName(name), width, radix))
    literal += text[position:]
    if literal:
        parts.append(literal)
    remarks.extend(_unknown_identifier(text))
    return Template(text, tuple(parts)), tuple(remarks)


def escape_markers(text: str) -> str:
    """Percent-encode the private-use characters that patterns use for themselves."""
    if text.isascii():
        return text
    return _MARKERS.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)


def _read_format(
    name: str, width_text: str | None, radix: str | None
) -> tuple[int, str, str | None]:
    """Give width, radix and a remark; ``%5d`` is read as ``%05d``: no URL is padded with blanks."""
    if radix is None:
        return 0, "d", None
    radix = "d" if radix in "iu" else radix
    width = int(width_text or 0)
    if name == "RepresentationID":
        return 0, "d", "a width has no meaning here and is ignored"
    if width > MAX_WIDTH:
        return MAX_WIDTH, radix, f"the width {width} is cut to {MAX_WIDTH}"
    if width_text and not width_text.startswith("0"):
        return width, radix, f"read as %0{width}{radix}"
    return width, radix, None


def _unknown_identifier(text: str) -> list[str]:
    rest = _IDENTIFIER.sub("", text)
    match = _LEFT_OVER.search(rest)
    if match is None:
        return []
    return [f"{match[0]} is no template identifier and stays as literal text"]


def _compile(marked: str, fields: tuple[Field, ...]) -> Callable[..., str]:
    """Build the function that fills the fields in, with one ``%`` operation."""
    order = [ord(m) - _MARKER_BASE for m in _MARKERS.findall(marked)]
    if not order:
        return lambda number, time, sub_number: marked
    form = _MARKERS.sub(
        lambda m: fields[ord(m[0]) - _MARKER_BASE].printf, marked.replace("%", "%%")
    )
    names = [fields[index].name for index in order]
    if names == [FieldName.NUMBER]:
        return lambda number, time, sub_number: form % number
    if names == [FieldName.TIME]:
        return lambda number, time, sub_number: form % time
    positions = tuple(list(FieldName).index(name) for name in names)

    def expand(*values: int | None) -> str:
        return form % tuple([values[position] for position in positions])

    return expand
