"""One run of the engine: which task goes next, and what becomes of each request.

Everything here happens with the run's lock held, so that ``done`` and the hooks are never
called from two threads at once; the bytes themselves go past it.
"""

from __future__ import annotations

import errno
import heapq
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec
import pycurl

from dashget.byterange import ByteRange
from dashget.errors import Retry, StoreError
from dashget.transfer.failure import Failure, Scope, policy_failure
from dashget.transfer.head import Head
from dashget.transfer.judge import NO_RANGES, Accepted, Redirect
from dashget.transfer.limits import Pacer
from dashget.transfer.options import TransferOptions
from dashget.transfer.origin import Origin, Origins, shown
from dashget.transfer.ranges import Gaps
from dashget.transfer.request import (
    Fetched,
    Hooks,
    Job,
    Method,
    Reading,
    TransferError,
)
from dashget.transfer.retry import Bases, Budget, backoff_seconds, bases_of
from dashget.transfer.task import UNMARKED, Task

if TYPE_CHECKING:
    from dashget.transfer.loop import Loop
    from dashget.transfer.wire import Verdict, Wire

Done = Callable[[Job, Fetched | TransferError], object]

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE})
_SHORTAGE_PAUSE_SECONDS = 0.2
_SHORTAGES_AT_MOST = 100
_TICK_SECONDS = 0.1
_HEAD_NOT_REFUSED = frozenset({404, 410, 407, 408, 425, 429})


class Shared(msgspec.Struct):
    """What the runs of one engine have in common."""

    options: TransferOptions
    origins: Origins
    bases: Bases
    hooks: Hooks
    pacer: Pacer | None
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    random: Callable[[], float]


