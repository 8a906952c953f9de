"""What media segments say of the presentation: event messages, and that they are the last ones.

Events are in ``emsg`` boxes (ISO/IEC 23009-1, 5.10.3.3) of both versions; the last segment of a
Representation has the brand ``lmsg`` in its ``styp`` (7.3.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.media.isobmff import Box, BoxError
from dashget.media.topboxes import iter_top_boxes

if TYPE_CHECKING:
    from dashget.media.sniff import Read

EXPIRY: Final = "urn:mpeg:dash:event:2012"
"""The scheme of events that end the validity of manifests (5.10.4)."""
_MOST_EVENT_BYTES: Final = 16 << 20
_MOST_EVENTS: Final = 16
_MOST_BRANDS: Final = 1024
_UNKNOWN: Final = (0xFFFF, 0xFFFFFFFF)
"""Durations that mean that it is unknown; the shorter one is written by mistake."""
_OLD: Final = struct.Struct(">IIII")
_NEW: Final = struct.Struct(">IQII")


class EventMessage(msgspec.Struct, frozen=True):
    """An event in a segment."""

    value: str
    timescale: int
    time: int
    duration: int | None
    """None: unknown."""
    id: int
    data: bytes = b""
    is_delta: bool = False
    """True if the time counts from the segment's begin (version 0); else it is media time."""

    @property
    def ends(self) -> bool:
        """True if nothing follows the event."""
        return self.duration == 0

    @property
    def words(self) -> tuple[str, bytes]:
        """The text before the first zero byte or markup, and the document after it."""
        at = self.data.find(b"<")
        text = self.data if at < 0 else self.data[:at]
        document = b"" if at < 0 else self.data[at:].rstrip(b"\0")
        return text.partition(b"\0")[0].decode("utf-8", "replace").strip(), document


class Notices(msgspec.Struct, frozen=True):
    """What a segment says."""

    events: tuple[EventMessage, ...] = ()
    last: bool = False
    """True if it is the last one of its Representation."""


SILENT: Final = Notices()


def read_notices(read: Read, size: int, *, events: bool) -> Notices:
    """Return what a media segment says; ``events`` tells if events of expiry are looked for.

    Damaged boxes say nothing. Without events only the first box is read.
    """
    found: list[EventMessage] = []
    last = False
    try:
        for box in iter_top_boxes(read, size):
            if box.type == "styp":
                last = last or b"lmsg" in _brands(box, read)
            if not events:
                break
            if box.type == "emsg" and len(found) < _MOST_EVENTS:
                found += _expiry(box, read)
    except BoxError:
        pass
    return Notices(tuple(found), last) if found or last else SILENT


def _brands(box: Box, read: Read) -> set[bytes]:
    data = read(box.payload, min(_size(box), _MOST_BRANDS))
    # Behind the major brand is its version.
    return {data[at : at + 4] for at in range(0, len(data), 4) if at != 4}


def _size(box: Box) -> int:
    return 0 if box.end is None else box.end - box.payload


def _expiry(box: Box, read: Read) -> Iterator[EventMessage]:
    """Yield the event in a box, if it is one of expiry."""
    size = _size(box)
    if size > _MOST_EVENT_BYTES or EXPIRY.encode() not in read(box.payload, min(size, 256)):
        return
    data = read(box.payload, size)
    version = data[0]
    try:
        if version == 0:
            scheme, value, rest = data[4:].split(b"\0", 2)
            timescale, time, duration, number = _OLD.unpack_from(rest)
            data = rest[_OLD.size :]
        elif version == 1:
            timescale, time, duration, number = _NEW.unpack_from(data, 4)
            scheme, value, data = data[4 + _NEW.size :].split(b"\0", 2)
        else:
            return
    except (ValueError, struct.error):
        return
    if scheme == EXPIRY.encode() and timescale:
        length = None if duration in _UNKNOWN else duration
        text = value.decode("utf-8", "replace")
        yield EventMessage(text, timescale, time, length, number, data, version == 0)
