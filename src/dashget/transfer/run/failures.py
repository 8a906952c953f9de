"""Decide what a task does after a failure: ask again, elsewhere, in another way, or give up.

All functions are called with the run's lock held.
"""

from __future__ import annotations

import msgspec

from dashget.errors import GONE_STATUSES, Retry
from dashget.transfer.contract import Answer, Request
from dashget.transfer.http.failure import BUSY_STATUSES, Failure
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import NO_RANGES, RETAGGED
from dashget.transfer.run import redirects
from dashget.transfer.run.aim import hold
from dashget.transfer.run.board import Board
from dashget.transfer.run.exchange import DIFFERENT, Exchange, Phase
from dashget.transfer.run.resumption import (
    IN_VAIN_AT_MOST,
    came_further,
    doubt_tags,
    give_up,
    in_vain,
    is_last_resort,
    refute_overlap,
)
from dashget.transfer.run.task import Silence, Task
from dashget.transfer.run.ways import InRanges, Look

_SOME_BYTES = 1 << 16
"""A host that sends so much of a file before it breaks off is at work."""
_HEAD_NOT_REFUSED = GONE_STATUSES | BUSY_STATUSES | {407}


def failed(board: Board, exchange: Exchange[Task], failure: Failure, progress: int) -> None:
    """Draw the consequences of a failed request that brought ``progress`` new bytes.

    The first row that holds:

    =============================================  ==============================================
    the body's end was being asked for             ``_end_not_told``: ask again, or succeed
    an exchange that it was to overtake goes on    nothing; the task goes on with that one
    it crawled, while others run                   the rest is requested again, at once
    only the ETag is another one                   the rest, with some bytes to compare
    another version came, and restarts are left    all begins from zero, at once
    a HEAD was refused                             a range of one byte is requested instead
    a parallel range, and the server ignores them  one stream; other exchanges go on if any do
    an overtaking exchange goes on                 the failure is counted; that one goes on
    a saved redirect failed                        again from the task's own URL, at once
    anything else                                  ``_try_again``: a pause, the next URL, or give up
    =============================================  ==============================================
    """
    task = exchange.task
    way = task.way
    redirects.failed(task, exchange)
    if progress and exchange.asked.range is not None:
        task.vain = 0
    if task.end.asking and not failure.restart:
        _end_not_told(board, exchange, failure)
        return
    racing = not way.in_ranges and bool(task.exchanges)
    if racing and not exchange.raced:
        # The one that was to be overtaken is still at it.
        if failure.message is NO_RANGES:
            task.single_stream = True
            for other in task.exchanges:
                # It may be raced once more, by all of it.
                other.raced = False
        return
    if failure.uncounted:
        tell, url = board.hooks.on_retry, task.urls[exchange.index]
        board.call(tell, task.job, url, task.failures + 1, 0.0, failure.message)
    elif failure.message is RETAGGED:
        _tell_of_restart(board, exchange, failure)
        doubt_tags(board, task)
    elif failure.restart and task.may_restart():
        if failure.message is DIFFERENT:
            refute_overlap(task)
        if failure.status != 416:
            # That is an answer: whoever gives it each time is asked but once.
            task.end.renewed()
        _tell_of_restart(board, exchange, failure)
        task.restart()
    elif isinstance(way, Look) and _refuses_head(way, failure):
        way.probes = True
    elif isinstance(way, InRanges) and _without_ranges(way, failure):
        if task.exchanges:
            # Leave it to those that get on; the last one of them begins anew in one stream.
            board.divided.leave(task)
        else:
            _tell_of_restart(board, exchange, failure)
            task.single_stream = True
            task.restart()
    elif racing:
        # All depends on the one that was sent after it now.
        task.failed(failure, exchange.index, progress)
    elif redirects.forgives(task, exchange, failure):
        _tell_of_restart(board, exchange, failure)
    elif not progress and in_vain(exchange, failure):
        _resumed_in_vain(board, exchange, failure)
    else:
        _try_again(board, exchange, failure, progress)


def _resumed_in_vain(board: Board, exchange: Exchange[Task], failure: Failure) -> None:
    """Ask for the rest once more, and then for all of it.

    That takes nothing from the tries, unless all of it was asked for before and came no further.
    """
    task, now = exchange.task, board.shared.clock()
    task.answer = _answer(board, exchange) or task.answer
    if task.exchanges:
        # Leave it to those that get on.
        _tell_of_restart(board, exchange, failure)
        board.divided.leave(task)
        return
    task.vain += 1
    if task.vain < IN_VAIN_AT_MOST and board.retries.budget.spend():
        delay = board.retries.pause(task.vain)
        _tell_of_restart(board, exchange, failure, delay)
        board.backlog.pause(task, now + delay)
    elif came_further(task):
        _tell_of_restart(board, exchange, failure)
        give_up(task, failure)
    elif board.retries.after(task, exchange.index, exchange.origin, failure, 0, now) is None:
        task.give_up()
    else:
        tell, url = board.hooks.on_retry, task.urls[exchange.index]
        board.call(tell, task.job, url, task.failures, 0.0, failure.message)
        give_up(task, failure)


