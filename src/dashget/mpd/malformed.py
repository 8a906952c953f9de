"""Handle bytes that are not a well-formed MPD: recognise other formats, mend small mistakes.

Only mistakes with one possible meaning are mended: spaces, byte order marks or a text before the
document, an XML declaration that is not at its beginning, anything but a second document behind
its end (ExoPlayer, Shaka and dash.js stop reading there), a missing space between two attributes,
an ampersand that starts no reference, two hyphens in a comment, and a stray byte (one that is no
UTF-8, or a character that XML excludes) where it is not part of a URL or a name of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dashget.common.lateregex import late

_TAG: Final = late(rb"<[A-Za-z_](?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*+>", re.DOTALL)
_OPAQUE: Final = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
_WORDS: Final = late(
    rb"(\s(?:[\w.-]+:)?(?:media|initialization|index|bitstreamSwitching|sourceURL|href|id"
    rb"|queryTemplate|queryString|byteRange)\s*=\s*)(\"[^\"]*\"|'[^']*')"
)
"""The attributes that are URLs, or parts of them."""
_URL_ELEMENT: Final = late(rb"<(?:[\w.-]+:)?(?:BaseURL|Location|PatchLocation)\b[^>]*(?<!/)>$")
_EXCLUDED: Final = late(
    rb"[\0-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]|\xed[\xa0-\xbf][\x80-\xbf]"
)
_EXCLUDED_REFERENCE: Final = late(rb"&#(?:(\d{1,8})|x([0-9A-Fa-f]{1,8}));")
_REPLACEMENT: Final = "\ufffd".encode()
_TIGHT: Final = late(rb"(=\s*(?:\"[^\"]*\"|'[^']*'))(?=[A-Za-z_])")
_BARE_AMPERSAND: Final = late(rb"&(?!#\d{1,8};|#x[0-9A-Fa-f]{1,8};|[A-Za-z][A-Za-z0-9]{0,31};)")
LIST_OF_URLS: Final = "a list of URLs"
_MARK: Final = b"\xef\xbb\xbf"
_BLANK: Final = late(rb"\A(?:[ \t\r\n\0]|\xef\xbb\xbf)+")
_BEGUN: Final = late(rb"\A[^<]+(?=<(?:\?xml\s|[\w.-]*:?MPD[\s>]))")
_DECLARATION: Final = late(
    rb"<\?xml\s(?:(?!encoding)[^>?])*+"
    rb"(?:encoding\s*=\s*[\"'](?i:utf-?8|us-ascii|ascii)[\"'][^>?]*+)?\?>"
)
_FOLLOWS: Final = late(rb"(?:\s|<!--(?:(?!--)[\s\S])*+-->|<\?(?!xml\s)(?:(?!\?>)[\s\S])*+\?>)*+")
_ROOT_AGAIN: Final = late(rb"<(?:[\w.-]+:)?(?:MPD|Period)\b")
_NAME: Final = late(rb"[^\s/>]+")
_CLOSES: Final = late(rb"/([^\s>]+)\s*>")
_CONTENT: Final = late(rb"[^\0 \t\r\n\xef\xbb\xbf\xfe\xff]")
_ROOT: Final = late(r"<(?!\?|!)(?:[\w.-]+:)?([\w.-]+)")


def looks_like(data: bytes) -> str | None:
    """Return the name of the format if the bytes are of a known one other than MPD.

    Not to be asked of bytes that begin as an MPD does.
    """
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
        return _other_text(data, text) if "<" not in text else None
    if root[1] == "SmoothStreamingMedia":
        return "a Smooth Streaming manifest"
    return None


def _other_text(data: bytes, text: str) -> str:
    """Return what a document without any XML element is."""
    from dashget.media.sniff import picture_or_archive

    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if first.startswith(("http://", "https://")):
        return LIST_OF_URLS
    return picture_or_archive(data) or "text without any XML element"


def mended(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Mend mistakes with one possible meaning; return the new bytes and a list of the mistakes.

    ``data`` is in UTF-8 (see ``encoding``).
    """
    done: list[str] = []
    text = data.removeprefix(_MARK)
    stripped = _BLANK.sub(b"", text, 1).rstrip(b"\0 \t\r\n")
    if stripped != text.rstrip(b" \t\r\n"):
        done.append("spaces, NUL bytes or byte order marks around the document")
    begun = _BEGUN.sub(b"", stripped, 1)
    if begun != stripped:
        done.append("a text before the document")
    stripped = _without_declarations(begun)
    if stripped != begun:
        done.append("an XML declaration that is not at the beginning")
    end = _end_of_root(stripped)
    if _FOLLOWS.fullmatch(stripped, end) is None and not _ROOT_AGAIN.search(stripped, end):
        stripped = stripped[:end]
        done.append("a text behind the document")
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
    plain = b"".join(
        _without_hyphens(piece) if piece.startswith(b"<!--") else piece
        for _, piece in _tokens(escaped)
    )
    if plain != escaped:
        done.append("two hyphens in a comment")
    clean, place = _without_strays(plain)
    if place is not None:
        done.append(f"a stray byte, first in {place}")
    return clean, tuple(done)


