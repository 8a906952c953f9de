"""Follow redirects, step by step, within bounds, and save their targets.

A redirected request may have to wait for the host that it was sent to: that one may have as many
requests as it is to have, or may have asked for a pause. Then its task keeps where it was
redirected and goes on there, rather than be redirected once more for each look at that host. So
do the parallel ranges of a file, as long as the redirect of the first one holds. A saved redirect
may fail later, as signed URLs do after a while: then the task begins with its own URL again, and
keeps to it.

All functions are called with the run's lock held.
"""

from __future__ import annotations

import math

from dashget.errors import Retry
from dashget.transfer.http.failure import Failure, leads_nowhere
from dashget.transfer.http.judge import Redirect
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.board import Board
from dashget.transfer.run.exchange import Exchange, Redirected
from dashget.transfer.run.task import Task

_WAITS_SECONDS = 60.0
"""How old a redirect may be for the request that it was given to."""


def follow(
    board: Board, exchange: Exchange[Task], redirect: Redirect, now: float
) -> tuple[str, Origin] | Failure:
    """Return URL and origin of the next request of an attempt, or the failure that ends it."""
    origins, most = board.shared.origins, board.options.max_redirects
    target = origins.redirect(exchange.url, redirect.location)
    if isinstance(target, Failure):
        return target
    exchange.visited.add(exchange.url)
    exchange.hops += 1
    exchange.redirect_holds_until = min(exchange.redirect_holds_until, now + redirect.lasts_seconds)
    if target in exchange.visited and not redirect.sets_cookie:
        return leads_nowhere(f"redirect loop at {origins.shown(target)}", redirect.status)
    if exchange.hops > most:
        return leads_nowhere(f"more than {most} redirects", redirect.status)
    origin = origins.of(target)
    if isinstance(origin, Failure):
        return origin
    refused = board.guard.refusal(origin)
    if refused is not None:
        return refused
    board.shares.forecast.redirected(exchange.origin, origin)
    return target, origin


def keep(task: Task, exchange: Exchange[Task], url: str, origin: Origin, now: float) -> None:
    """Have a task, which is to wait for ``origin``, go on there."""
    if not task.ignores_saved_redirect:
        task.redirected = _saved(exchange, url, origin)
        task.redirected.waits_until = now + _WAITS_SECONDS


def accepted(board: Board, task: Task, exchange: Exchange[Task], now: float) -> None:
    """Record the host of a good answer, and keep it for the ranges of a file."""
    board.shares.forecast.answered(exchange.origin)
    if (
        exchange.hops
        and task.way.in_ranges
        and now < exchange.redirect_holds_until
        and not task.ignores_saved_redirect
    ):
        task.redirected = _saved(exchange, exchange.url, exchange.origin)


def kept(board: Board, task: Task, now: float) -> Redirected | None:
    """Return where a task may go on at once; None if it begins with its own URL."""
    saved = task.redirected
    if saved is None:
        return None
    holds = now < saved.waits_until or (now < saved.until and task.way.in_ranges)
    longest = board.options.retry_after_limit_seconds
    too_long = saved.origin.not_before > now + longest and not task.sink_begun
    if holds and not too_long:
        return saved
    task.redirected = None
    return None


def use(task: Task, exchange: Exchange[Task], saved: Redirected, now: float) -> None:
    """Have an attempt go on where its task was redirected."""
    exchange.begin_from_saved_redirect(saved)
    saved.waits_until = -math.inf
    if not task.way.in_ranges or now >= saved.until:
        task.redirected = None


def failed(task: Task, exchange: Exchange[Task]) -> None:
    """Forget where a failed attempt was redirected: the next one may be sent elsewhere."""
    if exchange.hops:
        task.redirected = None


def forgives(task: Task, exchange: Exchange[Task], failure: Failure) -> bool:
    """Return True if a final failure may only show that a saved redirect holds no longer.

    All exchanges of a task that went straight on then may fail so; afterwards none does.
    """
    if not exchange.from_saved_redirect or failure.retry is not Retry.ELSEWHERE:
        return False
    task.ignores_saved_redirect = True
    task.redirected = None
    return True


def _saved(exchange: Exchange[Task], url: str, origin: Origin) -> Redirected:
    visited = frozenset(exchange.visited)
    return Redirected(
        exchange.index, url, origin, exchange.hops, visited, exchange.redirect_holds_until
    )
