"""Give up connections that crawl, as ``pacing/crawl.py`` finds them.

Where the server has ranges the bytes that came are kept, and the rest is requested again. Where
it may have none, another request races the slow one. Without a validator, which proves that both
bring the same bytes, all has to come again: that is done once, and only if it is much sooner.
All functions are called with the run's lock held.
"""

from __future__ import annotations

from collections.abc import Iterable

from dashget.transfer.http.failure import below_speed_limit, too_slow
from dashget.transfer.pacing.crawl import Crawl
from dashget.transfer.pacing.pace import Pace
from dashget.transfer.run.exchange import Exchange, Phase
from dashget.transfer.run.slow import iter_exchanges
from dashget.transfer.run.task import Task
from dashget.transfer.run.ways import InRanges

_GAIN = 4
"""How many times as long the rest has to take as all of it would elsewhere."""


def give_up_crawling(
    crawl: Crawl, tasks: Iterable[Task], now: float, pace: Pace, *, alike: bool
) -> list[Exchange[Task]]:
    """Mark the exchanges that crawl, for their loops to end; return those to be raced instead.

    ``alike`` is True if ``pace`` tells of the host that the exchanges ask.
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
        if _keeps(each) or not _has_proof(each.task):
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
    if task.size is None or left is None or (task.replaced and not _has_proof(task)):
        return False
    return _GAIN * task.size * rate < left * usual


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
