"""The interface of all addressing modes: a lazy list of segments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from dashget.errors import UnsupportedMPDError
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import Representation
from dashget.mpd.template import Address
from dashget.mpd.validity import validity_error
from dashget.segments.segment import Segment, TimeBase


class SegmentIndex(ABC):
    """The segments of one Representation in one Period; it can be iterated any number of times.

    Iterating over it raises MPDValidityError if the Representation has problems: some of its
    segments cannot be worked out. If it has more media segments than ``limit``, it raises
    UnsupportedMPDError before the first one.
    """

    def __init__(self, representation: Representation, limit: int | None = None) -> None:
        self.representation = representation
        self._limit = limit

    def __iter__(self) -> Iterator[Segment]:
        """Yield initialization, bitstream switching and index first, then media in order."""
        if self.representation.problems:
            raise validity_error(self.representation.problems)
        if self._limit is not None:
            self.require_at_most(self._limit)
        yield from self.preamble()
        yield from self.media()

    def require_at_most(self, limit: int) -> None:
        """Raise UnsupportedMPDError if there are more media segments than ``limit``."""
        count = self.count()
        if count <= limit:
            return
        representation = self.representation
        raise UnsupportedMPDError(
            f"Representation {representation.id!r} has more than {limit:,} segments: {count:,} "
            f"{self.reason()} ({representation.where}, line {representation.line})",
            hint="raise the limit (--segment-limit) if the manifest is really that long",
        )

    @abstractmethod
    def media(self) -> Iterator[Segment]:
        """Yield the media segments in order, each after its own index segment if it has one."""

    @abstractmethod
    def media_addresses(self) -> Iterator[Address]:
        """Yield every distinct ``Address`` of the media segments and their index segments."""

    @abstractmethod
    def count(self) -> int:
        """Return the number of media segments, by arithmetic."""

    @abstractmethod
    def reason(self) -> str:
        """Return the values of the manifest that the number of media segments comes from."""

    def addresses(self) -> Iterator[Address]:
        """Yield every distinct ``Address`` of all segments, lazily."""
        for segment in self.preamble():
            yield segment.address
        yield from self.media_addresses()

    def preamble(self) -> Iterator[Segment]:
        """Yield the segments that are fetched once, before any media."""
        representation = self.representation
        timebase = TimeBase(1, representation.period.start)
        resources = (
            (SegmentKind.INITIALIZATION, representation.initialization),
            (SegmentKind.BITSTREAM_SWITCHING, representation.bitstream_switching),
            (SegmentKind.INDEX, representation.representation_index),
        )
        for kind, resource in resources:
            if resource is not None:
                yield Segment(kind, resource.address, timebase, range=resource.range)
        for other in representation.others:
            span = other.resource.range
            yield Segment(
                other.kind, other.resource.address, timebase, range=span, last_derived=True
            )
