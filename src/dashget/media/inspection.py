"""Check the content of a file against its role in a presentation.

Only headers are read: the size of a box is enough to skip it, so a file of gigabytes needs few
reads. The caller passes a function that reads bytes. Problems are returned as sentences; a
broken file raises nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from dashget.common.lateregex import late
from dashget.media.foreign import foreign_content
from dashget.media.fragments import Duration, default_duration, duration_of
from dashget.media.isobmff import Box, BoxError, SidxBox, iter_boxes, read_sidx
from dashget.media.kind import WEBM, Content, Role, SegmentKind
from dashget.media.signatures import (
    check_signature,
    check_webm,
    has_root_of,
    is_known,
    shows_end,
)
from dashget.media.sniff import BEGINNING_BYTES, Read, other_content
from dashget.media.topboxes import iter_top_boxes

_TEXT: Final = late(rb"[ -~]{12,60}")
_LARGEST_INDEX: Final = 64 * 1024 * 1024
_LARGEST_MOOF: Final = 16 * 1024 * 1024


def check(read: Read, size: int, role: Role) -> tuple[str, ...]:
    """Return the problems of a file of ``size`` bytes as sentences; its index is not examined."""
    if size == 0:
        return ("the file is empty",)
    mime = role.mime
    webm = mime in WEBM
    if (role.is_iso or webm) and read(0, 64).lstrip().startswith(b"<"):
        return ("the content is text such as an HTML or XML page, not media",)
    if role.is_iso:
        return tuple(_check_iso(read, size, role))
    if webm:
        return tuple(check_webm(read, size, role.kind, whole=role.whole))
    if is_known(mime):
        return tuple(check_signature(read, size, mime))
    if role.content is Content.MEDIA:
        other = other_content(read(0, BEGINNING_BYTES))
        return () if other is None else (f"the content is {other}, not media",)
    other = foreign_content(read, size, role)
    return () if other is None else (f"the content is {other}",)


def may_be_iso(role: Role) -> bool:
    """Return True for ISO base media, and for a type of which nobody knows what it is."""
    return role.is_iso or not (role.mime in WEBM or is_known(role.mime))


def is_timed(role: Role) -> bool:
    """Return True for a file that is one media segment, and may have its time inside."""
    return role.kind is SegmentKind.MEDIA and not (role.whole or role.several) and may_be_iso(role)


def why_odd(read: Read, size: int, role: Role) -> str | None:
    """Return why a file that a server has sent is not what the manifest means, else None."""
    if size == 0:
        return None if _may_be_empty(role) else "the server sent nothing (0 bytes) instead"
    found = check(read, size, role)
    if not found:
        return None
    beginning = read(0, BEGINNING_BYTES)
    other = other_content(beginning)
    if other is None and (role.is_iso or role.mime in WEBM):
        # A script's complaint, and then the file: no box and no element begins with text.
        text = _TEXT.match(beginning)
        other = None if text is None else f"text {text[0].decode('latin-1')!r}, and more,"
    if other is None or has_root_of(role.mime, beginning):
        return f"the content is invalid: {found[0]}"
    return f"the server sent {other} instead"


def _may_be_empty(role: Role) -> bool:
    """Return True for texts without a header, such as SubRip, and for what is unknown."""
    return not (
        role.content in (Content.MEDIA, Content.IMAGE)
        or role.is_iso
        or role.mime in WEBM
        or is_known(role.mime)
    )


def proves_whole(read: Read, size: int, role: Role) -> bool | None:
    """Return True if a file without problems shows that its end has come, False if not.

    None for fragments of which others may have followed: see ``duration``.
    """
    if size == 0:
        return False
    if role.is_iso:
        return _shows_iso_end(read, size)
    webm = role.mime in WEBM
    return (webm or is_known(role.mime)) and shows_end(read, size, role.mime, webm=webm)


def duration(read: Read, size: int, default: int | None) -> Duration | None:
    """Return how long the fragments of a file without problems last, if all of them tell.

    ``default`` is the duration of a sample where a fragment says nothing.
    """
    boxes = [box for box in iter_top_boxes(read, size) if box.type == "moof"]
    spans = [(box.start, (box.end or size) - box.start) for box in boxes]
    if not spans or max(length for _, length in spans) > _LARGEST_MOOF:
        return None
    return duration_of((read(start, length) for start, length in spans), default)


def check_index(read: Read, size: int, role: Role) -> tuple[str, ...]:
    """Return the problems of the first ``sidx`` of a file, whose references should fit its boxes.

    The media may be fine without it: some packagers cut or join files behind their index.
    """
    if not role.is_iso or not (role.whole or role.kind is SegmentKind.MEDIA):
        return ()
    try:
        return tuple(_check_index(read, size, list(iter_top_boxes(read, size))))
    except BoxError:
        return ()


def first_decode_time(read: Read, size: int) -> int | None:
    """Return the first ``baseMediaDecodeTime`` of a media segment, in ticks of its track.

    None without one, and in a box of a size that no segment needs: it is not read.
    """
    try:
        for box in iter_top_boxes(read, size):
            if box.type == "moof" and box.end is not None:
                if box.end - box.start > _LARGEST_MOOF:
                    return None
                return _find_tfdt(read(box.start, box.end - box.start))
    except BoxError:
        pass
    return None


def media_timescale(read: Read, size: int) -> int | None:
    """Return the ``mdhd`` timescale of an initialization segment; None if its tracks differ."""
    moov = _description(read, size)
    scales = set() if moov is None else set(_timescales(moov))
    return scales.pop() if len(scales) == 1 else None


def sample_duration(read: Read, size: int) -> int | None:
    """Return the default duration of a sample of an initialization segment with one track."""
    moov = _description(read, size)
    return None if moov is None else default_duration(moov)


def _description(read: Read, size: int) -> bytes | None:
    """Return the ``moov`` box; None without one, and of a size that no description needs."""
    try:
        for box in iter_top_boxes(read, size):
            if box.type == "moov" and box.end is not None and box.end - box.start < _LARGEST_INDEX:
                return read(box.start, box.end - box.start)
    except BoxError:
        pass
    return None


# ISO base media files.


def _shows_iso_end(read: Read, size: int) -> bool | None:
    boxes = list(iter_top_boxes(read, size))
    if read(boxes[-1].start, 4) == bytes(4):
        # It has no size of its own.
        return False
    types = {box.type for box in boxes}
    if "moof" not in types or boxes[-1].type == "mfra":
        return True
    indexed = "sidx" in types and not tuple(_check_index(read, size, boxes))
    return True if indexed and _is_referred_to(read, size, boxes) else None


def _is_referred_to(read: Read, size: int, boxes: list[Box]) -> bool:
    """Return True if the references of the first ``sidx`` end where the file does."""
    found = next(box for box in boxes if box.type == "sidx")
    sidx = read_sidx(read(found.start, (found.end or size) - found.start), found.start)
    return sidx.anchor + sum(reference.size for reference in sidx.references) == size


def _check_iso(read: Read, size: int, role: Role) -> Iterator[str]:
    try:
        boxes = list(iter_top_boxes(read, size))
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


def _timescales(moov: bytes) -> Iterator[int]:
    """Yield the timescale of each track; of zero there is none."""
    try:
        for _, payload in _descend(moov, ("moov", "trak", "mdia", "mdhd")):
            at = 20 if payload[:1] == b"\x01" else 12
            scale = int.from_bytes(payload[at : at + 4])
            if len(payload) >= 24 and scale:
                yield scale
    except BoxError:
        return


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
