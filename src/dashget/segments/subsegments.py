"""Find the subsegments of a single file by its index (5.3.9.2, 6.2.3).

``read_index`` is called with the known parts of the file, at first none. It returns the
subsegments, or the ranges that it needs in addition; it never fetches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import islice
from typing import Final

import msgspec

from dashget.common.byterange import ByteRange
from dashget.errors import MPDError
from dashget.media.isobmff import BoxError, SidxBox, box_end, find_sidx
from dashget.media.kind import SegmentKind
from dashget.media.webm import EbmlError, read_cues, read_header
from dashget.mpd.presentation import Representation, SingleAddressing
from dashget.mpd.template import Address
from dashget.segments.index import SegmentIndex
from dashget.segments.segment import Segment, TimeBase

SEARCH_BYTES: Final = 64 * 1024
"""The size of the beginning that is searched for an index if ``@indexRange`` is missing."""
MAX_DEPTH: Final = 4
"""The maximum depth of index boxes that refer to index boxes."""
MAX_INDEXES: Final = 512
"""The maximum of index boxes of one file: each may be a request, and refer to all later ones."""
MAX_SUBSEGMENTS: Final = 1_000_000
_HEADER_BYTES: Final = 4096
"""The size of the beginning that is read for a WebM header of unknown length."""


class NeededIndex(msgspec.Struct, frozen=True):
    """Ranges of ``address`` that ``read_index`` needs.

    A range may extend beyond the end of a short file; the existing bytes are enough.
    """

    address: Address
    ranges: tuple[ByteRange, ...]


class Subsegment(msgspec.Struct, frozen=True, gc=False):
    """A byte range of the file with its time; ``last`` is None for the end of the file."""

    first: int
    last: int | None
    time: int
    duration: int | None


class SubsegmentIndex(SegmentIndex):
    """The parts of one file: initialization, index and subsegments with their ranges."""

    def __init__(
        self,
        representation: Representation,
        addressing: SingleAddressing,
        parts: tuple[tuple[SegmentKind, ByteRange], ...],
        subsegments: tuple[Subsegment, ...],
        timescale: int,
        limit: int | None = None,
    ) -> None:
        super().__init__(representation, limit)
        self._address = addressing.media
        self._parts = parts
        self._subsegments = subsegments
        offset = Fraction(addressing.presentation_time_offset, addressing.timescale)
        self._timebase = TimeBase(timescale, representation.period.start - offset)

    def count(self) -> int:
        return len(self._subsegments)

    def reason(self) -> str:
        return "by the index of the file"

    def preamble(self) -> Iterator[Segment]:
        yield from super().preamble()
        timebase = TimeBase(1, self.representation.period.start)
        for kind, byte_range in self._parts:
            yield Segment(kind, self._address, timebase, range=byte_range)

    def media_addresses(self) -> Iterator[Address]:
        yield self._address

    def media(self) -> Iterator[Segment]:
        for part in self._subsegments:
            byte_range = ByteRange(part.first, part.last)
            yield Segment(
                SegmentKind.MEDIA,
                self._address,
                self._timebase,
                None,
                part.time,
                part.duration,
                None,
                byte_range,
            )


def read_index(
    representation: Representation, known: Mapping[ByteRange, bytes], *, limit: int | None = None
) -> SubsegmentIndex | NeededIndex | None:
    """Return the subsegments of a SegmentBase or bare BaseURL resource, or the ranges needed.

    ``known`` maps requested ranges to their bytes. Returns None for a resource without index (a
    subtitle file, a progressive file). Raises MPDError if the bytes at ``@indexRange`` are not
    a valid index.
    """
    addressing = representation.addressing
    if not isinstance(addressing, SingleAddressing):
        return None
    try:
        return _Reader(representation, addressing, known, limit).read()
    except (BoxError, EbmlError) as err:
        raise MPDError(
            f"the index of Representation {representation.id!r} is invalid: {err}",
            hint=f"see {representation.where}, line {representation.line}",
        ) from err


class _Reader:
    """Reads the index from the known parts, and collects the ranges that are missing."""

    def __init__(
        self,
        representation: Representation,
        addressing: SingleAddressing,
        known: Mapping[ByteRange, bytes],
        limit: int | None,
    ) -> None:
        self._representation = representation
        self._addressing = addressing
        self._known = known
        self._limit = limit
        self._separate = representation.representation_index
        self._missing: list[ByteRange] = []

    def read(self) -> SubsegmentIndex | NeededIndex | None:
        where = self._addressing.index_range
        if where is None and self._separate is not None:
            where = self._separate.range or ByteRange(0)
        data = self._bytes(where or ByteRange(0, SEARCH_BYTES - 1))
        if data is None:
            return self._needed()
        offset = 0 if where is None else where.first
        if data[:4] in (b"\x1c\x53\xbb\x6b", b"\x1a\x45\xdf\xa3"):
            return self._webm(data, where)
        sidx = find_sidx(data, offset)
        if sidx is not None:
            return self._hierarchy(sidx)
        end = box_end(data, "sidx", offset)
        if end is not None and where is None:
            if self._bytes(ByteRange(0, end - 1)) is None:
                return self._needed()
            sidx = find_sidx(self._known[ByteRange(0, end - 1)])
            return None if sidx is None else self._hierarchy(sidx)
        if where is None:
            return None
        raise BoxError(f"no complete sidx box in the bytes {where}")

    def _bytes(self, byte_range: ByteRange) -> bytes | None:
        data = self._known.get(byte_range)
        if data is None:
            self._missing.append(byte_range)
        return data

    def _needed(self) -> NeededIndex:
        address = self._addressing.media
        if self._separate is not None and self._addressing.index_range is None:
            address = self._separate.address
        return NeededIndex(address, tuple(self._missing))

    def _hierarchy(self, top: SidxBox) -> SubsegmentIndex | NeededIndex:
        anchor = top.first_offset if self._separate is not None else top.anchor
        indexes = [ByteRange(top.start, top.end - 1)]
        walk = self._walk(top, anchor, 0, indexes)
        subsegments = list(islice(walk, MAX_SUBSEGMENTS + 1))
        if len(subsegments) > MAX_SUBSEGMENTS:
            raise BoxError(f"it has more than {MAX_SUBSEGMENTS:,} subsegments")
        if self._missing:
            return self._needed()
        parts: list[tuple[SegmentKind, ByteRange]] = []
        initialization = self._addressing.initialization_range
        if self._separate is None:
            if initialization is None and top.start > 0:
                initialization = ByteRange(0, top.start - 1)
            parts.extend((SegmentKind.INDEX, index) for index in indexes)
        if initialization is not None:
            parts.insert(0, (SegmentKind.INITIALIZATION, initialization))
        return self._index(tuple(parts), tuple(subsegments), top.timescale)

    def _walk(
        self, sidx: SidxBox, anchor: int, depth: int, indexes: list[ByteRange]
    ) -> Iterator[Subsegment]:
        """Yield the subsegments of a sidx and of those that it refers to, in file order."""
        if depth > MAX_DEPTH:
            raise BoxError(f"index boxes refer to each other more than {MAX_DEPTH} deep")
        position, time = anchor, sidx.earliest_presentation_time
        for reference in sidx.references:
            if not reference.is_index:
                if reference.size:
                    last = position + reference.size - 1
                    yield Subsegment(position, last, time, reference.duration)
            else:
                yield from self._follow(position, reference.size, depth, indexes)
            position += reference.size
            time += reference.duration

    def _follow(
        self, position: int, size: int, depth: int, indexes: list[ByteRange]
    ) -> Iterator[Subsegment]:
        """Read the sidx at the beginning of the referenced range; the rest may be media."""
        if len(indexes) + len(self._missing) >= MAX_INDEXES:
            raise BoxError(f"it has more than {MAX_INDEXES} index boxes")
        if size < 32:
            raise BoxError(f"a reference to an index of only {size} bytes")
        asked = ByteRange(position, position + min(size, SEARCH_BYTES) - 1)
        data = self._bytes(asked)
        if data is None:
            return
        sidx = find_sidx(data, position)
        if sidx is None:
            raise BoxError(f"no sidx box at byte {position}, where a reference leads")
        indexes.append(ByteRange(sidx.start, sidx.end - 1))
        yield from self._walk(sidx, sidx.anchor, depth + 1, indexes)

    def _webm(self, data: bytes, where: ByteRange | None) -> SubsegmentIndex | NeededIndex | None:
        if where is None:
            return None
        head = self._addressing.initialization_range
        if head is None:
            head = ByteRange(0, min(where.first or _HEADER_BYTES, _HEADER_BYTES) - 1)
        header_bytes = self._bytes(head)
        if header_bytes is None:
            return self._needed()
        header = read_header(header_bytes)
        cues = read_cues(data, header)
        ends = [cue.position for cue in cues[1:]]
        final = where.first if cues and where.first > cues[-1].position else header.segment_end
        total = None if header.duration is None else int(header.duration)
        subsegments = []
        for i, cue in enumerate(cues):
            end = ends[i] if i < len(ends) else final
            if end is not None and end <= cue.position:
                raise EbmlError(f"Cues refer to byte {cue.position}, after the end at {end}")
            until = cues[i + 1].time if i + 1 < len(cues) else total
            subsegments.append(
                Subsegment(
                    cue.position,
                    None if end is None else end - 1,
                    cue.time,
                    None if until is None else until - cue.time,
                )
            )
        timescale = Fraction(10**9, header.timestamp_scale)
        parts = (
            (SegmentKind.INITIALIZATION, head),
            (SegmentKind.INDEX, where),
        )
        return self._index(parts, _scaled(subsegments, timescale), timescale.numerator)

    def _index(
        self,
        parts: tuple[tuple[SegmentKind, ByteRange], ...],
        subsegments: tuple[Subsegment, ...],
        timescale: int,
    ) -> SubsegmentIndex:
        return SubsegmentIndex(
            self._representation, self._addressing, parts, subsegments, timescale, self._limit
        )


def _scaled(parts: list[Subsegment], timescale: Fraction) -> tuple[Subsegment, ...]:
    """Multiply ticks so that the timescale is a whole number."""
    factor = timescale.denominator
    return tuple(
        Subsegment(
            part.first,
            part.last,
            part.time * factor,
            None if part.duration is None else part.duration * factor,
        )
        for part in parts
    )
