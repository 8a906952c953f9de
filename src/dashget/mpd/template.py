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
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.mpd.markers import FIRST, MARKER, is_marker

MAX_WIDTH: Final = 64
"""The widest number format that is believed; a wider one is hostile."""

_CONSTANT, _NUMBER, _TIME, _MIXED = range(4)
_IDENTIFIER: Final = late(
    r"\$(?:(?P<name>RepresentationID|Number|Bandwidth|Time|SubNumber)"
    r"(?:%(?P<width>\d{0,20})(?P<radix>[dxXoiu]))?)?\$",
    re.ASCII,
)
_LEFT_OVER: Final = late(r"\$[^$/]*\$?|\{[^{}]*\}")


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


class UrlPattern(msgspec.Struct, frozen=True, gc=False):
    """A URL in which zero or more fields are still open.

    ``marked`` is the text with the i-th field replaced by ``chr(0xE000 + i)``: whoever has
    to build another text with the same fields (a path in the mirror) works on that, and
    calls ``from_marked`` again. ``expand(number, time, sub_number)`` gives the final text;
    values of fields that the pattern does not have are ignored.
    """

    marked: str
    fields: tuple[Field, ...] = ()
    _form: str = ""
    _mode: int = _CONSTANT

    def __post_init__(self) -> None:
        if not self.marked.isascii():
            form, mode = _compile(self.marked, self.fields)
            msgspec.structs.force_setattr(self, "_form", form)
            msgspec.structs.force_setattr(self, "_mode", mode)

    @classmethod
    def from_marked(cls, marked: str, fields: tuple[Field, ...]) -> UrlPattern:
        """Make a pattern of a text whose private-use characters stand for ``fields``."""
        return cls(marked, fields)

    @classmethod
    def literal(cls, url: str) -> UrlPattern:
        """Make a pattern without fields."""
        return cls(escape_markers(url))

    def expand(self, number: int | None, time: int | None, sub_number: int | None) -> str:
        """Give the text with its fields filled in; this is the hot path of every plan."""
        mode = self._mode
        if mode == _NUMBER:
            return self._form % number
        if mode == _TIME:
            return self._form % time
        if mode == _CONSTANT:
            return self.marked
        values = {
            FieldName.NUMBER: number,
            FieldName.TIME: time,
            FieldName.SUB_NUMBER: sub_number,
        }
        return self._form % tuple([values[name] for name in self._order()])

    @property
    def text(self) -> str:
        """The canonical text, fields visible: ``http://h/v1-$Number%05d$.m4s``."""
        text = self.marked.replace("$", "$$")
        return MARKER.sub(lambda m: str(self.fields[ord(m[0]) - FIRST]), text)

    def _order(self) -> list[FieldName]:
        return [self.fields[ord(m) - FIRST].name for m in MARKER.findall(self.marked)]


class Address(msgspec.Struct, frozen=True, gc=False):
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
    fields: tuple[Field, ...]
    """The distinct fields; the i-th has the marker ``chr(0xE000 + i)``."""

    def has(self, name: FieldName) -> bool:
        """Whether the template names this identifier."""
        return any(field.name is name for field in self.fields)

    def names(self, constant: str) -> bool:
        """Whether the template names ``RepresentationID`` or ``Bandwidth``."""
        return any(isinstance(part, Constant) and part.name == constant for part in self.parts)

    def marked(self, representation_id: str, bandwidth: int | None) -> str:
        """Fill in the constants, and leave a marker for every field.

        What an identifier is replaced with is never read as a template again.
        """
        pieces: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                pieces.append(part)
            elif isinstance(part, Field):
                pieces.append(chr(FIRST + self.fields.index(part)))
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
            parts.append(escape_markers(literal))
            literal = ""
        if name in ("RepresentationID", "Bandwidth"):
            parts.append(Constant(name, width, radix))
        else:
            parts.append(Field(FieldName(name), width, radix))
    literal += text[position:]
    if literal:
        parts.append(escape_markers(literal))
    fields = tuple(dict.fromkeys(part for part in parts if isinstance(part, Field)))
    remarks.extend(_unknown_identifier(text))
    return Template(text, tuple(parts), fields), tuple(remarks)


def escape_markers(text: str) -> str:
    """Percent-encode the private-use characters that patterns use for themselves."""
    if text.isascii():
        return text
    return MARKER.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)


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


def _compile(marked: str, fields: tuple[Field, ...]) -> tuple[str, int]:
    """Turn marked text into a ``%`` format, and say which values it takes."""
    # Without an expression: this is often the only use of one, and compiling takes longer.
    order = []
    pieces = []
    for char in marked.replace("%", "%%"):
        if is_marker(char):
            field = fields[ord(char) - FIRST]
            order.append(field.name)
            char = field.printf
        pieces.append(char)
    if not order:
        return "", _CONSTANT
    form = "".join(pieces)
    if order == [FieldName.NUMBER]:
        return form, _NUMBER
    return form, _TIME if order == [FieldName.TIME] else _MIXED
