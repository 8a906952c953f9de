"""The packets of one file track, in order, with the times that they have in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dashget.mux.contents import Piece
from dashget.mux.description import open_media, the_stream
from dashget.mux.errors import as_mux_error
from dashget.mux.source import JoinedFile
from dashget.mux.times import Placement, SampleCounter
from dashget.mux.tracks import FileTrack, Stretch

OpenPiece = Callable[[Piece], JoinedFile]


class Feed:
    """The packets of a file track. Iterate over it once.

    Their times are ticks of the file track. Decode times that are not behind those before them
    move up, and presentation times with them where they must: Periods may overlap.
    """

    def __init__(
        self, track: FileTrack, placements: tuple[Placement, ...], open_piece: OpenPiece
    ) -> None:
        self.track = track
        self.moved = 0
        """The packets whose times were moved."""
        self.moved_by = 0
        """The most ticks by which one was moved."""
        self.placements = placements
        self._open = open_piece

    def __iter__(self) -> Iterator[Any]:
        counter, last = SampleCounter(), None
        for stretch, placement in zip(self.track.stretches, self.placements, strict=True):
            for packet in self._stretch(stretch, placement, counter):
                dts = packet.dts
                if last is not None and dts <= last:
                    self._move(packet, last + 1 - dts)
                    dts = last + 1
                last = dts
                yield packet

    def _move(self, packet: Any, by: int) -> None:
        packet.dts += by
        packet.pts = max(packet.pts, packet.dts)
        self.moved += 1
        self.moved_by = max(self.moved_by, by)

    def _stretch(
        self, stretch: Stretch, placement: Placement, counter: SampleCounter
    ) -> Iterator[Any]:
        described = stretch.description
        if placement.counted:
            counter.begin(placement, described.frame_samples, described.configuration.codec)
        for piece in stretch.pieces:
            yield from self._piece(piece, stretch.name, placement, counter)

    def _piece(
        self, piece: Piece, name: str, placement: Placement, counter: SampleCounter
    ) -> Iterator[Any]:
        with open_media(self._open(piece), name, piece.key, packets_only=True) as container:
            stream = the_stream(container, name)
            put = _putter(placement, counter, stream.time_base.numerator)
            with as_mux_error(f"{name} cannot be read"):
                for packet in container.demux(stream):
                    # The last one is empty: it would flush a decoder.
                    if packet.size:
                        put(packet)
                        yield packet


def _putter(placement: Placement, counter: SampleCounter, numerator: int) -> Callable[[Any], None]:
    """Return the function that gives packets of a stretch the times that they have in the file."""
    factor, offset = placement.factor, placement.offset

    def count(packet: Any) -> None:
        _count(packet, counter, _pts(packet) * numerator, numerator)

    def shift(packet: Any) -> None:
        pts, dts = packet.pts, packet.dts
        if pts is None:
            pts = dts
        packet.pts = pts * factor + offset
        packet.dts = (pts if dts is None else dts) * factor + offset
        if factor != 1:
            packet.duration = (packet.duration or 0) * factor

    def convert(packet: Any) -> None:
        pts, dts = _pts(packet), packet.dts
        duration = (packet.duration or 0) * numerator
        packet.pts = placement.at(pts * numerator)
        packet.dts = placement.at((pts if dts is None else dts) * numerator)
        packet.duration = placement.at(duration) - offset

    if placement.counted:
        return count
    return shift if numerator == 1 and placement.divisor == 1 else convert


def _pts(packet: Any) -> int:
    pts = packet.pts
    time: int = packet.dts if pts is None else pts
    return time


def _count(packet: Any, counter: SampleCounter, ticks: int, numerator: int) -> None:
    duration = (packet.duration or 0) * numerator
    start, samples = counter.take(ticks, duration, memoryview(packet))
    packet.pts = packet.dts = start
    packet.duration = samples - _trimmed_end(packet)


def _trimmed_end(packet: Any) -> int:
    """Return the samples that a player leaves out at the end of a packet."""
    if not packet.has_sidedata("skip_samples"):
        return 0
    return int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[4:8], "little")
