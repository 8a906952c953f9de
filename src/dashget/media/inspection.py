"""Check the content of a file against its role in a presentation.

Only headers are read: the size of a box is enough to skip it, so a file of gigabytes needs few
reads. The caller passes a function that reads bytes. Problems are returned as sentences; a
broken file raises nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Final

import msgspec

from dashget.media.isobmff import Box, BoxError, SidxBox, iter_boxes, read_sidx
from dashget.media.kind import SegmentKind
from dashget.media.sniff import html_page

Read = Callable[[int, int], bytes]
"""``read(offset, size)`` returns up to ``size`` bytes of the file."""

_HEADER_BYTES: Final = 32
_LARGEST_INDEX: Final = 64 * 1024 * 1024
_MOST_BOXES: Final = 1_000_000
_EBML: Final = b"\x1a\x45\xdf\xa3"
_CLUSTER: Final = b"\x1f\x43\xb6\x75"
_SIGNATURES: Final = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/jpg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/webp": (b"RIFF",),
    "image/gif": (b"GIF8",),
}
_XML_TEXT: Final = ("application/ttml+xml", "application/xml", "text/xml")
_ISO: Final = (
    "video/mp4",
    "audio/mp4",
    "application/mp4",
    "text/mp4",
    "image/mp4",
    "video/iso.segment",
)
_WEBM: Final = ("video/webm", "audio/webm", "application/webm", "text/webm")


class Role(msgspec.Struct, frozen=True):
    """The kind and type that a file should have.

    ``whole`` is True if it contains initialization, index and media (SegmentBase). ``several`` is
    True if it contains several segments; then its time is not compared.
    """

    mime_type: str | None
    kind: SegmentKind
    whole: bool = False
    several: bool = False


class MediaTime(msgspec.Struct, frozen=True):
    """The time at which a media segment should begin, in seconds of media time, with tolerance."""

    start: Fraction
    tolerance: Fraction


def check(read: Read, size: int, role: Role) -> tuple[str, ...]:
    """Return the problems of a file of ``size`` bytes as sentences."""
    mime = (role.mime_type or "").split(";")[0].strip().lower()
    if size == 0:
        return ("the file is empty",)
    if mime in (*_ISO, *_WEBM) and read(0, 64).lstrip().startswith(b"<"):
        return ("the content is text such as an HTML or XML page, not media",)
    if mime in _ISO:
        return tuple(_check_iso(read, size, role))
    if mime in _WEBM:
        return tuple(_check_webm(read, role))
    return tuple(_check_signature(read, size, mime))


def check_index(read: Read, size: int, role: Role) -> tuple[str, ...]:
    """Return the problems of the first ``sidx`` of a file, whose references should fit its boxes.

    The media may be fine without it: some packagers cut or join files behind their index.
    """
    mime = (role.mime_type or "").split(";")[0].strip().lower()
    if mime not in _ISO or not (role.whole or role.kind is SegmentKind.MEDIA):
        return ()
    try:
        return tuple(_check_index(read, size, list(_walk(read, size))))
    except BoxError:
        return ()


def first_decode_time(read: Read, size: int) -> int | None:
    """Return the first ``baseMediaDecodeTime`` of a media segment, in ticks of its track."""
    try:
        for box in _walk(read, size):
            if box.type == "moof" and box.end is not None:
                return _find_tfdt(read(box.start, box.end - box.start))
    except BoxError:
        pass
    return None


def media_timescale(read: Read, size: int) -> int | None:
    """Return the ``mdhd`` timescale of the first track of an initialization segment."""
    try:
        for box in _walk(read, size):
            if box.type == "moov" and box.end is not None and box.end - box.start < _LARGEST_INDEX:
                return _find_timescale(read(box.start, box.end - box.start))
    except BoxError:
        pass
    return None


def has_description(read: Read, size: int) -> bool | None:
    """Return True if a file has a ``moov`` box, False if it has media that needs one elsewhere.

    None for all other files.
    """
    try:
        for box in _walk(read, size):
            if box.type in ("moov", "moof"):
                return box.type == "moov"
    except BoxError:
        pass
    return None


# ISO base media files.


def _walk(read: Read, size: int) -> Iterator[Box]:
    """Yield the top-level boxes; raise BoxError if they do not fill the file."""
    position = 0
    for _ in range(_MOST_BOXES):
        if position == size:
            return
        head = read(position, min(_HEADER_BYTES, size - position))
        box = next(iter_boxes(head), None)
        if box is None:
            raise BoxError(f"{size - position} bytes at {position} are not a box")
        if not all(32 <= ord(char) < 127 for char in box.type):
            raise BoxError(f"invalid box at {position}: type {box.type!a}")
        end = size if box.end is None else position + box.end
        if end > size:
            raise BoxError(
                f"the {box.type} box at {position} ends {end - size} bytes past the file"
            )
        yield Box(box.type, position, position + box.payload, end)
        position = end
    raise BoxError(f"more than {_MOST_BOXES} boxes")


def _check_iso(read: Read, size: int, role: Role) -> Iterator[str]:
    try:
        boxes = list(_walk(read, size))
    except BoxError as error:
        yield str(error)
        return
    types = [box.type for box in boxes]
    if (role.whole or role.kind is SegmentKind.INITIALIZATION) and "moov" not in types:
        yield "missing moov box"
    if role.kind is SegmentKind.MEDIA and not role.whole:
        if "moof" not in types:
            yield "missing moof box"
        if "mdat" not in types:
            yield "missing mdat box"
    if role.kind is SegmentKind.INDEX and "sidx" not in types:
        yield "missing sidx box"
    if types.count("moof") > types.count("mdat"):
        yield f"{types.count('moof')} moof boxes, but {types.count('mdat')} mdat boxes"


def _check_index(read: Read, size: int, boxes: list[Box]) -> Iterator[str]:
    """Check that references of the first ``sidx`` begin at box boundaries and end with the file."""
    found = next((box for box in boxes if box.type == "sidx"), None)
    if found is None or found.end is None or found.end - found.start > _LARGEST_INDEX:
        return
    try:
        sidx = read_sidx(read(found.start, found.end - found.start), found.start)
    except BoxError as error:
        yield str(error)
        return
    starts = {box.start for box in boxes} | {size}
    position = sidx.anchor
    for number, reference in enumerate(sidx.references, 1):
        if position not in starts:
            yield f"reference {number} of the sidx begins inside a box, at {position}"
            return
        position += reference.size
    if position != size and _is_only_index(sidx, boxes):
        yield f"the sidx refers to bytes up to {position}, the file has {size}"


def _is_only_index(sidx: SidxBox, boxes: list[Box]) -> bool:
    """Return True if all later boxes must be inside the references of the first ``sidx``."""
    after = {box.type for box in boxes if box.start >= sidx.end}
    return not after & {"sidx", "mfra", "moov", "free", "skip", "meta", "uuid"}


def _find_tfdt(moof: bytes) -> int | None:
    for kind, payload in _descend(moof, ("moof", "traf", "tfdt")):
        if kind == "tfdt" and len(payload) >= 8:
            wide = payload[0] == 1 and len(payload) >= 12
            return int(struct.unpack_from(">Q" if wide else ">I", payload, 4)[0])
    return None


def _find_timescale(moov: bytes) -> int | None:
    for kind, payload in _descend(moov, ("moov", "trak", "mdia", "mdhd")):
        if kind == "mdhd" and len(payload) >= 24:
            at = 20 if payload[0] == 1 else 12
            return int(struct.unpack_from(">I", payload, at)[0]) or None
    return None


def _descend(data: bytes, path: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield the boxes at the end of a path of containers, with their payload."""
    for box in iter_boxes(data):
        if box.type != path[0]:
            continue
        inside = data[box.payload : box.end]
        if len(path) == 1:
            yield box.type, inside
        else:
            yield from _descend(inside, path[1:])


