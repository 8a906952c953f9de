"""One run: plan, drop what is complete, transfer, verify, record, sum up.

``run_mirror`` works through the plan once. A file that the record vouches for costs
nothing; one that is merely there costs a HEAD request, and is adopted if the server's size
agrees; everything else is fetched into a part, and gets its name when it is whole.
"""

from __future__ import annotations

import contextlib
import errno
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from dashget.errors import StoreError
from dashget.events import (
    MANIFEST,
    Failure,
    FileFinished,
    FileStarted,
    Observer,
    Outcome,
    Progressed,
    RetryScheduled,
    Summary,
    ignored_by,
)
from dashget.layout import Layout, SafePath
from dashget.mpd.dataurl import decode_data_url
from dashget.planning import PlannedSegment, Track, iter_plan
from dashget.store import FileRecord, MirrorDirectory, Part, Presence
from dashget.transfer.engine import Engine
from dashget.transfer.request import (
    Fetched,
    Hooks,
    Job,
    LastAnswer,
    MemorySink,
    Method,
    Reading,
    Request,
    ResponseHead,
    Sink,
    TransferError,
)

_SPOILT_AT_MOST: Final = 3
_GONE: Final = (404, 410)
_MISSED_AT_MOST: Final = 100
"""So many files that no server has are asked for a second time; more are no accident."""
_DISK_IS_THE_PROBLEM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class Stop:
    """A request to end a run early; safe to make from a signal handler or any thread."""

    def __init__(self) -> None:
        self.requested = False
        self.orderly = False
        """Whether a run is at work that ends in order when asked to."""
        self._actions: list[Callable[[], None]] = []

    @contextlib.contextmanager
    def answered(self) -> Iterator[None]:
        """Mark the time during which a request ends the run in order."""
        self.orderly = True
        try:
            yield
        finally:
            self.orderly = False

    def request(self) -> None:
        """Ask for the end: no file is started any more, what is under way keeps its part."""
        self.requested = True
        for action in tuple(self._actions):
            action()

    def on_request(self, action: Callable[[], None]) -> None:
        """Have ``action`` called on a request; at once if it was made already."""
        self._actions.append(action)
        if self.requested:
            action()


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How a run treats files."""

    dry_run: bool = False
    checksum: str | None = None
    """hashlib's name of the algorithm whose value is recorded for every file."""
    check_remote: bool = False
    """Compare also recorded files with the server: size and validators."""
    only: frozenset[str] | None = None
    """Fetch exactly these paths, whatever is on disk, and pass all others over."""


class Totals(msgspec.Struct):
    """What a run has come to so far."""

    outcomes: dict[Outcome, int] = {}
    failures: list[Failure] = []
    files: int = 0
    bytes: int = 0
    transferred: int = 0
    requests: int = 0


class _File(msgspec.Struct, eq=False):
    """One planned file on its way; the payload of its jobs."""

    planned: PlannedSegment
    path: SafePath
    urls: tuple[str, ...]
    part: Part | None = None
    unnamed: int | None = None
    """The descriptor of the file, if it came whole and has no name yet."""
    local_size: int | None = None
    known: FileRecord | None = None
    spoilt: int = 0
    tries: int = 0
    """Attempts of earlier rounds."""
    missed: bool = False
    """Whether no server had it when it was its turn."""


