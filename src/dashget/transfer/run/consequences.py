"""Decide what a task does next: after the head of a response, and after the end of a request.

What follows from a failure is in ``failures``.

All functions are called with the run's lock held.
"""

from __future__ import annotations

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.oserrors import is_descriptor_shortage
from dashget.transfer.contract import Method
from dashget.transfer.curl.descriptors import no_descriptors
from dashget.transfer.curl.slot import Slot
from dashget.transfer.http.failure import Failure, pause_too_long, sink_failure
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import CHANGED, NO_RANGES, Accepted, Redirect
from dashget.transfer.pacing.pace import LARGE_BYTES
from dashget.transfer.run import redirects
from dashget.transfer.run.aim import aim, may_go, must_wait, point
from dashget.transfer.run.board import Board
from dashget.transfer.run.divided import extend, note
from dashget.transfer.run.exchange import Exchange, Phase, Step
from dashget.transfer.run.task import Landing, Taken, Task
from dashget.transfer.run.verdict import Verdict

_MUCH_BYTES = 1 << 26


def next_exchange(board: Board, task: Task, slot: Slot) -> Exchange[Task] | None:
    """Prepare a task's next request on a slot; None if it cannot go on just now."""
    exchange = aim(board, task, slot)
    if exchange is None or exchange.verdict is None:
        return exchange
    if isinstance(exchange.verdict, Failure):
        _failed(board, exchange, exchange.verdict)
    return None


# During a response.


def decide(board: Board, exchange: Exchange[Task], step: Step) -> bool:
    """Do what a step of an exchange asks for; return False if nothing more of it is wanted."""
    if step is Step.NOTE:
        note(exchange)
        exchange.was_noted()
        return True
    if step is Step.PROVED:
        from dashget.transfer.run.resumption import prove_overlap

        prove_overlap(board, exchange)
        return True
    if step is Step.EXTEND:
        wanted = extend(exchange)
    else:
        wanted = _accept(board, exchange) and not exchange.is_look
        if exchange.task.way.in_ranges:
            board.widen(max(board.options.range_size, LARGE_BYTES))
    if not wanted:
        exchange.stopped = True
        if step is Step.ACCEPT:
            exchange.refuse()
    return wanted


def _accept(board: Board, exchange: Exchange[Task]) -> bool:
    """Take a good response; return False if its body is not needed."""
    task, head, accepted = exchange.task, exchange.head, exchange.accepted
    if exchange.dropped or task.phase is not Phase.OPEN:
        return False
    taken = task.way.accept(task, exchange, head, accepted)
    if exchange.is_look or taken is Taken.COMPLETES:
        board.saw_at_work(exchange)
    if taken is Taken.COMPLETES:
        board.succeed(task)
        return False
    if taken is Taken.UNWANTED:
        return False
    position = accepted.first - task.base
    compares = False
    if exchange.overlap:
        from dashget.transfer.run.resumption import compare_overlap, overlaps

        compares = overlaps(exchange, head, accepted)
    if compares:
        position += exchange.overlap
    end = None if accepted.end is None else accepted.end - task.base
    if taken is Taken.RACES:
        exchange.expect(position, end, noting=False)
        return not exchange.dropped
    if taken is Taken.FIRST:
        if task.to_drop is not None:
            _tell_of_given_up(board, exchange, task.to_drop)
        elif position == 0 and exchange.asked.range is not None:
            _tell_of_dropped(board, exchange, head)
        _begin(board, exchange, head, accepted, position)
    if board.shares.forecast.targets or exchange.hops:
        redirects.accepted(board, task, exchange, board.shared.clock())
    exchange.expect(position, end, noting=task.way.in_ranges)
    if compares:
        compare_overlap(exchange, position)
    return True


def _begin(
    board: Board, exchange: Exchange[Task], head: Head, accepted: Accepted, position: int
) -> None:
    """Begin a resource, or what is left of it, with a good response."""
    task = exchange.task
    size = accepted.total if task.request.range is None else _span(task.request.range, accepted)
    kept = exchange.slot.kept() if board.options.keep_headers else ()
    # Of a later part nobody can see it.
    codings = exchange.codings if position == 0 and "content-encoding" in head.fields else ()
    described = head.describe(exchange.url, size, task.urls[exchange.index], kept, codings)
    if position == 0:
        task.identity = None
        task.codings = codings
        if task.head is not None:
            from dashget.transfer.run.resumption import note_signs

            note_signs(task, task.head, described)
    if head.status == 206 and task.validator and (described.validator is None or position > 0):
        # That of the first bytes, which the server has accepted, or which the bytes have proved.
        # RFC 9110, 15.3.7: what is known already may be left out.
        described = msgspec.structs.replace(described, validator=task.validator)
    task.way.begin(task, head, position)
    task.head, task.size, task.validator = described, size, described.validator
    task.source_index = exchange.index
    if task.sink is None or task.request.method is not Method.GET:
        return
    task.sink.begin(described, position)
    task.sink_begun = True
    alone = board.concurrency.limit < 2
    board.divided.divide(task, exchange, head, position, alone=alone)
    if task.way.in_ranges:
        # One that it has overtaken, or was to overtake it: asked for all of the file,
        # has no claim, and nobody would compare its version.
        _drop_others(task, exchange)


def _span(wanted: ByteRange, accepted: Accepted) -> int:
    """Return the size of a range that a job asks for, of which a response has the beginning."""
    end, total = accepted.end or 0, accepted.total
    if wanted.last is not None:
        end = wanted.last + 1
    if total is not None:
        end = total if wanted.last is None else min(end, total)
    return end - wanted.first


