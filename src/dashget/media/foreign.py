"""Recognise what is clearly something else in place of a text, or of a file of an unknown type.

Texts begin in many ways, in many encodings: so only what no such text is counts. A type that
itself means JSON, HTML or XML may be that.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.media.kind import Content, Role
from dashget.media.sniff import (
    BEGINNING_BYTES,
    Read,
    any_text_of,
    is_page,
    other_content,
    picture_or_archive,
    root_element,
    text_of,
)

_LONG_BEGINNING: Final = 1 << 16
_ANSWERS: Final = frozenset(
    {
        "accessdenied",
        "enumerationresults",
        "envelope",
        "error",
        "errorresponse",
        "errors",
        "exception",
        "fault",
        "listbucketresult",
        "mpd",
        "problem",
        "response",
        "result",
        "smoothstreamingmedia",
    }
)
"""The root elements, in lower case, of what servers send in place of a text."""
_TEXTS: Final = frozenset(["tt", "smil", "sami", "timedtext", "transcript", "subtitles"])
"""The root elements of subtitles, which may have the type of another kind of text."""
_SUBRIP: Final = frozenset(
    {
        "application/x-subrip",
        "application/srt",
        "application/x-srt",
        "text/srt",
        "text/x-srt",
        "text/x-subrip",
    }
)
_JSON_OBJECT: Final = late(r'(?:\[\s*)?\{\s*"[^"\\\n]{0,200}"\s*:')
_BOXES: Final = (b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"emsg", b"prft")
_EBML: Final = b"\x1aE\xdf\xa3"


def is_xml(mime: str) -> bool:
    """Return True for a type in XML."""
    return mime.endswith(("+xml", "/xml"))


def is_answer(root: str) -> bool:
    """Return True for the root element of an error, a list of files or a manifest."""
    return root.lower() in _ANSWERS


def foreign_content(read: Read, size: int, role: Role) -> str | None:
    """Describe the content of a file that cannot be of the type of its role; else None."""
    beginning = read(0, min(size, _LONG_BEGINNING))
    text = any_text_of(beginning)
    if _is_foreign(beginning, text, size, role):
        return other_content(beginning[:BEGINNING_BYTES]) or "other than its type says"
    return None


def _is_foreign(beginning: bytes, text: str, size: int, role: Role) -> bool:
    mime = role.mime
    if text.startswith("<") and is_page(text):
        return "html" not in mime
    if text.startswith(("{", "[")) and _is_json(text, whole=size <= len(beginning)):
        return "json" not in mime
    root = root_element(text) if text.startswith("<") else None
    if root is not None and is_answer(root):
        return True
    if role.content is Content.IMAGE:
        other = picture_or_archive(beginning) is not None and mime.startswith("image/")
        return other or text_of(beginning[:BEGINNING_BYTES]) is not None
    of_text = mime in _SUBRIP or mime.startswith("text/")
    if role.content is not Content.TEXT and not of_text:
        return False
    if picture_or_archive(beginning) or text.startswith("#EXTM3U"):
        return "mpegurl" not in mime
    # Subtitles in boxes have types that nobody knows, but none of plain text.
    if of_text and _is_media(beginning):
        return True
    if root is not None and text.startswith("<?xml") and root.lower() not in _TEXTS:
        return True
    return mime in _SUBRIP and bool(text) and b"-->" not in beginning.replace(b"\0", b"")


def _is_json(text: str, *, whole: bool) -> bool:
    """Return True for a JSON document; lyrics and scripts begin with brackets, too."""
    if _JSON_OBJECT.match(text) is not None:
        return True
    if not whole:
        return False
    try:
        msgspec.json.decode(text.encode())
    except (ValueError, RecursionError):
        return False
    return True


def _is_media(beginning: bytes) -> bool:
    return (beginning[:1] == b"\0" and beginning[4:8] in _BOXES) or beginning.startswith(_EBML)
