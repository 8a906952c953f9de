"""Put the tables of samples into a ``moov`` box that was written without the media. No I/O."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from dashget.media.isobmff import Box, iter_boxes
from dashget.mux.direct.bitrates import set_bit_rates
from dashget.mux.direct.fragments import UnknownMediaError
from dashget.mux.direct.rolls import Roll, rolls_of
from dashget.mux.direct.tables import Repeats
from dashget.mux.direct.tracks import DirectTrack

Parts: TypeAlias = "list[bytes | array[int]]"
"""Bytes in parts, since tables are large; arrays have the file's order of bytes."""
_KNOWN: Final = frozenset(
    ("stsd", "stts", "stss", "ctts", "stsc", "stsz", "stco", "co64", "sgpd", "sbgp")
)
_LARGEST_OFFSET: Final = (1 << 32) - 1
_BYTES_OF_A_SAMPLE: Final = 8 + 8 + 8 + 4 + 4
"""At most: in ``stts``, ``ctts``, ``sbgp``, ``stsz`` and ``stss``."""
_BYTES_OF_A_CHUNK: Final = 12 + 8
"""At most: in ``stsc`` and ``co64``."""
_MORE_BYTES: Final = 1024
"""More than the headers of these boxes take, and what stands before ``moov`` and ``mdat``."""


class Chunks(msgspec.Struct, frozen=True):
    """Where the samples of a track are: the offset and the number of samples of each chunk."""

    offsets: array[int]
    counts: array[int]


class Index:
    """A ``moov`` whose first tracks get tables of samples, and the other ones new offsets.

    The offsets of ``chunks`` count from the first byte of media, of which there are ``media``.
    """

    def __init__(
        self,
        moov: bytes,
        tracks: Sequence[DirectTrack],
        chunks: Sequence[Chunks],
        media: int,
    ) -> None:
        self._data = moov
        self._tracks = tracks
        self._chunks = chunks
        self._number = -1
        self._offsets: list[tuple[array[int], Chunks]] = []
        # The box is before the media, so how large it is at most counts for their offsets.
        most = len(moov) + _MORE_BYTES * len(chunks)
        most += sum(_BYTES_OF_A_SAMPLE * track.count for track in tracks)
        most += sum(_BYTES_OF_A_CHUNK * len(places.offsets) for places in chunks)
        self._wide = media + most > _LARGEST_OFFSET
        self.parts = self._inside(next(iter_boxes(moov)), {"trak": self._track})
        """The whole box; its offsets are those that ``place`` was told last."""

    @property
    def size(self) -> int:
        """The number of bytes."""
        return length_of(self.parts)

    def place(self, base: int) -> None:
        """Write down all offsets; ``base`` is the position of the first byte of media. Once."""
        for values, chunks in self._offsets:
            for number, offset in enumerate(chunks.offsets):
                values[number] = base + offset
            _to_file_order(values)

    def _inside(self, box: Box, own: dict[str, Callable[[Box], Parts]]) -> Parts:
        """Return a box in which those of some types are replaced."""
        body: Parts = []
        for child in iter_boxes(self._data, box.payload, box.end):
            if child.type in own:
                body.extend(own[child.type](child))
            else:
                body.append(self._data[child.start : child.end])
        return _box(box.type, body)

    def _track(self, box: Box) -> Parts:
        self._number += 1
        table = self._own_table if self._number < len(self._tracks) else self._moved_table
        return self._down(box, ("mdia", "minf", "stbl"), table)

    def _down(self, box: Box, names: tuple[str, ...], table: Callable[[Box], Parts]) -> Parts:
        if not names:
            return table(box)
        return self._inside(box, {names[0]: lambda child: self._down(child, names[1:], table)})

    def _moved_table(self, box: Box) -> Parts:
        return self._inside(box, dict.fromkeys(("stco", "co64"), lambda _: self._placed()))

    def _own_table(self, box: Box) -> Parts:
        """Return the table of samples of a track, its boxes in libavformat's order."""
        track = self._tracks[self._number]
        found = {child.type: child for child in iter_boxes(self._data, box.payload, box.end)}
        if not found.keys() <= _KNOWN or "stsd" not in found:
            raise UnknownMediaError(f"a table of samples with {', '.join(sorted(found))}")
        described = bytearray(self._data[found["stsd"].start : found["stsd"].end])
        set_bit_rates(described, track)
        body: Parts = [bytes(described)]
        steps, keys, compositions = track.steps(), track.keys(), track.compositions()
        body += _repeats("stts", steps)
        if keys is not None:
            body += _full("stss", [_word(len(keys)), _to_file_order(keys)])
        if any(compositions.values):
            body += _repeats("ctts", compositions)
        body += _chunk_sizes(self._chunks[self._number].counts)
        body += _sizes(track)
        body += self._placed()
        body += _groups(rolls_of(track, steps))
        return _box("stbl", body)

    def _placed(self) -> Parts:
        chunks = self._chunks[self._number]
        values = array(
            "Q" if self._wide else "I", bytes((8 if self._wide else 4) * len(chunks.offsets))
        )
        self._offsets.append((values, chunks))
        return _full("co64" if self._wide else "stco", [_word(len(values)), values])


def length_of(parts: Iterable[bytes | array[int]]) -> int:
    """Return the number of bytes."""
    return sum(memoryview(part).nbytes for part in parts)


def _repeats(name: str, repeats: Repeats) -> Parts:
    values = array("I", bytes(8 * len(repeats.counts)))
    values[0::2] = repeats.counts
    values[1::2] = array("I", repeats.values)
    return _full(name, [_word(len(repeats.counts)), _to_file_order(values)])


def _chunk_sizes(counts: array[int]) -> Parts:
    """Return ``stsc``: from which chunk on how many samples there are in each."""
    rows = array("I")
    for number, count in enumerate(counts, 1):
        if not rows or rows[-2] != count:
            rows.extend((number, count, 1))
    return _full("stsc", [_word(len(rows) // 3), _to_file_order(rows)])


def _sizes(track: DirectTrack) -> Parts:
    parts = list(track.sizes())
    one = parts[0][0]
    if all(part.count(one) == len(part) for part in parts):
        return _full("stsz", [_word(one), _word(track.count)])
    swapped = [_to_file_order(part[:]) for part in parts]
    return _full("stsz", [_word(0), _word(track.count), *swapped])


def _groups(rolls: Sequence[Roll]) -> Parts:
    """Return ``sgpd`` and ``sbgp``: from which sample on decoding begins, for a right one."""
    described = [roll for roll in rolls if roll.distance]
    if not described:
        return []
    distances = b"".join(struct.pack(">h", roll.distance) for roll in described)
    body: Parts = [b"roll", _word(2), _word(len(described)), distances]
    entries, number = [], 0
    for roll in rolls:
        number += 1 if roll.distance else 0
        entries.append(struct.pack(">II", roll.count, number if roll.distance else 0))
    members: Parts = [b"roll", _word(len(entries)), b"".join(entries)]
    return [*_full("sgpd", body, version=1), *_full("sbgp", members)]


def _to_file_order(values: array[int]) -> array[int]:
    if sys.byteorder == "little":
        values.byteswap()
    return values


def _word(value: int) -> bytes:
    return struct.pack(">I", value)


def _full(name: str, body: Parts, version: int = 0) -> Parts:
    return _box(name, [bytes((version, 0, 0, 0)), *body])


def _box(name: str, body: Parts) -> Parts:
    return [struct.pack(">I4s", 8 + length_of(body), name.encode("latin-1")), *body]
