"""One run of the engine: which task goes next, and what becomes of each request.

Everything here happens with the run's lock held, so that ``done`` and the hooks are never
called from two threads at once; the bytes themselves go past it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dashget.errors import Retry
from dashget.transfer.alone import Alone
from dashget.transfer.backlog import Backlog
from dashget.transfer.descriptors import no_descriptors
from dashget.transfer.failure import (
    Failure,
    bad_body,
    is_shortage,
    policy_failure,
    sink_failure,
    wants_peace,
)
from dashget.transfer.head import Head
from dashget.transfer.judge import NO_RANGES, Accepted, Redirect
from dashget.transfer.libcurl import pycurl
from dashget.transfer.limits import Concurrency, Pacer
from dashget.transfer.options import TransferOptions
from dashget.transfer.origin import Origin, Origins
from dashget.transfer.pace import Pace
from dashget.transfer.pieces import Pieces, note
from dashget.transfer.redirects import Redirects
from dashget.transfer.request import (
    Fetched,
    Hooks,
    Job,
    Method,
    Reading,
    ResponseHead,
    TransferError,
)
from dashget.transfer.retry import Bases, Retries
from dashget.transfer.shares import Shares
from dashget.transfer.task import Attempt, Task
from dashget.transfer.wire import Verdict, Wire, measured

if TYPE_CHECKING:
    from dashget.transfer.loop import Loop

Done = Callable[[Job, Fetched | TransferError], object]

_TICK_SECONDS = 0.1
_MICRO_DIGITS = 6
"""Microseconds, as libcurl measures; more digits would only be longer to write down."""
_HELD_BACK_AT_MOST = 2000
"""Tasks that wait for hosts which want to be left alone, while others are still pulled."""
_HELD_AT_MOST = 4 * 1024 * 1024
_HEAD_NOT_REFUSED = frozenset({404, 410, 407, 408, 425, 429})


class Shared(msgspec.Struct):
    """What the runs of one engine have in common."""

    options: TransferOptions
    origins: Origins
    bases: Bases
    hooks: Hooks
    pacer: Pacer | None
    cookies: Any
    """What all handles know of cookies (a pycurl.CurlShare)."""
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    random: Callable[[], float]
    latency_seconds: float | None = None
    """How long the first byte of a response took that came last, connecting included."""


class Run:
    """The state of one run. The methods with a public name take the lock themselves."""

    def __init__(
        self, shared: Shared, jobs: Iterable[Job], done: Done, loops: tuple[Loop, ...]
    ) -> None:
        self.shared = shared
        self.options = options = shared.options
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.stopping = False
        self.error: BaseException | None = None
        self._loops = loops
        self.held_at_most = min(_HELD_AT_MOST, options.range_threshold - 1)
        """How large a resource may be that comes whole to a wire which is alone."""
        self.jobs: Iterator[Job] | None = iter(jobs)
        self._done = done
        self.concurrency = Concurrency(options, shared.clock(), shared.latency_seconds)
        self.shares = Shares(options, self.concurrency, loops)
        self._redirects = Redirects(options, shared.origins, self.shares.forecast)
        self._alone = Alone(self)
        self._retries = Retries(options, shared.bases, shared.random)
        self._backlog = Backlog()
        self._pieces = Pieces(options)
        self._open: dict[Task, None] = {}
        self._wires: set[Wire] = set()
        self.active = 0
        self._sleepers = 0
        self._pace = Pace()
        self._next_tick = 0.0
        self._active_before = 0
        self._received_before = sum(loop.received for loop in loops)

    # What loops ask.

    def share(self, loop: Loop) -> int:
        """How many transfers a loop drives at most."""
        return self.shares.of(loop)

    def over(self) -> bool:
        """Say whether nothing is left that a loop could ever be given."""
        with self.lock:
            return self._over()

    def _over(self) -> bool:
        return self.stopping or (self.jobs is None and not self._open and not self.active)

    def wait(self, seconds: float) -> None:
        """Sleep until something has changed, or for ``seconds``."""
        with self.changed:
            if not self._over():
                self._sleepers += 1
                self.changed.wait(seconds)
                self._sleepers -= 1

    def start(self, wire: Wire) -> bool | None:
        """Aim an idle wire at what is to be done next.

        False where a task was found, but cannot go on just now; None where there is none.
        """
        with self.lock:
            if self.stopping or self.active >= self.concurrency.limit:
                return None
            task = self._next(wire.loop)
            if task is None:
                return None
            self.active += 1
            helping = bool(task.wires or task.queued)
            task.wires += 1
            ready = (task.sink is not None or self._open_sink(task)) and self._aim(task, wire)
            if not ready:
                self._release(task)
                if helping:
                    return None
            return ready

    def _next(self, loop: Loop) -> Task | None:
        backlog = self._backlog
        if backlog.count:
            now = self.shared.clock()
            task = backlog.next(now, lambda origin: self.shares.has_room(origin, loop))
            if task is not None:
                return task
        stuck = backlog.count - backlog.held
        if stuck < 16 + 4 * self.concurrency.limit and backlog.held < _HELD_BACK_AT_MOST:
            job = self.pull()
            if job is not None:
                return self._new_task(job)
        return self._pieces.helped()

    def _new_task(self, job: Job) -> Task:
        task = Task(job)
        self._open[task] = None
        return task

    # For wires that ask alone.

    def ask(self, loop: Loop, most: int) -> list[Wire]:
        """Have up to ``most`` idle wires of a loop ask alone; return those that do."""
        with self.lock:
            if self.stopping or self.jobs is None or self._backlog.count:
                return []
            return self._alone.ask(loop, most, self.shared.clock())

    def pull(self) -> Job | None:
        """Take the next job, with the lock held; None if there is none."""
        if self.jobs is None:
            return None
        try:
            job = next(self.jobs, None)
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            self._fail(error)
            return None
        if job is None:
            self.jobs = None
        else:
            self.pulled(1)
        return job

    def pulled(self, count: int) -> None:
        """Take note of jobs that were taken, with the lock held."""
        self._retries.budget.started += count

    def wait_for_wire(self, job: Job) -> None:
        """Make a task of a job, which then waits for a wire; with the lock held."""
        self._backlog.add(self._new_task(job))

    def vacate(self, loop: Loop, whole: Sequence[tuple[Wire, ResponseHead]]) -> None:
        """Let other transfers take the places of some that are over, before they are put."""
        with self.lock:
            self._alone.vacate(loop, whole)

    def put(self, loop: Loop, whole: Sequence[tuple[Wire, ResponseHead]]) -> None:
        """Hand over resources that have come whole to wires which are alone, and report them."""
        self._alone.put(loop, whole)

    def put_failed(self, wire: Wire, error: BaseException) -> None:
        """Make a task of what could not be put, and draw the consequences."""
        opening = self.enlist(wire)
        with self.lock:
            task = wire.task
            self._wires.discard(wire)
            task.received += sum(map(len, wire.arrived))
            # Its place among the transfers is another's already.
            self._broke(task, opening or error)
            self.active += 1
            self._release(task)

    def enlist(self, wire: Wire) -> BaseException | None:
        """Make a task of what a wire asked for alone; return why its sink cannot be opened."""
        with self.lock:
            job = wire.job
            if job is None:
                return None
            task = self._new_task(job)
            task.wires = task.requests = 1
            wire.join(task)
            self._wires.add(wire)
            try:
                task.open(self.options)
            except BaseException as error:  # noqa: BLE001  sorted out by _broke
                return error
            return None

    # Starting.

    def _open_sink(self, task: Task) -> bool:
        """Open the sink of a task that has none yet; False if the task cannot go on."""
        try:
            task.open(self.options)
        except BaseException as error:  # noqa: BLE001  sorted out by _broke
            self._broke(task, error)
            return False
        return True

    def _aim(self, task: Task, wire: Wire) -> bool:
        if task.halted:
            return False
        now = self.shared.clock()
        led = self._redirects.kept(task, now)
        found = self._find_url(task, now) if led is None else (led.index, led.origin)
        if found is None:
            return False
        index, origin = found
        if not self._may_go(task, origin, wire.loop, now, led=led is not None):
            return False
        task.cursor = index
        attempt = self._attempt(task, index)
        if attempt is None:
            return False
        wire.aim(task, index, attempt, now)
        if led is None:
            return self._point(wire, task.urls[index], origin, now)
        self._redirects.use(task, wire, led, now)
        return self._point(wire, led.url, origin, now)

    def _may_go(self, task: Task, origin: Origin, loop: Loop, now: float, *, led: bool) -> bool:
        """Say whether a task may ask a host now, to which it was ``led``; else have it wait."""
        if self._must_wait(task, origin, now):
            if not task.queued:
                self._backlog.pause(task, origin.not_before, held=True)
            return False
        if not self.shares.has_room(origin, loop):
            if not task.queued:
                self._backlog.block(task, origin, led=led)
            return False
        return True

    def _attempt(self, task: Task, index: int) -> Attempt | None:
        if task.gaps is not None:
            if task.owner not in (None, index):
                # Of another URL: no validator says that it has the same bytes.
                if task.wires == 1:
                    self._restart(task)
                return None
            if not task.began and task.wires > 1:
                return None
            claim = self._pieces.claim(task, task.gaps)
            if claim is not None:
                return task.attempt_at_piece(*claim)
            if not task.began:
                self._restart(task)
            return None
        if task.wires == 1:
            return task.attempt()
        slow = next((wire for wire in self._wires if wire.task is task and wire.raced), None)
        if slow is None or (slow.under_way and slow.index != index):
            return None
        return task.attempt_to_overtake(slow.position if slow.under_way else 0)

    def _find_url(self, task: Task, now: float) -> tuple[int, Origin] | None:
        """Return the URL to try next, by its index, and its origin; None if none is left."""
        origins = self.shared.origins
        if not task.failures and len(task.urls) == 1:
            # The first attempt on the only URL: nothing to choose.
            origin = origins.of(task.urls[0])
            if (
                isinstance(origin, Origin)
                and not origins.guards_downgrade
                and origin.not_before <= now
            ):
                return 0, origin
        while True:
            index = self._retries.choose(task, now, self._is_held_back)
            if index is None:
                self._give_up(task)
                return None
            task.cursor = index
            url = task.urls[index]
            origin = origins.of(url)
            refused = origins.downgrade(url) if isinstance(origin, Origin) else origin
            if isinstance(origin, Origin) and refused is None:
                wait = origin.not_before - now
                if wait > self.options.retry_after_limit_seconds and not task.began:
                    refused = wants_peace(wait)
            if refused is None and isinstance(origin, Origin):
                return index, origin
            if refused is not None:
                task.failed(refused, index, 0)

    def _must_wait(self, task: Task, origin: Origin, now: float) -> bool:
        """Say whether a host is to be left alone; not by what has begun, where that takes hours."""
        wait = origin.not_before - now
        return wait > 0 and not (task.began and wait > self.options.retry_after_limit_seconds)

    def _is_held_back(self, url: str, now: float) -> bool:
        origin = self.shared.origins.of(url)
        return isinstance(origin, Origin) and origin.not_before > now

    def _point(self, wire: Wire, url: str, origin: Origin, now: float) -> bool:
        task = wire.task
        try:
            wire.point(url, origin, now)
        except (pycurl.error, ValueError, TypeError) as error:
            self._give_back(wire)
            self._failed(task, wire, policy_failure(f"not a valid URL ({error})"), 0)
            return False
        busy = wire.loop.busy
        busy[origin] = busy.get(origin, 0) + 1
        self._wires.add(wire)
        task.requests += 1
        if task.requests == 1 and self.shared.hooks.wants_starts:
            self.call(self.shared.hooks.on_started, task.job, wire.start)
        return True

    # Ending.

    def settle(self, wire: Wire, verdict: Verdict) -> bool:
        """Draw the consequences of a request's end. True: the wire is aimed anew, go on."""
        with self.lock:
            task = wire.task
            self._leave(wire)
            again = False
            if task.halted or self.stopping or wire.dropped:
                self._give_back(wire)
            elif verdict is None:
                again = self._landed(task, wire)
            elif isinstance(verdict, Redirect):
                again = self._redirected(task, wire, verdict)
            elif isinstance(verdict, Failure):
                progress = self._give_back(wire)
                self._failed(task, wire, verdict, progress)
            else:
                self._give_back(wire)
                self._broke(task, verdict)
            if not again:
                self._release(task)
            return again

    def abandon(self, wire: Wire) -> None:
        """Let go of a wire whose transfer was broken off because the run stops."""
        with self.lock:
            self._leave(wire)
            self._give_back(wire)
            self._release(wire.task)

    def _leave(self, wire: Wire) -> None:
        self._wires.discard(wire)
        wire.loop.busy[wire.origin] -= 1
        wire.task.received += wire.received

    def _give_back(self, wire: Wire) -> int:
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
        self._measure(task, wire)
        if task.request.method is Method.HEAD:
            self._looked(task)
            return False
        if task.gaps is None or wire.claim is None:
            if task.size is not None and wire.position != task.size:
                short = bad_body(f"{wire.position} of {task.size} bytes have reached the disk")
                self._failed(task, wire, short, self._give_back(wire))
                return False
            if task.size is None and task.told is not None and wire.position != task.told:
                short = bad_body(f"it ended after {wire.position} of {task.told} bytes")
                task.told, task.end_asked = None, False
                self._failed(task, wire, short, self._give_back(wire))
                return False
            task.prefix = wire.position
            if task.may_lack_all(marked=wire.marks_end):
                # No last byte could be asked for: the same once more, for all of it.
                task.empty_asked = True
                return task.wires == 1 and self._aim(task, wire)
            if task.may_lack_its_end(marked=wire.marks_end):
                task.asks_end = task.end_asked = True
                # One that was to overtake this one: no longer needed, and asked after its end.
                self._drop_others(task, wire)
                return task.wires == 1 and self._aim(task, wire)
            self._succeed(task)
            return False
        self._note(wire)
        task.gaps.give_back(wire.position, wire.claim)
        if wire.position > wire.start:
            # The file gets on: what failed before was not in a row.
            task.tries[wire.index] = 0
        return bool(task.gaps) and not task.halted and self._aim(task, wire)

    def _looked(self, task: Task) -> None:
        """Take the answer to a HEAD, or to what was asked in its place."""
        if task.size is not None:
            self._succeed(task)
        elif task.asks_probe:
            task.failure = Failure("the server does not tell the size", Retry.ELSEWHERE)
            self._give_up(task)
        else:
            task.asks_probe = True

    def _measure(self, task: Task, wire: Wire) -> None:
        first_byte, seconds, task.remote = measured(wire.handle)
        if task.head is not None:
            self.answered(wire, task.head.http_version, first_byte, seconds)
        self.landed(1, wire.received, seconds)

    def answered(self, wire: Wire, version: str, first_byte: float, seconds: float) -> None:
        """Take note of how, and how soon, a host has answered; with the lock held."""
        if self.concurrency.adaptive:
            wire.origin.multiplexes = version >= "2"
            self.concurrency.arrived(first_byte, seconds)
            self.shared.latency_seconds = first_byte

    def landed(self, count: int, size: int, seconds: float) -> None:
        """Take note of what transfers brought, all together; with the lock held."""
        if self._pace.ended(count, size, seconds) and not self.shares.wide:
            self._widen()

    def _widen(self) -> None:
        """Let all loops take part from now on."""
        self.shares.wide = True
        self.changed.notify_all()

    def _redirected(self, task: Task, wire: Wire, redirect: Redirect) -> bool:
        now = self.shared.clock()
        step = self._redirects.follow(wire, redirect, now)
        if isinstance(step, Failure):
            self._failed(task, wire, step, self._give_back(wire))
            return False
        url, origin = step
        if self._must_wait(task, origin, now):
            wait = origin.not_before - now
            if wait > self.options.retry_after_limit_seconds:
                self._failed(task, wire, wants_peace(wait), self._give_back(wire))
                return False
        if self._may_go(task, origin, wire.loop, now, led=True):
            return self._point(wire, url, origin, now)
        self._give_back(wire)
        self._redirects.keep(task, wire, url, origin, now)
        return False

    def _failed(self, task: Task, wire: Wire, failure: Failure, progress: int) -> None:
        self._redirects.failed(task, wire)
        if task.asks_end and not failure.restart:
            now = self.shared.clock()
            delay = self._retries.question(task, wire.origin, failure, now)
            if delay is not None:
                self._backlog.pause(task, now + delay)
                return
            # The server does not say: what it sent has to do.
            self._succeed(task)
            return
        racing = task.gaps is None and task.wires > 1
        if racing and not wire.raced:
            # The one that was to be overtaken is still at it.
            return
        if failure.restart and task.may_restart():
            # A 416 is an answer: whoever gives one each time is asked but once.
            task.end_asked = task.end_asked and failure.status == 416
            self._tell_of_restart(task, wire, failure)
            self._restart(task)
        elif task.refused_head(failure, _HEAD_NOT_REFUSED):
            task.asks_probe = True
        elif task.gaps is not None and _without_ranges(task, failure):
            if task.wires == 1:
                self._tell_of_restart(task, wire, failure)
                task.in_one = True
                self._restart(task)
            else:
                # Leave it to those that get on; the last one of them begins anew in one stream.
                self._pieces.leave(task)
        elif racing:
            # All depends on the one that was sent after it now.
            task.failed(failure, wire.index, progress)
        elif self._redirects.forgives(task, wire, failure):
            self._tell_of_restart(task, wire, failure)
        else:
            self._try_again(task, wire, failure, progress)

    def _tell_of_restart(self, task: Task, wire: Wire, failure: Failure) -> None:
        """Count and report an attempt after which all begins anew, at once."""
        if not task.halted:
            task.failures += 1
            tell, url = self.shared.hooks.on_retry, task.urls[wire.index]
            self.call(tell, task.job, url, task.failures, 0.0, failure.message)

    def _try_again(self, task: Task, wire: Wire, failure: Failure, progress: int) -> None:
        now = self.shared.clock()
        task.answer = wire.last_answer() or task.answer
        self.concurrency.failed(failure, now)
        again = self._retries.after(task, wire.index, wire.origin, failure, progress, now)
        if again is None:
            self._give_up(task)
            return
        url, delay = task.urls[again.index], again.delay_seconds
        self.call(self.shared.hooks.on_retry, task.job, url, task.failures, delay, failure.message)
        if task.gaps is not None and again.index != wire.index:
            self._restart(task)
        else:
            self._backlog.pause(task, now + delay)

    def _broke(self, task: Task, error: BaseException) -> None:
        """Draw the consequences of what a sink raised."""
        if is_shortage(error):
            self._ran_short(task)
            return
        failure = sink_failure(error)
        if isinstance(failure, Failure):
            task.failure = failure
            self._give_up(task)
        else:
            self._fail(failure or error)

    def _ran_short(self, task: Task) -> None:
        """Let a task wait for a descriptor that another transfer no longer needs."""
        now = self.shared.clock()
        self.concurrency.ran_short(self.active - 1, now)
        progress = self._pace.count, sum(loop.received for loop in self._loops)
        if self.concurrency.allowance.is_hopeless(progress, now):
            self._fail(no_descriptors())
        elif not task.queued:
            self._backlog.add(task)

    def _restart(self, task: Task) -> None:
        """Let all wires of the task end, and begin it anew after the last one."""
        task.halted = True

    def _succeed(self, task: Task) -> None:
        task.succeeded = True
        if task.asked_at is not None:
            task.seconds = round(self.shared.clock() - task.asked_at, _MICRO_DIGITS)
        self.shared.bases.worked(task)
        task.closed = task.halted = True

    def _give_up(self, task: Task) -> None:
        """Decide that a task has failed; it is reported when its last wire has let go."""
        task.closed = task.halted = True

    def _release(self, task: Task) -> None:
        """Take a wire off a task, and report the task if that was the last one."""
        self.active -= 1
        task.wires -= 1
        if not task.wires:
            if not task.halted and task.all_here:
                task.prefix = task.size or 0
                self._succeed(task)
            if task.closed:
                self._report(task)
            elif not self.stopping:
                self._go_on(task)
        if self._sleepers and (self.shares.wide or self._over()):
            self.changed.notify_all()

    def _go_on(self, task: Task) -> None:
        """See to it that an open task without a wire gets one again."""
        if task.halted:
            task.halted = False
            self._pieces.leave(task)
            task.forget()
        if not task.asks_end:
            # What all may be here of is finished with the answer, and nothing opens it before.
            task.park()
        if not task.queued:
            self._backlog.add(task)

    def _report(self, task: Task, *, cancelled: bool = False) -> None:
        self._open.pop(task, None)
        if task.gaps is not None:
            self._pieces.leave(task)
        self.report(task.job, task.result(cancelled=cancelled))

    def report(self, job: Job, result: Fetched | TransferError) -> None:
        """Report what has become of a job; with the lock held."""
        try:
            self._done(job, result)
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            self._fail(error)
        if self._sleepers and (self.shares.wide or self._over()):
            self.changed.notify_all()

    def finish(self) -> None:
        """Report as cancelled whatever is still open; for after the loops have ended."""
        with self.lock:
            for task in tuple(self._open):
                self._report(task, cancelled=True)

    # From the transfers.

    def accept(self, wire: Wire, head: Head, accepted: Accepted) -> bool:
        """Take a good response for a wire's task; False if it is not needed any more."""
        with self.lock:
            wanted = self._accept(wire, head, accepted)
            if wire.task.gaps is not None:
                self._widen()
        return wanted

    def _accept(self, wire: Wire, head: Head, accepted: Accepted) -> bool:
        task = wire.task
        if wire.dropped or task.halted:
            return False
        end = None if accepted.end is None else accepted.end - task.base
        if task.gaps is None and task.wires > 1 and self._others_under_way(wire):
            wire.dropped = not task.same_version(head, accepted, wire.index)
            wire.expect(accepted.first - task.base, end, noting=False)
            return not wire.dropped
        if task.asks_end:
            if task.has_its_end(head, accepted):
                self._succeed(task)
                return False
            if head.status == 206 and (task.validator is None or task.owner != wire.index):
                # Nothing says that this continues what is here.
                self._restart(task)
                return False
            if head.status == 200 and task.may_restart():
                # Another version, whose end may be as uncertain; again and again at most thrice.
                task.end_asked = False
        joins = task.began and task.gaps is not None
        position = task.accept(head, accepted, wire.url, wire.index)
        if not joins and task.sink is not None:
            alone = self.concurrency.limit < 2
            self._pieces.scatter(task, wire, head, position, alone=alone)
            if task.gaps is not None:
                # One that it has overtaken, or was to overtake it: asked for all of the file,
                # has no claim, and nobody would compare its version.
                self._drop_others(task, wire)
        if self.shares.forecast.leads or wire.hops:
            self._redirects.accepted(task, wire, self.shared.clock())
        wire.expect(position, end, noting=task.gaps is not None)
        return True

    def _drop_others(self, task: Task, keep: Wire) -> None:
        for other in self._wires:
            other.dropped = other.dropped or (other.task is task and other is not keep)

    def _others_under_way(self, wire: Wire) -> bool:
        return any(w.task is wire.task and w is not wire and w.under_way for w in self._wires)

    def extend(self, wire: Wire) -> bool:
        """Let a wire that has filled its claim go on where nobody else is."""
        with self.lock:
            return self._pieces.extend(wire, self._wires)

    def note(self, wire: Wire) -> None:
        """Tell the store which bytes of a scattered resource have come."""
        with self.lock:
            note(wire)

    def _note(self, wire: Wire) -> None:
        try:
            note(wire)
        except BaseException as error:  # noqa: BLE001  sorted out by _broke
            self._broke(wire.task, error)

    # From time to time.

    def tick(self, now: float) -> None:
        """Give the hook its reading, and see to what is slow; however often it is called."""
        with self.lock:
            if now < self._next_tick:
                return
            self._next_tick = now + _TICK_SECONDS
            received = sum(loop.received for loop in self._loops) - self._received_before
            self.concurrency.observe(now, received, self.active)
            if not self.shares.wide and self._pace.is_large(self._wires):
                self._widen()
            if self._backlog.blocked:
                # Either reading may have been taken between two requests.
                self.concurrency.settle_at(max(self.active, self._active_before))
            self._active_before = self.active
            if self.jobs is None and not self._backlog.is_ready:
                self._overtake(now)
            reading = Reading(received, self.active, self._backlog.waiting, self.concurrency.limit)
            self.call(self.shared.hooks.on_tick, reading)

    def _overtake(self, now: float) -> None:
        """Send another transfer after the bytes of the slowest one, if one has nothing to do."""
        if self.active >= self.concurrency.limit:
            return
        wire = self._pace.slowest(self._wires, now, self.options.overtake_seconds)
        if wire is None:
            return
        if wire.task.gaps is not None:
            self._pieces.split(wire)
            return
        wire.raced = True
        self._backlog.add(wire.task)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a hook, with the lock held; what it raises ends the run."""
        try:
            function(*arguments)
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self.error is None:
            self.error = error
        self.stopping = True
        self.changed.notify_all()

    def halt(self, error: BaseException) -> None:
        """Stop the run on account of ``error``, with the lock held."""
        self._fail(error)

    def fail(self, error: BaseException) -> None:
        """Stop the run on account of ``error``, which is raised at its end."""
        with self.lock:
            self._fail(error)

    def stop(self) -> None:
        """Start nothing any more. Takes no lock, so that a signal handler may call it."""
        self.stopping = True


def _without_ranges(task: Task, failure: Failure) -> bool:
    """Say whether an answer to a parallel range shows that the server knows no ranges."""
    return failure.message is NO_RANGES or (failure.status == 416 and not task.proven)
