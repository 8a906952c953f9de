"""One run: plan, drop what is complete, transfer, verify, record, sum up.

``MirrorRun`` works through the plan once. A file that the record vouches for costs
nothing; one that is merely there costs a HEAD request, and is adopted if the server's size
agrees; everything else is fetched into a part, and gets its name when it is whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import msgspec

from dashget.common.compactmap import CompactMap
from dashget.common.stopping import Stop
from dashget.errors import StoreError
from dashget.events import Observer, Outcome, Progressed, Unfinished
from dashget.mirroring.arrivals import Arrivals
from dashget.mirroring.comparison import origin_first
from dashget.mirroring.files import PlannedFile
from dashget.mirroring.ledger import Ledger
from dashget.mirroring.outcomes import Outcomes
from dashget.mpd.dataurl import decode_data_url
from dashget.planning.layout import Layout
from dashget.planning.plan import PlannedSegment, iter_plan
from dashget.planning.tracks import Track
from dashget.store import FileRecord, Mirror, Presence, RecordedFiles
from dashget.transfer.contract import (
    Hooks,
    Job,
    MemorySink,
    Method,
    Reading,
    Request,
    Sink,
    Transfers,
)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How a run treats files."""

    dry_run: bool = False
    checksum: str | None = None
    """hashlib's name of the algorithm whose value is recorded for every file."""
    check_remote: bool = False
    """Compare also recorded files with the server: size and validators."""
    only: frozenset[str] | None = None
    """Fetch exactly these paths, whatever is on disk, and pass all others over."""


