"""Field markers: the private-use characters that stand for what is open in a URL pattern.

The i-th field of a pattern is ``chr(FIRST + i)``. There are a few more of them than a template can
have fields (three identifiers with 65 widths in four radices), and not more: Python walks through
a range of characters one by one to compile an expression with it.
"""

from __future__ import annotations

from typing import Final

from dashget.common.lateregex import late

FIRST: Final = 0xE000
COUNT: Final = 1024
FIRST_MARKER: Final = chr(FIRST)
LAST_MARKER: Final = chr(FIRST + COUNT - 1)
RANGE: Final = f"{FIRST_MARKER}-{LAST_MARKER}"
"""All markers, to stand between the brackets of an expression."""
MARKER: Final = late(f"([{RANGE}])")


def is_marker(char: str) -> bool:
    """Whether a character stands for a field."""
    return FIRST_MARKER <= char <= LAST_MARKER
