"""What a recorder knows: built from the facts of earlier recorders, and kept up to date."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from dashget.live.changes import Lines
from dashget.live.facts import (
    EndFact,
    Fact,
    FileFact,
    HoleFact,
    LineFact,
    LossFact,
    OutageFact,
    SegmentFact,
    SessionFact,
    ShapeFact,
    StretchFact,
)
from dashget.live.line import Line
from dashget.live.once import OnceFiles
from dashget.live.outage import Outages
from dashget.live.stretches import Stretches


class State:
    """Lines, files, outages, and the times in which a recorder was at work."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.once = OnceFiles()
        self.outages = Outages()
        self.stretches = Stretches()
        self.runs: list[tuple[float, float]] = []
        """Server times: when recorders began, and when they were last heard of."""
        self.begin: float | None = None
        """Server time from which on segments are wanted, once it is known."""
        self.first: float | None = None
        """Server time at which the first recorder began."""

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> State:
        """Return the state that facts tell, in the order in which they were written."""
        state = cls()
        for fact in facts:
            state._take(fact)
        return state

    @property
    def resumed(self) -> bool:
        """True if an earlier recorder was at work."""
        return bool(self.runs)

    def _take(self, fact: Fact) -> None:
        if isinstance(fact, SegmentFact):
            line = self.lines.by_id.get(fact.line)
            if line is not None and not line.known.has(fact.t + fact.d // 2):
                line.known.add(fact.t, fact.t + fact.d, slack=fact.d // 2)
                line.recorded.add(fact.run)
        elif isinstance(fact, LineFact):
            if fact.line not in self.lines.by_id:
                self.lines.restore(fact)
        elif isinstance(fact, LossFact):
            line = self.lines.by_id.get(fact.lost)
            if line is not None:
                _lose(line, fact)
        elif isinstance(fact, HoleFact):
            line = self.lines.by_id.get(fact.hole)
            if line is not None and fact.t < fact.until:
                line.holes.add(fact.t, fact.until)
        elif isinstance(fact, EndFact):
            line = self.lines.by_id.get(fact.ends)
            if line is not None:
                line.ended_at = fact.t
        elif isinstance(fact, FileFact):
            self.once.here.add(fact.path)
        elif isinstance(fact, OutageFact):
            self.outages.add(fact.outage, fact.until)
        elif isinstance(fact, ShapeFact):
            self.stretches.take_shape(fact)
        elif isinstance(fact, StretchFact):
            self.stretches.take(fact)
        else:
            self._take_session(fact)

    def _take_session(self, fact: SessionFact) -> None:
        if fact.recorder == "begin":
            self.runs.append((fact.at, fact.at))
            if self.first is None:
                self.first = fact.at
                self.begin = -math.inf if fact.from_ is None else fact.from_
        elif self.runs:
            began, _ = self.runs[-1]
            self.runs[-1] = began, fact.at


def _lose(line: Line, fact: LossFact) -> None:
    for part in tuple(line.known.missing(fact.run)):
        line.known.add(part.time, part.end, slack=part.duration // 2)
        line.lose(part, fact.reason)


def line_fact(line: Line) -> LineFact:
    """Return the fact about a new line."""
    origin = line.origins[0] if line.origins else Fraction(0)
    begin = float(line.begins[0]) if line.begins else None
    return LineFact(
        line.id, line.key, line.generation, line.label, line.scale, line.shift, float(origin), begin
    )
