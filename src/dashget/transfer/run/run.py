"""One run of the engine: its tasks from the first job to the last report.

Everything happens with the run's lock held, so that ``done`` and the hooks are never called
from two threads at once; the bytes themselves go past it. Where a task goes next is decided in
``aiming.py``, what becomes of the answers in ``answers.py``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dashget.transfer.contract import (
    Fetched,
    Hooks,
    Job,
    Reading,
    ResponseHead,
    TransferError,
)
from dashget.transfer.http.guard import Guard
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import Accepted
from dashget.transfer.http.origin import Origins
from dashget.transfer.pacing.concurrency import Concurrency, Pacer
from dashget.transfer.pacing.load import Load
from dashget.transfer.pacing.pace import LARGE_BYTES, Pace
from dashget.transfer.pacing.shares import Shares
from dashget.transfer.run.aim import Aiming
from dashget.transfer.run.alone import Alone
from dashget.transfer.run.backlog import Backlog
from dashget.transfer.run.consequences import Answers
from dashget.transfer.run.pieces import Pieces, note
from dashget.transfer.run.redirects import Redirects
from dashget.transfer.run.retry import Bases, Retries
from dashget.transfer.run.task import Task
from dashget.transfer.run.underway import iter_under_way
from dashget.transfer.run.verdict import Verdict
from dashget.transfer.run.wire import Wire
from dashget.transfer.settings.options import TransferOptions

if TYPE_CHECKING:
    from dashget.transfer.run.loop import Loop

Done = Callable[[Job, Fetched | TransferError], object]

_TICK_SECONDS = 0.1
_MICRO_DIGITS = 6
"""Microseconds, as libcurl measures; more digits would only be longer to write down."""
_HELD_BACK_AT_MOST = 2000
"""Tasks that wait for hosts which want to be left alone, while others are still pulled."""
_HELD_AT_MOST = 4 * 1024 * 1024
_LARGE_OVER_TLS = 4 * 1024 * 1024
"""What is decrypted arrives in records of 16 KiB, for each of which a loop needs Python's lock."""


class Shared(msgspec.Struct):
    """What the runs of one engine have in common."""

    options: TransferOptions
    origins: Origins
    bases: Bases
    pacer: Pacer | None
    cookies: Any
    """What all handles know of cookies (a pycurl.CurlShare)."""
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    random: Callable[[], float]
    latency_seconds: float | None = None
    """How long the first byte of a response took that came last, connecting included."""


