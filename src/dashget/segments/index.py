"""What every addressing mode offers: a lazy list of segments with a known beginning."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from dashget.errors import UnsupportedMPDError
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import Representation, Resource
from dashget.mpd.template import Address
from dashget.segments.segment import Segment, TimeBase


class SegmentIndex(ABC):
    """The segments of one Representation in one Period; iterate it as often as you like.

    With a ``limit``, the media segment that is one too many raises UnsupportedMPDError; those
    before it are given first, so that a long list begins at once. ``count`` tells in advance.
    """

    def __init__(self, representation: Representation, limit: int | None = None) -> None:
        self.representation = representation
        self._limit = limit

    def __iter__(self) -> Iterator[Segment]:
        """Initialization, bitstream switching and index first, then media in order."""
        yield from self.preamble()
        limit = self._limit
        count = None if limit is None else self.count()
        if limit is None or (count is not None and count <= limit):
            yield from self.media()
        else:
            yield from self._limited(limit)

    @abstractmethod
    def media(self) -> Iterator[Segment]:
        """The media segments in order, each after its own index segment if it has one."""

    @abstractmethod
    def media_addresses(self) -> Iterator[Address]:
        """Every distinct ``Address`` of the media segments and their index segments."""

    @abstractmethod
    def count(self) -> int | None:
        """How many media segments there are, counted without making them."""

    def addresses(self) -> Iterator[Address]:
        """Every distinct ``Address`` object that iteration will yield, lazily."""
        for segment in self.preamble():
            yield segment.address
        yield from self.media_addresses()

    def preamble(self) -> Iterator[Segment]:
        """What is fetched once, before any media."""
        representation = self.representation
        timebase = TimeBase(1, representation.period.start)
        resources = (
            (SegmentKind.INITIALIZATION, representation.initialization),
            (SegmentKind.BITSTREAM_SWITCHING, representation.bitstream_switching),
            (SegmentKind.INDEX, representation.representation_index),
        )
        for kind, resource in resources:
            if resource is not None:
                yield _segment(kind, resource, timebase)

    def _limited(self, limit: int) -> Iterator[Segment]:
        count = 0
        for segment in self.media():
            count += segment.kind is SegmentKind.MEDIA
            if count > limit:
                raise self._too_many(limit)
            yield segment

    def _too_many(self, limit: int) -> UnsupportedMPDError:
        representation = self.representation
        return UnsupportedMPDError(
            f"Representation {representation.id!r} has more than {limit:,} segments "
            f"({representation.where}, line {representation.line})",
            hint="raise the limit (--segment-limit) if the manifest is meant to be that long",
        )


def _segment(kind: SegmentKind, resource: Resource, timebase: TimeBase) -> Segment:
    return Segment(kind, resource.address, timebase, range=resource.range)
