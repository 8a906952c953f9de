"""The gap report: what is missing of each line, since when, until when, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from dashget.live.facts import Reason
from dashget.live.gap import Gap
from dashget.live.line import Line
from dashget.live.namedgaps import named_gaps
from dashget.live.outage import Outages

if TYPE_CHECKING:
    from dashget.live.state import State

__all__ = ["Gap", "Totals", "find_gaps", "gaps_in", "has_losses", "totals_in", "totals_of"]

_NEAR = 0.001


class Totals(msgspec.Struct, frozen=True):
    """How many segments were announced, and what became of them."""

    announced: int = 0
    recorded: int = 0
    lost: int = 0
    withdrawn: int = 0
    pending: int = 0
    expired: int = 0
    """They were recorded, and removed to keep what is newer."""


def totals_of(lines: Iterable[Line]) -> Totals:
    """Sum up all lines."""
    announced = recorded = lost = withdrawn = pending = expired = 0
    for line in lines:
        announced += line.announced
        recorded += line.recorded.count
        lost += sum(runs.count for runs in line.lost.values())
        withdrawn += line.withdrawn.count
        pending += line.waiting
        expired += line.forgotten
    return Totals(announced, recorded, lost, withdrawn, pending, expired)


def totals_in(state: State) -> Totals:
    """Sum up all lines, those of names as well."""
    found = totals_of(state.lines)
    recorded = lost = expired = 0
    for line in state.named:
        recorded += line.rows.count
        lost += len(line.lost)
        expired += line.rows.forgotten
    pending = state.once.waiting_media
    return Totals(
        announced=found.announced + recorded + lost + pending + expired,
        recorded=found.recorded + recorded,
        lost=found.lost + lost,
        withdrawn=found.withdrawn,
        pending=found.pending + pending,
        expired=found.expired + expired,
    )


def gaps_in(state: State) -> list[Gap]:
    """Return the gaps of all lines, those of names as well."""
    found = find_gaps(state.lines, state.outages, state.runs)
    why = partial(_why, outages=state.outages, runs=sorted(state.runs))
    for line in state.named:
        found += _joined(named_gaps(line, why))
    return found


def find_gaps(
    lines: Iterable[Line], outages: Outages, runs: Iterable[tuple[float, float]]
) -> list[Gap]:
    """Return the gaps of all lines; ``runs`` are the times in which a recorder was at work."""
    stretches = sorted(runs)
    found: list[Gap] = []
    for line in lines:
        gaps = [*_lost(line), *_holes(line, outages, stretches), *_pending(line)]
        gaps.sort(key=attrgetter("begin"))
        found += _joined(gaps)
    return found


def has_losses(gaps: Iterable[Gap]) -> bool:
    """Return True if anything may be missing."""
    return any(gap.reason.is_loss for gap in gaps)


def _lost(line: Line) -> Iterator[Gap]:
    for reason, runs in line.lost.items():
        for run in runs:
            begin, end = line.wall(run.time), line.wall(run.end)
            yield Gap(line.id, line.label, begin, end, run.count, reason)


def _pending(line: Line) -> Iterator[Gap]:
    """Yield what is still to come and lies before the newest recorded segment."""
    newest = line.recorded.last
    if newest is None:
        return
    waiting = [attempt.run for attempt in line.open.values()]
    for run in (*line.pending, *line.expired, *waiting):
        count = min(run.count, -((run.time - newest.end) // max(run.duration, 1)))
        if count > 0:
            part = run.part(0, count)
            begin, end = line.wall(part.time), line.wall(part.end)
            yield Gap(line.id, line.label, begin, end, count, Reason.PENDING)


def _holes(line: Line, outages: Outages, runs: list[tuple[float, float]]) -> Iterator[Gap]:
    """Yield the stretches that are not known.

    Either the documents said nothing of them, or they were announced, and an earlier recorder
    was killed before they came.
    """
    before: int | None = None
    for begin, end in line.known:
        if before is not None:
            first, last = line.wall(before), line.wall(begin)
            middle = (before + begin) // 2
            if line.shown.has(middle):
                reason = Reason.ANNOUNCED
            elif line.holes.has(middle):
                reason = _why(first, last, outages, runs)
            else:
                reason = Reason.PENDING
            yield Gap(line.id, line.label, first, last, None, reason)
        before = end


def _why(begin: float, end: float, outages: Outages, runs: list[tuple[float, float]]) -> Reason:
    if outages.overlap(begin, end):
        return Reason.OUTAGE
    at = begin
    for first, last in runs:
        if first > at + _NEAR:
            break
        at = max(at, last)
    return Reason.ANNOUNCED if at + _NEAR >= end else Reason.NOT_RUNNING


def _joined(gaps: Iterable[Gap]) -> Iterator[Gap]:
    """Yield gaps; those that touch and have the same reason are one."""
    open_: Gap | None = None
    for gap in gaps:
        if open_ is not None and open_.reason is gap.reason and gap.begin <= open_.end + _NEAR:
            known = open_.segments is not None and gap.segments is not None
            count = (open_.segments or 0) + (gap.segments or 0) if known else None
            end = max(open_.end, gap.end)
            open_ = msgspec.structs.replace(open_, end=end, segments=count)
            continue
        if open_ is not None:
            yield open_
        open_ = gap
    if open_ is not None:
        yield open_
