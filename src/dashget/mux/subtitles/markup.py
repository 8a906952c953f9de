"""The text of a cue with its styles: read from the payload of WebVTT, written as it and others.

The tags of WebVTT (W3C, 4.2.2) that other formats know too are bold, italic, underline and the
color of a class; of the rest the text stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.mux.subtitles.limits import MOST_DEPTH

COLORS: Final = {
    "white": "ffffff",
    "lime": "00ff00",
    "cyan": "00ffff",
    "red": "ff0000",
    "yellow": "ffff00",
    "magenta": "ff00ff",
    "blue": "0000ff",
    "black": "000000",
}
"""The classes that WebVTT defines (W3C, 5.1)."""
_NAMES: Final = {value: name for name, value in COLORS.items()}
OWN_CLASS: Final = "rgb"
"""The beginning of the class of any other color, such as ``rgbff8800``."""
_TOKENS: Final = late(r"<[^>]*>?|&[^;&<\s]{1,12};|[^<&]+|&")
_OWN_COLOR: Final = late(r"rgb([0-9a-f]{6})")
_ENTITIES: Final = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&apos;": "'",
    "&nbsp;": "\u00a0",
    "&lrm;": "\u200e",
    "&rlm;": "\u200f",
}
_NUMBER: Final = late(r"&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")


class Style(msgspec.Struct, frozen=True):
    """How text looks; ``color`` is six hexadecimal digits, and None is white."""

    bold: bool = False
    italic: bool = False
    underline: bool = False
    color: str | None = None


class Run(msgspec.Struct, frozen=True):
    """Text of one style."""

    text: str
    style: Style = Style()


def read_payload(payload: str) -> tuple[Run, ...]:
    """Return the text of a cue; tags that are not closed end with it."""
    runs = _Runs()
    stack: list[tuple[str, Style]] = []
    style, skipped = Style(), 0
    for token in _TOKENS.findall(payload):
        if not token.startswith("<"):
            runs.add(_unescaped(token), style)
            continue
        name, classes = _tag(token)
        if name.startswith("/"):
            if skipped:
                skipped -= 1
            elif stack and name[1:] in ("", stack[-1][0]):
                style = stack.pop()[1]
        elif name in ("b", "i", "u", "c", "v", "lang", "ruby", "rt"):
            if len(stack) >= MOST_DEPTH:
                skipped += 1
                continue
            stack.append((name, style))
            style = _styled(style, name, classes)
    return runs.joined()


def write_payload(runs: Iterable[Run]) -> str:
    """Return text with styles as the payload of WebVTT."""
    return "".join(_with_tags(run, _escaped(run.text)) for run in runs)


def own_colors(payloads: Iterable[str]) -> tuple[str, ...]:
    """Return the colors in payloads that need a style block, in order."""
    found = {color for payload in payloads for color in _OWN_COLOR.findall(payload)}
    return tuple(sorted(found))


def lines_of(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return text without empty lines, and without lines at its ends.

    An empty line would end a cue in SubRip and WebVTT.
    """
    lines: list[list[Run]] = [[]]
    for run in runs:
        first, *others = run.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        lines[-1].append(Run(first, run.style))
        lines.extend([Run(text, run.style)] for text in others)
    kept = [line for line in lines if any(run.text.strip() for run in line)]
    result = _Runs()
    for number, line in enumerate(kept):
        if number:
            result.add("\n", line[0].style)
        for run in line:
            result.add(run.text, run.style)
    return result.joined()


def subrip_text(runs: Iterable[Run]) -> str:
    """Return text with the tags that players of SubRip know."""
    parts = []
    for run in runs:
        text = run.text
        style = run.style
        for on, tag in ((style.underline, "u"), (style.italic, "i"), (style.bold, "b")):
            text = f"<{tag}>{text}</{tag}>" if on and text.strip() else text
        if style.color and run.text.strip():
            text = f'<font color="#{style.color}">{text}</font>'
        parts.append(text)
    return "".join(parts)


def plain_text(runs: Iterable[Run]) -> str:
    """Return text without its styles."""
    return "".join(run.text for run in runs)


class _Runs:
    """Collects text; what follows in the same style becomes one run."""

    def __init__(self) -> None:
        self._runs: list[tuple[list[str], Style]] = []

    def add(self, text: str, style: Style) -> None:
        if not text:
            return
        if self._runs and self._runs[-1][1] == style:
            self._runs[-1][0].append(text)
        else:
            self._runs.append(([text], style))

    def joined(self) -> tuple[Run, ...]:
        return tuple(Run("".join(texts), style) for texts, style in self._runs)


def _tag(token: str) -> tuple[str, tuple[str, ...]]:
    """Return the name of a tag, and its classes."""
    words = token[1:].removesuffix(">").split(None, 1)
    name, *classes = words[0].split(".") if words else [""]
    return name, tuple(classes)


def _styled(style: Style, name: str, classes: Iterable[str]) -> Style:
    color = style.color
    for word in classes:
        own = _OWN_COLOR.fullmatch(word)
        found = own.group(1) if own else COLORS.get(word)
        if found:
            color = None if found == COLORS["white"] else found
    return Style(
        style.bold or name == "b",
        style.italic or name == "i",
        style.underline or name == "u",
        color,
    )


def _with_tags(run: Run, text: str) -> str:
    style = run.style
    for on, tag in ((style.underline, "u"), (style.italic, "i"), (style.bold, "b")):
        text = f"<{tag}>{text}</{tag}>" if on else text
    if style.color:
        text = f"<c.{_NAMES.get(style.color, OWN_CLASS + style.color)}>{text}</c>"
    return text


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescaped(token: str) -> str:
    if not token.startswith("&"):
        return token
    if token in _ENTITIES:
        return _ENTITIES[token]
    number = _NUMBER.fullmatch(token)
    if number is None:
        return token
    code = int(number.group(1), 16) if number.group(1) else int(number.group(2))
    allowed = 0 < code < 0xD800 or 0xDFFF < code < 0x110000
    return chr(code) if allowed else "\ufffd"
