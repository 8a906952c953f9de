"""Recognise an HTML page that was sent instead of the requested file.

Login portals, proxies and servers that refuse an expired token answer with a page, often with a
status of success.
"""

from __future__ import annotations

import re
from typing import Final

from dashget.common.lateregex import late

BEGINNING_BYTES: Final = 1024
"""The size of the beginning of a body that is examined."""
_PAGE: Final = late(
    r"(?>(?:<!--(?:(?!-->).)*-->|<[?!](?!--)[^>]*>)\s*)*+<(?:html|head|body)\b|<!doctype html\b",
    re.IGNORECASE | re.DOTALL,
)
_TITLE: Final = late(r"<title[^>]*>([^<]{1,120})", re.IGNORECASE)


def html_page(beginning: bytes) -> str | None:
    """Return a description of the page that begins with these bytes; None if it is not HTML."""
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"<"):
        return None
    decoded = text[:BEGINNING_BYTES].decode("utf-8", "replace")
    return describe_page(decoded) if is_page(decoded) else None


def is_page(text: str) -> bool:
    """Return True if text, without leading spaces, begins like an HTML page."""
    return _PAGE.match(text) is not None


def describe_page(text: str) -> str:
    """Describe a page by its title, if it has one."""
    title = _TITLE.search(text)
    if title is None or not title[1].strip():
        return "an HTML page"
    return f"an HTML page titled {' '.join(title[1].split())!r}"
