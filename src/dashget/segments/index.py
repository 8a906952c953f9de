"""The interface of all addressing modes: a lazy list of segments, of those that are available.

Those of equal duration are counted (Annex A). Times are exact. All segments of a static
presentation are available; of a dynamic one, ``Window.now`` is the live edge on the presentation
timeline.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Final

from msgspec.structs import replace

from dashget.errors import UnsupportedMPDError
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import PeriodSpan, Representation, Window
from dashget.mpd.template import Address
from dashget.mpd.validity import validity_error
from dashget.segments.segment import Segment, TimeBase

ROUNDING: Final = Fraction(1, 1000)
"""The time by which the duration of a Period may be rounded in a manifest."""


class SegmentIndex(ABC):
    """The segments of one Representation in one Period; it can be iterated any number of times.

    Iterating over it raises MPDValidityError if the Representation has problems: some of its
    segments cannot be worked out. If it has more media segments than ``limit``, it raises
    UnsupportedMPDError before the first one.
    """

    def __init__(self, representation: Representation, limit: int | None = None) -> None:
        self.representation = representation
        self.spares: tuple[SegmentIndex, ...] = ()
        """The segments of each segment information that is not in use."""
        self._limit = limit

    def __iter__(self) -> Iterator[Segment]:
        """Yield initialization, bitstream switching and index first, then media in order.

        Last come the segments of segment information that is not in use.
        """
        if self.representation.problems:
            raise validity_error(self.representation.problems)
        if self._limit is not None:
            self.require_at_most(self._limit)
        yield from self.preamble()
        yield from self.media()
        if self.spares:
            yield from self._spare_segments()

    def require_at_most(self, limit: int) -> None:
        """Raise UnsupportedMPDError if there are more media segments than ``limit``."""
        for index in self.spares:
            index.require_at_most(limit)
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
        for index in self.spares:
            yield from index.media_addresses()

    def _spare_segments(self) -> Iterator[Segment]:
        for index in self.spares:
            for segment in index.media():
                yield replace(segment, kind=SegmentKind.SPARE, last_derived=True)

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
            optional = not other.required
            yield Segment(
                other.kind, other.resource.address, timebase, range=span, last_derived=optional
            )


def derived_count(period: Fraction, segment: Fraction) -> int:
    """Count the segments of equal duration that fill a Period (5.3.9.2.1).

    A last segment may be as short as it likes: it may come from a rounded duration of the Period,
    or be there. It is asked for.
    """
    return max(ceil(period / segment), 0)


def available_range(
    window: Window | None,
    period: PeriodSpan,
    segment: Fraction,
    offset: Fraction | None,
    count: int | None,
) -> range:
    """Return the range of positions k of the available segments ``[k, k + 1) * segment``.

    ``count`` is their number in the whole Period, None for an open one. A segment is available
    from its end (``offset`` earlier; None for at once) until ``depth`` plus one segment duration
    after its end. The last one of a closed Period ends with the Period.
    """
    if window is None:
        return range(count or 0)
    stop = count
    if offset is not None or count is None:
        reached = window.now + (offset or 0) - period.start
        stop = floor(reached / segment) if offset is not None else ceil(reached / segment)
        if count is not None and (stop >= count or _over(period, reached)):
            stop = count
    first = 0
    if window.depth is not None:
        first = ceil((window.now - period.start - window.depth) / segment) - 2
    return range(max(first, 0), max(stop or 0, 0))


def _over(period: PeriodSpan, reached: Fraction) -> bool:
    return period.duration is not None and reached >= period.duration


def available_since(window: Window) -> str:
    """Describe what decides which segments are available, for messages."""
    begin = window.begin or Fraction(0)
    return f"available at {_utc(begin + window.now)}, @availabilityStartTime is {_utc(begin)}"


def _utc(seconds: Fraction) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=floor(seconds))
    return moment.isoformat().replace("+00:00", "Z")
