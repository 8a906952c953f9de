"""URL templates: parsed once, expanded for every segment.

The road of a template: ``parse_template`` splits the text of ``SegmentTemplate@media`` into
literals and identifiers. ``Template.marked`` fills in the values of the Representation, and
replaces every ``$Number$``, ``$Time$`` and ``$SubNumber$`` by a private-use character, its
marker. That text is resolved like any URL reference. ``UrlPattern.from_marked`` compiles the
absolute URL for expansion (ISO/IEC 23009-1, 5.3.9.4.4).
"""

from __future__ import annotations

import enum
import re
from fractions import Fraction
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.numbers import nearest_float
from dashget.mpd.markers import FIRST, MARKER, is_marker

MAX_WIDTH: Final = 64
"""The widest number format that is accepted; a wider one is hostile."""

_CONSTANT, _NUMBER, _TIME, _MIXED = range(4)
_IDENTIFIER: Final = late(
    r"\$(?:(?P<name>RepresentationID|Number|Bandwidth|Time|SubNumber)"
    r"(?:%(?P<width>\d{0,20})(?P<radix>[dxXoiu]))?)?\$",
    re.ASCII,
)
_MOST_REMARKS: Final = 10
_LEFT_OVER: Final = late(r"\$[^$/]*\$?|\{[^{}]*\}")


class FieldName(enum.Enum):
    """The identifiers whose values differ between segments."""

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

    ``marked`` is the text with the i-th field replaced by ``chr(0xE000 + i)``. To make another
    text with the same fields (a path in the mirror), change ``marked`` and call ``from_marked``
    again. ``expand(number, time, sub_number)`` returns the final text; values of fields that
    the pattern lacks are ignored.
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
        """Return a pattern for a text whose private-use characters stand for ``fields``."""
        return cls(marked, fields)

    @classmethod
    def literal(cls, url: str) -> UrlPattern:
        """Return a pattern without fields."""
        return cls(escape_markers(url))

    def expand(self, number: int | None, time: int | None, sub_number: int | None) -> str:
        """Return the text with its fields filled in. This is the hot path of every plan."""
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

    def start_of(self, ending: UrlPattern) -> int | None:
        """Return where in each expanded text begins what ``ending`` expands to with its values.

        None if that depends on the values, or if the texts end in another way.
        """
        start = len(self.marked) - len(ending.marked)
        same = self.fields == ending.fields and self.marked.endswith(ending.marked)
        # What comes before has no field.
        return start if same and self.marked[:start].isascii() else None

    @property
    def text(self) -> str:
        """The canonical text with visible fields: ``http://h/v1-$Number%05d$.m4s``."""
        text = self.marked.replace("$", "$$")
        return MARKER.sub(lambda m: str(self.fields[ord(m[0]) - FIRST]), text)

    def _order(self) -> list[FieldName]:
        return [self.fields[ord(m) - FIRST].name for m in MARKER.findall(self.marked)]


class Address(msgspec.Struct, frozen=True, gc=False):
    """The URLs of a resource, as patterns; the first one is preferred.

    The others lead to the same resource under other BaseURLs (5.6.5), in the order in which to
    try them.
    """

    patterns: tuple[UrlPattern, ...]


