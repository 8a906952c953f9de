"""All that the facts of a recording have told, as few facts: a checkpoint of its record has them.

Facts that follow lead to the same state as if all had been taken, also those that were taken
already.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from dashget.live.facts import (
    CoverageFact,
    EndFact,
    ExpiredFact,
    Fact,
    HeldFact,
    OutageFact,
    SessionFact,
)
from dashget.live.line import Line
from dashget.live.spans import Runs, Spans
from dashget.live.state import State, line_fact


def facts_of(state: State) -> Iterator[Fact]:
    """Yield facts that lead to the same state, which was made of facts alone."""
    begin = state.begin if state.begin is not None and math.isfinite(state.begin) else None
    if state.first is not None:
        yield SessionFact("begin", state.first, begin)
    for began, last in state.runs:
        yield SessionFact("begin", began)
        yield SessionFact("alive", last)
    for outage in state.outages.past:
        yield OutageFact(*outage)
    if math.isfinite(state.expired):
        yield ExpiredFact(state.expired)
    for line in state.lines:
        yield line_fact(line)
        yield coverage_of(line)
        if line.ended_at is not None:
            yield EndFact(line.id, line.ended_at)
    yield from state.named.facts()
    yield from state.stretches.facts()
    yield from state.late.facts()
    yield from state.events
    here, listed = tuple(sorted(state.once.here)), tuple(state.once.listed)
    yield HeldFact(state.held, here, listed, dict(state.grown))


def coverage_of(line: Line) -> CoverageFact:
    """Return all that earlier facts about one line have told."""
    return CoverageFact(
        coverage=line.id,
        known=_flat(line.known),
        holes=_flat(line.holes),
        shown=_flat(line.shown),
        recorded=_numbers(line.recorded),
        withdrawn=_numbers(line.withdrawn),
        missing={reason: _numbers(runs) for reason, runs in line.lost.items() if len(runs)},
        expired=line.forgotten,
    )


def _flat(spans: Spans) -> tuple[int, ...]:
    return tuple(moment for stretch in spans for moment in stretch)


def _numbers(runs: Runs) -> tuple[int, ...]:
    return tuple(
        number for run in runs for number in (run.time, run.duration, run.count, run.number)
    )
