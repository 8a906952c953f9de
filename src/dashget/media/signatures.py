"""Check files that are no ISO base media: WebM, transport streams, images, text.

Each check yields the problems of a file as sentences. ``shows_end`` tells if such a file would
show that its end is missing.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from dashget.common.lateregex import late
from dashget.media.foreign import is_answer, is_xml
from dashget.media.kind import SegmentKind
from dashget.media.sniff import BEGINNING_BYTES, Read, any_text_of, is_page, root_element
from dashget.media.webm import CLUSTER, CUES, EBML, SEGMENT, EbmlElement, EbmlError, iter_elements

_HEADER_BYTES: Final = 16
_MOST_ELEMENTS: Final = 1_000_000
_PACKET: Final = 188
_TTML: Final = "application/ttml+xml"
_WEBVTT: Final = "text/vtt"
_BLANKS: Final = b"\xef\xbb\xbf\xfe\xff\0 \t\r\n"
"""What may come before a text: marks, blanks, and what is between in UTF-16."""
_ROOTS: Final = {
    _TTML: "tt",
    "application/ttaf+xml": "tt",
    "application/dfxp+xml": "tt",
    "application/smil+xml": "smil",
    "image/svg+xml": "svg",
}
"""The root elements of types in XML that have just one."""
_ROOT_END: Final = late(r"</(?:[\w.-]+:)?tt\s*>|<(?:[\w.-]+:)?tt\b[^>]*/>", re.DOTALL)
_SIGNATURES: Final = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/jpg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/pjpeg": b"\xff\xd8\xff",
    "image/x-png": b"\x89PNG\r\n\x1a\n",
    "image/apng": b"\x89PNG\r\n\x1a\n",
    "image/webp": b"RIFF",
    "image/gif": b"GIF8",
}
_ENDS: Final = {
    "image/jpeg": b"\xff\xd9",
    "image/jpg": b"\xff\xd9",
    "image/gif": b";",
}
_PNG_END: Final = b"IEND\xaeB`\x82"


def is_known(mime: str) -> bool:
    """Return True for a type whose content is checked here, WebM aside."""
    return mime in _SIGNATURES or mime in (_WEBVTT, "video/mp2t") or is_xml(mime)


def has_root_of(mime: str, beginning: bytes) -> bool:
    """Return True if a text begins with the one root element of its type, in XML."""
    wanted = _ROOTS.get(mime)
    return wanted is not None and root_element(any_text_of(beginning)) == wanted


def check_webm(read: Read, size: int, kind: SegmentKind, *, whole: bool) -> Iterator[str]:
    """Check the first element, and that all of known size end in the file (RFC 8794)."""
    first = _element_in(read(0, _HEADER_BYTES))
    found = None if first is None else first.id
    if kind in (SegmentKind.MEDIA, SegmentKind.SPARE) and not whole:
        if found not in (CLUSTER, EBML):
            yield "the file begins with neither a Cluster nor an EBML header"
            return
    elif found != EBML and not (kind is SegmentKind.INDEX and found == CUES):
        yield "the file does not begin with an EBML header"
        return
    try:
        for element in _walk_webm(read, size):
            beyond = element.id == CLUSTER and kind is SegmentKind.INITIALIZATION
            if element.end is not None and element.end > size and not beyond:
                yield f"element {element.id:X} ends {element.end - size} bytes past the file"
    except EbmlError as error:
        yield str(error)


def _walk_webm(read: Read, size: int) -> Iterator[EbmlElement]:
    """Yield the elements beside and in a Segment; one of unknown size is the last."""
    position = 0
    for _ in range(_MOST_ELEMENTS):
        if position >= size:
            return
        head = read(position, _HEADER_BYTES)
        element = _element_in(head)
        if element is None:
            raise EbmlError(f"{size - position} bytes at {position} are not an element")
        if element.id == SEGMENT:
            position += element.payload
            continue
        end = None if element.end is None else position + element.end
        yield EbmlElement(element.id, position, position + element.payload, end)
        if end is None:
            return
        position = end


def _element_in(head: bytes) -> EbmlElement | None:
    """Return the element that begins with these bytes; None if they are no element."""
    try:
        return next(iter_elements(head), None)
    except EbmlError:
        return None


def check_signature(read: Read, size: int, mime: str) -> Iterator[str]:
    """Check how a file of a type begins, and how it ends where the type says so."""
    start = read(0, min(size, 512))
    if mime in _SIGNATURES:
        if not start.startswith(_SIGNATURES[mime]):
            yield f"the content is not {mime}"
        elif mime == "image/webp" and size < _riff_size(start):
            yield f"the image has {_riff_size(start)} bytes, the file {size}"
        elif mime == "image/png" and _PNG_END not in read(max(0, size - 512), 512):
            yield "the image has no end"
    elif mime == _WEBVTT and not start.lstrip(_BLANKS).replace(b"\0", b"").startswith(b"WEBVTT"):
        yield "the file does not begin with WEBVTT"
    elif is_xml(mime):
        yield from _check_xml(read, size, mime)
    elif mime == "video/mp2t":
        yield from _check_transport_stream(read, size, start)


def shows_end(read: Read, size: int, mime: str, *, webm: bool) -> bool:
    """Return True if a file without problems cannot have lost its end."""
    if webm:
        ends = [element.end for element in _walk_webm(read, size)]
        return bool(ends) and ends[-1] == size
    if mime in _ENDS:
        end = _ENDS[mime]
        return read(size - len(end), len(end)) == end
    # A transport stream can end behind any packet.
    return mime in ("image/png", "image/webp") or _ROOTS.get(mime) == "tt"


def _riff_size(start: bytes) -> int:
    return 8 + int(struct.unpack_from("<I", start, 4)[0]) if len(start) >= 8 else 8


def _check_xml(read: Read, size: int, mime: str) -> Iterator[str]:
    text = any_text_of(read(0, min(size, 4 * BEGINNING_BYTES)))
    if not text.startswith("<") or (is_page(text) and "html" not in mime):
        yield "the content is not XML"
        return
    root, wanted = root_element(text), _ROOTS.get(mime)
    if root is not None and (root != wanted if wanted else is_answer(root)):
        yield f"the content is XML <{root}>, not {'TTML' if wanted == 'tt' else wanted or 'a text'}"
        return
    if wanted != "tt":
        return
    # NULs: the end of a text in UTF-16, whatever its order of bytes is.
    tail = read(max(0, size - 2048), 2048).replace(b"\0", b"").decode("utf-8", "replace")
    if _ROOT_END.search(tail) is None:
        yield "the end of the XML text is missing"


def _check_transport_stream(read: Read, size: int, start: bytes) -> Iterator[str]:
    synced = start[:1] == b"\x47" and (size <= _PACKET or start[_PACKET : _PACKET + 1] == b"\x47")
    if not synced:
        yield "the content is not an MPEG transport stream"
    elif size % _PACKET:
        yield "the last packet of the MPEG transport stream is incomplete"
