"""The engine: fetches many resources at once, over libcurl's multi interface.

``Engine.run`` starts a few threads (loops), each with a multi handle of its own. They pull
jobs, drive the transfers and report the results under one lock; the calling thread only
waits, so that a KeyboardInterrupt finds it there and nowhere else.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from dashget.common.log import Log
from dashget.common.stopping import Stop
from dashget.errors import Retry, StoreError
from dashget.transfer.contract import (
    Fetched,
    Hooks,
    Job,
    JobSource,
    MemorySink,
    Patience,
    Request,
    TransferError,
)
from dashget.transfer.curl.descriptors import load_early, no_descriptors
from dashget.transfer.curl.easy import check_support, new_cookies
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.guard import Guard
from dashget.transfer.http.origin import Origins
from dashget.transfer.pacing.concurrency import Pacer
from dashget.transfer.run.board import Shared
from dashget.transfer.run.loop import Loop
from dashget.transfer.run.retry import Bases
from dashget.transfer.run.run import Run
from dashget.transfer.settings.checks import check_sendable, read_files
from dashget.transfer.settings.options import TransferOptions

if TYPE_CHECKING:
    from dashget.transfer.run.watch import Watch

_POLL_SECONDS = 0.5


class Engine:
    """Fetch resources with retry, resume and failover; see ``run`` and ``fetch``.

    Connections are kept open from one call to the next, until ``close``. ``hooks`` are those of
    calls that are given none. Raises UsageError for options that cannot be sent, and StoreError
    if no file descriptor is left.
    """

    def __init__(
        self,
        options: TransferOptions,
        *,
        hooks: Hooks | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Callable[[], float] | None = None,
    ) -> None:
        load_early(options.most_in_flight)
        check_support(options.http)
        check_sendable(options)
        options = read_files(options)
        rate = options.limit_rate
        self._shared = Shared(
            options=options,
            origins=Origins(options),
            bases=Bases(),
            pacer=None if rate is None else Pacer(rate, clock),
            cookies=new_cookies(options),
            clock=clock,
            wall_clock=wall_clock,
            random=random or _random,
        )
        self._hooks = hooks or Hooks()
        self._masking: Callable[[str], str] | None = None
        """Made when the first record is wanted."""
        self._users: list[str] = []
        self._log = Log("dashget.transfer", self.mask)
        self._free = [self._new_loop()]
        self._runs: list[Run] = []
        self._guard = threading.Lock()
        self._cancelled = False
        self._closed = False

    @property
    def host_patience_seconds(self) -> float:
        """How long a host is waited for that fails for every file."""
        return self._shared.options.host_patience_seconds

    def trust(self, url: str, user: str | None = None) -> None:
        """Send the secrets of the options to the origin of a manifest that the user opened.

        To be called before the first request for the manifest. ``user`` is the ``name:password``
        of its URL.
        """
        if user is not None:
            self._users.append(user)
            self._masking = None
        self._shared.origins.trust(url, user)

    def return_to(self, url: str) -> None:
        """Prepare for requests to the origin of a manifest that a record names.

        A record may be somebody else's: raises UsageError if there are secrets, and the user has
        named this origin neither by opening a manifest from it nor by ``send_credentials_to``.
        """
        self._shared.origins.return_to(url)

    def mask(self, text: str) -> str:
        """Return text without the secrets of the options, for debug records."""
        if self._masking is None:
            from dashget.transfer.settings.masking import Masking

            self._masking = Masking(self._shared.options, users=tuple(self._users))
        return self._masking(text)

    def run(
        self,
        jobs: Iterable[Job] | JobSource,
        done: Callable[[Job, Fetched | TransferError], object],
        *,
        hooks: Hooks | None = None,
        home: str | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Fetch all jobs, and call ``done`` once for each that was started.

        ``jobs`` is pulled lazily, from the engine's threads, one at a time; transfers
        start in its order. A ``JobSource`` may have the run wait for jobs that come later.
        Returns when every started job is done. After ``cancel``, and on
        KeyboardInterrupt (which is raised again at the end), no job is started any more;
        those under way are given to ``done`` as TransferError with ``cancelled`` set and
        keep their parts. Raises StoreError when the disk can take no more, and whatever
        ``jobs``, ``done`` or a hook raised; jobs under way are given to ``done`` first.

        ``home`` is the URL of the manifest that names the jobs: where it may lead depends on it
        (plain http, private addresses); that of a local one, ``file:``, gives no private address.
        Without it, every manifest given to ``trust`` counts, and before the first there are no
        limits.
        A request of ``stop`` ends this call as ``cancel`` ends all of them.
        """
        self._run(jobs, done, _loops(self._shared.options), hooks, home, stop)

    def fetch(
        self,
        request: Request,
        *,
        max_bytes: int,
        hooks: Hooks | None = None,
        home: str | None = None,
        stop: Stop | None = None,
        patience: Patience | None = None,
    ) -> tuple[Fetched, bytes]:
        """Fetch one small resource into memory; TransferError if that fails.

        All its requests together take ``document_timeout_seconds`` at most, unless ``patience``
        says another time.
        May be called while ``run`` is at work in another thread.
        """
        sink = MemorySink(max_bytes)
        results: list[Fetched | TransferError] = []
        patience = patience or Patience()
        if patience.asking_seconds is None:
            most = self._shared.options.document_timeout_seconds
            patience = msgspec.structs.replace(patience, asking_seconds=most)
        job = Job(request, lambda _: sink, patience=patience)
        try:
            self._run((job,), lambda _, result: results.append(result), 1, hooks, home, stop)
        except StoreError as error:
            raise TransferError(
                error.message, retry=Retry.AGAIN, url=request.url, hint=error.hint
            ) from error
        result = results[0] if results else None
        if isinstance(result, Fetched):
            return result, bytes(sink.data)
        raise result or TransferError("stopped", retry=Retry.AGAIN, url=request.url, cancelled=True)

    def wake(self) -> None:
        """Have job sources that wait asked at once. Safe from any thread, ``done`` and hooks."""
        for run in tuple(self._runs):
            run.wake()

    def cancel(self) -> None:
        """Stop soon. Safe in a signal handler and from any thread."""
        self._cancelled = True
        for run in tuple(self._runs):
            run.stop()

    def close(self) -> None:
        """Close the connections that are kept open between runs; later ones after each run."""
        self._closed = True
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
        jobs: Iterable[Job] | JobSource,
        done: Callable[[Job, Fetched | TransferError], object],
        loops: int,
        hooks: Hooks | None,
        home: str | None,
        stop: Stop | None,
    ) -> None:
        hooks = hooks or self._hooks
        if self._log.wanted:
            from dashget.transfer.trace import Trace

            hooks = Trace(self._log, hooks, done)
            done = hooks.done
        guard = self._shared.origins.guard(home)
        mine = self._take(loops, guard)
        links = tuple(loop.links for loop in mine)
        run = Run(self._shared, jobs, done, links, guard, hooks)
        self._runs.append(run)
        if self._cancelled:
            run.stop()
        try:
            with nullcontext() if stop is None else stop.calling(run.stop):
                self._drive(run, mine)
        finally:
            self._runs.remove(run)
            with self._guard:
                self._free.extend(reversed(mine))
            if self._closed:
                self.close()
        if run.error is not None:
            raise run.error

    def _take(self, count: int, guard: Guard) -> tuple[Loop, ...]:
        """Return free loops, or new ones; fewer if no descriptor is left for more.

        A free loop with connections that ``guard`` may refuse is replaced.
        """
        taken: list[Loop] = []
        with self._guard:
            while len(taken) < count:
                try:
                    loop = self._free.pop() if self._free else self._new_loop()
                    if not loop.links.suits(guard):
                        loop.close()
                        loop = self._new_loop()
                        loop.links.suits(guard)
                    taken.append(loop)
                except StoreError:
                    if taken:
                        break
                    raise
        return tuple(taken)

    def _new_loop(self) -> Loop:
        try:
            return Loop(self._shared)
        except pycurl.error as error:
            raise no_descriptors() from error

    def _drive(self, run: Run, loops: tuple[Loop, ...]) -> None:
        ended = [threading.Event() for _ in loops]
        look = self._watch(run, loops)
        threads = [
            threading.Thread(target=_turn, args=work, name="dashget-transfer", daemon=True)
            for work in zip(loops, itertools.repeat(run), ended, strict=False)
        ]
        try:
            for thread in threads:
                thread.start()
            _await(threads, ended, look)
        except BaseException:
            run.stop()
            _await(threads, ended, look)
            raise
        finally:
            if _over(threads, ended):
                run.finish()
                for thread in threads:
                    if thread.ident is not None:
                        thread.join()

    def _watch(self, run: Run, loops: tuple[Loop, ...]) -> Callable[[], None]:
        """Return what has to be called all ``_POLL_SECONDS``, lest libcurl never returns."""
        watch: Watch | None = None

        def look() -> None:
            nonlocal watch
            if watch is None:
                try:
                    # Loaded late: few runs take that long.
                    from dashget.transfer.run.watch import Watch
                except OSError:
                    # No descriptor is free, which a later look may have.
                    return
                watch = Watch(run, loops, _POLL_SECONDS)
            watch.look()

        return look


