"""The next request of a task: to which of its URLs, for which bytes, or what it waits for.

All functions are called with the run's lock held.
"""

from __future__ import annotations

import math

from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.curl.links import Links
from dashget.transfer.curl.slot import Slot
from dashget.transfer.http.failure import Failure, pause_too_long, policy_failure
from dashget.transfer.http.origin import Origin
from dashget.transfer.run import redirects
from dashget.transfer.run.board import Board
from dashget.transfer.run.exchange import Exchange, Phase
from dashget.transfer.run.task import Task
from dashget.transfer.run.ways import Look

_LOOKS_AGAIN_SECONDS = 0.5


def aim(board: Board, task: Task, slot: Slot) -> Exchange[Task] | None:
    """Prepare a task's next request on a slot; None if the task cannot go on just now.

    Then the task waits, has failed, or has no use for another exchange. The ``verdict`` of the
    exchange is set if its URL cannot be requested.
    """
    if task.phase is not Phase.OPEN:
        return None
    now = board.shared.clock()
    late = task.is_late(now)
    if late is not None:
        task.failure = None if task.last_failures else late
        task.give_up()
        return None
    saved = redirects.kept(board, task, now)
    found = _find_url(board, task, now) if saved is None else (saved.index, saved.origin)
    if found is None:
        return None
    index, origin = found
    if not may_go(board, task, origin, slot.links, now, redirected=saved is not None):
        return None
    task.cursor = index
    if origin.retags:
        from dashget.transfer.run.resumption import suspect

        suspect(task, origin)
    attempt = task.way.attempt(task, index)
    if attempt is None:
        return None
    task.ask_first(now)
    exchange = Exchange(task, slot, index, attempt, now, board.shared.wall_clock)
    exchange.bodiless = isinstance(task.way, Look) and not task.way.probes
    if saved is None:
        exchange.verdict = point(board, exchange, task.urls[index], origin, now)
    else:
        redirects.use(task, exchange, saved, now)
        exchange.verdict = point(board, exchange, saved.url, origin, now)
    return exchange


def point(
    board: Board, exchange: Exchange[Task], url: str, origin: Origin, now: float
) -> Failure | None:
    """Prepare one request of an exchange; return a failure if the URL is invalid."""
    task = exchange.task
    try:
        exchange.point(url, origin, now)
    except (pycurl.error, ValueError, TypeError) as error:
        return policy_failure(f"not a valid URL ({error})")
    busy = exchange.slot.links.busy
    busy[origin] = busy.get(origin, 0) + 1
    task.exchanges.append(exchange)
    task.requests += 1
    if task.requests == 1 and board.hooks.wants_starts:
        board.call(board.hooks.on_started, task.job, exchange.start)
    return None


def may_go(
    board: Board, task: Task, origin: Origin, links: Links, now: float, *, redirected: bool
) -> bool:
    """Return True if a task may ask a host now, to which it may be redirected; else queue it."""
    if board.outages is not None and board.outages.keeps_out(task, origin):
        if not task.queued:
            hold(board, task, origin, now)
        return False
    if must_wait(board, task, origin, now):
        if not task.queued:
            until = min(origin.not_before, task.deadline)
            board.backlog.pause(task, until, held=True)
        return False
    if not board.shares.has_room(origin, links):
        if not task.queued:
            board.backlog.block(task, origin, redirected=redirected)
        return False
    return True


def hold(board: Board, task: Task, origin: Origin, now: float) -> None:
    """Let a task wait until a host is asked again, its own time is over, or another may do."""
    if task.deadline < math.inf or len(task.urls) > 1:
        until = min(now + _LOOKS_AGAIN_SECONDS, task.deadline)
        board.backlog.pause(task, until, held=True)
    else:
        board.backlog.hold(task, origin)


def must_wait(board: Board, task: Task, origin: Origin, now: float) -> bool:
    """Return True if a host has asked for a pause. A task that has begun ignores a long one."""
    wait = origin.not_before - now
    longest = board.options.retry_after_limit_seconds
    return wait > 0 and not (task.sink_begun and wait > longest)


def _find_url(board: Board, task: Task, now: float) -> tuple[int, Origin] | None:
    """Return the URL to try next, by its index, and its origin; None if none is left."""
    origins = board.shared.origins
    if not task.failures and len(task.urls) == 1:
        # The first attempt on the only URL: nothing to choose.
        origin = origins.of(task.urls[0])
        if (
            isinstance(origin, Origin)
            and board.outages is None
            and origin.not_before <= now
            and board.guard.refusal(origin) is None
        ):
            return 0, origin

    def is_held_back(url: str, now: float) -> bool:
        origin = origins.of(url)
        return isinstance(origin, Origin) and (
            origin.not_before > now or (board.outages is not None and board.outages.holds(origin))
        )

    def is_out_for_long(url: str) -> bool:
        origin = origins.of(url)
        outages = board.outages
        return outages is not None and isinstance(origin, Origin) and outages.lasts(origin)

    while True:
        index = board.retries.choose(task, now, is_held_back, is_out_for_long)
        if index is None:
            task.give_up()
            return None
        task.cursor = index
        origin = _permitted(board, task, task.urls[index], now)
        if isinstance(origin, Origin):
            return index, origin
        task.failed(origin, index, 0)


def _permitted(board: Board, task: Task, url: str, now: float) -> Origin | Failure:
    """Return the origin of a URL, or why it is not requested."""
    origin = board.shared.origins.of(url)
    if isinstance(origin, Failure):
        return origin
    refused = board.guard.refusal(origin)
    if refused is not None:
        return refused
    if board.outages is not None:
        given_up = board.outages.given_up(origin)
        if given_up is not None:
            return given_up
    wait = origin.not_before - now
    if wait > board.options.retry_after_limit_seconds and not task.sink_begun:
        return pause_too_long(wait)
    return origin