def _refuses_head(way: Look, failure: Failure) -> bool:
    """Return True if the server will not answer a HEAD, though perhaps a GET."""
    status = failure.status
    # A coding may be a false name: the first byte tells.
    refused = failure.lasting or (status or 0) >= 400
    return not way.probes and refused and status not in _HEAD_NOT_REFUSED


def _refuses_probe(task: Task, failure: Failure) -> bool:
    """Return True if the server answers no range of a file that it does have."""
    return isinstance(task.way, Look) and failure.status not in (None, *_HEAD_NOT_REFUSED)


def _without_ranges(way: InRanges, failure: Failure) -> bool:
    """Return True if an answer to a parallel range shows that the server ignores ranges."""
    return failure.message is NO_RANGES or (failure.status == 416 and not way.ranges_work)


def _end_not_told(board: Board, exchange: Exchange[Task], failure: Failure) -> None:
    """Ask for a body's end again after a temporary failure; else what was sent has to do.

    It does not if the server no longer answers at all: then it broke the body off, too.
    """
    task, now = exchange.task, board.shared.clock()
    delay = board.retries.question(task, exchange.origin, failure, now)
    if delay is not None:
        board.backlog.pause(task, now + delay)
    elif failure.retry is Retry.AGAIN and failure.status is None:
        message = f"whether its end has come cannot be asked: {failure.message}"
        task.failure = msgspec.structs.replace(failure, message=message)
        task.give_up()
    else:
        board.succeed(task)


def _tell_of_restart(
    board: Board, exchange: Exchange[Task], failure: Failure, delay: float = 0.0
) -> None:
    """Count and report an attempt after which another follows that is none of the retries."""
    task = exchange.task
    if task.phase is Phase.OPEN:
        task.failures += 1
        tell, url = board.hooks.on_retry, task.urls[exchange.index]
        board.call(tell, task.job, url, task.failures, delay, failure.message)


def _try_again(board: Board, exchange: Exchange[Task], failure: Failure, progress: int) -> None:
    task, now = exchange.task, board.shared.clock()
    task.answer = _answer(board, exchange) or task.answer
    if _is_the_hosts(board, exchange, failure, progress):
        _spare(board, exchange, failure, now)
        return
    board.concurrency.failed(failure, now)
    if board.need_outages().never_answered(exchange.origin, failure):
        # Nobody has ever been there: it is said at once.
        task.exhausted.add(exchange.index)
    again = board.retries.after(task, exchange.index, exchange.origin, failure, progress, now)
    if again is None and task.way.in_ranges and task.exchanges:
        task.grant(exchange.index)
        board.divided.leave(task)
        return
    if again is None:
        if is_last_resort(exchange, failure, progress):
            board.call(
                board.hooks.on_retry, task.job, task.urls[exchange.index], task.failures, 0.0,
                failure.message,
            )  # fmt: skip
            task.grant(exchange.index)
            give_up(task, failure)
        elif task.size and _refuses_probe(task, failure):
            # What HEAD has told will have to do.
            board.succeed(task)
        else:
            task.give_up()
        return
    url, delay = task.urls[again.index], again.delay_seconds
    board.call(board.hooks.on_retry, task.job, url, task.failures, delay, failure.message)
    if task.way.in_ranges and again.index != exchange.index:
        task.restart()
    else:
        board.backlog.pause(task, now + delay)


def _is_the_hosts(board: Board, exchange: Exchange[Task], failure: Failure, progress: int) -> bool:
    task, index = exchange.task, exchange.index
    asks = Request((exchange.url,), task.request.method, task.request.range)
    silence = Silence.NONE
    if failure.unreachable or not exchange.has_head:
        silence = Silence.ANSWER
    elif failure.status is None and not failure.lasting:
        if progress >= _SOME_BYTES or (progress and exchange.start):
            board.saw_at_work(exchange)
            return False
        if progress:
            # The beginning of a file, and no more: if that is all, the next attempt tells.
            return False
        silence = Silence.BODY
    outages = board.need_outages()
    return outages.blames(task, index, asks, exchange.origin, failure, silence)


def _spare(board: Board, exchange: Exchange[Task], failure: Failure, now: float) -> None:
    """Have a task, whose attempt failed because its host does, go on elsewhere or later."""
    task, origin = exchange.task, exchange.origin
    board.retries.obey(origin, failure, now)
    task.failures += 1
    task.last_failures[exchange.index] = failure
    delay, url = board.need_outages().wait(origin, now), task.urls[exchange.index]
    board.call(board.hooks.on_retry, task.job, url, task.failures, delay, failure.message)
    if len(task.urls) == 1 or task.sticks_to_source:
        hold(board, task, origin, now)
    elif task.way.in_ranges:
        task.restart()
    else:
        board.backlog.add(task)


def _answer(board: Board, exchange: Exchange[Task]) -> Answer | None:
    """Return the facts about the response to a failed request; None if none came."""
    head = Head.parse(exchange.slot.lines)
    if head is None:
        return None
    first_byte, seconds, remote = exchange.slot.measured()
    timing = exchange.slot.timing(exchange.hops) if board.hooks.wants_timings else None
    kept = exchange.slot.kept() if board.options.keep_headers else ()
    return Answer(head.status, head.version, remote, head.cache, first_byte, seconds, timing, kept)