def _drop_others(task: Task, keep: Exchange[Task]) -> None:
    for other in task.exchanges:
        if other is not keep:
            other.dropped = True


def _tell_of_dropped(board: Board, exchange: Exchange[Task], head: Head) -> None:
    """Report that what was to be continued comes from its beginning, in this very response."""
    task = exchange.task
    dropped = task.way.bytes_here(exchange)
    if not dropped:
        return
    if head.validator is not None and head.validator == task.validator:
        reason = NO_RANGES
    else:
        # If-Range (RFC 9110, 13.1.5) has let the server send another version.
        reason = CHANGED
    board.call(board.hooks.on_anew, task.job, task.urls[exchange.index], dropped, reason)


def _tell_of_given_up(board: Board, exchange: Exchange[Task], dropped: tuple[int, str]) -> None:
    """Report that bytes which could not be continued are replaced now."""
    task = exchange.task
    task.to_drop = None
    board.call(board.hooks.on_anew, task.job, task.urls[exchange.index], *dropped)


# After a request.


def settle(board: Board, exchange: Exchange[Task], verdict: Verdict) -> Exchange[Task] | None:
    """Draw the consequences of a request's end; return the next exchange on the same slot."""
    task = exchange.task
    if task.phase is not Phase.OPEN or board.stopping or exchange.dropped:
        give_back(board, exchange)
    elif verdict is None:
        return _landed(board, exchange)
    elif isinstance(verdict, Redirect):
        return _redirected(board, exchange, verdict)
    elif isinstance(verdict, Failure):
        _failed(board, exchange, verdict)
    else:
        give_back(board, exchange)
        broke(board, task, verdict)
    return None


def give_back(board: Board, exchange: Exchange[Task]) -> int:
    """Keep what a broken request has brought; return how many bytes are new."""
    _note(board, exchange)
    return exchange.task.way.broken(exchange.task, exchange)


def _note(board: Board, exchange: Exchange[Task]) -> None:
    if exchange.claim is None or not exchange.task.way.in_ranges:
        return
    try:
        note(exchange)
    except BaseException as error:  # noqa: BLE001  sorted out by broke
        broke(board, exchange.task, error)


def _landed(board: Board, exchange: Exchange[Task]) -> Exchange[Task] | None:
    task, slot = exchange.task, exchange.slot
    first_byte, seconds, task.remote = slot.measured()
    if board.hooks.wants_timings:
        task.timing = slot.timing(exchange.hops)
    if task.head is not None:
        board.answered(exchange.origin, task.head.http_version, first_byte, seconds, slot)
    board.landed(1, exchange.received, seconds)
    board.saw_at_work(exchange)
    _note(board, exchange)
    landing = task.way.landed(task, exchange)
    if isinstance(landing, Failure):
        _failed(board, exchange, landing)
    elif landing is Landing.COMPLETE:
        board.succeed(task)
    elif landing is Landing.NEXT_RANGE or (landing is Landing.AGAIN and not task.exchanges):
        return next_exchange(board, task, slot)
    return None


def _redirected(
    board: Board, exchange: Exchange[Task], redirect: Redirect
) -> Exchange[Task] | None:
    task, now = exchange.task, board.shared.clock()
    step = redirects.follow(board, exchange, redirect, now)
    if isinstance(step, Failure):
        _failed(board, exchange, step)
        return None
    exchange.origin.at_work = redirect
    url, origin = step
    given_up = board.outages.given_up(origin) if board.outages is not None else None
    if given_up is not None:
        _failed(board, exchange, given_up)
        return None
    if must_wait(board, task, origin, now):
        wait = origin.not_before - now
        if wait > board.options.retry_after_limit_seconds:
            _failed(board, exchange, pause_too_long(wait))
            return None
    if may_go(board, task, origin, exchange.slot.links, now, redirected=True):
        invalid = point(board, exchange, url, origin, now)
        if invalid is None:
            return exchange
        _failed(board, exchange, invalid)
        return None
    give_back(board, exchange)
    redirects.keep(task, exchange, url, origin, now)
    return None


def _failed(board: Board, exchange: Exchange[Task], failure: Failure) -> None:
    """Draw the consequences of a failed request. Most runs meet no failure, and load no rules."""
    progress = give_back(board, exchange)
    try:
        from dashget.transfer.run.failures import failed
    except OSError as error:
        # No descriptor is left to load them.
        broke(board, exchange.task, error)
    else:
        failed(board, exchange, failure, progress)


def broke(board: Board, task: Task, error: BaseException) -> None:
    """Draw the consequences of an error that a sink raised."""
    if is_descriptor_shortage(error):
        _ran_short(board, task)
        return
    failure = sink_failure(error)
    if isinstance(failure, Failure):
        task.failure = failure
        task.give_up()
    else:
        board.halt(failure or error)


def _ran_short(board: Board, task: Task) -> None:
    """Let a task wait for a descriptor that another transfer no longer needs."""
    now = board.shared.clock()
    board.concurrency.ran_short(board.active - 1, now)
    # Small files come again and again while none can be stored: their bytes are no progress.
    progress = board.reported, board.received_in_all() // _MUCH_BYTES
    if board.concurrency.allowance.is_hopeless(progress, now):
        board.halt(no_descriptors())
    elif not task.queued:
        board.backlog.add(task)
