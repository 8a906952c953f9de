"""The real world of a recorder: the engine in one thread, the manifest's reader in another.

The engine keeps what it learns of hosts for the length of one run: one that fails for every file
is not asked any more. A recorder decides that itself. So after each failure that is the host's,
what comes next begins a new run; the old one ends when its last request does.
"""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from dashget.common.stopping import Stop
from dashget.errors import StoreError
from dashget.live.facts import Fact
from dashget.live.policy import REFUSED, Answer
from dashget.live.world import (
    Errand,
    Fetch,
    FetchEnded,
    FetchMore,
    FetchOnce,
    Found,
    MoreEnded,
    Read,
    ReadEnded,
    Report,
    Upkeep,
    UpkeepEnded,
    WriteLocal,
)
from dashget.recording.facts import write_fact
from dashget.recording.files import Files
from dashget.recording.keeping import Keeper
from dashget.recording.ledger import Ledger
from dashget.recording.local import LocalWriter
from dashget.recording.looks import Looks
from dashget.recording.reader import ManifestReader
from dashget.recording.waking import moment
from dashget.store import Mirror
from dashget.transfer.contract import Fetched, Hooks, Job, TransferError, Transfers, Wait


class _Feed:
    """The jobs of one run of the engine, which waits for more until it is closed."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._guard = threading.Lock()
        self._closed = False
        self._open: dict[int, Job] = {}
        """The jobs that the engine has taken."""

    def put(self, job: Job) -> bool:
        """Add a job; return False if that is too late."""
        with self._guard:
            if not self._closed:
                self._jobs.append(job)
            return not self._closed

    def close(self) -> None:
        """Take no more jobs."""
        with self._guard:
            self._closed = True

    def end(self, job: Job) -> None:
        """Forget a job that has ended."""
        with self._guard:
            self._open.pop(id(job), None)

    def take_rest(self) -> list[Job]:
        """Take no more jobs, and return those that have not ended."""
        with self._guard:
            self._closed = True
            rest = [*self._open.values(), *self._jobs]
            self._jobs.clear()
            self._open.clear()
        return rest

    def next(self, now: float) -> Job | Wait | None:
        """Return the next job, for the engine."""
        with self._guard:
            if self._jobs:
                job = self._jobs.popleft()
                self._open[id(job)] = job
                return job
            return None if self._closed else Wait()


class RealWorld:
    """Does the errands of one recorder. Use as a context manager: its threads end with it."""

    def __init__(
        self,
        connect: Callable[[Stop], Transfers],
        reader: Callable[[Transfers], ManifestReader],
        store: Mirror,
        files: Files,
        local: LocalWriter,
        stop: Stop,
        *,
        room: int,
        hooks: Hooks,
        writing: threading.Lock,
        ledger: Ledger,
        keeper: Keeper | None = None,
        clock: Callable[[], float] = moment,
    ) -> None:
        """``stop`` ends the recording in order; ``connect`` gives the engine, with a stop that
        ends requests at once. ``writing`` is held while the record is written to. With a
        ``keeper`` a full disk is no end: the oldest files make room."""
        self.room = room
        self._hurry = Stop()
        self._engine = connect(self._hurry)
        self._reader = reader(self._engine)
        self._store = store
        self._files = files
        self._looks = Looks(store, files)
        self._local = local
        self._stop = stop
        self._hooks = hooks
        self._clock = clock
        self._changed = threading.Condition()
        self._reports: deque[Report] = deque()
        self._error: BaseException | None = None
        self._reads: queue.SimpleQueue[Read | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._feed: _Feed | None = None
        self._writing = writing
        self._ledger = ledger
        self._keeper = keeper

    def __enter__(self) -> RealWorld:
        self._begin(self._read_on)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._hurry.request()
        self._reads.put(None)
        self._retire()
        # A read that is under way is of no use any more.
        self._hurry.request()
        for thread in self._threads:
            thread.join()

    @property
    def stopping(self) -> bool:
        """True if the user wants the recording to end in order."""
        return self._stop.requested

    def moment(self) -> float:
        """Return the monotonic time."""
        return self._clock()

    def start(self, errand: Errand) -> None:
        """Begin an errand."""
        if isinstance(errand, Read):
            self._reads.put(errand)
            return
        if isinstance(errand, Upkeep):
            self._begin(self._keep_up, errand)
            return
        if isinstance(errand, WriteLocal):
            self._begin(self._write_local, errand)
            return
        with self._writing:
            job = self._job(errand)
        if not isinstance(job, Job):
            self._report(job)
            return
        if self._feed is None or not self._feed.put(job):
            self._feed = _Feed()
            self._feed.put(job)
            self._begin(self._transfer, self._feed)
        else:
            self._engine.wake()

    def _job(self, errand: Fetch | FetchOnce | FetchMore) -> Job | Report:
        """Return the job that does an errand, or how it has ended."""
        if isinstance(errand, FetchMore):
            return self._looks.begin(errand)
        if self._files.is_here(errand):
            return FetchEnded(errand, Answer(here=True))
        return self._files.job(errand)

    def wait(self, until: float) -> Sequence[Report]:
        """Wait for errands to end, for a time, or for a request to stop."""
        with self._changed, self._stop.calling(self._wake):
            stopping = self._stop.requested
            while not self._reports and self._error is None:
                left = until - self._clock()
                if left <= 0 or self._stop.requested is not stopping:
                    break
                # In short waits: some systems deliver signals only in between.
                self._changed.wait(min(left, 0.5))
            if self._error is not None:
                raise self._error
            reports = tuple(self._reports)
            self._reports.clear()
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return reports

    def hurry(self) -> None:
        """Break off the requests that are under way, and all that would begin later."""
        self._hurry.request()

    def note(self, fact: Fact) -> None:
        """Write a fact down."""
        self._insist(lambda: write_fact(self._store, fact))

    def _insist(self, write: Callable[[], object]) -> None:
        """Write to the record; if the disk is full, the oldest files make room."""
        while True:
            try:
                with self._writing:
                    write()
            except StoreError as error:
                self._make_room(error)
            else:
                return

    def _make_room(self, error: StoreError) -> None:
        """Have the oldest files make room on a full disk; raise any other error again."""
        if self._keeper is None or not error.is_full:
            raise error
        expired = self._keeper.make_room()
        if expired is None:
            raise error
        self._report(UpkeepEnded(expired))

    def _keep_up(self, errand: Upkeep) -> None:
        try:
            expired = None if self._keeper is None else self._keeper.run(errand.server)
            self._ledger.keep_up()
        except StoreError as error:
            self._make_room(error)
            expired = None
        self._report(UpkeepEnded(expired))

    def _wake(self) -> None:
        """Do nothing: the wait is short. A signal handler must take no lock."""

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(
            target=self._guarded, args=(work, *arguments), name="dashget-recording", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        """Do a thread's work; what goes wrong there is raised by ``wait``."""
        try:
            work(*arguments)
        except BaseException as error:  # noqa: BLE001  raised again in the thread that waits
            with self._changed:
                self._error = self._error or error
                self._changed.notify_all()

    def _report(self, report: Report) -> None:
        with self._changed:
            self._reports.append(report)
            self._changed.notify_all()

    def _read_on(self) -> None:
        while (errand := self._reads.get()) is not None:
            self._report(self._read(errand))

    def _read(self, errand: Read) -> ReadEnded:
        began = time.thread_time()
        ended = self._reader.read(errand)
        return msgspec.structs.replace(ended, work=time.thread_time() - began)

    def _write_local(self, errand: WriteLocal) -> None:
        self._report(self._local.write(errand))

    def _transfer(self, feed: _Feed) -> None:
        try:
            done = functools.partial(self._done, feed)
            self._engine.run(feed, done, hooks=self._hooks)
        except StoreError as error:
            self._make_room(error)
            for job in feed.take_rest():
                self._report(_not_taken(job))

    def _done(self, feed: _Feed, job: Job, result: Fetched | TransferError) -> None:
        """Take a result, on a thread of the engine.

        Where the disk is full and nothing makes room, the job stays open: ``_transfer`` reports it.
        """
        try:
            with self._writing:
                report = self._taken(job, result)
        except StoreError as error:
            self._make_room(error)
            report = _not_taken(job)
        answer = report.answer
        if answer.here:
            self._insist(self._store.write_lines)
        if answer.is_origins or answer.status in REFUSED:
            self._retire()
        feed.end(job)
        self._report(report)

    def _taken(self, job: Job, result: Fetched | TransferError) -> FetchEnded | MoreEnded:
        errand: Fetch | FetchOnce | FetchMore = job.payload.errand
        if isinstance(errand, FetchMore):
            return self._looks.take(job, result)
        report = FetchEnded(errand, *self._files.take(job, result))
        if isinstance(errand, FetchOnce) and errand.once.in_one and isinstance(result, Fetched):
            self._looks.came(errand.path, result.head)
        return report

    def _retire(self) -> None:
        """Have what comes next begin a new run."""
        feed = self._feed
        if feed is not None:
            feed.close()
            self._engine.wake()


def _not_taken(job: Job) -> FetchEnded | MoreEnded:
    """Return how an errand ended whose result this computer could not take."""
    errand: Fetch | FetchOnce | FetchMore = job.payload.errand
    if isinstance(errand, FetchMore):
        return MoreEnded(errand, Found.FAILED, Answer(ours=True))
    return FetchEnded(errand, Answer(ours=True))