class Template(msgspec.Struct, frozen=True):
    """A parsed template: literal texts and identifiers in order.

    ``parts`` has a ``str`` for literal text, a ``Field`` for an identifier whose value differs
    between segments, and a ``Constant`` for one whose value the Representation tells.
    """

    source: str
    parts: tuple[str | Field | Constant, ...]
    fields: tuple[Field, ...]
    """The distinct fields; the i-th has the marker ``chr(0xE000 + i)``."""

    def has(self, name: FieldName) -> bool:
        """Return True if the template has this field."""
        return any(field.name is name for field in self.fields)

    def names(self, constant: str) -> bool:
        """Return True if the template has ``RepresentationID`` or ``Bandwidth``."""
        return any(isinstance(part, Constant) and part.name == constant for part in self.parts)

    def without_fields(self) -> Template:
        """Return the template with the names of its fields as plain text."""
        parts = tuple(str(part) if isinstance(part, Field) else part for part in self.parts)
        return Template(self.source, parts, ())

    @property
    def identifiers(self) -> int:
        """The number of identifiers, the same ones counted again."""
        return sum(1 for part in self.parts if not isinstance(part, str))

    def marked(self, representation_id: str, bandwidth: int | Fraction | None) -> str:
        """Return the text with constants filled in and a marker for every field.

        A value that replaces an identifier is never read as a template again.
        """
        pieces: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                pieces.append(part)
            elif isinstance(part, Field):
                pieces.append(chr(FIRST + self.fields.index(part)))
            elif part.name == "Bandwidth":
                pieces.append(_formatted(part, bandwidth or 0))
            else:
                pieces.append(escape_markers(representation_id))
        return "".join(pieces)


class Constant(msgspec.Struct, frozen=True):
    """``$RepresentationID$`` or ``$Bandwidth$``: the same for a whole Representation."""

    name: str
    width: int = 0
    radix: str = "d"


def parse_template(text: str) -> tuple[Template, tuple[str, ...]]:
    """Parse a template; return it with remarks about odd parts.

    Unknown identifiers between dollar signs (or braces) are literal text, with a remark about
    the first. A width of ``$RepresentationID$`` is ignored, as players do.
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
    remarks = remarks[:_MOST_REMARKS]
    remarks.extend(_unknown_identifier(text))
    return Template(text, tuple(parts), fields), tuple(remarks)


def escape_markers(text: str) -> str:
    """Percent-encode private-use characters, which patterns use as markers."""
    if text.isascii():
        return text
    return MARKER.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)


def _read_format(
    name: str, width_text: str | None, radix: str | None
) -> tuple[int, str, str | None]:
    """Return width, radix and a remark; ``%5d`` is read as ``%05d``, since URLs have no spaces."""
    if radix is None:
        return 0, "d", None
    radix = "d" if radix in "iu" else radix
    width = int(width_text or 0)
    if name == "RepresentationID":
        return 0, "d", "a width has no meaning here and is ignored"
    if width > MAX_WIDTH:
        return MAX_WIDTH, radix, f"the width {width} is reduced to {MAX_WIDTH}"
    if width_text and not width_text.startswith("0"):
        return width, radix, f"read as %0{width}{radix}"
    return width, radix, None


def _formatted(part: Constant, bandwidth: int | Fraction) -> str:
    """Return ``$Bandwidth$``; a fraction without a format is written as a decimal number."""
    if isinstance(bandwidth, Fraction) and not part.width and part.radix == "d":
        return f"{nearest_float(bandwidth):.15g}"
    return f"%{f'0{part.width}' if part.width else ''}{part.radix}" % int(bandwidth)


def _unknown_identifier(text: str) -> list[str]:
    rest = _IDENTIFIER.sub("", text)
    if "$" not in rest and "{" not in rest:
        return []
    match = _LEFT_OVER.search(rest)
    if match is None:
        return []
    return [f"{match[0]} is not a template identifier; kept as literal text"]


def _compile(marked: str, fields: tuple[Field, ...]) -> tuple[str, int]:
    """Turn marked text into a ``%`` format; return it with the fields it takes."""
    # No regular expression: it would often be used once only, and compiling it takes longer.
    form = marked.replace("%", "%%")
    found: list[tuple[int, FieldName]] = []
    for char in () if marked.isascii() else set(marked):
        if is_marker(char):
            field, at = fields[ord(char) - FIRST], marked.find(char)
            while at >= 0:
                found.append((at, field.name))
                at = marked.find(char, at + 1)
            form = form.replace(char, field.printf)
    if not found:
        return "", _CONSTANT
    order = [name for _, name in sorted(found)]
    if order == [FieldName.NUMBER]:
        return form, _NUMBER
    return form, _TIME if order == [FieldName.TIME] else _MIXED
