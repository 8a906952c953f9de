"""The styles of TTML that other formats know: weight, slant, underline, color, and the place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dashget.common.lateregex import late
from dashget.mux.subtitles.limits import MOST_DEPTH
from dashget.mux.subtitles.markup import Style
from dashget.mux.subtitles.ttmltree import Node

_HEX: Final = late(r"#([0-9a-fA-F]{6})(?:[0-9a-fA-F]{2})?")
_RGB: Final = late(r"rgba?\(\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*(?:,[^)]*)?\)")
_PAIR: Final = late(r"\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)%\s+([0-9]{1,3}(?:\.[0-9]{1,9})?)%\s*")
_NAMED: Final = {
    "black": "000000",
    "silver": "c0c0c0",
    "gray": "808080",
    "white": "ffffff",
    "maroon": "800000",
    "red": "ff0000",
    "purple": "800080",
    "fuchsia": "ff00ff",
    "magenta": "ff00ff",
    "green": "008000",
    "lime": "00ff00",
    "olive": "808000",
    "yellow": "ffff00",
    "navy": "000080",
    "blue": "0000ff",
    "teal": "008080",
    "aqua": "00ffff",
    "cyan": "00ffff",
}
_ALIGNMENTS: Final = {
    "left": "left",
    "start": "start",
    "center": "center",
    "right": "right",
    "end": "end",
}
_INHERITED: Final = (
    "color",
    "fontStyle",
    "fontWeight",
    "textAlign",
    "textDecoration",
    "visibility",
    "xml:space",
)

Attributes = Mapping[str, str]


class Styles:
    """The styles and regions that a document defines."""

    def __init__(self, root: Node) -> None:
        self._styles: dict[str, Node] = {}
        self.regions: dict[str, dict[str, str]] = {}
        for head in root.elements("head"):
            for styling in head.elements("styling"):
                for style in styling.elements("style"):
                    self._styles[style.attributes.get("xml:id", "")] = style
        self._resolved: dict[str, dict[str, str]] = {}
        for head in root.elements("head"):
            for layout in head.elements("layout"):
                for region in layout.elements("region"):
                    self.regions[region.attributes.get("xml:id", "")] = self._region(region)

    def own(self, attributes: Attributes) -> dict[str, str]:
        """Return the attributes of an element with those of the styles that it refers to."""
        names = attributes.get("style", "").split()
        if not names:
            return dict(attributes)
        found: dict[str, str] = {}
        for name in names[:MOST_DEPTH]:
            found.update(self._style(name, ()))
        return {**found, **attributes}

    def inherited(self, parent: Attributes, attributes: Attributes) -> dict[str, str]:
        """Return the styles that hold inside an element: its own, else those of its parent."""
        own = self.own(attributes)
        found = {name: parent[name] for name in _INHERITED if name in parent}
        found.update((name, own[name]) for name in _INHERITED if name in own)
        if own.get("display") == "none":
            found["visibility"] = "hidden"
        return found

    def _style(self, name: str, above: Sequence[str]) -> dict[str, str]:
        if name in self._resolved:
            return self._resolved[name]
        node = self._styles.get(name)
        if node is None or name in above or len(above) >= MOST_DEPTH:
            return {}
        found: dict[str, str] = {}
        for other in node.attributes.get("style", "").split()[:MOST_DEPTH]:
            found.update(self._style(other, (*above, name)))
        found.update(node.attributes)
        found.pop("style", None)
        self._resolved[name] = found
        return found

    def _region(self, region: Node) -> dict[str, str]:
        found: dict[str, str] = {}
        for style in region.elements("style"):
            found.update(self.own(style.attributes))
        found.update(self.own(region.attributes))
        return found


def style_of(attributes: Attributes) -> Style:
    """Return how text looks with these attributes."""
    decoration = attributes.get("textDecoration", "").split()
    color = _color(attributes.get("color", ""))
    return Style(
        attributes.get("fontWeight") == "bold",
        attributes.get("fontStyle") in ("italic", "oblique"),
        "underline" in decoration,
        None if color == "ffffff" else color,
    )


def settings_of(region: Attributes, attributes: Attributes) -> str:
    """Return the settings of WebVTT for the place of a text: its line, and its alignment."""
    words = []
    origin, extent = (_PAIR.fullmatch(region.get(name, "")) for name in ("origin", "extent"))
    if origin is not None and extent is not None:
        top, height = (float(pair.group(2)) for pair in (origin, extent))
        align = region.get("displayAlign", "before")
        if align == "after":
            words.append(f"line:{_percent(top + height)},end")
        elif align == "center":
            words.append(f"line:{_percent(top + height / 2)},center")
        else:
            words.append(f"line:{_percent(top)}")
    alignment = _ALIGNMENTS.get(attributes.get("textAlign", ""))
    if alignment is not None and alignment != "center":
        words.append(f"align:{alignment}")
    return " ".join(words)


def _percent(value: float) -> str:
    return f"{min(max(value, 0.0), 100.0):.4g}%"


def _color(text: str) -> str | None:
    text = text.strip()
    found = _HEX.fullmatch(text)
    if found is not None:
        return found.group(1).lower()
    numbers = _RGB.fullmatch(text)
    if numbers is not None:
        return "".join(f"{min(int(word), 255):02x}" for word in numbers.groups())
    return _NAMED.get(text.lower())
