"""What a new document means for what is known: news, nothing new, an old answer, a restart.

An old answer of some cache takes nothing back. An encoder that begins again makes other segments
under the same names: its documents contradict what is known, and belong to a new *generation*. So
do those of a second encoder behind the same URL; each document finds its own generation again.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import msgspec

from dashget.live.facts import LineFact, Reason
from dashget.live.line import Line
from dashget.live.listing import Axis, Listing, Version
from dashget.live.rows import find_number
from dashget.live.spans import Run

_MOST_ORIGINS: Final = 16
_ZERO: Final = Fraction(0)
_STALE_SECONDS: Final = 30.0


class Kind(enum.Enum):
    """What is new in a document."""

    SAME = "same"
    STALE = "stale"
    NEWS = "news"
    RESTART = "restart"
    """News of a new generation."""


class Change(msgspec.Struct, frozen=True):
    """One thing that has changed, for people."""

    what: str
    """``period``, ``track``, ``end`` or ``restart``."""
    name: str
    how: str
    """``added``, ``removed``, ``moved``, ``began``, ``over``."""


class Accepted(msgspec.Struct, frozen=True):
    """What a document means."""

    kind: Kind
    changes: tuple[Change, ...] = ()
    new_lines: tuple[Line, ...] = ()
    withdrawn: tuple[tuple[Line, Run], ...] = ()
    replaced: tuple[tuple[Line, Run, Reason | None], ...] = ()
    """What was still to come of an earlier generation, whose names stand for other files now."""


class Lines:
    """All lines, in all generations, and the newest document."""

    def __init__(self) -> None:
        self.by_id: dict[int, Line] = {}
        self.version: Version | None = None
        """The newest document."""
        self.generation = 0
        """The one that it belongs to."""
        self._by_key: dict[tuple[int, str], Line] = {}
        self._last_id = 0
        self._newest = 0
        self._stale_since: float | None = None

    def __iter__(self) -> Iterator[Line]:
        return iter(self.by_id.values())

    def restore(self, fact: LineFact) -> Line:
        """Add a line that an earlier recorder knew."""
        line = Line(fact.line, fact.key, fact.generation, None)
        line.origins, line.zero, line.resumed = (Fraction(fact.origin),), fact.origin, True
        line.begins = () if fact.begin is None else (Fraction(fact.begin),)
        line.label, line.scale, line.shift = fact.label, fact.scale, fact.shift
        line.was_live = bool(line.begins)
        self._put(line)
        return line

    def accept(self, version: Version, server: float) -> Accepted:
        """Take a document that was read at a server time, and return what it means."""
        old = self.version
        if old is not None and version.digest == old.digest:
            self._stale_since = None
            return Accepted(Kind.SAME)
        if old is not None and self._is_stale(old, version, server):
            return Accepted(Kind.STALE)
        self._stale_since = None
        generation = self._generation_of(version)
        changes = tuple(_differences(old, version)) if old is not None else ()
        kind = Kind.NEWS
        if generation > self._newest:
            if self._newest:
                kind = Kind.RESTART
                changes = (Change("restart", str(generation), "began"), *changes)
            self._newest = generation
        self.version, self.generation = version, generation
        new_lines = self._update(version, generation, server)
        withdrawn = [(line, run) for line in self for run in line.withdraw()]
        withdrawn += self._cancelled(server)
        replaced = self._replaced(version) if kind is Kind.RESTART else ()
        for line, run in withdrawn:
            line.lose(run, None)
        for line, run, reason in replaced:
            line.lose(run, reason)
        return Accepted(kind, changes, new_lines, tuple(withdrawn), tuple(replaced))

    def _update(self, version: Version, generation: int, server: float) -> tuple[Line, ...]:
        found: dict[str, list[Listing]] = {}
        for listing in version.listings:
            if listing.step or listing.rows:
                found.setdefault(listing.key, []).append(listing)
        new: list[Line] = []
        for line in self:
            stays = line.key in found or (version.partial and line.current)
            line.current = line.generation == generation and stays
        for key, listings in found.items():
            line_ = self._by_key.get((generation, key))
            if line_ is None:
                line_ = Line(self.new_id(), key, generation, listings[0])
                self._put(line_)
                new.append(line_)
            line_.listings = tuple(listings)
            line_.label, line_.current = listings[-1].label, True
            line_.was_live = line_.was_live or version.dynamic
            for listing in listings:
                if listing.origin not in line_.origins:
                    line_.origins = (*line_.origins, listing.origin)[-_MOST_ORIGINS:]
            if version.begin is not None and version.begin not in line_.begins:
                line_.begins = (*line_.begins, version.begin)[-_MOST_ORIGINS:]
        return tuple(new)

    def new_id(self) -> int:
        """Return a number that no line has, nor will have."""
        self._last_id += 1
        return self._last_id

    def reserve(self, number: int) -> None:
        """Have no line get a number that is taken."""
        self._last_id = max(self._last_id, number)

    def _put(self, line: Line) -> None:
        self.by_id[line.id] = line
        self._by_key[line.generation, line.key] = line
        self._last_id = max(self._last_id, line.id)
        self._newest = max(self._newest, line.generation)

    def _cancelled(self, server: float) -> list[tuple[Line, Run]]:
        """Take what was to come on lines that are no longer there."""
        taken = []
        for line in self:
            if line.current or line.generation != self.generation or not line.listings:
                continue
            at = line.listing.axis_time(server)
            if not line.listing.static and line.listing.axis is not Axis.NAME:
                taken += [(line, run) for run in line.pending.take_from(at)]
                taken += [(line, run) for run in _never_there(line, server)]
        return taken

    def _replaced(self, version: Version) -> list[tuple[Line, Run, Reason | None]]:
        """Take what has not come yet on the lines that have begun again.

        Their names stand for other segments now, so nobody may ask for them any more.
        """
        keys = {listing.key for listing in version.listings}
        taken = []
        for line in self:
            if line.generation < self.generation and line.key in keys:
                for runs in (line.pending, line.expired):
                    taken += [(line, run) for run in runs.take_all()]
                for time, attempt in list(line.open.items()):
                    if not attempt.flying:
                        del line.open[time]
                        taken.append((line, attempt.run))
        return [piece for line, run in taken for piece in _parted(line, run, version.begin)]

    def _is_stale(self, old: Version, new: Version, server: float) -> bool:
        """Return True for an answer that is older than the one before it.

        If nothing else comes for longer than a window, it is what is left.
        """
        if not _is_older(old, new):
            return False
        if self._stale_since is None:
            self._stale_since = server
        return server - self._stale_since <= max(_STALE_SECONDS, old.depth or 0.0)

    def _generation_of(self, version: Version) -> int:
        """Return the newest generation that a document does not contradict; else a new one."""
        for generation in range(self._newest, 0, -1):
            if not any(
                contradicts(self._by_key.get((generation, each.key)), each, version.begin)
                for each in version.listings
            ):
                return generation
        return self._newest + 1


def _never_there(line: Line, server: float) -> Iterator[Run]:
    """Take what followed from a duration, was not there, and is announced no more.

    It is in the younger half of the window, so that the window is not why.
    """
    listing = line.listing
    depth = listing.keeps
    for time, attempt in tuple(line.open.items()):
        absent = {404, 410, 425}.issuperset(attempt.statuses or (0,))
        if attempt.flying or not absent or not listing.step or attempt.silent:
            continue
        if line.until(attempt.run) - server > (depth / 2 if depth < math.inf else 0.0):
            del line.open[time]
            yield attempt.run


def _parted(
    line: Line, run: Run, begin: Fraction | None
) -> Iterator[tuple[Line, Run, Reason | None]]:
    """Yield what an earlier encoder has not brought, with the reason.

    What followed from a duration, and would have ended after another encoder began, never was.
    """
    if begin is None or not line.listings or not line.listing.step:
        yield line, run, Reason.LEFT_WINDOW
        return
    at = line.listing.axis_time(float(begin))
    made = min(run.count, max(0, (at - run.time) // max(run.duration, 1)))
    if made:
        yield line, run.part(0, made), Reason.NOT_THERE
    if made < run.count:
        yield line, run.part(made, run.count), None


def contradicts(line: Line | None, listing: Listing, begin: Fraction | None) -> bool:
    """Return True if a document means other segments by the names of those that are recorded.

    ``begin`` is its ``@availabilityStartTime``. Starts of Periods and offsets move in some
    presentations while their segments stay: for a list, only another begin is a sign.
    """
    if line is None or listing.axis is Axis.NAME or not (line.recorded.count or line.resumed):
        return False
    step = listing.step or (listing.rows[-1].duration if listing.rows else 0)
    least: Fraction = min((abs(listing.origin - each) for each in line.origins), default=_ZERO)
    moved = begin is not None and least > max(Fraction(step, listing.scale), Fraction(1))
    if listing.step or not listing.rows:
        return moved
    if moved and begin not in line.begins and _begins_before(line, listing):
        return True
    last = line.recorded.last
    if last is None or not _by_number(listing):
        return False
    return _renumbers(listing, last.end - last.duration, last.number + last.count - 1)


def _by_number(listing: Listing) -> bool:
    names = {field.name.value for field in listing.place.fields}
    return "Number" in names and "Time" not in names


def _begins_before(line: Line, listing: Listing) -> bool:
    """Return True if a list has times that are known to be over, or will have them."""
    end = line.known.end
    return end is not None and listing.rows[0].time < end


def _renumbers(listing: Listing, time: int, number: int) -> bool:
    """Return True if a list gives the last recorded number to another time, or the reverse."""
    first, last = listing.rows[0], listing.rows[-1]
    rows = listing.rows
    if listing.in_order:
        found = find_number(rows, number)
        rows = () if found is None else (found,)
    for run in rows:
        if run.number <= number < run.number + run.count:
            at = run.time + (number - run.number) * run.duration
            return abs(at - time) * 2 > max(run.duration, 1)
    if last.number + last.count - 1 < number:
        return last.end > time + last.duration
    return first.number > number and first.time + first.duration // 2 < time


def _is_older(old: Version, new: Version) -> bool:
    if old.begin != new.begin and new.begin is not None:
        return False
    if old.publish is not None and new.publish is not None and old.publish != new.publish:
        return new.publish < old.publish
    if old.dynamic and not new.dynamic:
        return False
    before, after = old.listed_end, new.listed_end
    if not old.dynamic and new.dynamic:
        # It goes on only if it says so.
        return before is None or after is None or after <= before
    if before is None or after is None:
        return len(new.periods) < len(old.periods) and not _ends_with(old, new)
    return after < before - 0.001


def _ends_with(old: Version, new: Version) -> bool:
    """Return True if the Periods of ``new`` are the last ones of ``old``."""
    count = len(new.periods)
    return count > 0 and [p.start for p in old.periods[-count:]] == [p.start for p in new.periods]


def _differences(old: Version, new: Version) -> Iterator[Change]:
    before = {period.name: period for period in old.periods}
    after = {period.name: period for period in new.periods}
    for name, period in after.items():
        known = before.get(name)
        if known is None:
            yield Change("period", name, "added")
        elif known.end != period.end and period.end is not None:
            yield Change("period", name, "ended" if known.end is None else "moved")
        elif known.start != period.start:
            yield Change("period", name, "moved")
    for name in before.keys() - after.keys():
        yield Change("period", name, "removed")
    if set(before) == set(after):
        tracks_before = {listing.key: listing.label for listing in old.listings}
        tracks_after = {listing.key: listing.label for listing in new.listings}
        for key in tracks_after.keys() - tracks_before.keys():
            yield Change("track", tracks_after[key], "added")
        for key in tracks_before.keys() - tracks_after.keys():
            yield Change("track", tracks_before[key], "removed")
    if old.dynamic and not new.dynamic:
        yield Change("end", "static", "over")
