"""Recognise what a server sends in place of the requested file.

Login portals, proxies and servers that refuse an expired token answer with a page, an error in
JSON or XML, a line of text or a picture, often with a status of success.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dashget.common.lateregex import late

Read = Callable[[int, int], bytes]
"""``read(offset, size)`` returns up to ``size`` bytes of the file."""

BEGINNING_BYTES: Final = 1024
"""The size of the beginning of a body that is examined."""
_SHOWN: Final = 60
_PAGE: Final = late(
    r"(?>(?:<!--(?:(?!-->).)*-->|<[?!](?!--)[^>]*>)\s*)*+<(?:html|head|body)\b|<!doctype html\b",
    re.IGNORECASE | re.DOTALL,
)
_TITLE: Final = late(r"<title[^>]*>([^<]{1,120})", re.IGNORECASE)
_ROOT: Final = late(
    r"(?>(?:<!--(?:(?!-->).)*-->|<[?!](?!--)[^>]*>)\s*)*+<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL
)
_BINARY: Final = (
    (b"GIF8", "a GIF image"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x1f\x8b", "gzip data"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF document"),
)
_TEXT_CONTROLS: Final = late(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


def other_content(beginning: bytes) -> str | None:
    """Describe the content of a file that is not media, by its beginning; None if it is unknown."""
    named = picture_or_archive(beginning)
    if named is not None:
        return named
    text = text_of(beginning[:BEGINNING_BYTES])
    if text is None:
        return None
    text = text.lstrip()
    if text.startswith("<"):
        root = root_element(text)
        named = "XML" if root is None else f"XML <{root}>"
        return describe_page(text) if is_page(text) else named
    words = " ".join(text.split())
    shown = words if len(words) <= _SHOWN else words[:_SHOWN] + "..."
    return f"{'JSON' if text[:1] in ('{', '[') else 'text'} {shown!r}"


def picture_or_archive(beginning: bytes) -> str | None:
    """Return the name of a picture, an archive or a PDF; None for all else."""
    return next((name for signature, name in _BINARY if beginning.startswith(signature)), None)


def text_of(beginning: bytes) -> str | None:
    """Return the beginning of a text in UTF-8 or UTF-16; None if it is no text."""
    for mark, coding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if beginning.startswith(mark):
            return beginning[2:].decode(coding, "ignore")
    content = beginning.removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        if len(content) - error.start > 3:
            return None
        # The beginning may end inside a character.
        text = content[: error.start].decode()
    return None if _TEXT_CONTROLS.search(text) else text


def any_text_of(beginning: bytes) -> str:
    """Return the beginning of what should be a text, in whatever encoding, without leading blanks.

    For a look at its first ASCII characters: others may come out wrong.
    """
    text = text_of(beginning)
    if text is None:
        text = beginning.replace(b"\0", b"").decode("latin-1").removeprefix("\xef\xbb\xbf")
    return text.lstrip("\ufeff\xff\xfe \t\r\n\f\v")


def root_element(text: str) -> str | None:
    """Return the local name of the root element of an XML text; None if there is none."""
    match = _ROOT.match(text.lstrip())
    return None if match is None else match[1]


def is_page(text: str) -> bool:
    """Return True if text, without leading spaces, begins like an HTML page."""
    return _PAGE.match(text) is not None


def describe_page(text: str) -> str:
    """Describe a page by its title, if it has one."""
    title = _TITLE.search(text)
    if title is None or not title[1].strip():
        return "an HTML page"
    return f"an HTML page titled {' '.join(title[1].split())!r}"
