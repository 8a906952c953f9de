"""Store the files of a recording: bytes from the engine, checks, the final name, the record."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.common.secrets import hide_user
from dashget.errors import StoreError
from dashget.events import FileFinished, Observer, Outcome
from dashget.live.agenda import AGAIN, Asked
from dashget.live.facts import FileFact
from dashget.live.growth import seconds_to_wait
from dashget.live.listing import Once
from dashget.live.named import fact_of
from dashget.live.policy import Answer
from dashget.live.world import Fetch, FetchMore, FetchOnce
from dashget.media.events import SILENT, Notices, read_notices
from dashget.media.kind import SegmentKind
from dashget.mirroring.arrivals import Arrivals
from dashget.mirroring.files import PlannedFile, role_of
from dashget.mpd.presentation import Representation
from dashget.mpd.template import Address
from dashget.planning.layout import SafePath
from dashget.planning.plan import PlannedSegment
from dashget.planning.tracks import Track
from dashget.recording.facts import moment_of
from dashget.segments import address as segments_of
from dashget.segments.segment import Segment, TimeBase
from dashget.store import FileRecord, Mirror, PartialFile
from dashget.transfer.contract import Fetched, Job, Patience, Request, Sink, TransferError, told

if TYPE_CHECKING:
    from dashget.media.extent import Extent, Ticks
    from dashget.media.sniff import Read

_WHOLE: Final = 0.95
"""A segment has so much of its announced duration at least: less may be a piece of one."""
_ONCE_SECONDS = 60.0


class Carried(msgspec.Struct, eq=False):
    """The payload of a job: the errand, and the file that it brings."""

    errand: Fetch | FetchOnce
    file: PlannedFile


class Files:
    """Makes the jobs of errands, and takes their results."""

    def __init__(self, store: Mirror, arrivals: Arrivals, observer: Observer) -> None:
        self._store = store
        self._arrivals = arrivals
        self._observer = observer
        self._tracks: dict[int, tuple[Representation, Track]] = {}
        self._ticks: dict[str, Ticks | None] = {}
        """What initialization segments that are here say of their ticks, by path."""

    def job(self, errand: Fetch | FetchOnce) -> Job:
        """Return the job that does an errand."""
        file = self.file_of(errand)
        seconds: float | None = _ONCE_SECONDS
        if isinstance(errand, Fetch):
            seconds = errand.seconds
        elif errand.once.in_one:
            # It may be large, and be another file for the server when it is asked for again.
            seconds = None
        patience = Patience(attempts=1, seconds=seconds, missing_is_final=True)
        return Job(Request(file.urls), self._open, Carried(errand, file), patience=patience)

    def is_here(self, errand: Fetch | FetchOnce) -> bool:
        """Return True if a file of a list is here, which a recorder may have forgotten."""
        if isinstance(errand, Fetch) or not errand.once.line:
            return False
        return self._store.size(errand.path) is not None and self._store.is_recorded(errand.path)

    def take(
        self, job: Job, result: Fetched | TransferError
    ) -> tuple[Answer, Notices, FileFact | None]:
        """Name a file that has come; return how its errand ended, what it says, and the fact about
        it if only its name tells it.

        If it is here, its line is still to be written: ``Mirror.write_lines``.
        """
        carried: Carried = job.payload
        file = carried.file
        if isinstance(result, TransferError):
            # A full disk ends all requests that are under way.
            ours = result.cancelled
            if file.part is not None and ours:
                file.part.drop()
            elif file.part is not None:
                # Its bytes stay for the next try.
                self._store.let_go(file.part)
            retry_after = result.retry_after_seconds
            answer = Answer(
                result.status or 0,
                ours=ours,
                barred=result.barred,
                retry_after=retry_after,
                problem=told(result),
            )
            return answer, SILENT, None
        growing = _growing(carried.errand, result)
        if growing and file.part is not None:
            file.part.drop()
            later = Answer(result.status, size=result.size, seconds=result.seconds, growing=growing)
            return later, SILENT, None
        rejection = self._arrivals.check(file, file.part) if file.part is not None else None
        if file.part is None or rejection is not None:
            if file.part is not None:
                file.part.drop()
            return Answer(result.status, odd=True, seconds=result.seconds), SILENT, None
        growing = self._short(carried, file.part, result)
        if growing:
            file.part.drop()
            later = Answer(result.status, size=result.size, seconds=result.seconds, growing=growing)
            return later, SILENT, None
        notices = _notices(carried, file.part)
        if file.coded is not None:
            result = msgspec.structs.replace(result, size=file.part.size)
        record = self._record(carried, result)
        fact = self._named(carried.errand, file.part, record)
        if fact is not None:
            record = with_times(record, fact)
        if self._is_known(carried.errand, file.part):
            file.part.drop()
            same = Answer(result.status, here=True, same=True, seconds=result.seconds)
            return same, SILENT, None
        self.finish(file.part, record)
        self._tell(file, result)
        here = Answer(
            result.status,
            here=True,
            size=result.size,
            seconds=result.seconds,
            media=self._media_time(carried),
        )
        return here, notices, fact

    def _is_known(self, errand: Fetch | FetchOnce, part: PartialFile) -> bool:
        """Return True for a file that has the same bytes as the one that it is compared with."""
        if not isinstance(errand, FetchOnce) or not errand.once.compare:
            return False
        path = errand.once.compare
        if self._store.size(path) != part.size:
            return False
        with contextlib.suppress(OSError):
            return self._store.read(path) == part.read(0, part.size)
        return False

    def finish(self, part: PartialFile, record: FileRecord) -> None:
        """Give a complete file its name, and record it."""
        try:
            if not self._store.finish(part, record):
                self._await(record.path)
        except StoreError as error:
            if error.is_full:
                part.drop()
            raise

    def rejects(self, file: PlannedFile, part: PartialFile) -> bool:
        """Return True if a file is something else than the manifest means."""
        return self._arrivals.check(file, part) is not None

    def _named(
        self, errand: Fetch | FetchOnce, part: PartialFile, record: FileRecord
    ) -> FileFact | None:
        """Return the fact about a file of a list, or a single one, with its times."""
        if not isinstance(errand, FetchOnce):
            return None
        once, path, came = errand.once, errand.path, moment_of(record.time)
        if not once.line or came is None:
            return None
        from dashget.media.extent import extent_of

        ticks = self._ticks_in(once.behind) if once.behind else None
        extent = extent_of(part.read, part.size, ticks)
        fact = fact_of(once, path, record.size, came, extent)
        return msgspec.structs.replace(fact, more=fact.size) if once.grows else fact

    def extent(self, errand: FetchMore, read: Read, size: int) -> Extent | None:
        """Return the stretch of media that a file has by now; None if it does not tell."""
        from dashget.media.extent import extent_of

        behind = errand.once.behind
        return extent_of(read, size, self._ticks_in(behind) if behind else None)

    def _ticks_in(self, path: str) -> Ticks | None:
        """Return what an initialization segment says of ticks; None if it is not here."""
        if path not in self._ticks:
            from dashget.media.extent import ticks_of

            size = self._store.size(path)
            if size is None:
                return None
            with contextlib.suppress(OSError), self._store.open(path) as file:

                def read(offset: int, most: int) -> bytes:
                    file.seek(offset)
                    return file.read(most)

                self._ticks[path] = ticks_of(read, size)
        return self._ticks.get(path)

    def _media_time(self, carried: Carried) -> Fraction | None:
        """Return when the media of a segment begin, by its own clock; None if it does not tell."""
        ticks = carried.file.ticks
        known = None if ticks is None or carried.file.odd else self._ticks_for(carried.errand)
        return None if known is None or ticks is None else Fraction(ticks, known.scale)

    def _short(self, carried: Carried, part: PartialFile, fetched: Fetched) -> float:
        """Return after how many seconds a segment may be complete that is shorter than announced.

        A server may have what an encoder has written so far, though its manifest tells of no such
        thing: sound fragments, but not all of them.
        """
        errand = carried.errand
        if isinstance(errand, FetchOnce) or carried.file.odd or errand.asked.followed:
            return 0.0
        run, listing = errand.asked.run, errand.asked.line.of(errand.asked.run.time)
        ticks = None if listing.grows or listing.static else self._ticks_for(errand)
        if ticks is None:
            return 0.0
        from dashget.media.inspection import duration

        length = run.duration / listing.scale
        lasts = duration(part.read, part.size, ticks.sample)
        if lasts is None or not 0 < lasts.total < _WHOLE * length * ticks.scale:
            return 0.0
        return _seconds_to_wait(errand.asked, fetched)

    def _ticks_for(self, errand: Fetch | FetchOnce) -> Ticks | None:
        """Return what the initialization segment of a segment says of ticks."""
        if isinstance(errand, FetchOnce):
            return None
        line = errand.asked.line
        listing = line.of(errand.asked.run.time)
        for once in listing.once:
            if once.kind is SegmentKind.INITIALIZATION:
                path = once.path
                if line.generation > 1:
                    path = f"{AGAIN}/{line.generation}/{path}"
                return self._ticks_in(path)
        return None

    def _open(self, job: Job) -> Sink:
        carried: Carried = job.payload
        return self.open_file(job, carried.file)

    def open_file(self, job: Job, file: PlannedFile | None) -> Sink:
        """Return the sink of a file whose job has another payload."""
        return self._arrivals.open(msgspec.structs.replace(job, payload=file))

    def _await(self, path: str) -> None:
        """Wait until a place that answers later has stored a file."""
        while True:
            for record, error in self._store.answers(wait=True):
                if record.path == path:
                    if error is not None:
                        raise StoreError(f"{path} cannot be stored: {error}") from error
                    return

    def file_of(self, errand: Fetch | FetchOnce) -> PlannedFile:
        """Return what is to be fetched as a planned file."""
        if isinstance(errand, FetchOnce):
            once = errand.once
            path = SafePath(errand.path)
            segment = _segment(once.kind, once.address, once.urls)
            planned = PlannedSegment(self._track(once.representation), segment, path, once.urls)
            return PlannedFile(planned, path, once.urls)
        asked = errand.asked
        listing = asked.line.of(asked.run.time)
        path = SafePath(asked.path)
        if self._store.size(path) is not None and self._store.is_recorded(path):
            # A later document gives the name to another line: no name is taken twice.
            path = SafePath(f"{AGAIN}/line-{asked.line.id}/{path.removeprefix(f'{AGAIN}/')}")
        segment = _segment(listing.kind, listing.address, asked.urls)
        planned = PlannedSegment(self._track(listing.representation), segment, path, asked.urls)
        return PlannedFile(planned, path, asked.urls)

    def _track(self, representation: Representation | None) -> Track:
        """Return a track of a Representation, for the checks of its files."""
        if representation is None:
            raise ValueError("a listing without its Representation")
        key = hash((representation.where, representation.id))
        known = self._tracks.get(key)
        if known is None or known[0] is not representation:
            track = Track(len(self._tracks), representation, segments_of(representation))
            known = self._tracks[key] = representation, track
        return known[1]

    def _record(self, carried: Carried, fetched: Fetched) -> FileRecord:
        file, head, errand = carried.file, fetched.head, carried.errand
        record = FileRecord(
            path=file.path,
            url=file.urls[0],
            size=fetched.size,
            final_url=None if head.url == file.urls[0] else head.url,
            etag=head.etag,
            last_modified=head.last_modified,
            sha256=file.checksum,
            time=self._store.now(),
            status=head.status,
            http=head.http_version,
            attempts=fetched.attempts,
            odd=file.odd,
            kept_headers=dict(head.kept),
            codings=() if file.coded is None else file.coded.codings,
            coded_size=None if file.coded is None else file.coded.size,
        )
        if isinstance(errand, FetchOnce):
            media = errand.once.kind is SegmentKind.MEDIA
            return msgspec.structs.replace(record, media=True) if media else record
        run = errand.asked.run
        return msgspec.structs.replace(
            record, line=errand.asked.line.id, t=run.time, d=run.duration, n=run.number
        )

    def record_of(self, once: Once, path: str, fetched: Fetched, size: int) -> FileRecord:
        """Return the line about a file that has grown to a size, without its times."""
        head = fetched.head
        return FileRecord(
            path=path,
            url=once.urls[0],
            size=size,
            final_url=None if head.url == once.urls[0] else head.url,
            etag=head.etag,
            last_modified=head.last_modified,
            time=self._store.now(),
            status=head.status,
            http=head.http_version,
            attempts=fetched.attempts,
            kept_headers=dict(head.kept),
            media=True,
        )

    def tell(self, record: FileRecord, once: Once, fetched: Fetched) -> None:
        """Tell that a file has grown."""
        key = self._track(once.representation).key
        self._tell_finished(record.path, record.url, record.size, key, fetched)

    def _tell(self, file: PlannedFile, fetched: Fetched) -> None:
        key = file.planned.track.key
        self._tell_finished(file.path, file.urls[0], fetched.size, key, fetched)

    def _tell_finished(
        self, path: str, url: str, size: int, track: int | None, fetched: Fetched
    ) -> None:
        self._observer(
            FileFinished(
                path=path,
                url=hide_user(url),
                outcome=Outcome.DOWNLOADED,
                size=size,
                track=track,
                transferred=fetched.transferred,
                attempts=fetched.attempts,
                status=fetched.status,
                seconds=fetched.seconds,
                first_byte_seconds=fetched.first_byte_seconds,
                http=fetched.head.http_version,
                remote=fetched.remote,
                cache=dict(fetched.head.cache) or None,
                kept_headers=dict(fetched.head.kept) or None,
            )
        )


def _notices(carried: Carried, part: PartialFile) -> Notices:
    """Return what a media segment says of the presentation."""
    errand = carried.errand
    if isinstance(errand, FetchOnce) or not role_of(carried.file.planned).is_plain_segment:
        return SILENT
    listing = errand.asked.line.of(errand.asked.run.time)
    return read_notices(part.read, part.size, events=listing.expires)


def _growing(errand: Fetch | FetchOnce, fetched: Fetched) -> float:
    """Return after how many seconds a segment may be complete; 0: it is."""
    if isinstance(errand, FetchOnce):
        return 0.0
    asked = errand.asked
    # One whose size is not told comes as it is written, and ends when that is over.
    if not asked.line.of(asked.run.time).grows or fetched.head.size is None:
        return 0.0
    return _seconds_to_wait(asked, fetched)


def _seconds_to_wait(asked: Asked, fetched: Fetched) -> float:
    head = fetched.head
    return seconds_to_wait(
        asked.line.length(asked.run),
        size=fetched.size,
        date=head.date,
        last_modified=head.last_modified,
        seen=asked.seen,
        followed=asked.followed,
    )


def with_times(record: FileRecord, fact: FileFact) -> FileRecord:
    """Return the record of a file with its place among others, and its times."""
    return msgspec.structs.replace(
        record, line=fact.line, n=fact.n, t=fact.t, d=fact.d, scale=fact.scale, at=fact.at,
        more=fact.more,
    )  # fmt: skip


def _segment(kind: SegmentKind, address: Address | None, urls: tuple[str, ...]) -> Segment:
    known = address if address is not None else Address(())
    return Segment(kind, known, TimeBase(1, Fraction(0)))