class Run:
    """The state of one run. The methods with a public name take the lock themselves."""

    def __init__(
        self, shared: Shared, jobs: Iterable[Job], done: Done, loops: tuple[Loop, ...]
    ) -> None:
        self.shared = shared
        self.options = shared.options
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.stopping = False
        self.error: BaseException | None = None
        self.target = self.options.in_flight or 4
        self._loops = loops
        self._jobs: Iterator[Job] | None = iter(jobs)
        self._done = done
        self._budget = Budget(self.options.run_retries)
        self._ready: deque[Task] = deque()
        self._paused: list[tuple[float, int, Task]] = []
        self._blocked: dict[Origin, deque[Task]] = {}
        self._blocked_count = 0
        self._sequence = 0
        self._open: dict[Task, None] = {}
        self._scattered: list[Task] = []
        self._active = 0
        self._sleepers = 0
        self._wires: set[Wire] = set()
        self._next_tick = 0.0
        self._received_before = sum(loop.received for loop in loops)

    # --- what loops ask ---------------------------------------------------------------

    def share(self, loop: Loop) -> int:
        """How many transfers a loop drives at most."""
        return self._part(self.target, loop)

    def _part(self, whole: int, loop: Loop) -> int:
        """Share out a number of connections: no loop can use another's."""
        count = len(self._loops)
        return (whole + count - 1 - self._loops.index(loop)) // count

    def over(self) -> bool:
        """Say whether nothing is left that a loop could ever be given."""
        with self.lock:
            return self._over()

    def _over(self) -> bool:
        return self.stopping or (self._jobs is None and not self._open)

    def wait(self, seconds: float) -> None:
        """Sleep until something has changed, or for ``seconds``."""
        with self.changed:
            if not self._over():
                self._sleepers += 1
                self.changed.wait(seconds)
                self._sleepers -= 1

    def take(self, loop: Loop) -> Task | None:
        """Return a task for a loop to go on with; None if there is nothing to start just now."""
        with self.lock:
            if self.stopping or self._active >= self.target:
                return None
            try:
                task = self._next(loop)
            except BaseException as error:  # noqa: BLE001  raised again by Engine.run
                self._fail(error)
                return None
            if task is not None:
                self._active += 1
                task.wires += 1
            return task

    def _next(self, loop: Loop) -> Task | None:
        for origin, blocked in self._blocked.items():
            if blocked and self._has_room(origin, loop):
                self._blocked_count -= 1
                return blocked.popleft()
        while self._ready:
            task = self._ready.popleft()
            if not task.closed:
                return task
        now = self.shared.clock()
        while self._paused and self._paused[0][0] <= now:
            task = heapq.heappop(self._paused)[2]
            if not task.closed:
                return task
        if self._jobs is not None and self._waiting < max(16, 4 * self.target):
            job = next(self._jobs, None)
            if job is not None:
                task = Task(job)
                self._open[task] = None
                self._budget.started += 1
                return task
            self._jobs = None
        return self._helped()

    def _helped(self) -> Task | None:
        """Return a large task that another transfer would bring forward."""
        for task in self._scattered:
            if task.gaps and not task.halted and (task.proven or task.wires < 2):
                return task
        return None

    @property
    def _waiting(self) -> int:
        return len(self._paused) + self._blocked_count + len(self._ready)

    # --- starting -----------------------------------------------------------------------

    def open(self, task: Task) -> bool:
        """Open the sink of a task that has none yet; False if the task cannot go on."""
        if task.sink is not None:
            return True
        try:
            task.open(self.options)
        except BaseException as error:  # noqa: BLE001  sorted out by _broke
            with self.lock:
                self._broke(task, error)
                self._release(task)
            return False
        return True

    def prepare(self, task: Task, wire: Wire) -> bool:
        """Aim a wire at what the task needs next; False if that is nothing at the moment."""
        with self.lock:
            ready = not task.halted and self._aim(task, wire)
            if not ready:
                self._release(task)
            return ready

    def _aim(self, task: Task, wire: Wire) -> bool:
        now = self.shared.clock()
        found = self._find_url(task, now)
        if found is None:
            return False
        index, origin = found
        if origin.not_before > now:
            self._pause(task, origin.not_before)
            return False
        if not self._has_room(origin, wire.loop):
            self._blocked.setdefault(origin, deque()).append(task)
            self._blocked_count += 1
            return False
        if task.gaps is None:
            asked, first = task.asked()
            wire.aim(task, index, asked, first, None)
        else:
            claim = self._claim(task, task.gaps)
            if claim is None:
                return False
            wire.aim(task, index, task.asked_piece(*claim), *claim)
        return self._point(wire, task.urls[index], origin, now)

    def _has_room(self, origin: Origin, loop: Loop) -> bool:
        """Say whether a loop may have one more connection to a host."""
        cap = self.options.max_per_host
        if cap is None:
            return True
        return loop.busy.get(origin, 0) < self._part(cap, loop)

    def _claim(self, task: Task, gaps: Gaps) -> tuple[int, int] | None:
        most = self.options.range_size
        if task.began:
            return gaps.take(most)
        if task.wires > 1:
            return None
        # A sink that is told to begin at zero drops everything; there is something to keep.
        claim = gaps.take_late(most)
        if claim is None:
            task.forget()
            self._ready.append(task)
        return claim

    def _find_url(self, task: Task, now: float) -> tuple[int, Origin] | None:
        shared = self.shared
        while True:
            index = task.choose(shared.bases, now, self.options)
            if index is None:
                self._give_up(task)
                return None
            task.cursor = index
            url = task.urls[index]
            origin = shared.origins.of(url)
            refused = shared.origins.downgrade(url) if isinstance(origin, Origin) else origin
            if isinstance(origin, Origin) and refused is None:
                return index, origin
            if refused is not None:
                task.failed(refused, index, 0)

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
        if task.requests == 1:
            self._call(self.shared.hooks.on_started, task.job, wire.start)
        return True

    # --- ending -------------------------------------------------------------------------

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
        task, origin = wire.task, wire.origin
        self._wires.discard(wire)
        task.received += wire.received
        wire.loop.busy[origin] -= 1

    def _give_back(self, wire: Wire) -> int:
        """Keep what a broken request brought; return how many bytes that is."""
        task = wire.task
        progress = max(0, wire.position - wire.start)
        if wire.claim is not None and task.gaps is not None:
            self._note(wire)
            task.gaps.give_back(wire.position, wire.claim)
        elif progress and task.began and task.gaps is None:
            task.prefix = max(task.prefix, wire.position)
        return progress

    def _landed(self, task: Task, wire: Wire) -> bool:
        self._measure(task, wire)
        if task.request.method is Method.HEAD:
            return self._looked(task)
        if task.gaps is None or wire.claim is None:
            task.prefix = wire.position
            self._succeed(task)
            return False
        self._note(wire)
        task.gaps.give_back(wire.position, wire.claim)
        return bool(task.gaps) and self._aim(task, wire)

    def _looked(self, task: Task) -> bool:
        if task.size is not None:
            self._succeed(task)
        elif task.asks_probe:
            task.failure = Failure("the server does not tell the size", Retry.ELSEWHERE)
            self._give_up(task)
        else:
            task.asks_probe = True
            self._ready.append(task)
        return False

    def _measure(self, task: Task, wire: Wire) -> None:
        ask = wire.handle.getinfo
        task.timing = (ask(pycurl.STARTTRANSFER_TIME), ask(pycurl.TOTAL_TIME))
        task.remote = (ask(pycurl.PRIMARY_IP), ask(pycurl.PRIMARY_PORT))

    def _redirected(self, task: Task, wire: Wire, redirect: Redirect) -> bool:
        origins = self.shared.origins
        target = origins.redirect(wire.url, redirect.location)
        if isinstance(target, str):
            wire.visited.add(wire.url)
            wire.hops += 1
            if target in wire.visited:
                target = policy_failure(f"redirect loop at {shown(target)}")
            elif wire.hops > self.options.max_redirects:
                target = policy_failure(f"more than {self.options.max_redirects} redirects")
        origin = origins.of(target) if isinstance(target, str) else target
        if isinstance(target, str) and isinstance(origin, Origin):
            return self._point(wire, target, origin, self.shared.clock())
        failure = target if isinstance(target, Failure) else origin
        if isinstance(failure, Failure):
            self._failed(task, wire, failure, self._give_back(wire))
        return False

    def _failed(self, task: Task, wire: Wire, failure: Failure, progress: int) -> None:
        if failure.restart and task.may_restart():
            self._restart(task)
            return
        if task.request.method is Method.HEAD and not task.asks_probe:
            status = failure.status
            if status is not None and status >= 400 and status not in _HEAD_NOT_REFUSED:
                task.asks_probe = True
                self._ready.append(task)
                return
        if task.gaps is not None and failure.message is NO_RANGES:
            if task.wires > 1:
                # Leave it to the transfer that has begun the file, or to proven ones.
                if not task.proven and task in self._scattered:
                    self._scattered.remove(task)
                return
            task.in_one = True
            self._restart(task)
            return
        self._count_failure(task, wire, failure, progress)

    def _count_failure(self, task: Task, wire: Wire, failure: Failure, progress: int) -> None:
        shared, options = self.shared, self.options
        now, index = shared.clock(), wire.index
        after = failure.retry_after_seconds
        if after is not None:
            if after > options.retry_after_limit_seconds:
                failure = msgspec.structs.replace(
                    failure,
                    retry=Retry.ELSEWHERE,
                    message=f"{failure.message}, to be asked again in {after:.0f} s",
                )
            else:
                wire.origin.not_before = max(wire.origin.not_before, now + after)
        task.failed(failure, index, progress)
        if len(task.urls) > 1 and (failure.scope is Scope.BASE or failure.retry is Retry.ELSEWHERE):
            base = bases_of(task.urls)[index]
            shared.bases.failed(base, now, unreachable=failure.scope is Scope.BASE)
        following = task.choose(shared.bases, now, options)
        if following is None or not self._budget.spend():
            self._give_up(task)
            return
        delay = 0.0
        if task.tries[following] or following == index:
            delay = backoff_seconds(max(1, task.tries[following]), options, shared.random)
        if following == index and after is not None:
            delay = max(delay, after)
        url = task.urls[following]
        self._call(shared.hooks.on_retry, task.job, url, task.failures, delay, failure.message)
        if task.gaps is not None and following != index:
            self._restart(task)
        else:
            self._pause(task, now + delay)

    def _restart(self, task: Task) -> None:
        """Let all wires of the task end, and begin it anew after the last one."""
        task.halted = True

    def _pause(self, task: Task, until: float) -> None:
        self._sequence += 1
        heapq.heappush(self._paused, (until, self._sequence, task))

    def _broke(self, task: Task, error: BaseException) -> None:
        """Sort out what a sink raised: the file's trouble, the disk's, or a bug."""
        if isinstance(error, OSError) and error.errno in _SHORTAGE:
            task.shortages += 1
            if task.shortages <= _SHORTAGES_AT_MOST:
                self.target = max(1, min(self.target, self._active - 1))
                self._pause(task, self.shared.clock() + _SHORTAGE_PAUSE_SECONDS)
                return
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            reason = (error.strerror or str(error)).lower()
            place = f": {error.filename}" if error.filename else ""
            self._fail(StoreError(f"cannot write: {reason}{place}"))
        elif isinstance(error, OSError):
            reason = (error.strerror or str(error)).lower()
            task.failure = Failure(f"cannot write: {reason}", Retry.NEVER)
            self._give_up(task)
        elif isinstance(error, OverflowError):
            task.failure = Failure(f"too large: {error}", Retry.NEVER)
            self._give_up(task)
        else:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self.error is None:
            self.error = error
        self.stopping = True
        self.changed.notify_all()

    def _succeed(self, task: Task) -> None:
        task.succeeded = True
        if len(task.urls) > 1 and not self.shared.bases.spotless and task.owner is not None:
            self.shared.bases.worked(bases_of(task.urls)[task.owner])
        task.closed = task.halted = True

    def _give_up(self, task: Task) -> None:
        """Decide that a task has failed; it is reported when its last wire has let go."""
        task.closed = task.halted = True

    def _release(self, task: Task) -> None:
        """Take a wire off a task, and report the task if that was the last one."""
        self._active -= 1
        task.wires -= 1
        if not task.wires:
            if not task.halted and task.all_here:
                task.prefix = task.size or 0
                self._succeed(task)
            if task.closed:
                self._report(task)
            elif task.halted and not self.stopping:
                task.halted = False
                task.forget()
                self._ready.append(task)
        if self._sleepers:
            self.changed.notify_all()

    def _report(self, task: Task, *, cancelled: bool = False) -> None:
        self._open.pop(task, None)
        if task in self._scattered:
            self._scattered.remove(task)
        self._call(self._done, task.job, task.result(cancelled=cancelled))

    def finish(self) -> None:
        """Report as cancelled whatever is still open; for after the loops have ended."""
        with self.lock:
            for task in tuple(self._open):
                self._report(task, cancelled=True)

    # --- from the transfers -------------------------------------------------------------

    def accept(self, wire: Wire, head: Head, accepted: Accepted) -> bool:
        """Take a good response for a wire's task; False if it is not needed any more."""
        if wire.task.wires == 1:
            wanted = self._accept(wire, head, accepted)
        else:
            with self.lock:
                wanted = self._accept(wire, head, accepted)
        if wire.task.gaps is not None:
            with self.lock:
                self.changed.notify_all()
        return wanted

    def _accept(self, wire: Wire, head: Head, accepted: Accepted) -> bool:
        task = wire.task
        if wire.dropped or task.halted:
            return False
        joins = task.began and task.gaps is not None
        position = task.accept(head, accepted, wire.url, wire.index)
        if not joins and task.sink is not None:
            self._scatter(task, wire, head, position)
        end = None if accepted.end is None else accepted.end - task.base
        wire.expect(position, end, noting=task.gaps is not None)
        return True

    def _scatter(self, task: Task, wire: Wire, head: Head, position: int) -> None:
        """Make a large resource one that may come in parallel ranges, or go on with that."""
        size, options = task.size, self.options
        if task.gaps is None:
            wire.claim = None
            if (
                size is None
                or size - position < options.range_threshold
                or task.validator is None
                or task.request.range is not None
                or self.target < 2
                or task.in_one
                or head.fields.get(b"accept-ranges") == b"none"
            ):
                return
            task.gaps = Gaps(size, [ByteRange(0, position - 1)] if position else ())
            wire.claim = task.gaps.extend(position, options.range_size)
        if task.sink is not None:
            task.sink.scatter()
        self._scattered.append(task)

    def extend(self, wire: Wire) -> bool:
        """Let a wire that has filled its claim go on where nobody else is."""
        with self.lock:
            task, most = wire.task, self.options.range_size
            if task.gaps is None:
                return False
            claim = task.gaps.extend(wire.position, most)
            if claim is None and not task.proven and wire.asked.range is None:
                self._drop_unproven(task, task.gaps, wire)
                claim = task.gaps.extend(wire.position, most)
            if claim is None:
                return False
            wire.claim = claim
            return True

    def _drop_unproven(self, task: Task, gaps: Gaps, keep: Wire) -> None:
        """Take claims back from wires whose ranges the server has not answered yet."""
        for wire in self._wires:
            if wire.task is task and wire is not keep and wire.claim is not None:
                gaps.give_back(wire.position, wire.claim)
                wire.claim = None
                wire.dropped = True

    def note(self, wire: Wire, span: ByteRange) -> None:
        """Tell the store that a span of a scattered resource is there."""
        with self.lock:
            if wire.task.sink is not None and wire.task.began:
                wire.task.sink.written(span)

    def _note(self, wire: Wire) -> None:
        sink = wire.task.sink
        if wire.mark == UNMARKED or wire.position <= wire.noted or sink is None:
            return
        try:
            sink.written(ByteRange(wire.noted, wire.position - 1))
        except BaseException as error:  # noqa: BLE001  sorted out by _broke
            self._broke(wire.task, error)
        wire.noted = wire.position

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        try:
            function(*arguments)
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            self._fail(error)

    def tick(self, now: float) -> None:
        """Give the hook its reading, at most ten times a second whoever asks."""
        with self.lock:
            if now < self._next_tick:
                return
            self._next_tick = now + _TICK_SECONDS
            received = sum(loop.received for loop in self._loops) - self._received_before
            reading = Reading(received, self._active, len(self._paused) + self._blocked_count)
            self._call(self.shared.hooks.on_tick, reading)

    def fail(self, error: BaseException) -> None:
        """Stop the run on account of ``error``, which is raised at its end."""
        with self.lock:
            self._fail(error)

    def stop(self) -> None:
        """Start nothing any more. Takes no lock, so that a signal handler may call it."""
        self.stopping = True
