"""The packets of one file track, in order, with the times that they have in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

from dashget.errors import MuxError
from dashget.mux.contents import Piece
from dashget.mux.description import Description, open_media, the_stream
from dashget.mux.direct.tables import Table
from dashget.mux.errors import as_mux_error
from dashget.mux.source import JoinedFile
from dashget.mux.times import Placement, SampleCounter
from dashget.mux.tracks import FileTrack, Stretch

OpenPiece = Callable[[Piece], JoinedFile]


class Feed:
    """The packets of a file track. Iterate over it once.

    Their times are ticks of the file track. Decode times that are not behind those before them
    move up, and presentation times with them where they must: Periods may overlap. ``tables`` has
    the samples of each stretch, if they are known; packets then have to be these.
    """

    def __init__(
        self,
        track: FileTrack,
        placements: tuple[Placement, ...],
        tables: tuple[Table | None, ...],
        open_piece: OpenPiece,
    ) -> None:
        self.track = track
        self.tables = tables
        self.moved = 0
        """The packets whose times were moved."""
        self.moved_by = 0
        """The most ticks by which one was moved."""
        self.placements = placements
        self._open = open_piece

    def __iter__(self) -> Iterator[Any]:
        counter, last = SampleCounter(), None
        rows = zip(self.track.stretches, self.placements, self.tables, strict=True)
        for stretch, placement, table in rows:
            for packet in self._stretch(stretch, placement, table, counter):
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
        self, stretch: Stretch, placement: Placement, table: Table | None, counter: SampleCounter
    ) -> Iterator[Any]:
        described = stretch.description
        if placement.counted:
            counter.begin(placement, described.frame_samples, described.configuration.codec)
        for piece in stretch.pieces:
            yield from self._piece(piece, stretch, placement, table, counter)

    def _piece(
        self,
        piece: Piece,
        stretch: Stretch,
        placement: Placement,
        table: Table | None,
        counter: SampleCounter,
    ) -> Iterator[Any]:
        name = stretch.name
        with open_media(self._open(piece), name, piece.key, packets_only=True) as container:
            stream = the_stream(container, name)
            put = _putter(placement, counter, stream.time_base.numerator)
            with as_mux_error(f"{name} cannot be read"):
                # The last one is empty: it would flush a decoder.
                packets: Iterator[Any] = (p for p in container.demux(stream) if p.size)
                if table is not None:
                    packets = _as_known(packets, stretch, table)
                for packet in packets:
                    put(packet)
                    yield packet


def edited_by(described: Description, table: Table) -> int:
    """Return the ticks that the edit list of an initialization segment adds to decode times."""
    return described.first_dts + described.late - table.first_time


def _as_known(packets: Iterator[Any], stretch: Stretch, table: Table) -> Iterator[Any]:
    """Yield the packets of a stretch with the times of its samples; MuxError if they differ.

    libavformat moves presentation times by the composition offsets below zero that it has met, and
    lets the last packet behind an edit list last longer.
    """
    late = stretch.description.late
    edited = edited_by(stretch.description, table)
    ahead = max(-table.least_composition, 0)
    last = len(table.sizes)
    for number, (packet, sample) in enumerate(zip_longest(packets, table.samples()), 1):
        time, composition, size = sample or (None, 0, 0)
        if packet is None or time is None or (packet.dts - edited, packet.size) != (time, size):
            raise MuxError(
                f"{stretch.name}: libavformat reads packet {number} of {last} otherwise than its"
                " file has it"
            )
        if ahead:
            packet.pts = time + composition + edited + late
            packet.dts = time + edited + late - ahead
        if number == last:
            packet.duration = table.last_duration
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
