"""The transfer engine: many resources at once, over libcurl's multi interface.

``Engine.run`` starts a few threads (loops), each with a multi handle of its own. They pull
jobs, drive the transfers and report the results under one lock; the calling thread only
waits, so that a KeyboardInterrupt finds it there and nowhere else.
"""

from __future__ import annotations

import random as random_module
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from dashget.errors import Retry
from dashget.transfer.loop import Loop
from dashget.transfer.options import TransferOptions
from dashget.transfer.origin import Origins
from dashget.transfer.request import Fetched, Hooks, Job, MemorySink, Request, TransferError
from dashget.transfer.retry import Bases
from dashget.transfer.run import Run, Shared

_POLL_SECONDS = 0.5


class Engine:
    """Fetch resources with retry, resume and failover; see ``run`` and ``fetch``.

    Connections are kept open from one call to the next, until ``close``. Raises UsageError
    for options that cannot be sent.
    """

    def __init__(
        self,
        options: TransferOptions,
        *,
        hooks: Hooks | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._shared = Shared(
            options, Origins(options), Bases(), hooks or Hooks(), clock, wall_clock, random
        )
        self._free = [Loop(self._shared)]
        self._runs: list[Run] = []
        self._guard = threading.Lock()
        self._cancelled = False

    def run(
        self, jobs: Iterable[Job], done: Callable[[Job, Fetched | TransferError], object]
    ) -> None:
        """Fetch all jobs, and call ``done`` once for each that was started.

        ``jobs`` is pulled lazily, from the engine's threads, one at a time; transfers
        start in its order. Returns when every started job is done. After ``cancel``, and on
        KeyboardInterrupt (which is raised again at the end), no job is started any more;
        those under way are given to ``done`` as TransferError with ``cancelled`` set and
        keep their parts. Raises StoreError when the disk can take no more, and whatever
        ``jobs``, ``done`` or a hook raised; jobs under way are given to ``done`` first.
        """
        options = self._shared.options
        most = options.in_flight or options.max_in_flight
        self._run(jobs, done, max(1, min(options.loops, most)))

    def fetch(self, request: Request, *, max_bytes: int) -> tuple[Fetched, bytes]:
        """Fetch one small resource into memory; TransferError if that fails.

        May be called while ``run`` is at work in another thread.
        """
        sink = MemorySink(max_bytes)
        results: list[Fetched | TransferError] = []
        self._run((Job(request, lambda: sink),), lambda _, result: results.append(result), loops=1)
        result = results[0] if results else None
        if isinstance(result, Fetched):
            return result, bytes(sink.data)
        raise result or TransferError("stopped", retry=Retry.AGAIN, url=request.url, cancelled=True)

    def cancel(self) -> None:
        """Stop soon. Safe in a signal handler and from any thread."""
        self._cancelled = True
        for run in tuple(self._runs):
            run.stop()

    def close(self) -> None:
        """Close the connections that are kept open between runs."""
        with self._guard:
            while self._free:
                self._free.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(
        self,
        jobs: Iterable[Job],
        done: Callable[[Job, Fetched | TransferError], object],
        loops: int,
    ) -> None:
        with self._guard:
            mine = tuple(
                self._free.pop() if self._free else Loop(self._shared) for _ in range(loops)
            )
        run = Run(self._shared, jobs, done, mine)
        self._runs.append(run)
        if self._cancelled:
            run.stop()
        try:
            self._drive(run, mine)
        finally:
            self._runs.remove(run)
            with self._guard:
                self._free.extend(reversed(mine))
        if run.error is not None:
            raise run.error

    def _drive(self, run: Run, loops: tuple[Loop, ...]) -> None:
        threads = [
            threading.Thread(target=loop.drive, args=(run,), name="dashget-transfer", daemon=True)
            for loop in loops
        ]
        for thread in threads:
            thread.start()
        try:
            _join(threads)
        except BaseException:
            run.stop()
            _join(threads)
            raise
        finally:
            if not any(thread.is_alive() for thread in threads):
                run.finish()


def _join(threads: list[threading.Thread]) -> None:
    """Wait for threads in short sleeps: some systems deliver signals only in between."""
    for thread in threads:
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