class MirrorRun(Hooks):
    """The state of one run. Create, call ``run`` once, read ``totals``.

    The engine calls ``done`` and the hooks from its threads, and pulls jobs from them: one
    thing at a time.
    """

    def __init__(self, observer: Observer, policy: Policy) -> None:
        self.totals = Totals()
        self._policy = policy
        self._records: dict[str, FileRecord] | None = None
        self._store: MirrorDirectory
        self._observer = observer
        ignored = ignored_by(observer)
        self.wants_starts = FileStarted not in ignored
        self._tells_ends = FileFinished not in ignored
        self._seen: dict[SafePath, int] = {}
        self._required: set[SafePath] = set()
        self._absent: list[tuple[_File, TransferError]] = []
        self._again: list[_File] = []
        self._missed = 0
        self._started = False
        self._planning_done = False

    def run(
        self,
        tracks: Sequence[Track],
        layout: Layout,
        store: MirrorDirectory,
        engine: Engine,
        stop: Stop,
    ) -> None:
        """Bring every planned file to its outcome, or as many as ``stop`` leaves time for."""
        self._store = store
        self._started = True
        jobs = self._iter_jobs(tracks, layout, stop)
        if self._policy.dry_run:
            for job in jobs:
                self._would_fetch(job)
            return
        engine.run(jobs, self._done)
        while self._again and not stop.requested:
            files, self._again = self._again, []
            engine.run((self._get_job(file) for file in files), self._done)
        for file in self._again:
            self._finish(file, Outcome.CANCELLED)
        for file, error in self._absent:
            self._settle_absent(file, error)

    def summary(
        self,
        *,
        root: str,
        manifest: str,
        url: str,
        seconds: float,
        requests: int,
        warnings: int,
        interrupted: bool,
        bytes_estimated: int | None,
        error: str | None,
    ) -> Summary:
        """Sum the run up; ``requests`` are those made before it, for the manifest."""
        totals = self.totals
        return Summary(
            root=root,
            manifest=manifest,
            url=url,
            files=totals.files,
            bytes=totals.bytes,
            transferred=totals.transferred,
            seconds=seconds,
            requests=requests + totals.requests,
            outcomes=dict(totals.outcomes),
            failures=tuple(totals.failures),
            warnings=warnings,
            interrupted=interrupted,
            dry_run=self._policy.dry_run,
            bytes_estimated=bytes_estimated,
            error=error,
        )

    # What the engine calls.

    def on_started(self, job: Job, offset: int) -> None:
        """Report the first request for a file."""
        file = job.payload
        if isinstance(file, _File):
            track = file.planned.track.key
            self._observer(FileStarted(file.path, file.urls[0], track=track, offset=offset))

    def on_retry(self, job: Job, url: str, attempt: int, delay_seconds: float, reason: str) -> None:
        """Report a failed attempt that another one follows."""
        path = job.payload.path if isinstance(job.payload, _File) else MANIFEST
        self._observer(RetryScheduled(path, url, attempt, delay_seconds, reason))

    def on_tick(self, reading: Reading) -> None:
        """Report where the run stands, once there is a plan to stand in."""
        if not self._started:
            return
        self._observer(
            Progressed(
                transferred=reading.transferred,
                files_done=sum(self.totals.outcomes.values()),
                files_planned=len(self._seen),
                planning_done=self._planning_done,
                in_flight=reading.in_flight,
                waiting_to_retry=reading.waiting,
            )
        )

    # From the plan to jobs.

    def _iter_jobs(self, tracks: Sequence[Track], layout: Layout, stop: Stop) -> Iterator[Job]:
        only, seen, is_new = self._policy.only, self._seen, self._store.is_new
        for planned in iter_plan(tracks, layout):
            if stop.requested:
                return
            path = planned.path
            if path in seen:
                self._meet_again(planned)
                continue
            if only is not None and path not in only:
                continue
            urls = planned.urls
            file = _File(planned, path, urls)
            seen[path] = hash(urls[0])
            if urls[0][:5] != "data:" and is_new(path):
                yield Job(Request(urls), functools.partial(self._open, file), file, self._put)
                continue
            job = self._job_for(file)
            if job is not None:
                yield job
        self._planning_done = True

    def _meet_again(self, planned: PlannedSegment) -> None:
        """Take note that a resource is named more than once; each naming may demand it."""
        if not planned.segment.last_derived:
            self._required.add(planned.path)
        if self._seen[planned.path] != hash(planned.segment.url):
            reason = "another resource has the same name in the mirror"
            file = _File(planned, planned.path, planned.urls)
            self._finish(file, Outcome.FAILED, reason=reason)

    def _job_for(self, file: _File) -> Job | None:
        presence = self._store.presence(file.path, file.urls[0])
        data = file.urls[0].startswith("data:")
        if presence is Presence.MISSING and not data:
            return self._get_job(file)
        if presence is Presence.BLOCKED:
            self._finish(file, Outcome.FAILED, reason="a directory of this name is in the way")
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
            self._finish(file, Outcome.PRESENT, size=file.local_size)
            return None
        if data:
            self._unpack(file)
            return None
        if presence is Presence.UNRECORDED:
            return Job(Request(file.urls, Method.HEAD), _no_sink, file)
        return self._get_job(file)

    def _recall(self, file: _File) -> Presence:
        """Look up what was recorded of a file, for a comparison with the server."""
        if self._records is None:
            self._records = self._store.records()
        file.known = self._records.get(file.path)
        return Presence.UNRECORDED

    def _get_job(self, file: _File) -> Job:
        put = None if self._store.has_part(file.path) else self._put
        return Job(Request(file.urls), functools.partial(self._open, file), file, put)

    def _open(self, file: _File) -> Part:
        file.part = self._store.part(file.path, file.urls[0], checksum=self._policy.checksum)
        return file.part

    def _put(self, job: Job, head: ResponseHead, pieces: list[bytes]) -> None:
        file: _File = job.payload
        # What an earlier round left of it is closed.
        file.part = None
        if not head.digests and self._policy.checksum is None:
            file.unnamed = self._store.put(pieces)
            if file.unnamed is not None:
                return
        part = self._open(file)
        try:
            part.put(head, pieces)
        except BaseException:
            part.close()
            raise

    def _would_fetch(self, job: Job) -> None:
        self._finish(job.payload, Outcome.PLANNED)

    def _unpack(self, file: _File) -> None:
        """Store a resource that the manifest itself holds (RFC 2397)."""
        try:
            data = decode_data_url(file.urls[0])
        except ValueError as error:
            self._finish(file, Outcome.FAILED, reason=str(error))
            return
        if not self._policy.dry_run:
            self._store.write(file.path, data)
            self._store.adopt(FileRecord(path=file.path, url="data:", size=len(data)))
        self._finish(file, Outcome.DOWNLOADED, size=len(data))

    # From results to outcomes.

    def _done(self, job: Job, result: Fetched | TransferError) -> None:
        file: _File = job.payload
        totals = self.totals
        totals.requests += result.requests
        totals.transferred += result.transferred
        if isinstance(result, TransferError):
            self._lost(job, file, result)
        elif file.unnamed is not None:
            self._name(file, file.unnamed, result)
        elif job.request.method is Method.HEAD:
            self._compared(file, result)
        else:
            self._arrived(file, result)

    def _name(self, file: _File, unnamed: int, fetched: Fetched) -> None:
        """Give a file its name that has come whole without one."""
        file.unnamed = None
        try:
            if file.local_size is not None:
                self._make_way(file, unnamed)
            self._store.finish_unnamed(unnamed, self._record(file, fetched))
        except OSError as error:
            self._not_stored(file, fetched, error)
            return
        outcome = Outcome.DOWNLOADED if file.known is None else Outcome.UPDATED
        self._finish(file, outcome, fetched.size, fetched)

    def _make_way(self, file: _File, unnamed: int) -> None:
        try:
            self._store.set_aside(file.path)
        except BaseException:
            self._store.drop(unnamed)
            raise

    def _arrived(self, file: _File, fetched: Fetched) -> None:
        part = file.part
        try:
            if part is not None and self._is_spoilt(file, part, fetched):
                return
            if file.local_size is not None:
                self._store.set_aside(file.path)
            if part is not None:
                record = self._record(file, fetched, sha256=self._checksum(part))
                self._store.finish(part, record)
        except OSError as error:
            self._not_stored(file, fetched, error)
            return
        outcome = Outcome.RESUMED if fetched.resumed else Outcome.DOWNLOADED
        if file.known is not None:
            outcome = Outcome.UPDATED
        self._finish(file, outcome, size=fetched.size, fetched=fetched)

    def _not_stored(self, file: _File, fetched: Fetched, error: OSError) -> None:
        """Report a file that came whole, but could not get its name."""
        if file.part is not None:
            file.part.close()
        self._store.check_present()
        if error.errno in _DISK_IS_THE_PROBLEM:
            raise StoreError(
                f"cannot store {file.path}: {error.strerror}",
                hint="make room on the disk; the same command goes on from here",
            ) from error
        place = f": {error.filename}" if error.filename else ""
        reason = f"cannot be stored: {error.strerror or error}{place}"
        self._finish(file, Outcome.FAILED, fetched=fetched, reason=reason)

    def _is_spoilt(self, file: _File, part: Part, fetched: Fetched) -> bool:
        """Compare with the digest that the server sent, if any; a wrong body is fetched again."""
        promised = part.promised
        if promised is None or part.digest(promised.algorithm) == promised.value:
            return False
        self._store.discard(part)
        file.spoilt += 1
        reason = f"the body does not have the {promised.algorithm} of its {promised.header}"
        if file.spoilt < _SPOILT_AT_MOST:
            self._ask_again(file, fetched.url, fetched.attempts, reason)
        else:
            self._finish(file, Outcome.FAILED, fetched=fetched, reason=reason)
        return True

    def _ask_again(self, file: _File, url: str, attempts: int, reason: str) -> None:
        """Fetch a file anew once all others have had their turn."""
        file.tries += attempts
        self._again.append(file)
        self._observer(RetryScheduled(file.path, url, file.tries, 0.0, reason))

    def _checksum(self, part: Part) -> str | None:
        algorithm = self._policy.checksum
        return None if algorithm is None else part.digest(algorithm).hex()

    def _compared(self, file: _File, fetched: Fetched) -> None:
        """Adopt a file whose size is the server's; fetch any other again."""
        known = file.known
        if known is not None:
            if is_same(known, fetched):
                if known.url != file.urls[0]:
                    self._store.adopt(self._record(file, fetched, sha256=known.sha256))
                self._finish(file, Outcome.PRESENT, size=known.size, fetched=fetched)
            else:
                self._again.append(file)
        elif fetched.size == file.local_size:
            self._store.adopt(self._record(file, fetched, adopted=True))
            self._finish(file, Outcome.ADOPTED, size=fetched.size, fetched=fetched)
        else:
            self._again.append(file)

    def _lost(self, job: Job, file: _File, error: TransferError) -> None:
        if file.part is not None:
            file.part.close()
        if error.cancelled:
            self._finish(file, Outcome.CANCELLED, error=error)
        elif file.known is not None and job.request.method is Method.HEAD:
            reason = f"not compared with the server: {error.message}"
            size = file.known.size
            self._finish(file, Outcome.PRESENT, size=size, error=error, reason=reason)
        elif job.request.method is Method.HEAD:
            self._again.append(file)
        elif (
            error.status in _GONE
            and file.planned.segment.last_derived
            # Of what came in part, the server had it a moment ago.
            and not error.transferred
            and not self._store.has_part(file.path)
        ):
            self._absent.append((file, error))
        elif error.status in _GONE and not file.missed and self._missed < _MISSED_AT_MOST:
            # A cache may lack for a moment what its origin has: asked once more at the end.
            file.missed = True
            self._missed += 1
            self._ask_again(file, error.url, error.attempts, error.message)
        else:
            self._finish(file, Outcome.FAILED, error=error, reason=error.message)

    def _settle_absent(self, file: _File, error: TransferError) -> None:
        """A last derived segment may be missing, unless the plan also names it otherwise."""
        if file.path in self._required:
            self._finish(file, Outcome.FAILED, error=error, reason=error.message)
        else:
            self._finish(file, Outcome.ABSENT, error=error)

    def _record(
        self,
        file: _File,
        fetched: Fetched,
        *,
        sha256: str | None = None,
        adopted: bool = False,
    ) -> FileRecord:
        url, head = file.urls[0], fetched.head
        return FileRecord(
            file.path,
            url,
            fetched.size,
            None if head.url == url else head.url,
            head.etag,
            head.last_modified,
            sha256,
            self._store.now(),
            head.status,
            head.http_version,
            fetched.attempts,
            fetched.remote,
            fetched.first_byte_seconds,
            fetched.seconds,
            dict(head.cache),
            adopted,
        )

    def _finish(
        self,
        file: _File,
        outcome: Outcome,
        size: int | None = None,
        fetched: Fetched | None = None,
        *,
        error: TransferError | None = None,
        reason: str | None = None,
    ) -> None:
        totals = self.totals
        totals.outcomes[outcome] = totals.outcomes.get(outcome, 0) + 1
        if size is not None:
            totals.files += 1
            totals.bytes += size
        if outcome is not Outcome.FAILED and not self._tells_ends:
            return
        url, result = file.urls[0], fetched or error
        attempts = file.tries + (result.attempts if result else 0)
        if outcome is Outcome.FAILED:
            status = result.status if result else None
            totals.failures.append(Failure(file.path, url, reason or "", attempts, status))
        if not self._tells_ends:
            return
        told = error.answer if error is not None else None
        if fetched is not None:
            head = fetched.head
            told = LastAnswer(
                head.http_version,
                fetched.remote,
                head.cache,
                fetched.first_byte_seconds or 0.0,
                fetched.seconds,
            )
        self._observer(
            FileFinished(
                path=file.path,
                url=url,
                outcome=outcome,
                size=size,
                track=file.planned.track.key,
                transferred=result.transferred if result else 0,
                attempts=attempts,
                status=result.status if result else None,
                reason=reason,
                seconds=told.seconds if told else None,
                first_byte_seconds=told.first_byte_seconds if told else None,
                http=told.http_version if told else None,
                remote=told.remote if told else None,
                cache=dict(told.cache) if told and told.cache else None,
            )
        )


def is_same(known: FileRecord, fetched: Fetched) -> bool:
    """Whether the server still has what was recorded: size, then the best validator of both."""
    if fetched.size != known.size:
        return False
    if known.etag and fetched.head.etag:
        return known.etag.removeprefix("W/") == fetched.head.etag.removeprefix("W/")
    if known.last_modified and fetched.head.last_modified:
        return known.last_modified == fetched.head.last_modified
    return True


def _no_sink() -> Sink:
    """Give the sink of a HEAD request, which has no body."""
    return MemorySink(0)