def _without_declarations(data: bytes) -> bytes:
    """Drop XML declarations in front of the root that change nothing, but for one that is first.

    The encoding that one declares was decided on before, by the beginning of the document.
    """
    pieces: list[bytes] = []
    position = 0
    for kind, piece in _tokens(data):
        if kind == "tag":
            break
        position += len(piece)
        if not (pieces and _DECLARATION.fullmatch(piece)):
            pieces.append(piece)
    return b"".join(pieces).lstrip(b" \t\r\n") + data[position:]


def _end_of_root(data: bytes) -> int:
    """Return the position behind the end of the root element, as far as one is seen."""
    root, depth, position, last = b"", 0, 0, b""
    for kind, piece in _tokens(data):
        if kind == "tag":
            name = _NAME.match(piece, 1)
            known = name[0] if name else b""
            root = root or known
            if known == root and not piece.endswith(b"/>"):
                depth += 1
            elif known == root and not depth:
                return position + len(piece)
        elif last == b"<" and root:
            closed = _CLOSES.match(piece)
            if closed is not None and closed[1] == root:
                depth -= 1
                if not depth:
                    return position + closed.end()
        position, last = position + len(piece), piece
    return len(data)


def _without_hyphens(comment: bytes) -> bytes:
    """Return a comment with a space between two hyphens."""
    if not comment.endswith(b"-->") or len(comment) < 7:
        return comment
    text = comment[4:-3]
    while b"--" in text:
        text = text.replace(b"--", b"- -")
    return b"<!--" + text + (b" " if text.endswith(b"-") else b"") + b"-->"


def _without_strays(data: bytes) -> tuple[bytes, str | None]:
    """Replace stray bytes outside of URLs; return the place of the first of them.

    What a URL with such a byte is meant to be is unknown, so it stays there.
    """
    if b"\0" in data[:64]:
        return data, None
    pieces: list[bytes] = []
    first: int | None = None
    position, in_url = 0, False
    for kind, piece in _tokens(data):
        clean = piece if in_url and kind == "text" else _cleaned(piece, kind)
        if clean != piece and first is None:
            first = position + _difference(clean, piece)
        pieces.append(clean)
        position += len(piece)
        if kind == "tag":
            in_url = _URL_ELEMENT.match(piece) is not None
    if first is None:
        return data, None
    line, column = data.count(b"\n", 0, first) + 1, first - data.rfind(b"\n", 0, first)
    return b"".join(pieces), f"line {line}, column {column}"


def _cleaned(piece: bytes, kind: str) -> bytes:
    if kind != "tag":
        return _replaced(piece)
    parts = _WORDS.split(piece)
    # Every third part is the value of an attribute that is a URL.
    parts[::3] = [_replaced(part) for part in parts[::3]]
    return b"".join(parts)


def _replaced(piece: bytes) -> bytes:
    """Replace what XML excludes by U+FFFD, the sign for an unreadable character."""
    if not piece.isascii():
        piece = piece.decode("utf-8", "replace").encode()
    piece = _EXCLUDED.sub(_REPLACEMENT, piece)
    return _EXCLUDED_REFERENCE.sub(_replaced_reference, piece) if b"&#" in piece else piece


def _replaced_reference(match: re.Match[bytes]) -> bytes:
    code = int(match[1]) if match[1] else int(match[2], 16)
    fine = code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE
    return match[0] if fine or 0x10000 <= code < 0x110000 else _REPLACEMENT


def _difference(one: bytes, other: bytes) -> int:
    """Return the position of the first byte that differs."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


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
