"""What a recorder knows: built from the facts of earlier recorders, and kept up to date."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

from dashget.errors import StoreError
from dashget.live.changes import Lines
from dashget.live.events import Events
from dashget.live.facts import (
    CoverageFact,
    EndFact,
    EventFact,
    ExpiredFact,
    Fact,
    FileFact,
    HeldFact,
    HoleFact,
    LateFact,
    LineFact,
    LossFact,
    NamedFact,
    NamesFact,
    OutageFact,
    SegmentFact,
    SessionFact,
    ShapeFact,
    ShortFact,
    StretchFact,
)
from dashget.live.line import Line
from dashget.live.mediatimes import MediaTimes
from dashget.live.named import Named
from dashget.live.once import OnceFiles
from dashget.live.outage import Outages
from dashget.live.spans import Run, Runs
from dashget.live.stretches import Stretches

MOST_STEPS: Final = 300_000_000
"""So many stretches and runs are moved for the facts of a record: some seconds on the CPU."""
_LOOKED_AFTER: Final = 1024
"""After so many facts it is looked at how many they were."""


class State:
    """Lines, files, outages, and the times in which a recorder was at work."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.once = OnceFiles()
        self.named = Named()
        self.outages = Outages()
        self.stretches = Stretches()
        self.late = MediaTimes()
        self.events = Events()
        self.runs: list[tuple[float, float]] = []
        """Server times: when recorders began, and when they were last heard of."""
        self.begin: float | None = None
        """Server time from which on segments are wanted, once it is known."""
        self.first: float | None = None
        """Server time at which the first recorder began."""
        self.expired = -math.inf
        """What begins before this server time is forgotten."""
        self.held = 0
        """The bytes of the files that are here."""
        self.grown: dict[str, int] = {}
        """The bytes of the files that may grow."""

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> State:
        """Return the state that facts tell, in the order in which they were written."""
        state = cls()
        state.take_all(facts)
        return state

    def take_all(self, facts: Iterable[Fact]) -> None:
        """Take facts that somebody else may have written.

        Raises StoreError if they are in such disorder that no recorder can have written them.
        """
        for count, fact in enumerate(facts):
            self.take(fact)
            if count % _LOOKED_AFTER == 0 or isinstance(fact, CoverageFact):
                self._check_order()

    def _check_order(self) -> None:
        if sum(line.steps for line in self.lines) > MOST_STEPS:
            raise StoreError(
                "the record of the recording is damaged: its segments are in no order",
                hint="no recorder writes it like that: use it no more",
            )

    @property
    def resumed(self) -> bool:
        """True if an earlier recorder was at work."""
        return bool(self.runs)

    def forget(self, time: float) -> None:
        """Forget what begins before a server time: it is being removed, or is gone."""
        self.expired = max(self.expired, time)
        for line in self.lines:
            line.forget(self.expired)
            self.stretches.forget(line.id, line.tick(self.expired))
            self.late.forget(line.id, line.tick(self.expired))
        self.named.forget(self.expired)
        self.outages.forget(self.expired)
        self.events.forget(self.expired)
        self.runs = [run for run in self.runs[:-1] if run[1] >= self.expired] + self.runs[-1:]

    def is_expired(self, line: int, time: int) -> bool:
        """Return True for a segment that begins before what is kept."""
        known = self.lines.by_id.get(line)
        tick = None if known is None else known.tick(self.expired)
        return tick is not None and time < tick

    def take(self, fact: Fact) -> None:
        """Take what a recorder has written down. The same fact may come again."""
        if isinstance(fact, SegmentFact):
            line = self.lines.by_id.get(fact.line)
            if line is not None and not line.known.has(fact.t + fact.d // 2):
                line.known.add(fact.t, fact.t + fact.d, slack=fact.d // 2)
                line.recorded.add(fact.run)
                if self.is_expired(fact.line, fact.t):
                    line.forget(self.expired)
                else:
                    self.held += fact.size
        elif isinstance(fact, LineFact):
            if fact.line not in self.lines.by_id:
                self.lines.restore(fact)
        elif isinstance(fact, LossFact):
            line = self.lines.by_id.get(fact.lost)
            if line is not None:
                _lose(line, fact)
                line.forget(self.expired)
            else:
                self.named.take(fact)
        elif isinstance(fact, HoleFact):
            line = self.lines.by_id.get(fact.hole)
            if line is not None and fact.t < fact.until:
                line.holes.add(fact.t, fact.until)
                if fact.shown:
                    line.shown.add(fact.t, fact.until)
                line.forget(self.expired)
        elif isinstance(fact, EndFact):
            line = self.lines.by_id.get(fact.ends)
            if line is not None:
                line.ended_at = fact.t
        elif isinstance(fact, FileFact):
            begins = math.inf if fact.begins is None else fact.begins
            if begins >= self.expired:
                self._hold(fact)
            self.once.add(fact.path, listed=bool(fact.line))
            if fact.line and begins >= self.expired:
                self.named.take(fact)
        elif isinstance(fact, NamesFact | NamedFact | ShortFact):
            self.named.take(fact)
            if isinstance(fact, NamesFact):
                self.lines.reserve(fact.names)
        elif isinstance(fact, OutageFact):
            if (fact.outage, fact.until) not in self.outages.past:
                self.outages.add(fact.outage, fact.until)
        elif isinstance(fact, ShapeFact):
            self.stretches.take_shape(fact)
        elif isinstance(fact, StretchFact):
            self.stretches.take(fact)
        elif isinstance(fact, LateFact):
            self.late.take(fact)
        elif isinstance(fact, EventFact):
            self.events.take(fact, self.expired)
        elif isinstance(fact, SessionFact):
            self._take_session(fact)
        else:
            self._take_summary(fact)

    def _hold(self, fact: FileFact) -> None:
        """Count the bytes of a file that is new, or those that it has got."""
        if not self.once.has(fact.path):
            self.held += fact.size
        elif fact.more:
            known = self.grown.get(fact.path, fact.size - fact.more)
            self.held += max(fact.size - known, 0)
        if fact.more:
            self.grown[fact.path] = max(fact.size, self.grown.get(fact.path, 0))

    def _take_session(self, fact: SessionFact) -> None:
        if fact.recorder == "begin":
            at = bisect_left(self.runs, (fact.at, -math.inf))
            if at == len(self.runs) or self.runs[at][0] != fact.at:
                self.runs.insert(at, (fact.at, fact.at))
            if self.first is None:
                self.first = fact.at
                self.begin = -math.inf if fact.from_ is None else fact.from_
            return
        at = bisect_right(self.runs, (fact.at, math.inf)) - 1
        if at >= 0:
            began, last = self.runs[at]
            self.runs[at] = began, max(last, fact.at)

    def _take_summary(self, fact: ExpiredFact | CoverageFact | HeldFact) -> None:
        if isinstance(fact, ExpiredFact):
            if fact.expired > self.expired:
                self.held = max(self.held - fact.bytes, 0)
            self.forget(fact.expired)
        elif isinstance(fact, HeldFact):
            self.held = fact.held
            self.grown.update(fact.grown)
            self.once.here.update(fact.here)
            for path in fact.listed:
                self.once.add(path, listed=True)
        else:
            line = self.lines.by_id.get(fact.coverage)
            if line is not None:
                _fill(line, fact)


def _lose(line: Line, fact: LossFact) -> None:
    for part in tuple(line.known.missing(fact.run)):
        line.known.add(part.time, part.end, slack=part.duration // 2)
        line.lose(part, fact.reason)


def line_fact(line: Line) -> LineFact:
    """Return the fact about a new line."""
    begin = float(line.begins[0]) if line.begins else None
    return LineFact(
        line.id, line.key, line.generation, line.label, line.scale, line.shift, line.zero, begin
    )


def _fill(line: Line, fact: CoverageFact) -> None:
    """Give a line what its earlier facts have told."""
    told = ((line.known, fact.known), (line.holes, fact.holes), (line.shown, fact.shown))
    for spans, numbers in told:
        for begin, end in sorted(zip(numbers[::2], numbers[1::2], strict=False)):
            if begin < end:
                spans.add(begin, end)
    for run in _runs(fact.recorded):
        line.recorded.add(run)
    for run in _runs(fact.withdrawn):
        line.withdrawn.add(run)
    for reason, numbers in fact.missing.items():
        for run in _runs(numbers):
            line.lost.setdefault(reason, Runs()).add(run)
    line.forgotten = max(fact.expired, 0)


def _runs(numbers: tuple[int, ...]) -> Iterator[Run]:
    fields = iter(numbers)
    rows = sorted(zip(fields, fields, fields, fields, strict=False))
    for time, duration, count, number in rows:
        if duration > 0 and count > 0:
            yield Run(time, duration, count, number)
