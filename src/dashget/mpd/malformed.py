"""Handle bytes that are not a well-formed MPD: recognise other formats, mend small mistakes.

Only mistakes with one possible meaning are mended: spaces before the XML declaration, NULs
after the end, a missing space between two attributes, an ampersand that starts no reference,
a wrong encoding in the declaration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dashget.common.lateregex import late

_TAG: Final = late(rb"<[A-Za-z_](?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*+>", re.DOTALL)
_OPAQUE: Final = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
_DECLARATION: Final = late(
    rb"""(?:\xef\xbb\xbf)?(\s*<\?xml[^>]*?)\s+encoding=["']([A-Za-z0-9._-]{1,40})["']([^>]*\?>)"""
)
_TIGHT: Final = late(rb"(=\s*(?:\"[^\"]*\"|'[^']*'))(?=[A-Za-z_])")
_BARE_AMPERSAND: Final = late(rb"&(?!#\d{1,8};|#x[0-9A-Fa-f]{1,8};|[A-Za-z][A-Za-z0-9]{0,31};)")
_CONTENT: Final = late(rb"[^\0 \t\r\n\xef\xbb\xbf\xfe\xff]")
_ROOT: Final = late(r"<(?!\?|!)(?:[\w.-]+:)?([\w.-]+)")


def looks_like(data: bytes) -> str | None:
    """Return the name of the format if the bytes are of a known one other than MPD."""
    if _begins_as_mpd(data):
        return None
    from dashget.media.sniff import describe_page, is_page

    if _CONTENT.search(data) is None:
        return "empty"
    if data[:2] == b"\x1f\x8b":
        return "a gzip file"
    if data[4:8] in (b"ftyp", b"styp", b"sidx", b"moov", b"moof", b"mdat"):
        return "an ISO media file (mp4)"
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return "a WebM or Matroska file"
    if data[:1] == b"\x47" and data[188:189] == b"\x47":
        return "an MPEG-2 transport stream"
    text = _beginning(data)
    lowered = text.lower()
    if lowered.startswith("#extm3u"):
        return "an HLS playlist (m3u8)"
    if lowered.startswith(("{", "[")):
        return "JSON"
    if "<!doctype html" in lowered or is_page(text):
        return describe_page(text)
    root = _ROOT.search(text)
    if root is None:
        return "text without any XML element" if "<" not in text else None
    if root[1] == "SmoothStreamingMedia":
        return "a Smooth Streaming manifest"
    return None


def _begins_as_mpd(data: bytes) -> bool:
    """Return True if the bytes begin like most MPDs; others may still be an MPD."""
    if data.startswith(b"<?xml"):
        data = data[data.find(b"?>", 0, 200) + 2 :][:100].lstrip(b" \t\r\n")
    return data.startswith((b"<MPD ", b"<MPD\n", b"<MPD\r"))


def mended(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Mend mistakes with one possible meaning; return the new bytes and a list of the mistakes."""
    done: list[str] = []
    recoded = _recoded(data)
    if recoded is not None:
        data = recoded
        done.append("a wrong encoding declaration")
    mark = data.startswith(b"\xef\xbb\xbf")
    text = data[3:] if mark else data
    stripped = text.lstrip(b" \t\r\n\0").rstrip(b"\0 \t\r\n")
    if stripped != text.rstrip(b" \t\r\n"):
        done.append("spaces or NUL bytes around the document")
    spaced = b"".join(
        _TIGHT.sub(rb"\1 ", piece) if kind == "tag" else piece for kind, piece in _tokens(stripped)
    )
    if spaced != stripped:
        done.append("a missing space between two attributes")
    escaped = b"".join(
        piece if kind == "opaque" else _BARE_AMPERSAND.sub(b"&amp;", piece)
        for kind, piece in _tokens(spaced)
    )
    if escaped != spaced:
        done.append("an ampersand that is not written as &amp;")
    return escaped, tuple(done)


def _recoded(data: bytes) -> bytes | None:
    """Return a document as UTF-8 if its declared encoding is wrong or unknown.

    UTF-16 declared before single bytes comes from software that serialised into a string
    first. None if the declaration is missing or correct.
    """
    match = _DECLARATION.match(data)
    if match is None:
        return None
    declared = match[2].decode("ascii").lower()
    body = match[1] + match[3] + data[match.end() :]
    if declared in ("utf-8", "us-ascii", "iso-8859-1"):
        return None
    for codec in ("utf-8",) if declared.startswith(("utf", "ucs", "unicode")) else (declared,):
        try:
            return body.decode(codec).encode()
        except (LookupError, UnicodeDecodeError):
            continue
    return None


def _tokens(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a document in pieces: tags, text, and opaque ones (comments, CDATA, declarations).

    It takes one pass for any bytes: a piece that is never closed is opaque to the end.
    """
    position = 0
    while position < len(data):
        begin = data.find(b"<", position)
        if begin != position:
            end = len(data) if begin < 0 else begin
            yield "text", data[position:end]
            position = end
            continue
        for opening, closing in _OPAQUE:
            if data.startswith(opening, position):
                found = data.find(closing, position + len(opening))
                end = len(data) if found < 0 else found + len(closing)
                yield "opaque", data[position:end]
                break
        else:
            match = _TAG.match(data, position)
            end = match.end() if match else position + 1
            yield ("tag" if match else "text"), data[position:end]
        position = end


def _beginning(data: bytes) -> str:
    head = data[:4096]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "replace").strip()
    if head[:2] == b"<\0":
        return head.decode("utf-16-le", "replace").strip()
    if head[:2] == b"\0<":
        return head.decode("utf-16-be", "replace").strip()
    return head.decode("utf-8-sig", "replace").strip().lstrip("\0")
