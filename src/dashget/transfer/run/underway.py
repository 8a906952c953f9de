"""What is under way: how far files are, which transfers are large or slow, and which crawl.

Slow is a transfer in comparison with the finished ones. A connection that crawls, as
``pacing/crawl.py`` finds them, is given up. Where the server has ranges the bytes that came are
kept, and the rest is requested again. Where it may have none, another request races the slow one.
Without a validator, which proves that both bring the same bytes, all has to come again: that is
done once, and only if it is much sooner. All functions are called with the run's lock held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dashget.transfer.contract import UnderWay
from dashget.transfer.http.failure import below_speed_limit, too_slow
from dashget.transfer.pacing.crawl import Crawl
from dashget.transfer.pacing.pace import TELLING_BYTES, Pace
from dashget.transfer.run.exchange import Exchange, Phase
from dashget.transfer.run.task import Task
from dashget.transfer.run.ways import InRanges


def iter_under_way(tasks: Iterable[Task]) -> Iterator[UnderWay]:
    """Yield the state of each task that has bytes on disk or a known size.

    Bytes count once, however often they came. To be called with the run's lock held.
    """
    for task in tasks:
        if task.sink is None:
            continue
        here = kept = task.way.bytes_here()
        for exchange in task.exchanges:
            if task.way.in_ranges:
                if exchange.claim is not None:
                    # Nobody else's, but not here yet.
                    here -= max(0, exchange.claim - exchange.position)
            elif exchange.under_way and not exchange.dropped and exchange.start <= kept:
                here = max(here, exchange.position)
        if here or task.size is not None:
            yield UnderWay(task.job, max(here, 0), task.size)


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


_GAIN = 4
"""How many times as long the rest has to take as all of it would elsewhere."""


def give_up_crawling(
    crawl: Crawl, tasks: Iterable[Task], now: float, pace: Pace, *, alike: bool, places: int
) -> list[Exchange[Task]]:
    """Mark the exchanges that crawl, for their loops to end; return those to be raced instead.

    ``alike`` is True if ``pace`` tells of the host that the exchanges ask. ``places`` is how many
    exchanges fill every place there is, or 0: if they all crawl, none will be free for a race.
    """
    moving = [each for each in iter_exchanges(tasks) if not each.is_look]
    crawl.look(now, moving, pace.count)
    if crawl.limit is not None:
        for each in crawl.below(crawl.limit, moving):
            each.crawls = below_speed_limit(crawl.limit, crawl.seconds)
        return []

    def gains(exchange: Exchange[Task], usual: float) -> bool:
        return _may_be_replaced(exchange) and _gains(exchange, usual, crawl.seconds)

    moving = [each for each in moving if each.under_way and not each.dropped]
    raced = []
    for each, usual in crawl.behind_others(now, moving, pace.rate if alike else 0.0, gains):
        stuck = 0 < places <= len(moving) and all(_GAIN * _rate(one) < usual for one in moving)
        if _keeps(each) or not _has_proof(each.task) or (stuck and _is_sooner_anew(each, usual)):
            each.crawls = too_slow(_rate(each), usual)
            each.task.replaced = True
        else:
            raced.append(each)
    return raced


def replace(crawl: Crawl, exchange: Exchange[Task], pace: Pace, now: float, seconds: float) -> None:
    """Replace a range that is slow for ``seconds`` at the end of a run.

    Unless that was in vain not long ago.
    """
    if exchange.under_way and crawl.may_replace(now, exchange, pace.rate, seconds):
        exchange.crawls = too_slow(exchange.received / (now - exchange.asked_at), pace.rate)


def _may_be_replaced(exchange: Exchange[Task]) -> bool:
    task = exchange.task
    raced = exchange.raced or (not task.way.in_ranges and len(task.exchanges) > 1)
    return task.phase is Phase.OPEN and not raced


def _gains(exchange: Exchange[Task], usual: float, seconds: float) -> bool:
    """Return True if the rest comes sooner by another connection that brings what is usual."""
    task, rate, left = exchange.task, _rate(exchange), _left(exchange)
    if left is not None and left < rate * seconds:
        return False
    if _keeps(exchange) or (_has_proof(task) and not task.single_stream):
        return True
    if task.replaced and not _has_proof(task):
        return False
    return _is_sooner_anew(exchange, usual)


def _is_sooner_anew(exchange: Exchange[Task], usual: float) -> bool:
    """Return True if all of it comes far sooner elsewhere than the rest does here."""
    size, left = exchange.task.size, _left(exchange)
    return size is not None and left is not None and _GAIN * size * _rate(exchange) < left * usual


def _keeps(exchange: Exchange[Task]) -> bool:
    """Return True if a range surely goes on where this exchange is broken off."""
    task = exchange.task
    if task.way.in_ranges:
        return True
    if not _has_proof(task) or task.single_stream:
        return False
    head = exchange.head
    return head.status == 206 or head.fields.get("accept-ranges", "").lower() == "bytes"


def _has_proof(task: Task) -> bool:
    """Return True if a validator proves that another answer brings the same bytes."""
    return task.validator is not None and task.request.range is None


def _left(exchange: Exchange[Task]) -> int | None:
    """Return how many bytes an exchange is still to bring; None if that is unknown."""
    way = exchange.task.way
    if isinstance(way, InRanges) and way.gaps:
        # It goes on beyond its claim.
        return None
    stop = exchange.end if exchange.claim is None else exchange.claim
    return None if stop is None else stop - exchange.position


def _rate(exchange: Exchange[Task]) -> float:
    return 0.0 if exchange.course is None else exchange.course.rate
