"""The samples of a file track: those of its stretches, with their times in the file."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from fractions import Fraction

import msgspec

from dashget.mux.direct.fragments import UnknownMediaError
from dashget.mux.direct.tables import Repeats, Table
from dashget.mux.tracks import Stretch
from dashget.mux.witness import Written


class Part(msgspec.Struct, frozen=True):
    """The samples of a stretch, whose times in the file are ``ticks * factor + offset``.

    Decode times are less by ``ahead``, so that nothing is presented before it is decoded.
    """

    stretch: Stretch
    table: Table
    factor: int
    offset: int

    @property
    def ahead(self) -> int:
        """The ticks by which decode times go ahead."""
        return max(-self.table.least_composition, 0) * self.factor

    @property
    def first_decoded(self) -> int:
        """The decode time of the first sample."""
        return self.table.first_time * self.factor + self.offset - self.ahead

    @property
    def last_decoded(self) -> int:
        """The decode time of the last sample."""
        return self.table.last_time * self.factor + self.offset - self.ahead


class Piece(msgspec.Struct, frozen=True, gc=False):
    """Bytes of a stretch that follow one another, and the samples in them."""

    moment: int
    """The decode time, in ticks of the file track."""
    part: int
    position: int
    length: int
    count: int


class DirectTrack:
    """The samples of a file track."""

    def __init__(self, parts: Sequence[Part], timescale: int) -> None:
        self.parts = tuple(parts)
        self.timescale = timescale
        self.kind = parts[0].stretch.description.kind
        self.count = sum(len(part.table.sizes) for part in parts)
        self.size = sum(part.table.size for part in parts)
        self.first_decoded = parts[0].first_decoded
        self.last_decoded = parts[-1].last_decoded
        self.last_duration = parts[-1].table.last_duration * parts[-1].factor
        self.first_presented = self._first_presented()
        self.earliest = min(p.table.earliest * p.factor + p.offset for p in parts)
        self.latest = max(p.table.latest * p.factor + p.offset for p in parts)
        self.end = max(p.table.end * p.factor + p.offset for p in parts)

    def _first_presented(self) -> int:
        first = self.parts[0]
        table = first.table
        return (table.first_time + table.first_composition) * first.factor + first.offset

    def steps(self) -> Repeats:
        """Return how long each sample lasts until the next is decoded; UnknownMediaError."""
        steps = Repeats("i")
        last: Part | None = None
        for part in self.parts:
            if last is not None:
                step = part.first_decoded - last.last_decoded
                if step <= 0:
                    raise UnknownMediaError("decode times that overlap")
                steps.put(1, step)
            for count, value in part.table.steps:
                steps.put(count, value * part.factor)
            last = part
        steps.put(1, self.last_duration)
        return steps

    def compositions(self) -> Repeats:
        """Return how long after its decoding each sample is presented: never a negative time."""
        compositions = Repeats("i")
        for part in self.parts:
            for count, value in part.table.compositions:
                compositions.put(count, value * part.factor + part.ahead)
        return compositions

    def sizes(self) -> Iterator[array[int]]:
        """Yield the sizes of all samples, in arrays."""
        return (part.table.sizes for part in self.parts)

    def keys(self) -> array[int] | None:
        """Return the numbers of key pictures, from 1; None if each sample is one."""
        keys, before = array("I"), 1
        for part in self.parts:
            own = part.table.keys
            if own is None:
                return None
            keys.extend([before + number for number in own])
            before += len(part.table.sizes)
        return keys if len(keys) < self.count else None

    def pieces(self) -> Iterator[Piece]:
        """Yield all pieces in order."""
        for number, part in enumerate(self.parts):
            table, shift = part.table, part.offset - part.ahead
            rows = zip(table.moments, table.positions, table.lengths, table.counts, strict=True)
            for moment, *rest in rows:
                yield Piece(moment * part.factor + shift, number, *rest)

    def written(self, digest: str | None) -> Written:
        """Return what is compared with the file that is read again."""
        times: array[int] = array("q")
        flags = b""
        if digest is not None:
            for part in self.parts:
                factor, offset = part.factor, part.offset
                times.extend(
                    (time + later) * factor + offset for time, later, _ in part.table.samples()
                )
            flags = self._key_flags()
        return Written(
            self.count,
            self.size,
            digest,
            Fraction(self.earliest, self.timescale),
            Fraction(self.latest, self.timescale),
            Fraction(self.end, self.timescale),
            self.timescale,
            times,
            flags,
        )

    def _key_flags(self) -> bytes:
        keys = self.keys()
        if keys is None:
            return b"\1" * self.count
        flags = bytearray(self.count)
        for number in keys:
            flags[number - 1] = 1
        return bytes(flags)
