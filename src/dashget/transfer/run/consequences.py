"""What becomes of the answers to requests: good ones, redirects, failures, and errors on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dashget.common.oserrors import is_descriptor_shortage
from dashget.errors import GONE_STATUSES, Retry
from dashget.transfer.contract import Method
from dashget.transfer.curl.descriptors import no_descriptors
from dashget.transfer.http.failure import (
    Failure,
    bad_body,
    sink_failure,
    wants_peace,
)
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import CHANGED, NO_RANGES, Accepted, Redirect
from dashget.transfer.run.pieces import note
from dashget.transfer.run.task import Task
from dashget.transfer.run.verdict import Verdict
from dashget.transfer.run.wire import Wire, measured

if TYPE_CHECKING:
    from dashget.transfer.run.run import Run

_HEAD_NOT_REFUSED = GONE_STATUSES | {407, 408, 425, 429}


class Answers:
    """Draws the consequences of answers in a run. All is called with the run's lock held."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def accept(self, wire: Wire, head: Head, accepted: Accepted) -> bool:
        """Take a good response for a wire's task; False if it is not needed any more."""
        run = self._run
        task = wire.task
        if wire.dropped or task.halted:
            return False
        end = None if accepted.end is None else accepted.end - task.base
        if task.gaps is None and task.wires > 1 and self._others_under_way(wire):
            wire.dropped = not task.same_version(head, accepted, wire.index)
            wire.expect(accepted.first - task.base, end, noting=False)
            return not wire.dropped
        if task.end.asking:
            if task.has_its_end(head, accepted):
                run.succeed(task)
                return False
            if head.status == 206 and (task.validator is None or task.owner != wire.index):
                # Nothing says that this continues what is here.
                task.restart()
                return False
            if head.status == 200 and task.may_restart():
                # Another version, whose end may be as uncertain; again and again at most thrice.
                task.end.renewed()
        if head.status == 200 and wire.asked.range is not None:
            self._tell_of_dropped(task, wire, head)
        joins = task.began and task.gaps is not None
        position = task.accept(head, accepted, wire.url, wire.index)
        if not joins and task.sink is not None:
            alone = run.concurrency.limit < 2
            run.pieces.scatter(task, wire, head, position, alone=alone)
            if task.gaps is not None:
                # One that it has overtaken, or was to overtake it: asked for all of the file,
                # has no claim, and nobody would compare its version.
                self._drop_others(task, wire)
        if run.shares.forecast.leads or wire.hops:
            run.redirects.accepted(task, wire, run.shared.clock())
        wire.expect(position, end, noting=task.gaps is not None)
        return True

    def _drop_others(self, task: Task, keep: Wire) -> None:
        for other in self._run.wires:
            other.dropped = other.dropped or (other.task is task and other is not keep)

    def _tell_of_dropped(self, task: Task, wire: Wire, head: Head) -> None:
        """Report that what was to be continued comes from its beginning, in this very answer."""
        dropped = task.bytes_here(wire.start, wire.claim)
        if not dropped:
            return
        if head.validator is not None and head.validator == task.validator:
            reason = NO_RANGES
        else:
            # If-Range (RFC 9110, 13.1.5) has let the server send another version.
            reason = CHANGED
        run = self._run
        run.call(run.hooks.on_anew, task.job, task.urls[wire.index], dropped, reason)

    def _others_under_way(self, wire: Wire) -> bool:
        return any(w.task is wire.task and w is not wire and w.under_way for w in self._run.wires)

    def settle(self, wire: Wire, verdict: Verdict) -> bool:
        """Draw the consequences of a request's end. True: the wire is aimed anew, go on."""
        task = wire.task
        if task.halted or self._run.stopping or wire.dropped:
            self.give_back(wire)
        elif verdict is None:
            return self._landed(task, wire)
        elif isinstance(verdict, Redirect):
            return self._redirected(task, wire, verdict)
        elif isinstance(verdict, Failure):
            self.failed(task, wire, verdict, self.give_back(wire))
        else:
            self.give_back(wire)
            self.broke(task, verdict)
        return False

    def give_back(self, wire: Wire) -> int:
        """Keep what a broken request brought; return how many bytes that is."""
        task = wire.task
        progress = max(0, wire.position - wire.start)
        if task.gaps is None:
            # What came before, and came again, brings nothing forward.
            progress = min(progress, max(0, wire.position - task.furthest))
            task.furthest = max(task.furthest, wire.position)
        if wire.claim is not None and task.gaps is not None:
            self._note(wire)
            task.gaps.give_back(wire.position, wire.claim)
        elif (
            wire.position > wire.start
            and task.began
            and task.gaps is None
            and wire.start <= task.prefix
        ):
            task.prefix = max(task.prefix, wire.position)
        return progress

    def _landed(self, task: Task, wire: Wire) -> bool:
        run = self._run
        self._measure(task, wire)
        if task.request.method is Method.HEAD:
            self._looked(task)
            return False
        if task.gaps is None or wire.claim is None:
            if task.size is not None and wire.position != task.size:
                short = bad_body(f"{wire.position} of {task.size} bytes have reached the disk")
                self.failed(task, wire, short, self.give_back(wire))
                return False
            told = task.end.told
            if task.size is None and task.end.contradicts(wire.position):
                short = bad_body(f"it ended after {wire.position} of {told} bytes")
                self.failed(task, wire, short, self.give_back(wire))
                return False
            task.prefix = wire.position
            if task.may_lack_all(marked=wire.marks_end):
                # No last byte could be asked for: the same once more, for all of it.
                task.end.empty_known = True
                return task.wires == 1 and run.aiming.aim(task, wire)
            if task.may_lack_its_end(marked=wire.marks_end):
                task.end.ask()
                # One that was to overtake this one: no longer needed, and asked after its end.
                self._drop_others(task, wire)
                return task.wires == 1 and run.aiming.aim(task, wire)
            run.succeed(task)
            return False
        self._note(wire)
        task.gaps.give_back(wire.position, wire.claim)
        if wire.position > wire.start:
            # The file gets on: what failed before was not in a row.
            task.tries[wire.index] = 0
        return bool(task.gaps) and not task.halted and run.aiming.aim(task, wire)

    def _looked(self, task: Task) -> None:
        """Take the answer to a HEAD, or to what was asked in its place."""
        if task.size is not None:
            self._run.succeed(task)
        elif task.asks_probe:
            task.failure = Failure("the server does not tell the size", Retry.ELSEWHERE)
            task.give_up()
        else:
            task.asks_probe = True

    def _measure(self, task: Task, wire: Wire) -> None:
        run = self._run
        first_byte, seconds, task.remote = measured(wire.handle)
        if task.head is not None:
            run.answered(wire, task.head.http_version, first_byte, seconds)
        run.landed(1, wire.received, seconds)

    def _redirected(self, task: Task, wire: Wire, redirect: Redirect) -> bool:
        run = self._run
        now = run.shared.clock()
        step = run.redirects.follow(wire, redirect, now)
        if isinstance(step, Failure):
            self.failed(task, wire, step, self.give_back(wire))
            return False
        url, origin = step
        if run.aiming.must_wait(task, origin, now):
            wait = origin.not_before - now
            if wait > run.options.retry_after_limit_seconds:
                self.failed(task, wire, wants_peace(wait), self.give_back(wire))
                return False
        if run.aiming.may_go(task, origin, wire.loop, now, led=True):
            return run.aiming.point(wire, url, origin, now)
        self.give_back(wire)
        run.redirects.keep(task, wire, url, origin, now)
        return False

    def failed(self, task: Task, wire: Wire, failure: Failure, progress: int) -> None:
        """Draw the consequences of a failed request that brought ``progress`` new bytes."""
        run = self._run
        run.redirects.failed(task, wire)
        if task.end.asking and not failure.restart:
            self._end_not_told(task, wire, failure)
            return
        racing = task.gaps is None and task.wires > 1
        if racing and not wire.raced:
            # The one that was to be overtaken is still at it.
            return
        if failure.restart and task.may_restart():
            if failure.status != 416:
                # That is an answer: whoever gives it each time is asked but once.
                task.end.renewed()
            self._tell_of_restart(task, wire, failure)
            task.restart()
        elif task.refused_head(failure, _HEAD_NOT_REFUSED):
            task.asks_probe = True
        elif task.gaps is not None and _without_ranges(task, failure):
            if task.wires == 1:
                self._tell_of_restart(task, wire, failure)
                task.in_one = True
                task.restart()
            else:
                # Leave it to those that get on; the last one of them begins anew in one stream.
                run.pieces.leave(task)
        elif racing:
            # All depends on the one that was sent after it now.
            task.failed(failure, wire.index, progress)
        elif run.redirects.forgives(task, wire, failure):
            self._tell_of_restart(task, wire, failure)
        else:
            self._try_again(task, wire, failure, progress)

    def _end_not_told(self, task: Task, wire: Wire, failure: Failure) -> None:
        """Ask for a body's end again where a failure may pass; else what was sent has to do.

        It does not where the server no longer answers at all: then it broke the body off, too.
        """
        run = self._run
        now = run.shared.clock()
        delay = run.retries.question(task, wire.origin, failure, now)
        if delay is not None:
            run.backlog.pause(task, now + delay)
        elif failure.retry is Retry.AGAIN and failure.status is None:
            message = f"whether its end has come cannot be asked: {failure.message}"
            task.failure = msgspec.structs.replace(failure, message=message)
            task.give_up()
        else:
            run.succeed(task)

    def _tell_of_restart(self, task: Task, wire: Wire, failure: Failure) -> None:
        """Count and report an attempt after which all begins anew, at once."""
        run = self._run
        if not task.halted:
            task.failures += 1
            tell, url = run.hooks.on_retry, task.urls[wire.index]
            run.call(tell, task.job, url, task.failures, 0.0, failure.message)

    def _try_again(self, task: Task, wire: Wire, failure: Failure, progress: int) -> None:
        run = self._run
        now = run.shared.clock()
        task.answer = wire.last_answer() or task.answer
        run.concurrency.failed(failure, now)
        again = run.retries.after(task, wire.index, wire.origin, failure, progress, now)
        if again is None:
            task.give_up()
            return
        tell, url, delay = (
            run.hooks.on_retry,
            task.urls[again.index],
            again.delay_seconds,
        )
        run.call(tell, task.job, url, task.failures, delay, failure.message)
        if task.gaps is not None and again.index != wire.index:
            task.restart()
        else:
            run.backlog.pause(task, now + delay)

    def broke(self, task: Task, error: BaseException) -> None:
        """Draw the consequences of what a sink raised."""
        if is_descriptor_shortage(error):
            self._ran_short(task)
            return
        failure = sink_failure(error)
        if isinstance(failure, Failure):
            task.failure = failure
            task.give_up()
        else:
            self._run.halt(failure or error)

    def _ran_short(self, task: Task) -> None:
        """Let a task wait for a descriptor that another transfer no longer needs."""
        run = self._run
        now = run.shared.clock()
        run.concurrency.ran_short(run.active - 1, now)
        progress = run.pace.count, sum(loop.received for loop in run.loops)
        if run.concurrency.allowance.is_hopeless(progress, now):
            run.halt(no_descriptors())
        elif not task.queued:
            run.backlog.add(task)

    def _note(self, wire: Wire) -> None:
        try:
            note(wire)
        except BaseException as error:  # noqa: BLE001  sorted out by broke
            self.broke(wire.task, error)


def _without_ranges(task: Task, failure: Failure) -> bool:
    """Say whether an answer to a parallel range shows that the server knows no ranges."""
    return failure.message is NO_RANGES or (failure.status == 416 and not task.proven)
