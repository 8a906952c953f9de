"""Where a task goes next: to which of its URLs, for which bytes, or what it has to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.failure import policy_failure, wants_peace
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.task import Attempt, Task
from dashget.transfer.run.wire import Wire

if TYPE_CHECKING:
    from dashget.transfer.run.loop import Loop
    from dashget.transfer.run.run import Run


class Aiming:
    """Aims the wires of a run. All is called with the run's lock held."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def open_sink(self, task: Task) -> bool:
        """Open the sink of a task that has none yet; False if the task cannot go on."""
        run = self._run
        try:
            task.open(run.options)
        except BaseException as error:  # noqa: BLE001  sorted out by Answers
            run.answers.broke(task, error)
            return False
        return True

    def aim(self, task: Task, wire: Wire) -> bool:
        """Have a wire make a task's next request; False where the task cannot go on just now.

        Then the task waits, is given up, or has no use for another wire.
        """
        run = self._run
        if task.halted:
            return False
        now = run.shared.clock()
        if now > task.deadline:
            task.give_up()
            return False
        led = run.redirects.kept(task, now)
        found = self._find_url(task, now) if led is None else (led.index, led.origin)
        if found is None:
            return False
        index, origin = found
        if not self.may_go(task, origin, wire.loop, now, led=led is not None):
            return False
        task.cursor = index
        attempt = self._attempt(task, index)
        if attempt is None:
            return False
        wire.aim(task, index, attempt, now)
        if led is None:
            return self.point(wire, task.urls[index], origin, now)
        run.redirects.use(task, wire, led, now)
        return self.point(wire, led.url, origin, now)

    def may_go(self, task: Task, origin: Origin, loop: Loop, now: float, *, led: bool) -> bool:
        """Say whether a task may ask a host now, to which it was ``led``; else have it wait."""
        run = self._run
        if self.must_wait(task, origin, now):
            if not task.queued:
                run.backlog.pause(task, origin.not_before, held=True)
            return False
        if not run.shares.has_room(origin, loop):
            if not task.queued:
                run.backlog.block(task, origin, led=led)
            return False
        return True

    def _attempt(self, task: Task, index: int) -> Attempt | None:
        """Return what to ask of the URL ``index``; None where another wire is of no use."""
        run = self._run
        if task.gaps is not None:
            if task.owner not in (None, index):
                # Of another URL: no validator says that it has the same bytes.
                if task.wires == 1:
                    task.restart()
                return None
            if not task.began and task.wires > 1:
                return None
            claim = run.pieces.claim(task, task.gaps)
            if claim is not None:
                return task.attempt_at_piece(*claim)
            if not task.began:
                task.restart()
            return None
        if task.wires == 1:
            return task.attempt()
        slow = next((wire for wire in run.wires if wire.task is task and wire.raced), None)
        if slow is None or (slow.under_way and slow.index != index):
            return None
        return task.attempt_to_overtake(slow.position if slow.under_way else 0)

    def _find_url(self, task: Task, now: float) -> tuple[int, Origin] | None:
        """Return the URL to try next, by its index, and its origin; None if none is left."""
        run = self._run
        origins = run.shared.origins
        if not task.failures and len(task.urls) == 1:
            # The first attempt on the only URL: nothing to choose.
            origin = origins.of(task.urls[0])
            if isinstance(origin, Origin) and not run.guard.https_only and origin.not_before <= now:
                return 0, origin
        while True:
            index = run.retries.choose(task, now, self._is_held_back)
            if index is None:
                task.give_up()
                return None
            task.cursor = index
            url = task.urls[index]
            origin = origins.of(url)
            refused = run.guard.downgrade(url) if isinstance(origin, Origin) else origin
            if isinstance(origin, Origin) and refused is None:
                wait = origin.not_before - now
                if wait > run.options.retry_after_limit_seconds and not task.began:
                    refused = wants_peace(wait)
            if refused is None and isinstance(origin, Origin):
                return index, origin
            if refused is not None:
                task.failed(refused, index, 0)

    def must_wait(self, task: Task, origin: Origin, now: float) -> bool:
        """Say whether a host is to be left alone; not by what has begun, where that takes hours."""
        wait = origin.not_before - now
        return wait > 0 and not (task.began and wait > self._run.options.retry_after_limit_seconds)

    def _is_held_back(self, url: str, now: float) -> bool:
        origin = self._run.shared.origins.of(url)
        return isinstance(origin, Origin) and origin.not_before > now

    def point(self, wire: Wire, url: str, origin: Origin, now: float) -> bool:
        """Have a wire make one request of its attempt; False where no URL can be like that."""
        run = self._run
        task = wire.task
        try:
            wire.point(url, origin, now)
        except (pycurl.error, ValueError, TypeError) as error:
            run.answers.give_back(wire)
            run.answers.failed(task, wire, policy_failure(f"not a valid URL ({error})"), 0)
            return False
        busy = wire.loop.busy
        busy[origin] = busy.get(origin, 0) + 1
        run.wires.add(wire)
        task.requests += 1
        if task.requests == 1 and run.hooks.wants_starts:
            run.call(run.hooks.on_started, task.job, wire.start)
        return True
