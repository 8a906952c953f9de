"""The short way: what is small and comes at once needs no task.

A wire asks alone, for nothing but a job, where all of a resource is wanted and nothing of it
is there. When all of it has come within a moment of its first bytes, it is put where the job
says, and that is all. Whatever else happens - a head that is not a plain 200, a body that takes
longer, an error, the end of the run - makes a task of it (``Run.enlist``), as if it had been one
from the start. Beside the system calls there is nothing in most runs that takes more time than
this module: what it does for each resource, it does with as little Python as can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from dashget.transfer.contract import Job, ResponseHead
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.wire import Wire

if TYPE_CHECKING:
    from dashget.transfer.run.loop import Loop
    from dashget.transfer.run.run import Run


class Alone:
    """The wires of a run that ask alone. All but ``put`` is called with the run's lock held."""

    __slots__ = ("_near", "_run")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._near = ""
        """What all URLs of the origin in use begin with."""

    def ask(self, loop: Loop, most: int, now: float) -> list[Wire]:
        """Have up to ``most`` idle wires of a loop ask for the next resources; return them.

        Ends early at a resource that takes a task, which is then waiting for a wire.
        """
        run, idle, busy = self._run, loop.idle, loop.busy
        # Another loop may still have more than its share of a number that was lowered.
        most = max(0, min(most, run.concurrency.limit - run.active))
        pulled, started = 0, []
        origin, near, room = self._look_up(self._near, loop, now)
        spotless, tells = run.shared.bases.spotless, run.hooks.wants_starts
        try:
            for job in islice(run.jobs or (), most):
                pulled += 1
                urls = job.request.urls
                url = urls[0]
                if not room or not url.startswith(near):
                    origin, near, room = self._look_up(url, loop, now)
                if not origin or not room or not job.deliver or (len(urls) > 1 and not spotless):
                    run.wait_for_wire(job)
                    break
                wire = idle.pop() if idle else self._new_wire(loop, job)
                try:
                    wire.ask(job, url, origin, now)
                except (pycurl.error, ValueError, TypeError):
                    idle.append(wire)
                    run.wait_for_wire(job)
                    break
                busy[origin] = busy.get(origin, 0) + 1
                started.append(wire)
                room -= 1
                if tells:
                    run.call(run.hooks.on_started, job, 0)
                    if run.stopping:
                        break
            else:
                if pulled < most:
                    run.jobs = None
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            run.halt(error)
        run.pulled(pulled)
        run.active += len(started)
        return started

    def _new_wire(self, loop: Loop, job: Job) -> Wire:
        try:
            return Wire(loop)
        except BaseException:
            # The run ends with this, and is to tell also of the job that was for it.
            self._run.wait_for_wire(job)
            raise

    def _look_up(self, url: str, loop: Loop, now: float) -> tuple[Origin | None, str, int]:
        """Return the origin of a URL, how its URLs begin, and how many may be asked for now."""
        run = self._run
        origin = run.shared.origins.of(url)
        end = url.find("/", 8) + 1
        if not isinstance(origin, Origin) or not end:
            return None, "", 0
        near = self._near = url[:end]
        if origin.not_before > now or run.guard.downgrade(near) is not None:
            return origin, near, 0
        return origin, near, run.shares.room(origin, loop)

    def vacate(self, loop: Loop, whole: Sequence[tuple[Wire, ResponseHead]]) -> None:
        """Let other transfers take the places of some that are over, before they are settled."""
        for wire, _ in whole:
            loop.busy[wire.origin] -= 1
        self._run.active -= len(whole)
        forecast = self._run.shares.forecast
        if forecast.leads:
            for wire, _ in whole:
                forecast.answered(wire.origin)

    def put(self, loop: Loop, whole: Sequence[tuple[Wire, ResponseHead]]) -> None:
        """Hand over resources that have come whole, and report them. Without the run's lock."""
        run = self._run
        lock, adaptive = run.lock, run.concurrency.adaptive
        count = total = 0
        spent = 0.0
        for wire, head in whole:
            job: Any = wire.job
            try:
                job.deliver(job, head, wire.arrived)
            except BaseException as error:  # noqa: BLE001  sorted out by the run
                run.put_failed(wire, error)
                loop.received += head.size or 0
            else:
                fetched = wire.fetched(head)
                seconds = fetched.seconds
                with lock:
                    run.report(job, fetched)
                    if adaptive:
                        first_byte = fetched.first_byte_seconds or 0.0
                        run.answered(wire, head.http_version, first_byte, seconds)
                count += 1
                total += fetched.size
                spent += seconds
            wire.job = None
            wire.arrived.clear()
            loop.idle.append(wire)
        loop.received += total
        with lock:
            run.landed(count, total, spent)
