"""The short way: what is small and comes at once needs no task.

A wire asks alone, for nothing but a job, where all of a resource is wanted and nothing of it
is there. When all of it has come within a moment of its first bytes, it is put where the job
says, and that is all. Whatever else happens - a head that is not a plain 200, a body that takes
longer, an error, the end of the run - makes a task of it (``Run.enlist``), as if it had been one
from the start. Beside the system calls there is nothing in most runs that takes more time than
this module: what it does for each resource, it does with as little Python as can be.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dashget.transfer.libcurl import pycurl
from dashget.transfer.origin import Origin
from dashget.transfer.request import Fetched, Job, ResponseHead
from dashget.transfer.wire import Wire, measured

if TYPE_CHECKING:
    from dashget.transfer.loop import Loop
    from dashget.transfer.run import Run


class Alone:
    """The wires of a run that ask alone. All but ``put`` is called with the run's lock held."""

    __slots__ = ("_near", "_origin", "_run")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._near = "://"
        """What all URLs of the origin in use begin with; nothing begins with this."""
        self._origin: Origin | None = None

    def ask(self, loop: Loop, most: int, now: float) -> list[Wire]:
        """Have up to ``most`` idle wires of a loop ask for the next resources; return them.

        Ends early at a resource that takes a task, which is then waiting for a wire.
        """
        run, idle, busy = self._run, loop.idle, loop.busy
        started: list[Wire] = []
        most = min(most, run.concurrency.limit - run.active)
        tells = run.shared.hooks.wants_starts
        while len(started) < most and not run.stopping:
            if not idle:
                run.call(self._make_wire, loop)
            job = run.pull() if idle else None
            if job is None:
                break
            url = job.request.urls[0]
            origin = self._origin if url.startswith(self._near) else self._look_up(url)
            if job.put is None or origin is None or not self._may_ask(job, origin, loop, now):
                run.wait_for_wire(job)
                break
            wire = idle.pop()
            try:
                wire.ask(job, url, origin, now)
            except (pycurl.error, ValueError, TypeError):
                idle.append(wire)
                run.wait_for_wire(job)
                break
            busy[origin] = busy.get(origin, 0) + 1
            started.append(wire)
            if tells:
                run.call(run.shared.hooks.on_started, job, 0)
        run.active += len(started)
        return started

    def _make_wire(self, loop: Loop) -> None:
        loop.idle.append(Wire(loop))

    def _look_up(self, url: str) -> Origin | None:
        origin = self._run.shared.origins.of(url)
        if not isinstance(origin, Origin):
            return None
        end = url.find("/", 8) + 1
        if end:
            self._near, self._origin = url[:end], origin
        return origin

    def _may_ask(self, job: Job, origin: Origin, loop: Loop, now: float) -> bool:
        if origin.not_before > now:
            return False
        run = self._run
        if not run.is_choosy:
            return len(job.request.urls) == 1 or run.shared.bases.spotless
        return (
            run.shared.origins.downgrade(job.request.urls[0]) is None
            and run.shares.has_room(origin, loop)
            and (len(job.request.urls) == 1 or run.shared.bases.spotless)
        )

    def vacate(self, wires: Iterable[tuple[Wire, ResponseHead]]) -> None:
        """Let other transfers take the places of some that are over, before they are settled."""
        for wire, _ in wires:
            wire.loop.busy[wire.origin] -= 1
            self._run.active -= 1

    def put(self, wire: Wire, job: Job, head: ResponseHead) -> None:
        """Hand over a resource that has come whole, and report it."""
        run, size = self._run, head.size or 0
        try:
            if job.put is not None:
                job.put(job, head, wire.arrived)
        except BaseException as error:  # noqa: BLE001  sorted out by the run
            run.put_failed(wire, error)
            return
        first_byte, seconds, remote = measured(wire.handle)
        fetched = Fetched(head, size, 1, 1, size, first_byte, seconds, remote, False)
        with run.lock:
            run.landed(size, first_byte, seconds)
            run.report(job, fetched)
