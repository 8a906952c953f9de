"""One line of segments over all documents: what is announced, pending, recorded, lost.

Every announced segment is in exactly one place: ``pending`` (nothing was asked yet), ``open`` (it
was asked for), ``recorded``, ``lost`` by reason, or ``withdrawn``. All but ``open`` are runs: a
week of segments takes little memory, and a window of any length costs the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Final

from dashget.live.facts import Reason
from dashget.live.lag import Lag
from dashget.live.listing import Axis, Listing
from dashget.live.outage import Outages
from dashget.live.pace import Pace
from dashget.live.spans import Run, Runs, Spans

_BARREN: Final = 12
_LEAST_GAP: Final = 0.1
_AHEAD_SHARE: Final = 0.9
"""What has come so late in its window is asked for in its turn, however slow the server is."""


class Attempt:
    """A segment that was asked for and is not here yet."""

    __slots__ = (
        "asked", "at", "beside", "first", "flying", "refused", "run", "seen", "silent", "statuses",
        "tries", "turn",
    )  # fmt: skip

    def __init__(self, run: Run) -> None:
        self.run = run
        self.asked = 0.0
        """Monotonic time of the last try."""
        self.beside = 0
        """How many requests of its line were under way with that, itself included."""
        self.at = 0.0
        """Monotonic time of the next try."""
        self.first: float | None = None
        """Server time of the first try."""
        self.flying = False
        """True while a request is under way."""
        self.tries = 0
        """How often it was answered for."""
        self.silent = 0
        """How often no answer came, or that the origin is in trouble."""
        self.refused = 0
        self.seen: tuple[int, float] | None = None
        """Its size when it may have been growing, and since when it has that."""
        self.turn = 0
        """How many of its addresses were tried."""
        self.statuses: tuple[int, ...] = ()


class Line:
    """The state of one line. ``id`` is its number in the record."""

    def __init__(self, id: int, key: str, generation: int, listing: Listing | None) -> None:  # noqa: A002
        self.id = id
        self.key = key
        self.is_timed = not key.endswith(f" {Axis.NAME.value}")
        """True if its axis has times."""
        self.generation = generation
        self.label = listing.label if listing else ""
        self.listings: tuple[Listing, ...] = (listing,) if listing else ()
        """What the newest document has of it: one for each Period that it goes through."""
        self.current = listing is not None
        """True if the newest document has it."""
        self.known = Spans()
        self.learnt: tuple[tuple[Run, ...], ...] = ()
        """The rows of the newest document, once all of them are known."""
        self.holes = Spans()
        """Stretches in which nothing was announced."""
        self.shown = Spans()
        """Those of them of which documents show that there was nothing."""
        self.pending = Runs()
        self.expired = Runs()
        """Pending ones that have left the window, or will have before they can come."""
        self.open: dict[int, Attempt] = {}
        self.recorded = Runs()
        self.lost: dict[Reason, Runs] = {}
        self.withdrawn = Runs()
        self.newest: int | None = None
        """Where the last segment begins that its server had, be it in part."""
        self.forgotten = 0
        """How many segments were recorded, and have been removed since."""
        self.lag = Lag()
        self.lead: float | None = None
        """How long before its promised time what is listed is there; None: that is not known."""
        self.spare = 0.0
        """For how many seconds after its window a segment may still come."""
        self.early: int | None = None
        """Where the segment begins that is being asked for out of its turn."""
        self.missing = 0
        """How many answers in a row have told that a segment is not there which should be."""
        self.pace = Pace()
        self.outages = Outages()
        """When its server did not answer: others may be on another one."""
        self.works = False
        """True if its server has answered, and goes on to do so."""
        self.flying = 0
        """How many requests for its segments are under way."""
        self.asked_at = -math.inf
        """Monotonic time of the last request."""
        self.heard_at = -math.inf
        """Monotonic time of the last answer, or since when one is waited for."""
        self.scale = listing.scale if listing else 1
        self.shift = listing.shift if listing else 0
        self.zero = float(listing.origin) if listing else 0.0
        """The server time at axis time 0, as the first document had it."""
        self.origins: tuple[Fraction, ...] = ()
        """The server times at axis time 0, by all documents: one, but for odd presentations."""
        self.begins: tuple[Fraction, ...] = ()
        """The ``@availabilityStartTime`` of all documents: one, but for odd presentations."""
        self.ended_at: int | None = None
        """Axis time at which it ends, as a segment has said; None: it goes on."""
        self.floor: int | None = None
        """The axis time before which nothing is wanted any more, whatever lists it."""
        self.resumed = False
        """True if an earlier recorder knew it."""
        self.was_live = False
        """True if a dynamic document has had it: then its place in time is known."""

    @property
    def listing(self) -> Listing:
        """What the newest document that has it says of it."""
        return self.listings[-1]

    @property
    def waiting(self) -> int:
        """How many segments are announced and have no end yet."""
        return self.pending.count + self.expired.count + len(self.open)

    @property
    def announced(self) -> int:
        """How many segments were announced."""
        lost = sum(runs.count for runs in self.lost.values())
        return self.waiting + self.recorded.count + lost + self.withdrawn.count + self.forgotten

    def of(self, time: int) -> Listing:
        """Return the listing that an axis time belongs to."""
        if len(self.listings) == 1:
            return self.listings[0]
        for listing in self.listings:
            rows = listing.rows
            begin = rows[0].time if rows else (listing.begin if listing.step else 0)
            end = listing.stop if listing.step else (rows[-1].end if rows else 0)
            if begin <= time and (end is None or time < end):
                return listing
        return self.listing

    def is_beyond(self, run: Run) -> bool:
        """Return True for a segment after the last one, as a segment has said."""
        return self.ended_at is not None and run.time + run.duration // 2 >= self.ended_at

    def is_learnt(self) -> bool:
        """Return True if nothing more is announced by itself: the line has ended.

        One segment beyond the end is asked for: if it comes, the line goes on.
        """
        end = self.known.end
        return self.ended_at is not None and end is not None and end > self.ended_at

    def learn(self, now: float, begin: float, until: float) -> Iterator[Run]:
        """Take what is announced at a server time; yield what is new of it.

        Segments that end before ``begin``, or begin at ``until`` or later, are not wanted.
        """
        for listing in self.listings:
            if self.ended_at is not None and listing.step:
                # One beyond the end is asked for: if it comes, the line goes on.
                now = min(now, listing.wall(self.ended_at + listing.step + listing.step // 2))
            for run in listing.runs(now, self._since(listing), self.learnt):
                slack = run.duration // 2
                for part in tuple(self.known.missing(run)):
                    end = self.known.end
                    if end is not None and part.time - end > slack and listing.rows:
                        self.holes.add(end, part.time)
                    self.known.add(part.time, part.end, slack=slack)
                    wanted = self._wanted(listing, part, begin, until)
                    if wanted is not None and self.floor is not None:
                        wanted = _from(wanted, self.floor)
                    if wanted is not None:
                        self.pending.add(wanted)
                        yield wanted
        self.learnt = tuple(listing.rows for listing in self.listings if listing.rows)

    def _wanted(self, listing: Listing, run: Run, begin: float, until: float) -> Run | None:
        """Return the part of a run that ends after ``begin`` and begins before ``until``.

        A static document may have no time of its own; then the ones before it tell.
        """
        if not listing.static:
            return _part(run, listing.axis_time, begin, until)
        return _part(run, self._axis_time, begin, until) if self.was_live else run

    def _axis_time(self, wall: float) -> int:
        return math.floor((wall - self.zero) * self.scale)

    def promised(self, run: Run) -> float:
        """Return the server time at which a segment is promised to be complete."""
        listing = self.of(run.time)
        if listing.static or listing.at_once:
            return -math.inf
        return listing.wall(run.time + run.duration) - listing.sooner

    def until(self, run: Run) -> float:
        """Return the server time at which a segment may be removed."""
        listing = self.of(run.time)
        if listing.depth is None or listing.static or listing.axis is Axis.NAME:
            return math.inf
        length = run.duration / listing.scale
        return listing.wall(run.time + run.duration) + listing.keeps + length + self.spare

    @property
    def is_barren(self) -> bool:
        """True if nothing is there of late: then little is asked for, until something is."""
        return self.missing >= _BARREN

    @property
    def gap(self) -> float:
        """How many seconds are between two requests while it is barren."""
        listing = self.listing
        ticks = listing.step or (listing.rows[-1].duration if listing.rows else 0)
        return max(ticks / listing.scale / 2, _LEAST_GAP)

    def oldest_due(self, now: float) -> Attempt | None:
        """Return the first of the segments that are to be asked for again."""
        due = (each for each in self.open.values() if not each.flying and each.at <= now)
        return min(due, key=lambda each: each.run.time, default=None)

    @property
    def ahead(self) -> float:
        """How many seconds before the end of its window a segment has to be asked for."""
        depths = (float(each.depth) for each in self.listings if each.depth is not None)
        return min(self.pace.expected, _AHEAD_SHARE * min(depths, default=math.inf))

    def length(self, run: Run) -> float:
        """Return the duration of a segment in seconds."""
        return run.duration / self.of(run.time).scale

    def is_last_derived(self, run: Run) -> bool:
        """Return True for the last segment of a Period by its duration, if it may not exist."""
        listing = self.of(run.time)
        return listing.doubtful and listing.stop == run.time + run.duration

    @property
    def steps(self) -> int:
        """How many stretches and runs were moved to give what is known its order."""
        spans = sum(each.steps for each in (self.known, self.holes, self.shown))
        runs = (self.recorded, self.withdrawn, *self.lost.values())
        return spans + sum(each.steps for each in runs)

    def lose(self, run: Run, reason: Reason | None) -> None:
        """Have segments lost, or withdrawn."""
        if reason is None:
            self.withdrawn.add(run)
        else:
            self.lost.setdefault(reason, Runs()).add(run)

    def adopt(self, run: Run) -> None:
        """Record a segment that has come without having been announced in its turn."""
        if self.pending.take(run.time) is None and self.expired.take(run.time) is None:
            self.known.add(run.time, run.end, slack=run.duration // 2)
        self.recorded.add(run)
        self.newest = run.time

    def expire(self, now: float) -> None:
        """Put aside pending segments that can no longer come in time."""
        for part in self._leave(self.pending, now):
            self.expired.add(part)

    def take_gone(self, now: float) -> list[Run]:
        """Remove what was put aside and has left the window, and return it."""
        return list(self._leave(self.expired, now))

    def _leave(self, runs: Runs, now: float) -> Iterator[Run]:
        """Remove and yield what has left the window by a server time."""
        while (run := runs.first) is not None:
            head = run if run.count == 1 else run.part(0, 1)
            until = self.until(head)
            if until >= now:
                return
            listing = self.of(head.time)
            over = math.floor((now - until) * listing.scale / max(run.duration, 1)) + 1
            yield from runs.take_before(run.time + min(over, run.count) * run.duration)

    def withdraw(self) -> list[Run]:
        """Remove segments to come that the newest document takes back, and return them.

        Those that were asked for already, and were not there, are among them.
        """
        over = self._over
        if over is None:
            return []
        taken = self.pending.take_from(over)
        for time, attempt in list(self.open.items()):
            if time >= over and not attempt.flying:
                del self.open[time]
                taken.append(attempt.run)
        return taken

    def is_taken_back(self, run: Run) -> bool:
        """Return True for a segment that the newest document has no more."""
        over = self._over
        return over is not None and run.time >= over

    @property
    def _over(self) -> int | None:
        """The axis time from which on the newest document takes back what was announced.

        That is the end of all that it has: the window has not reached that yet. None: nothing.
        """
        if not self.current:
            return None
        ends = [
            each.stop if each.step else (each.rows[-1].end if each.rows else None)
            for each in self.listings
        ]
        return None if None in ends else max(end for end in ends if end is not None)

    def forget(self, time: float) -> None:
        """Forget what begins before a server time: its files are being removed, or are gone."""
        tick = self.tick(time)
        if tick is None:
            return
        taken = self.recorded.take_before(tick)
        self.forgotten += sum(run.count for run in taken)
        nearest = self.recorded.first or (taken[-1] if taken else None)
        for runs in (self.pending, self.expired, self.withdrawn, *self.lost.values()):
            runs.take_before(tick)
        for begin in [at for at, one in self.open.items() if at < tick and not one.flying]:
            del self.open[begin]
        self.holes.cut(tick)
        self.shown.cut(tick)
        # What is left of a gap may be too short for a segment.
        self.known.fill(tick, 0 if nearest is None else nearest.duration)

    def tick(self, time: float) -> int | None:
        """Return the axis time at a server time, rounded up; None if the line has no times."""
        if not (self.is_timed and math.isfinite(time)):
            return None
        return math.ceil((time - self.zero) * self.scale)

    def _since(self, listing: Listing) -> int | None:
        """Return the axis time before which all is known that follows from a duration.

        What was announced before and is not known is then named as well: an earlier recorder may
        have been killed before it had it.
        """
        ends = [end for _, end in self.known] if self.resumed else [self.known.end]
        end = ends[0] if ends else None
        return end if end is not None and listing.step and end >= listing.begin else None

    def wall(self, time: int) -> float:
        """Return the server time at an axis time."""
        return self.zero + time / self.scale


def _from(run: Run, floor: int) -> Run | None:
    """Return the part of a run that begins at an axis time or later."""
    first = max(0, -((run.time - floor) // max(run.duration, 1)))
    return run.part(first, run.count) if first < run.count else None


def _part(run: Run, tick: Callable[[float], int], begin: float, until: float) -> Run | None:
    first, last = 0, run.count
    step = max(run.duration, 1)
    if begin > -math.inf:
        first = max(0, (tick(begin) - run.time) // step)
    if until < math.inf:
        last = min(last, -((run.time - tick(until)) // step))
    return run.part(first, last) if first < last else None