# Everything else.


def _check_webm(read: Read, role: Role) -> Iterator[str]:
    start = read(0, 4)
    if role.kind is SegmentKind.MEDIA and not role.whole:
        if start not in (_CLUSTER, _EBML):
            yield "the file begins with neither a Cluster nor an EBML header"
    elif start != _EBML:
        yield "the file does not begin with an EBML header"


def _check_signature(read: Read, size: int, mime: str) -> Iterator[str]:
    start = read(0, min(size, 512))
    if mime in _SIGNATURES and not start.startswith(_SIGNATURES[mime]):
        yield f"the content is not {mime}"
    elif mime == "text/vtt" and not start.removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT"):
        yield "the file does not begin with WEBVTT"
    elif mime in _XML_TEXT and not _begins_like_xml(start):
        yield "the content is not XML"
    elif mime == "video/mp2t" and not _is_transport_stream(start):
        yield "the content is not an MPEG transport stream"


def _begins_like_xml(start: bytes) -> bool:
    for mark, coding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if start.startswith(mark):
            return start[2:].decode(coding, "ignore").lstrip().startswith("<")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"<") and html_page(text) is None


def _is_transport_stream(start: bytes) -> bool:
    return start[:1] == b"\x47" and (len(start) <= 188 or start[188:189] == b"\x47")