class Run:
    """The state of one run. Its methods take the lock themselves, or say that it is held."""

    def __init__(
        self,
        shared: Shared,
        jobs: Iterable[Job],
        done: Done,
        loops: tuple[Loop, ...],
        guard: Guard | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self.shared = shared
        self.guard = guard or Guard()
        self.hooks = hooks or Hooks()
        self.options = options = shared.options
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.stopping = False
        self.error: BaseException | None = None
        self.loops = loops
        self.held_at_most = min(_HELD_AT_MOST, options.range_threshold - 1)
        """How large a resource may be that comes whole to a wire which is alone."""
        self.jobs: Iterator[Job] | None = iter(jobs)
        self._done = done
        self.concurrency = Concurrency(options, shared.clock(), shared.latency_seconds)
        self.shares = Shares(options, self.concurrency, loops)
        self.redirects = Redirects(options, shared.origins, self.shares.forecast)
        self.retries = Retries(options, shared.bases, shared.random)
        self.backlog = Backlog()
        self.pieces = Pieces(options)
        self.aiming = Aiming(self)
        self.answers = Answers(self)
        self._alone = Alone(self)
        self._open: dict[Task, None] = {}
        self.wires: set[Wire] = set()
        self.active = 0
        self._sleepers = 0
        self.pace = Pace()
        self._load = Load(shared.clock, lambda: sum(loop.waited_seconds for loop in loops))
        self._next_tick = 0.0
        self._active_before = 0
        self._received_before = sum(loop.received for loop in loops)

    # What loops ask.

    def share(self, loop: Loop) -> int:
        """How many transfers a loop drives at most."""
        return self.shares.of(loop)

    def over(self) -> bool:
        """Say whether nothing is left that a loop could ever be given, and let all know it."""
        with self.lock:
            over = self._over()
            if over:
                # That no job is left may have been found only after the last report.
                self.changed.notify_all()
            return over

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
            ready = (task.sink is not None or self.aiming.open_sink(task)) and self.aiming.aim(
                task, wire
            )
            if not ready:
                self._release(task)
                if helping:
                    return None
            return ready

    def _next(self, loop: Loop) -> Task | None:
        backlog = self.backlog
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
        return self.pieces.helped()

    def _new_task(self, job: Job) -> Task:
        task = Task(job)
        self._open[task] = None
        return task

    # For wires that ask alone.

    def ask(self, loop: Loop, most: int) -> list[Wire]:
        """Have up to ``most`` idle wires of a loop ask alone; return those that do."""
        with self.lock:
            if self.stopping or self.jobs is None or self.backlog.count:
                return []
            return self._alone.ask(loop, most, self.shared.clock())

    def pull(self) -> Job | None:
        """Take the next job, with the lock held; None if there is none."""
        if self.jobs is None:
            return None
        try:
            job = next(self.jobs, None)
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            self.halt(error)
            return None
        if job is None:
            self.jobs = None
        else:
            self.pulled(1)
        return job

    def pulled(self, count: int) -> None:
        """Take note of jobs that were taken, with the lock held."""
        self.retries.budget.started += count

    def wait_for_wire(self, job: Job) -> None:
        """Make a task of a job, which then waits for a wire; with the lock held."""
        self.backlog.add(self._new_task(job))

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
            self.wires.discard(wire)
            task.received += sum(map(len, wire.arrived))
            # Its place among the transfers is another's already.
            self.answers.broke(task, opening or error)
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
            self.wires.add(wire)
            try:
                task.open(self.options)
            except BaseException as error:  # noqa: BLE001  sorted out by Answers
                return error
            return None

    # Ending.

    def settle(self, wire: Wire, verdict: Verdict) -> bool:
        """Draw the consequences of a request's end. True: the wire is aimed anew, go on."""
        with self.lock:
            task = wire.task
            self._leave(wire)
            again = self.answers.settle(wire, verdict)
            if not again:
                self._release(task)
            return again

    def abandon(self, wire: Wire) -> None:
        """Let go of a wire whose transfer was broken off because the run stops."""
        with self.lock:
            self._leave(wire)
            self.answers.give_back(wire)
            self._release(wire.task)

    def _leave(self, wire: Wire) -> None:
        self.wires.discard(wire)
        wire.loop.busy[wire.origin] -= 1
        wire.task.received += wire.received
        if self.stopping:
            wire.task.cut_off = True

    def answered(self, wire: Wire, version: str, first_byte: float, seconds: float) -> None:
        """Take note of how, and how soon, a host has answered; with the lock held."""
        if self.concurrency.adaptive:
            wire.origin.multiplexes = version >= "2"
            self.concurrency.arrived(first_byte, seconds)
            self.shared.latency_seconds = first_byte

    def landed(self, count: int, size: int, seconds: float) -> None:
        """Take note of what transfers brought, all together; with the lock held."""
        self.pace.ended(count, size, seconds)
        self._widen(self.pace.usual_bytes)

    def _widen(self, size: int) -> None:
        """Let all loops take part from now on, if transfers of ``size`` are worth it.

        Where nobody asked for several loops, one has to be never idle as well.
        """
        if self.shares.wide or size < LARGE_BYTES:
            return
        if self.options.loops is None and (size < self._worth() or not self._load.is_full()):
            return
        self.shares.wide = True
        self.changed.notify_all()

    def _worth(self) -> int:
        """How large transfers have to be so that two loops are faster than one."""
        over_tls = any(origin.scheme == "https" for loop in self.loops for origin in loop.busy)
        return _LARGE_OVER_TLS if over_tls else LARGE_BYTES

    def succeed(self, task: Task) -> None:
        """Take note that all of a task is here; with the lock held."""
        task.succeeded = True
        if task.asked_at is not None:
            task.seconds = round(self.shared.clock() - task.asked_at, _MICRO_DIGITS)
        self.shared.bases.worked(task)
        task.closed = task.halted = True

    def _release(self, task: Task) -> None:
        """Take a wire off a task, and report the task if that was the last one."""
        self.active -= 1
        task.wires -= 1
        if not task.wires:
            if not task.halted and task.all_here:
                task.prefix = task.size or 0
                self.succeed(task)
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
            self.pieces.leave(task)
            task.forget()
        if not task.end.asking:
            # What all may be here of is finished with the answer, and nothing opens it before.
            task.park()
        if not task.queued:
            self.backlog.add(task)

    def _report(self, task: Task, *, cancelled: bool = False) -> None:
        self._open.pop(task, None)
        if task.gaps is not None:
            self.pieces.leave(task)
        self.report(task.job, task.result(cancelled=cancelled))

    def report(self, job: Job, result: Fetched | TransferError) -> None:
        """Report what has become of a job; with the lock held."""
        try:
            self._done(job, result)
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            self.halt(error)
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
            wanted = self.answers.accept(wire, head, accepted)
            if wire.task.gaps is not None:
                self._widen(max(self.options.range_size, LARGE_BYTES))
        return wanted

    def extend(self, wire: Wire) -> bool:
        """Let a wire that has filled its claim go on where nobody else is."""
        with self.lock:
            return self.pieces.extend(wire, self.wires)

    def note(self, wire: Wire) -> None:
        """Tell the store which bytes of a scattered resource have come."""
        with self.lock:
            note(wire)

    # From time to time.

    def tick(self, now: float) -> None:
        """Give the hook its reading, and see to what is slow; however often it is called."""
        with self.lock:
            if now < self._next_tick:
                return
            self._next_tick = now + _TICK_SECONDS
            received = sum(loop.received for loop in self.loops) - self._received_before
            self.concurrency.observe(now, received, self.active)
            if not self.shares.wide:
                self._widen(self.pace.largest_bytes(self.wires))
            if self.backlog.blocked:
                # Either reading may have been taken between two requests.
                self.concurrency.settle_at(max(self.active, self._active_before))
            self._active_before = self.active
            if self.jobs is None and not self.backlog.is_ready:
                self._overtake(now)
            reading = Reading(
                received,
                self.active,
                self.backlog.waiting,
                self.concurrency.limit,
                tuple(iter_under_way(self._open, self.wires)),
            )
            self.call(self.hooks.on_tick, reading)

    def _overtake(self, now: float) -> None:
        """Send another transfer after the bytes of the slowest one, if one has nothing to do."""
        if self.active >= self.concurrency.limit:
            return
        wire = self.pace.slowest(self.wires, now, self.options.overtake_seconds)
        if wire is None:
            return
        if wire.task.gaps is not None:
            self.pieces.split(wire)
            return
        wire.raced = True
        self.backlog.add(wire.task)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a hook, with the lock held; what it raises ends the run."""
        try:
            function(*arguments)
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            self.halt(error)

    def halt(self, error: BaseException) -> None:
        """Stop the run on account of ``error``, with the lock held."""
        if self.error is None:
            self.error = error
        self.stopping = True
        self.changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Stop the run on account of ``error``, which is raised at its end."""
        with self.lock:
            self.halt(error)

    def stop(self) -> None:
        """Start nothing any more. Takes no lock, so that a signal handler may call it."""
        self.stopping = True
