"""Find slow and large transfers in progress, compared with the finished ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dashget.transfer.pacing.pace import TELLING_BYTES, Pace
from dashget.transfer.run.exchange import Exchange, Phase
from dashget.transfer.run.task import Task

_SLOW_SHARE = 0.3
"""The share of the usual rate below which a transfer counts as slow."""
_GAIN_SHARE = 0.25
"""What comes again may take this share of the time that is left."""


def iter_exchanges(tasks: Iterable[Task]) -> Iterator[Exchange[Task]]:
    """Yield the exchanges of tasks."""
    for task in tasks:
        yield from task.exchanges


def largest_bytes(tasks: Iterable[Task]) -> int:
    """Return how much the largest of the transfers under way has brought, if that is much."""
    received = max((each.received for each in iter_exchanges(tasks)), default=0)
    return received if received > TELLING_BYTES else 0


def slowest(
    tasks: Iterable[Task], pace: Pace, now: float, patience_seconds: float
) -> Exchange[Task] | None:
    """Return the slow transfer that would take longest, if there is one."""
    slow = [
        exchange
        for exchange in iter_exchanges(tasks)
        if _is_slow(exchange, pace, now, patience_seconds)
    ]
    return max(slow, key=lambda exchange: exchange.seconds_left(now), default=None)


def _is_slow(exchange: Exchange[Task], pace: Pace, now: float, patience_seconds: float) -> bool:
    task, age = exchange.task, now - exchange.asked_at
    if age < patience_seconds or exchange.raced or exchange.dropped or exchange.slot.paused:
        return False
    if task.phase is not Phase.OPEN or not task.way.may_race(task):
        return False
    left = exchange.seconds_left(now)
    if left < patience_seconds:
        return False
    if task.single_stream and (task.size or 0) > _GAIN_SHARE * left * pace.rate:
        # All of it would have to come again.
        return False
    idle = now - exchange.moved_at > patience_seconds
    return idle or exchange.received / age < _SLOW_SHARE * pace.rate
