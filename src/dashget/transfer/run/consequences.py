"""Decide what a task does next: after the head of a response, and after the end of a request.

All functions are called with the run's lock held.
"""

from __future__ import annotations

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.oserrors import is_descriptor_shortage
from dashget.errors import GONE_STATUSES, Retry
from dashget.transfer.contract import Answer, Method, Request
from dashget.transfer.curl.descriptors import no_descriptors
from dashget.transfer.curl.slot import Slot
from dashget.transfer.http.failure import Failure, pause_too_long, sink_failure
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import CHANGED, NO_RANGES, RETAGGED, Accepted, Redirect
from dashget.transfer.pacing.pace import LARGE_BYTES
from dashget.transfer.run import overlap, redirects, resumption
from dashget.transfer.run.aim import aim, hold, may_go, must_wait, point
from dashget.transfer.run.board import Board
from dashget.transfer.run.divided import extend, note
from dashget.transfer.run.exchange import DIFFERENT, Exchange, Phase, Step
from dashget.transfer.run.task import Landing, Silence, Taken, Task
from dashget.transfer.run.verdict import Verdict
from dashget.transfer.run.ways import InRanges, Look

_MUCH_BYTES = 1 << 26
_SOME_BYTES = 1 << 16
"""A host that sends so much of a file before it breaks off is at work."""
_HEAD_NOT_REFUSED = GONE_STATUSES | {407, 408, 425, 429}


def next_exchange(board: Board, task: Task, slot: Slot) -> Exchange[Task] | None:
    """Prepare a task's next request on a slot; None if it cannot go on just now."""
    exchange = aim(board, task, slot)
    if exchange is None or exchange.verdict is None:
        return exchange
    if isinstance(exchange.verdict, Failure):
        failed(board, exchange, exchange.verdict, give_back(board, exchange))
    return None


# During a response.


def decide(board: Board, exchange: Exchange[Task], step: Step) -> bool:
    """Do what a step of an exchange asks for; return False if nothing more of it is wanted."""
    if step is Step.NOTE:
        note(exchange)
        exchange.was_noted()
        return True
    if step is Step.PROVED:
        overlap.proved(board, exchange)
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
        _is_at_work(board, exchange)
    if taken is Taken.COMPLETES:
        board.succeed(task)
        return False
    if taken is Taken.UNWANTED:
        return False
    position = accepted.first - task.base
    compares = overlap.overlaps(exchange, head, accepted)
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
        overlap.compare(exchange, position)
    return True


def _is_at_work(board: Board, exchange: Exchange[Task]) -> None:
    """Note that an origin has sent what it was asked for; a head alone does not tell."""
    task = exchange.task
    if board.outages is None or not board.outages.is_check(task):
        good = task.request
        if exchange.hops or len(task.urls) > 1:
            good = Request((exchange.url,), good.method, good.range)
        exchange.origin.at_work = exchange.origin.good = good


def _begin(
    board: Board, exchange: Exchange[Task], head: Head, accepted: Accepted, position: int
) -> None:
    """Begin a resource, or what is left of it, with a good response."""
    task = exchange.task
    size = accepted.total if task.request.range is None else _span(task.request.range, accepted)
    kept = exchange.slot.kept() if board.options.keep_headers else ()
    described = head.describe(exchange.url, size, task.urls[exchange.index], kept)
    if position == 0:
        task.identity = None
    compared = position > 0 and exchange.overlap > 0
    if head.status == 206 and task.validator and (described.validator is None or compared):
        # That of the first bytes. RFC 9110, 15.3.7: what is known already may be left out.
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
        failed(board, exchange, verdict, give_back(board, exchange))
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
    _is_at_work(board, exchange)
    _note(board, exchange)
    landing = task.way.landed(task, exchange)
    if isinstance(landing, Failure):
        failed(board, exchange, landing, give_back(board, exchange))
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
        failed(board, exchange, step, give_back(board, exchange))
        return None
    exchange.origin.at_work = redirect
    url, origin = step
    given_up = board.outages.given_up(origin) if board.outages is not None else None
    if given_up is not None:
        failed(board, exchange, given_up, give_back(board, exchange))
        return None
    if must_wait(board, task, origin, now):
        wait = origin.not_before - now
        if wait > board.options.retry_after_limit_seconds:
            failed(board, exchange, pause_too_long(wait), give_back(board, exchange))
            return None
    if may_go(board, task, origin, exchange.slot.links, now, redirected=True):
        invalid = point(board, exchange, url, origin, now)
        if invalid is None:
            return exchange
        failed(board, exchange, invalid, give_back(board, exchange))
        return None
    give_back(board, exchange)
    redirects.keep(task, exchange, url, origin, now)
    return None


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
        overlap.begin(board, task)
    elif failure.restart and task.may_restart():
        if failure.message is DIFFERENT:
            overlap.refuted(task)
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
    elif not progress and resumption.in_vain(exchange, failure):
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
    if task.vain < resumption.IN_VAIN_AT_MOST and board.retries.budget.spend():
        delay = board.retries.pause(task.vain)
        _tell_of_restart(board, exchange, failure, delay)
        board.backlog.pause(task, now + delay)
    elif resumption.came_further(task):
        _tell_of_restart(board, exchange, failure)
        resumption.give_up(task, failure)
    elif board.retries.after(task, exchange.index, exchange.origin, failure, 0, now) is None:
        task.give_up()
    else:
        tell, url = board.hooks.on_retry, task.urls[exchange.index]
        board.call(tell, task.job, url, task.failures, 0.0, failure.message)
        resumption.give_up(task, failure)


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
        if not progress and resumption.is_last_resort(exchange, failure):
            board.call(
                board.hooks.on_retry, task.job, task.urls[exchange.index], task.failures, 0.0,
                failure.message,
            )  # fmt: skip
            task.grant(exchange.index)
            resumption.give_up(task, failure)
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
            _is_at_work(board, exchange)
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
