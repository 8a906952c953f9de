"""Read what an initialization segment says a decoder needs: sample entries and their boxes.

No I/O: all functions work on bytes that the caller has read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.media.isobmff import Box, BoxError, iter_boxes

_TO_ENTRIES: Final = ("moov", "trak", "mdia", "minf", "stbl", "stsd")
_VISUAL: Final = 78
_AUDIO: Final = {0: 28, 1: 44, 2: 64}
"""The bytes of an audio sample entry before its boxes, by the version of the entry."""
ENCRYPTED: Final = frozenset(("encv", "enca", "enct", "encs", "encm"))
"""The codes of sample entries for encrypted media (ISO/IEC 14496-12, 8.12)."""
CONFIGURATIONS: Final = frozenset(
    [
        "avcC",
        "hvcC",
        "lhvC",
        "vvcC",
        "av1C",
        "vpcC",
        "dvcC",
        "dvvC",
        "dac3",
        "dec3",
        "dac4",
        "dOps",
        "dfLa",
        "mhaC",
        "esds",
    ]
)
"""The boxes that tell a decoder how a track is coded."""


class SampleEntry(msgspec.Struct, frozen=True):
    """A sample entry: its four-character code, and its configuration boxes in order.

    Of an encrypted one, ``original`` is the code without encryption, ``scheme`` that of ``schm``,
    and ``tenc`` the payload of that box.
    """

    code: str
    boxes: tuple[tuple[str, bytes], ...] = ()
    original: str = ""
    scheme: str = ""
    tenc: bytes = b""

    @property
    def is_encrypted(self) -> bool:
        """True if its code is one of those for encrypted media."""
        return self.code in ENCRYPTED

    def clear(self) -> SampleEntry:
        """Return the entry as it is without encryption."""
        return SampleEntry(self.original or self.code, self.boxes)


def find_moov(data: bytes) -> bytes | None:
    """Return the first complete ``moov`` of the beginning of a file; None if there is none."""
    for box in iter_boxes(data):
        if box.type == "moov":
            return None if box.end is None or box.end > len(data) else data[box.start : box.end]
    return None


def read_tracks(moov: bytes) -> tuple[tuple[SampleEntry, ...], ...]:
    """Return the sample entries of each track of a ``moov``, in the order of the tracks."""
    box = next(iter_boxes(moov))
    tracks = _children(moov, box.payload, len(moov), "trak")
    return tuple(tuple(_entries(moov, track)) for track in tracks)


def iter_fragment_boxes(data: bytes) -> Iterator[str]:
    """Yield the types of the boxes in the first complete track fragment of a segment."""
    for box in iter_boxes(data):
        if box.type != "moof" or box.end is None or box.end > len(data):
            continue
        for fragment in _children(data, box.payload, box.end, "traf"):
            for inner in iter_boxes(data, fragment.payload, fragment.end):
                yield inner.type
        return


def _entries(data: bytes, track: Box) -> Iterator[SampleEntry]:
    kind = _handler(data, track)
    found = [track]
    for name in _TO_ENTRIES[2:]:
        found = [
            child
            for parent in found
            for child in _children(data, parent.payload, _end(data, parent), name)
        ]
    for table in found:
        for entry in iter_boxes(data, table.payload + 8, _end(data, table)):
            end = min(_end(data, entry), len(data))
            inner = entry.payload + _header_bytes(data, entry, kind)
            boxes = tuple(
                (box.type, data[box.payload : box.end])
                for box in iter_boxes(data, inner, end)
                if box.type in CONFIGURATIONS
            )
            yield SampleEntry(entry.type, boxes, *_protection(data, inner, end))


def _protection(data: bytes, start: int, end: int) -> tuple[str, str, bytes]:
    """Return the original code, the scheme and ``tenc`` of a sample entry; empty if it is clear."""
    original, scheme, tenc = "", "", b""
    for sinf in _children(data, start, end, "sinf"):
        for box in iter_boxes(data, sinf.payload, _end(data, sinf)):
            if box.type == "frma":
                original = data[box.payload : box.payload + 4].decode("latin-1")
            elif box.type == "schm":
                scheme = data[box.payload + 4 : box.payload + 8].decode("latin-1")
            elif box.type == "schi":
                for child in _children(data, box.payload, _end(data, box), "tenc"):
                    tenc = data[child.payload : _end(data, child)]
    return original, scheme, tenc


def _header_bytes(data: bytes, entry: Box, handler: str) -> int:
    if handler == "vide":
        return _VISUAL
    if handler != "soun":
        return 8
    version = int.from_bytes(data[entry.payload + 8 : entry.payload + 10], "big")
    if version not in _AUDIO:
        raise BoxError(f"an audio sample entry of version {version}")
    return _AUDIO[version]


def _handler(data: bytes, track: Box) -> str:
    for media in _children(data, track.payload, _end(data, track), "mdia"):
        for box in _children(data, media.payload, _end(data, media), "hdlr"):
            return data[box.payload + 8 : box.payload + 12].decode("latin-1")
    return ""


def _children(data: bytes, start: int, end: int, name: str) -> list[Box]:
    return [box for box in iter_boxes(data, start, end) if box.type == name]


def _end(data: bytes, box: Box) -> int:
    return len(data) if box.end is None else box.end
