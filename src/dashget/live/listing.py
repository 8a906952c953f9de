"""One document, as a recorder needs it: which segments each Representation has, and when.

A ``Version`` is what one read of the manifest says. A ``Listing`` is a line of segments in it: one
URL template with its path in the mirror. Segments lie on the line's *axis*, in ticks: their media
time, or their number times their duration where nothing but a number names them. So a segment
keeps its place whatever becomes of Period starts and offsets, which move in some presentations
with each read.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING

import msgspec

from dashget.live.facts import EventFact
from dashget.live.spans import Run
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import Representation
from dashget.mpd.template import Address, UrlPattern
from dashget.mpd.ticks import nearest_tick
from dashget.segments.timeline import Run as Row

if TYPE_CHECKING:
    from dashget.mpd.pattern import DurationPattern


class Axis(enum.Enum):
    """What the ticks of a line are."""

    TIME = "time"
    """Media time."""
    NUMBER = "number"
    """The number, times the duration that all segments have."""
    NAME = "name"
    """The number alone: no times are known."""


class Once(msgspec.Struct, frozen=True, eq=False):
    """A file that is known by its name alone: an initialization segment, or one of a list."""

    path: str
    urls: tuple[str, ...]
    kind: SegmentKind
    representation: Representation | None = None
    address: Address | None = None
    time: int | None = None
    """Of media: the media time that the document says, in ticks of ``scale``."""
    duration: int = 0
    scale: int = 1
    origin: Fraction = Fraction(0)
    """Server time at media time 0."""
    depth: float | None = None
    """How many seconds it stays there."""
    behind: str = ""
    """The path of its initialization segment, which is asked for before."""
    line: int = 0
    """The number of its line of names; 0: it has none."""
    n: int = 0
    """Its order number in the line."""
    compare: str = ""
    """The path of the file that it is to be compared with: it may be the same one."""
    timed: bool = False
    """True if a SegmentTimeline tells that time: a list that slides changes no time of a file."""
    in_one: bool = False
    """True for a file that has all media of its Representation, or several segments of it."""
    grows: bool = False
    """True for such a file while its Period is not over: more may come in it."""
    least: int = 0
    """Of such a file: so many bytes are announced in ranges."""


class Listing(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A line of segments in one document."""

    key: str
    """What the same line has in every document: its path, its axis and its scale."""
    label: str
    address: Address
    place: UrlPattern
    """The path in the mirror, with the fields of the URL."""
    axis: Axis
    scale: int
    origin: Fraction
    """Server time (seconds since 1970) at axis time 0."""
    shift: int = 0
    """Media time less axis time."""
    rows: tuple[Run, ...] = ()
    """The segments that are listed one by one."""
    base: tuple[Run, ...] | None = None
    """The rows of an earlier version: all of ``rows`` but the ``fresh`` ones are among them."""
    fresh: tuple[Run, ...] = ()
    in_order: bool = False
    """True if ``rows`` are known to be sorted by time and by number, without overlaps."""
    step: int = 0
    """The duration of all segments that follow from it; 0: all are in ``rows``. With a ``cycle``
    the shortest of its durations."""
    cycle: DurationPattern | None = None
    """The durations of these in turn, if they are not the same."""
    entry: int = 0
    """The position in the cycle of the first of these."""
    begin: int = 0
    """The axis time of the first of these in the Period."""
    first_number: int = 0
    """Its number."""
    stop: int | None = None
    """The axis time at which the last of these ends; None: the Period is open."""
    length: Fraction | None = None
    """The duration of the Period in ticks; None: it is open."""
    at_once: bool = False
    """True if all of them are there from the beginning (``@availabilityTimeOffset`` is INF)."""
    depth: Fraction | None = None
    """How long a segment stays after its end, in seconds; None: for ever."""
    static: bool = False
    expires: bool = False
    """True if events that end the validity of manifests may be in its segments."""
    doubtful: bool = False
    """True if the last of these may not exist."""
    early: Fraction = Fraction(0)
    """How many ticks before its end a segment is complete: it is a part of a sequence, and the
    other parts come after it."""
    tick_parts: int = 1
    sub_number: int = 0
    kind: SegmentKind = SegmentKind.MEDIA
    representation: Representation | None = None
    period: str = ""
    period_start: Fraction = Fraction(0)
    """Server time at which the Period starts."""
    shape: str = ""
    """What players have to know of it, but for times; see ``playable.shapes``."""
    once: tuple[Once, ...] = ()
    grows: bool = False
    """True if segments are announced to be there in part before they are complete."""
    named: bool = False
    """True if only names tell its files: those of a list, or a single file."""
    single: bool = False
    """True for a single file."""
    usual: float = 0.0
    """Of files by name: how long one lasts, in seconds; 0: that is not told."""
    zero: float = 0.0
    """The origin as a float, which is exact enough to wait for; it follows from the origin."""
    keeps: float = math.inf
    """The same of the depth."""
    sooner: float = 0.0
    """``early`` in seconds."""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "zero", float(self.origin))
        keeps = math.inf if self.depth is None else float(self.depth)
        msgspec.structs.force_setattr(self, "keeps", keeps)
        if self.early:
            msgspec.structs.force_setattr(self, "sooner", float(self.early / self.scale))

    def wall(self, time: int) -> float:
        """Return the server time at an axis time."""
        return self.zero + time / self.scale

    def axis_time(self, wall: float) -> int:
        """Return the axis time at a server time, rounded down."""
        return floor((Fraction(wall) - self.origin) * self.scale)

    def runs(
        self, now: float, since: int | None = None, learnt: Sequence[tuple[Run, ...]] = ()
    ) -> Iterator[Run]:
        """Yield what is announced at a server time, from the window's begin on.

        ``since`` is the axis time up to which all is known: then also what has left the window
        since is named, where it follows from a duration. Of ``learnt``, the rows of the version
        before, nothing is yielded again.
        """
        if not any(self.rows is each for each in learnt):
            based = self.base is not None and any(self.base is each for each in learnt)
            yield from self.fresh if based else self.rows
        if self.step:
            first = self._oldest(now) if since is None else self._next(since)
            count = self._complete(now) - first
            if count > 0:
                number = self.first_number + first
                row = Row(number, self._at(first), self.step, count, 1, False, self.cycle)
                if self.cycle is not None:
                    row = msgspec.structs.replace(row, entry=self.entry + first)
                yield from runs_of(row)

    def urls(self, time: int, number: int) -> tuple[str, ...]:
        """Return the URLs of a segment, the preferred one first."""
        tick = self.media_time(time)
        return tuple([p.expand(number, tick, self.sub_number) for p in self.address.patterns])

    def path(self, time: int, number: int) -> str:
        """Return the path of a segment in the mirror."""
        return self.place.expand(number, self.media_time(time), self.sub_number)

    def next_edge(self, known: int | None) -> float:
        """Return the server time at which there is another one; infinity: never.

        All up to the axis time ``known`` is known.
        """
        if not self.step or self.static:
            return math.inf
        at = self._at(0 if known is None else self._next(known))
        if self.stop is not None and at >= self.stop:
            return math.inf
        if self.at_once and self.stop is not None:
            return -math.inf
        end = self._at(self._next(at) + 1)
        if self.stop is not None and end >= self.stop and self.length is not None:
            over = self.wall(ceil(self.begin + self.length))
            return min(self.wall(end) - self.sooner, over)
        return self.wall(end) - self.sooner

    def media_time(self, time: int) -> int:
        """Return the media time that names a segment."""
        tick = time + self.shift
        return tick if self.tick_parts == 1 else nearest_tick(tick, self.tick_parts)

    def _at(self, position: int) -> int:
        """Return the axis time of one that follows from a duration."""
        if self.cycle is None:
            return self.begin + position * self.step
        return self.begin + self.cycle.span(self.entry, position)

    def _next(self, known: int) -> int:
        """Return the position of the first one that is not known up to an axis time.

        One whose middle is known is known itself: times may move a little.
        """
        if known <= self.begin:
            return 0
        if self.cycle is None:
            return (known - self.begin + self.step // 2) // self.step
        position = self.cycle.complete(self.entry, known - self.begin)
        half = self.cycle.span(self.entry + position, 1) // 2
        return position + (self._at(position) + half < known)

    def _complete(self, now: float) -> int:
        """Return how many segments that follow from a duration are complete."""
        stop = None if self.stop is None else self._next(self.stop)
        if stop is not None and (self.static or self.at_once):
            return stop
        reached = (Fraction(now) - self.origin) * self.scale - self.begin
        if stop is not None and self.length is not None and reached >= self.length:
            # The Period has ended: then its last segment is complete, too.
            return stop
        count = self._whole(reached + self.early)
        return count if stop is None else min(count, stop)

    def _whole(self, ticks: Fraction) -> int:
        """Return how many segments are over after a time."""
        if self.cycle is None:
            return max(floor(ticks / self.step), 0)
        return self.cycle.complete(self.entry, ticks)

    def _oldest(self, now: float) -> int:
        """Return the position at which the window begins: that of its first segment."""
        if self.depth is None or self.static:
            return 0
        ticks = (Fraction(now) - self.origin - self.depth) * self.scale - self.begin
        if self.cycle is None:
            return max(ceil(ticks / self.step) - 2, 0)
        return max(self.cycle.needed(self.entry, ticks) - 2, 0)


def runs_of(row: Row) -> Iterator[Run]:
    """Yield a row of a timeline as runs of segments of equal duration."""
    number = row.number
    for time, duration, count in row.stretches():
        # What has no duration takes a tick, so that it is known by its place.
        yield Run(time, max(duration, 1), count, number)
        number += count


class PeriodMark(msgspec.Struct, frozen=True):
    """A Period: its id, and where it begins and ends on the presentation's time line."""

    name: str
    start: Fraction
    end: Fraction | None


class PatchOffer(msgspec.Struct, frozen=True):
    """That there are patches of a document."""

    url: str
    until: float | None = None
    """Server time at which there is none any more; None: nobody says."""


class Version(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one read of the manifest says."""

    digest: str
    """Tells documents apart."""
    dynamic: bool = True
    begin: Fraction | None = None
    """``@availabilityStartTime``, in seconds since 1970."""
    publish: float | None = None
    update: float | None = None
    """``@minimumUpdatePeriod`` in seconds; None: there is none."""
    depth: float | None = None
    end: float | None = None
    """The server time at which all of it is there; None: it is open."""
    listings: tuple[Listing, ...] = ()
    periods: tuple[PeriodMark, ...] = ()
    closes: float | None = None
    """``@availabilityEndTime``: what is not there by then never will be."""
    partial: bool = False
    """True if some of it is missing, since a remote element cannot be had now."""
    locations: tuple[str, ...] = ()
    """Where it is to be read the next time: alternatives."""
    patch: PatchOffer | None = None
    events: tuple[EventFact, ...] = ()
    """The events of the document."""

    @property
    def step(self) -> float:
        """The shortest segment that is usual in it, in seconds."""
        return min(self._lengths(), default=2.0)

    @property
    def longest_step(self) -> float:
        """The longest segment that is usual in it, in seconds."""
        return max(self._lengths(), default=2.0)

    def _lengths(self) -> Iterator[float]:
        for listing in self.listings:
            if (listing.step or listing.rows) and listing.axis is not Axis.NAME:
                ticks = listing.step or listing.rows[-1].duration
                if ticks > 0:
                    yield ticks / listing.scale
            elif listing.usual > 0:
                yield listing.usual

    @property
    def explicit(self) -> bool:
        """True if it lists segments one by one, so that it has to be read for new ones."""
        return any(not listing.step for listing in self.listings) or not self.listings

    def is_overdue(self, server: float) -> bool:
        """Return True if a newer document should list more by now."""
        end = self.listed_end
        return end is not None and server > end + 2 * self.longest_step

    @property
    def listed_end(self) -> float | None:
        """The server time at which the last segment that it lists ends."""
        ends = [each.wall(each.rows[-1].end) for each in self.listings if each.rows]
        return max(ends, default=None)
