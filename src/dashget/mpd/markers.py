"""Field markers: private-use characters that stand for the open fields of a URL pattern.

The i-th field of a pattern is ``chr(FIRST + i)``. There are only a few more markers than a
template can have fields (three identifiers with 65 widths in four radices), because Python
compiles an expression with a range of characters one by one.
"""

from __future__ import annotations

from typing import Final

from dashget.common.lateregex import late

FIRST: Final = 0xE000
COUNT: Final = 1024
FIRST_MARKER: Final = chr(FIRST)
LAST_MARKER: Final = chr(FIRST + COUNT - 1)
RANGE: Final = f"{FIRST_MARKER}-{LAST_MARKER}"
"""All markers, as the content of a character class in an expression."""
MARKER: Final = late(f"([{RANGE}])")


def is_marker(char: str) -> bool:
    """Return True if a character stands for a field."""
    return FIRST_MARKER <= char <= LAST_MARKER


def with_digits(text: str) -> str:
    """Replace each field's marker by a digit."""
    if text.isascii():
        return text
    return _with(text, "0")


def literals(marked: str) -> list[str]:
    """Return what stands before, between and behind the markers of a text."""
    if marked.isascii():
        return [marked]
    return _with(marked, FIRST_MARKER).split(FIRST_MARKER)


def _with(text: str, char: str) -> str:
    """Replace each marker. A text has few different ones, and may be long."""
    for marker in filter(is_marker, set(text)):
        text = text.replace(marker, char)
    return text