class MirrorRun(Hooks):
    """The state of one run. Create, call ``run`` once, read its ``ledger``.

    The engine calls ``done`` and the hooks from its threads, and pulls jobs from them: one
    thing at a time.
    """

    def __init__(self, observer: Observer, policy: Policy) -> None:
        self.ledger = Ledger(observer)
        self.wants_starts = self.ledger.tells_starts
        self._policy = policy
        self._observer = observer
        self._store: Mirror
        self._outcomes: Outcomes
        self._arrivals: Arrivals
        self._records: RecordedFiles | None = None
        self._seen = CompactMap(1)
        """The hash of the URL of every file that was planned."""
        self._received = 0
        """What earlier rounds brought; a reading is of one round."""
        self._started = False
        self._planning_done = False

    def run(
        self,
        tracks: Sequence[Track],
        layout: Layout,
        store: Mirror,
        engine: Transfers,
        stop: Stop,
    ) -> None:
        """Bring every planned file to its outcome, or as many as ``stop`` leaves time for."""
        self._store = store
        self._arrivals = Arrivals(store, self._policy.checksum)
        self._outcomes = outcomes = Outcomes(store, self.ledger, self._arrivals)
        self._started = True
        jobs = self._iter_jobs(tracks, layout, stop)
        if self._policy.dry_run:
            for job in jobs:
                self.ledger.finish(job.payload, Outcome.PLANNED)
            return
        try:
            engine.run(jobs, outcomes.done, hooks=self)
            outcomes.collect_all()
            while not stop.requested and (files := outcomes.take_again()):
                self._received = self.ledger.totals.transferred
                again = (self._get_job(file) for file in files)
                engine.run(again, outcomes.done, hooks=self)
                outcomes.collect_all()
        except StoreError:
            with contextlib.suppress(StoreError):
                outcomes.collect_all()
            outcomes.settle()
            raise
        outcomes.settle()

    # What the engine calls.

    def on_started(self, job: Job, offset: int) -> None:
        """Report the first request for a file."""
        if isinstance(job.payload, PlannedFile):
            self.ledger.start(job.payload, offset)

    def on_retry(self, job: Job, url: str, attempt: int, delay_seconds: float, reason: str) -> None:
        """Report a failed attempt that another one follows."""
        file = job.payload if isinstance(job.payload, PlannedFile) else None
        self.ledger.retry(file, url, attempt, delay_seconds, reason)

    def on_anew(self, job: Job, url: str, dropped: int, reason: str) -> None:
        """Report that a file comes from its beginning, though much of it was here."""
        if isinstance(job.payload, PlannedFile):
            self.ledger.anew(job.payload, url, dropped, reason)

    def on_tick(self, reading: Reading) -> None:
        """Report where the run stands, once there is a plan to stand in."""
        if not self._started:
            return
        self._outcomes.collect()
        self._observer(
            Progressed(
                transferred=self._received + reading.transferred,
                files_done=sum(self.ledger.totals.outcomes.values()),
                files_planned=len(self._seen),
                planning_done=self._planning_done,
                in_flight=reading.in_flight,
                waiting_to_retry=reading.waiting,
                unfinished=tuple(
                    Unfinished(file.path, file.planned.track.key, state.bytes, state.size)
                    for state in reading.under_way
                    if isinstance(file := state.job.payload, PlannedFile)
                ),
            )
        )

    # From the plan to jobs.

    def _iter_jobs(self, tracks: Sequence[Track], layout: Layout, stop: Stop) -> Iterator[Job]:
        only, seen, is_new = self._policy.only, self._seen, self._store.is_new
        blank = self._store.is_blank
        opens, delivers = self._arrivals.open, self._arrivals.deliver
        for planned in iter_plan(tracks, layout):
            if stop.requested:
                return
            path = planned.path
            if seen.contains(path):
                self._meet_again(planned)
                continue
            if only is not None and path not in only:
                continue
            urls = planned.urls
            file = PlannedFile(planned, path, urls)
            seen[path] = (hash(urls[0]),)
            if urls[0][:5].lower() != "data:" and (blank or is_new(path)):
                yield Job(Request(urls), opens, file, delivers)
                continue
            job = self._job_for(file)
            if job is not None:
                yield job
        self._planning_done = True

    def _meet_again(self, planned: PlannedSegment) -> None:
        """Take note that a resource is named more than once; each naming may demand it."""
        if not planned.segment.last_derived:
            self._outcomes.require(planned.path)
        if self._seen.get(planned.path) != (hash(planned.segment.url),):
            reason = "another resource has the same name in the mirror"
            file = PlannedFile(planned, planned.path, planned.urls)
            self.ledger.finish(file, Outcome.FAILED, reason=reason)

    def _job_for(self, file: PlannedFile) -> Job | None:
        presence = self._store.presence(file.path, file.urls[0])
        data = file.urls[0][:5].lower() == "data:"
        if presence is Presence.MISSING and not data:
            return self._get_job(file)
        if presence is Presence.BLOCKED:
            self.ledger.finish(file, Outcome.FAILED, reason="a directory has the same name")
            return None
        if presence is not Presence.MISSING:
            file.local_size = self._store.size(file.path)
        if self._policy.only is not None:
            presence = Presence.MISSING
        if presence is Presence.MOVED:
            presence = Presence.COMPLETE if data else self._recall(file)
        elif presence is Presence.COMPLETE and self._policy.check_remote and not data:
            presence = self._recall(file)
        if presence is Presence.COMPLETE:
            self.ledger.finish(file, Outcome.PRESENT, file.local_size)
            return None
        if data:
            self._unpack(file)
            return None
        if presence is Presence.UNRECORDED:
            urls = file.urls if file.known is None else origin_first(file.known, file.urls)
            return Job(Request(urls, Method.HEAD), _no_sink, file)
        return self._get_job(file)

    def _recall(self, file: PlannedFile) -> Presence:
        """Look up what was recorded of a file, for a comparison with the server."""
        if self._records is None:
            self._records = self._store.records()
        file.known = self._records.get(file.path)
        return Presence.UNRECORDED

    def _get_job(self, file: PlannedFile) -> Job:
        deliver = None if self._store.has_part(file.path) else self._arrivals.deliver
        urls = file.urls
        if file.rejected:
            # Another base may have what the one that was asked has not.
            turn = file.rejected % len(urls)
            urls = urls[turn:] + urls[:turn]
        return Job(Request(urls), self._arrivals.open, file, deliver)

    def _unpack(self, file: PlannedFile) -> None:
        """Store a resource that the manifest itself holds (RFC 2397)."""
        try:
            data = decode_data_url(file.urls[0])
        except ValueError as error:
            self.ledger.finish(file, Outcome.FAILED, reason=str(error))
            return
        if not self._policy.dry_run:
            try:
                self._store.write(file.path, data)
            except StoreError as error:
                self._store.check_present()
                if isinstance(error.__cause__, (FileExistsError, NotADirectoryError)):
                    self.ledger.finish(file, Outcome.FAILED, reason=error.message)
                    return
                raise
            self._store.adopt(FileRecord(path=file.path, url="data:", size=len(data)))
        self.ledger.finish(file, Outcome.DOWNLOADED, len(data))


def _no_sink(_: Job) -> Sink:
    """Give the sink of a HEAD request, which has no body."""
    return MemorySink(0)
