"""Write the file: its index first, then the media, which the system copies."""

from __future__ import annotations

import heapq
import io
import struct
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from math import lcm
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dashget.common.stopping import Stop
from dashget.media.isobmff import iter_boxes
from dashget.mux.container import Family
from dashget.mux.direct.copying import Source, write_all
from dashget.mux.direct.fragments import UnknownMediaError
from dashget.mux.direct.index import Chunks, Index
from dashget.mux.direct.sketch import iter_sketch
from dashget.mux.direct.tables import Table
from dashget.mux.direct.texts import read_texts
from dashget.mux.direct.tracks import DirectTrack, Part, Piece
from dashget.mux.errors import StoppedError, as_mux_error
from dashget.mux.feed import Feed, OpenPiece, edited_by
from dashget.mux.times import Placement
from dashget.mux.tracks import Stretch
from dashget.mux.writer import Copy, Outline, Writer

if TYPE_CHECKING:
    from hashlib import _Hash

_JOINED_SECONDS: Final = 1
"""Fragments that begin within this time become one chunk, if no other track is between them."""
_LARGEST_BOX: Final = (1 << 32) - 1


class DirectWriter:
    """Writes one file as ``Writer`` does; only the order of its media and of its boxes differs.

    ``feeds`` are those of the tracks; no more than their first packets are taken.
    """

    def __init__(
        self,
        outline: Outline,
        feeds: Sequence[Feed],
        open_piece: OpenPiece,
        stop: Stop,
        *,
        hashed: bool,
    ) -> None:
        self._outline = outline
        self._feeds = feeds
        self._open = open_piece
        self._stop = stop
        self._hashed = hashed

    def write(self, path: Path, name: str) -> Copy:
        """Write all media; raise UnknownMediaError if ``Writer`` has to.

        ``name`` is the final file in messages.
        """
        if self._outline.container.family is not Family.MP4:
            raise UnknownMediaError("another kind of file than MP4")
        tracks = [self._track(feed, number) for number, feed in enumerate(self._feeds)]
        sketches = [_sketch(feed, track) for feed, track in zip(self._feeds, tracks, strict=True)]
        writer = Writer(self._outline, sketches, self._open, self._stop, hashed=self._hashed)
        copy = writer.write(path, name)
        with as_mux_error(f"cannot write {name}", writing=name):
            digests = self._fill(path, tracks)
        texts = copy.tracks[len(tracks) :]
        written = tuple(
            track.written(digest) for track, digest in zip(tracks, digests, strict=True)
        )
        return msgspec.structs.replace(copy, tracks=(*written, *texts))

    def _track(self, feed: Feed, number: int) -> DirectTrack:
        scale = self._outline.timescales[number]
        rows = zip(feed.track.stretches, feed.placements, feed.tables, strict=True)
        return DirectTrack([self._part(*row) for row in rows], scale)

    def _part(self, stretch: Stretch, placement: Placement, table: Table | None) -> Part:
        """Return the samples of a stretch, and where they are in the file."""
        if table is None or placement.counted or placement.divisor != 1:
            raise UnknownMediaError("media that libavformat has to read, or times to round")
        described = stretch.description
        shift = edited_by(described, table) + described.late
        return Part(stretch, table, placement.factor, placement.offset + shift * placement.factor)

    def _fill(self, path: Path, tracks: Sequence[DirectTrack]) -> list[str | None]:
        """Write the file anew from its sketch; return the hash of each track, if wanted."""
        sketch = path.read_bytes()
        boxes = {box.type: box for box in iter_boxes(sketch)}
        moov, brands = boxes["moov"], boxes["ftyp"]
        texts, beginning = read_texts(sketch, moov, len(tracks))
        chunks = self._chunks(tracks, len(beginning))
        media = len(beginning) + sum(track.size for track in tracks)
        index = Index(sketch[moov.start : moov.end], tracks, (*chunks, *texts), media)
        start = sketch[brands.start : brands.end]
        header = _media_header(media)
        index.place(len(start) + index.size + len(header))
        with io.FileIO(path, "wb") as output:
            for part in (start, *index.parts, header, beginning):
                write_all(output, part)
            return self._copy(output, tracks)

    def _chunks(self, tracks: Sequence[DirectTrack], offset: int) -> list[Chunks]:
        """Return the chunks of all tracks, as they follow one another from an offset on."""
        chunks = [Chunks(array("Q"), array("I")) for _ in tracks]
        last, begin = -1, 0
        for number, piece in _in_turns(tracks):
            offsets, counts = chunks[number].offsets, chunks[number].counts
            near = piece.moment - begin < _JOINED_SECONDS * tracks[number].timescale
            if number == last and near:
                counts[-1] += piece.count
            else:
                offsets.append(offset)
                counts.append(piece.count)
                last, begin = number, piece.moment
            offset += piece.length
        return chunks

    def _copy(self, output: io.FileIO, tracks: Sequence[DirectTrack]) -> list[str | None]:
        digests = [self._digest() for _ in tracks]
        with ExitStack() as opened:
            sources = [
                [opened.enter_context(closing(self._source(part))) for part in track.parts]
                for track in tracks
            ]
            for number, piece in _in_turns(tracks):
                source = sources[number][piece.part]
                source.copy(piece.position, piece.length, output, digests[number])
                if self._stop.requested:
                    raise StoppedError
        return [None if digest is None else digest.hexdigest() for digest in digests]

    def _digest(self) -> _Hash | None:
        if not self._hashed:
            return None
        from hashlib import sha256

        return sha256()

    def _source(self, part: Part) -> Source:
        joined = self._open(part.stretch.pieces[0])
        return Source(joined.open_file, joined.spans)


def _sketch(feed: Feed, track: DirectTrack) -> Iterator[Any]:
    packets = iter(feed)
    head = next(packets, None)
    if head is None:
        raise UnknownMediaError("libavformat reads no packet")
    yield from iter_sketch(head, track)


def _in_turns(tracks: Sequence[DirectTrack]) -> Iterator[tuple[int, Piece]]:
    """Yield the pieces of all tracks in order of their decode times, each with its track."""
    common = lcm(*(track.timescale for track in tracks))
    queues = [_keyed(track, number, common) for number, track in enumerate(tracks)]
    for _, number, piece in heapq.merge(*queues, key=itemgetter(0, 1)):
        yield number, piece


def _keyed(track: DirectTrack, number: int, common: int) -> Iterator[tuple[int, int, Piece]]:
    factor = common // track.timescale
    for piece in track.pieces():
        yield piece.moment * factor, number, piece


def _media_header(size: int) -> bytes:
    """Return the beginning of ``mdat``."""
    if size + 8 <= _LARGEST_BOX:
        return struct.pack(">I4s", size + 8, b"mdat")
    return struct.pack(">I4sQ", 1, b"mdat", size + 16)
