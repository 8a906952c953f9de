"""Recognise an HTML page where something else was asked for.

Portals that want a login, proxies and worn-out tokens are answered with a page, and often with
the status of success.
"""

from __future__ import annotations

import re
from typing import Final

from dashget.common.lateregex import late

BEGINNING_BYTES: Final = 1024
"""How much of a body tells."""
_PAGE: Final = late(
    r"(?>(?:<!--(?:(?!-->).)*-->|<[?!](?!--)[^>]*>)\s*)*+<(?:html|head|body)\b|<!doctype html\b",
    re.IGNORECASE | re.DOTALL,
)
_TITLE: Final = late(r"<title[^>]*>([^<]{1,120})", re.IGNORECASE)


def html_page(beginning: bytes) -> str | None:
    """Say what page a body that begins like this is; None if it is none."""
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"<"):
        return None
    decoded = text[:BEGINNING_BYTES].decode("utf-8", "replace")
    return describe_page(decoded) if is_page(decoded) else None


def is_page(text: str) -> bool:
    """Say whether text, without blanks in front, begins as a page does."""
    return _PAGE.match(text) is not None


def describe_page(text: str) -> str:
    """Name a page by its title, if it has one."""
    title = _TITLE.search(text)
    if title is None or not title[1].strip():
        return "an HTML page"
    return f"an HTML page titled {' '.join(title[1].split())!r}"
