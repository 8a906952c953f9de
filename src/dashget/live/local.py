"""When to write the local MPD anew: now and then, at a small part of the time, and at the end."""

from __future__ import annotations

import math
from typing import Final

from dashget.live.localmpd import Coverage
from dashget.live.state import State
from dashget.live.world import LocalEnded, WriteLocal

_SHARE: Final = 50
"""How many times as long as a write the pause until the next one is: a week of segments of unequal
durations takes seconds."""

_FIRST_SECONDS: Final = 1.0
"""The time between looks while nothing is recorded yet."""


class LocalCopy:
    """Decides about the local MPD of one recorder. All times are monotonic."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._at = -math.inf
        """When the next one may begin."""
        self._written: tuple[int, ...] | None = None
        """What the last one had."""
        self._began: tuple[int, ...] = ()
        self._wanted = False
        self.flying = False

    def want(self) -> None:
        """Have it written as soon as possible: what it names is about to go."""
        self._wanted = True

    def take(self, state: State, now: float, *, last: bool = False) -> WriteLocal | None:
        """Return the errand if it is due; with ``last``, if anything is new."""
        if self.flying or not (last or self._wanted or now >= self._at):
            return None
        if not (state.named.count or any(line.recorded.count for line in state.lines)):
            self._at = now + min(self._every, _FIRST_SECONDS)
            return None
        self._at = now + self._every
        mark = _mark(state)
        if mark == self._written and not self._wanted:
            return None
        self._wanted, self.flying, self._began = False, True, mark
        return WriteLocal(Coverage.of(state))

    def ended(self, report: LocalEnded, now: float) -> None:
        """Take the end of an errand."""
        self.flying = False
        if report.old:
            self._at, self._written = now + _FIRST_SECONDS, None
            return
        self._at = now + max(self._every, _SHARE * report.seconds)
        # One that failed is tried again after that time, and not at once.
        self._written = self._began

    @property
    def next_at(self) -> float:
        """When the next one may be due."""
        return math.inf if self.flying else self._at


def _mark(state: State) -> tuple[int, ...]:
    """Return what changes with the local MPD."""
    lines = [number for line in state.lines for number in (line.recorded.count, line.id)]
    first = [run.time for line in state.lines if (run := line.recorded.first) is not None]
    names = [number for line in state.named for number in (line.id, *line.rows.mark)]
    others = (len(state.stretches.shapes), len(state.events), len(state.late))
    return (*lines, *first, *names, *others)