class EngineFor:
    """An engine as one manifest uses it: its home, hooks and stop are given once."""

    def __init__(
        self,
        engine: Engine,
        *,
        home: str | None,
        stop: Stop | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self._engine = engine
        self._home = home
        self._stop = stop
        self._hooks = hooks

    @property
    def host_patience_seconds(self) -> float:
        """How long a host is waited for that fails for every file."""
        return self._engine.host_patience_seconds

    def run(
        self,
        jobs: Iterable[Job] | JobSource,
        done: Callable[[Job, Fetched | TransferError], object],
        *,
        hooks: Hooks | None = None,
    ) -> None:
        """Fetch all jobs; see ``Engine.run``."""
        hooks = hooks or self._hooks
        self._engine.run(jobs, done, hooks=hooks, home=self._home, stop=self._stop)

    def fetch(
        self,
        request: Request,
        *,
        max_bytes: int,
        hooks: Hooks | None = None,
        patience: Patience | None = None,
    ) -> tuple[Fetched, bytes]:
        """Fetch one small resource into memory; see ``Engine.fetch``."""
        return self._engine.fetch(
            request,
            max_bytes=max_bytes,
            hooks=hooks or self._hooks,
            home=self._home,
            stop=self._stop,
            patience=patience,
        )

    def wake(self) -> None:
        """Have job sources that wait asked at once; see ``Engine.wake``."""
        self._engine.wake()


def _random() -> float:
    # Loaded late: few runs have to try anything again.
    import random

    return random.random()  # noqa: S311  # pauses are no secret


def _loops(options: TransferOptions) -> int:
    """Return how many loops drive a run: each must be able to make a request to the same host.

    A loop that is not would have a share of all transfers, and make none of them.
    """
    most = options.most_in_flight
    return max(1, min(options.loops or _usual_loops(), most, options.max_per_host or most))


def _usual_loops() -> int:
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        processors = os.cpu_count() or 1
    return min(2, processors)


def _turn(loop: Loop, run: Run, ended: threading.Event) -> None:
    try:
        loop.drive(run)
    finally:
        ended.set()


def _over(threads: list[threading.Thread], ended: list[threading.Event]) -> bool:
    """Return True if all threads that were started have ended."""
    return all(
        event.is_set() or thread.ident is None for thread, event in zip(threads, ended, strict=True)
    )


def _await(
    threads: list[threading.Thread], ended: list[threading.Event], look: Callable[[], None]
) -> None:
    """Wait in short sleeps, and ``look`` after each: some systems deliver signals only in between.

    Not by joining the threads: an interrupt in ``join`` makes Python 3.11 take a running
    thread for a finished one. One in ``start`` may leave a thread that never was.
    """
    for event in ended:
        while not event.wait(_POLL_SECONDS) and not _over(threads, ended):
            look()
