"""Checks of a mirror: against its record, its manifest, its own media, and the server.

Offline first: every planned file present, of the recorded size and checksum, sound inside,
and at the manifest's time; the same for what earlier runs recorded of a live presentation;
then what else lies about. With ``remote`` the server is asked for size and validators of
every file that the manifest names; with ``repair`` exactly what is wrong is fetched again.

The time of media segments is compared within half a segment or half a second, whichever
is more. Where all segments of a Representation are off by the same, the manifest is odd,
not the mirror: that is a note. A single one that is off is an error.
"""

from __future__ import annotations

import enum
import hashlib
import statistics
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from dashget.common.stopping import Stop
from dashget.events import Event
from dashget.media.inspection import (
    MediaTime,
    Role,
    check,
    first_decode_time,
    media_timescale,
)
from dashget.media.kind import SegmentKind
from dashget.mirroring.expectation import Expected, LiveHistory
from dashget.mirroring.outcomes import is_same, origin_first
from dashget.mpd.presentation import Representation, SingleAddressing
from dashget.planning.collisions import fold
from dashget.planning.layout import Layout
from dashget.planning.plan import PlannedSegment
from dashget.planning.tracks import Track
from dashget.store import FileRecord, MirrorDirectory, Presence, RecordedFiles
from dashget.transfer.contract import (
    Fetched,
    Job,
    MemorySink,
    Method,
    Request,
    Sink,
    TransferError,
)
from dashget.transfer.engine import Engine

_GONE: Final = (404, 410)
_HALF: Final = Fraction(1, 2)
_FORBIDDEN_HINT: Final = (
    "the server refuses to show these files; it may want a header (-H), a cookie (--cookies),"
    " --user, or a token in the query (--append-query)"
)
_LATER_HINT: Final = "check the network, and try again when the server answers"


class Problem(enum.Enum):
    """What may be wrong with a file, as spelt by ``dashget verify --json``; see docs/verify.md."""

    MANIFEST = "manifest"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    SIZE = "size"
    CHECKSUM = "checksum"
    STRUCTURE = "structure"
    TIME = "time"
    UNRECORDED = "unrecorded"
    OWN = "own"
    """A file that DashGet itself wrote is not what it would write."""
    CHANGED = "changed-on-server"
    GONE = "gone-from-server"
    UNCOMPARED = "not-compared"
    SUPERSEDED = "superseded"
    STRAY = "stray"
    PART = "part"


class Finding(Event, frozen=True, tag="finding"):
    """One thing about one file. A ``note`` leaves the mirror whole; an error does not."""

    path: str
    problem: Problem
    message: str
    note: bool = False
    status: int | None = None
    """The HTTP status that kept the file from being compared, if it was one."""
    hint: str | None = None
    """What may help against that."""


class Report(Event, frozen=True, tag="report"):
    """The result of a verification. ``bytes`` counts those of the files that were checked."""

    root: str
    files: int
    bytes: int
    checksummed: int
    compared: int
    repaired: int
    errors: int
    notes: int
    seconds: float
    interrupted: bool = False
    uncompared: int = 0
    """Files that should have been compared with the server and could not: no error of theirs."""

    @property
    def sound(self) -> bool:
        """Whether everything here was checked, and no error was found or all were repaired."""
        return self.errors == 0 and not self.interrupted


class _Place(NamedTuple):
    """A Representation of a Period, the same in all versions of the MPD."""

    period: str | None
    start: Fraction
    adaptation_set: int
    representation: str


class OfflineCheck:
    """One pass over a mirror without a network. Iterate ``run`` once, then read the counts."""

    def __init__(
        self, store: MirrorDirectory, expected: Expected, history: LiveHistory, stop: Stop
    ) -> None:
        self.named: set[str] = set()
        """Every path that the manifest names, selected or not."""
        self.kept: set[str] = set()
        """Every other path that runs over a live presentation have recorded."""
        self.files = 0
        self.bytes = 0
        self.checksummed = 0
        self._store = store
        self._expected = expected
        self._history = history
        self._stop = stop
        self._records = store.records()
        self._timescales: dict[str, int | None] = {}
        self._excused: dict[str, bool] = {}
        """What is not there and need not be so far; whether it was selected, and is derived."""
        self._gone: set[str] = set()
        """Folders that are not there: nobody needs to look for each of their files."""
        self._offsets: dict[_Place, list[tuple[str, Fraction, Fraction]]] = {}

    @property
    def records(self) -> RecordedFiles:
        """The record of every file."""
        return self._records

    def run(self) -> Iterator[Finding]:
        """Yield what is wrong with the planned files, in presentation order.

        Those of the newest run first, then what earlier runs over a live presentation recorded.
        """
        for planned in self._expected.iter_plan():
            if self._stop.requested:
                return
            if planned.path in self.named:
                # Each naming may demand what the ones before could do without.
                if planned.path in self._excused:
                    yield from self._absent(planned, None)
                continue
            self.named.add(planned.path)
            yield from self._file(planned, self._expected.layout)
        for path in sorted(path for path, derived in self._excused.items() if derived):
            message = "it was never fetched; the server may not have it, as get tells"
            yield _note(path, Problem.MISSING, message)
        yield from self._recorded_live()
        yield from self._times()

    def strays(self, reserved: frozenset[str]) -> Iterator[Finding]:
        """Yield what lies about that the manifest does not name; after ``run``."""
        for record in self._records:
            path = record.path
            if not (path in self.named or path in self.kept or path in reserved):
                yield self._superseded(record)
        for path in sorted(
            path
            for path in self._store.iter_files()
            if not (path in self.named or path in self.kept or path in reserved)
            and path not in self._records
        ):
            yield _note(path, Problem.STRAY, "neither the manifest nor the record knows it")
        for path in self._store.leftover_parts():
            yield _note(path, Problem.PART, "an unfinished part; get continues it")

    def _recorded_live(self) -> Iterator[Finding]:
        """Check what the manifest no longer names against the run that recorded it."""
        left = {p for p in self._history.paths if p in self._records and p not in self.named}
        self.kept |= left
        for run in self._history.runs:
            wanted = run.paths & left
            expected = self._history.expected(run) if wanted else None
            if expected is None:
                continue
            for planned in expected.iter_plan():
                if self._stop.requested:
                    return
                if planned.path in wanted and planned.path in left:
                    left.discard(planned.path)
                    yield from self._file(planned, expected.layout)
        for path in sorted(left):
            # Its manifest is lost. What it should be inside is not known, only that it is there.
            size, record = self._store.size(path), self._records.get(path)
            if size is None:
                yield _lost(path)
            else:
                yield from _readable(path, self._measured(path, size, record))

    def _superseded(self, record: FileRecord) -> Finding:
        path = record.path
        folder = path.rpartition("/")[0]
        size = None
        if folder not in self._gone:
            size = self._store.size(path)
            if size is None and not self._store.has_folder(folder):
                self._gone.add(folder)
        message = "the manifest no longer names it"
        if size is None:
            message += "; it was fetched, and is gone"
        elif size != record.size:
            message += f"; {size} bytes, recorded were {record.size}"
        return _note(path, Problem.SUPERSEDED, message)

    def _measured(self, path: str, size: int, record: FileRecord | None) -> Iterator[Finding]:
        finding = self._measure(path, size, record)
        if finding is not None:
            yield finding

    def _file(self, planned: PlannedSegment, layout: Layout) -> Iterator[Finding]:
        yield from _readable(planned.path, self._findings(planned, layout))

    def _findings(self, planned: PlannedSegment, layout: Layout) -> Iterator[Finding]:
        path = planned.path
        record = self._records.get(path)
        size = self._store.size(path)
        if size is None:
            yield from self._absent(planned, record)
            return
        finding = self._measure(path, size, record)
        if finding is not None:
            yield finding
        if size == 0 and finding is None:
            yield _note(path, Problem.STRUCTURE, "it is empty, as it was on the server")
        elif finding is None or finding.problem is Problem.UNRECORDED:
            yield from self._inside(planned, size, layout)

    def _measure(self, path: str, size: int, record: FileRecord | None) -> Finding | None:
        """Hold a file against its record, from the outside."""
        self.files += 1
        self.bytes += size
        if record is None:
            message = "it is there, but nothing says that it is whole"
            return Finding(path, Problem.UNRECORDED, message)
        if record.size != size:
            return Finding(path, Problem.SIZE, f"{size} bytes, recorded were {record.size}")
        if record.sha256 is not None:
            self.checksummed += 1
            if sha256_of(self._store.root / path) != record.sha256:
                return Finding(path, Problem.CHECKSUM, "the SHA-256 is not the recorded one")
        return None

    def _absent(self, planned: PlannedSegment, record: FileRecord | None) -> Iterator[Finding]:
        if record is not None:
            yield _lost(planned.path)
        elif planned.track.key not in self._expected.selected:
            self._excused.setdefault(planned.path, False)
        elif planned.segment.last_derived:
            self._excused[planned.path] = True
        else:
            self._excused.pop(planned.path, None)
            yield Finding(planned.path, Problem.MISSING, "it was never fetched")

    def _inside(self, planned: PlannedSegment, size: int, layout: Layout) -> Iterator[Finding]:
        representation = planned.track.representation
        role = _role(planned, representation)
        with open(self._store.root / planned.path, "rb") as file:

            def read(offset: int, count: int) -> bytes:
                file.seek(offset)
                return file.read(count)

            for message in check(read, size, role):
                yield Finding(planned.path, Problem.STRUCTURE, message)
            if role.kind is SegmentKind.INITIALIZATION:
                self._timescales[planned.path] = media_timescale(read, size)
            elif role.kind is SegmentKind.MEDIA and not (role.whole or role.several):
                self._note_time(planned, first_decode_time(read, size), layout)

    def _note_time(self, planned: PlannedSegment, ticks: int | None, layout: Layout) -> None:
        timescale = self._timescale_of(planned.track, layout)
        expected = _media_time(planned)
        if ticks is None or timescale is None or expected is None:
            return
        offset = Fraction(ticks, timescale) - expected.start
        offsets = self._offsets.setdefault(_place_of(planned.track.representation), [])
        offsets.append((planned.path, offset, expected.tolerance))

    def _timescale_of(self, track: Track, layout: Layout) -> int | None:
        initialization = track.representation.initialization
        if initialization is None:
            return None
        path = layout.path(initialization.address, None, None, None)
        return self._timescales.get(path)

    def _times(self) -> Iterator[Finding]:
        for place, offsets in self._offsets.items():
            common = statistics.median_low(offset for _, offset, _ in offsets)
            tolerance = max(tolerance for _, _, tolerance in offsets)
            agreeing = sum(abs(offset - common) <= tolerance for _, offset, _ in offsets)
            if abs(common) > tolerance and 2 * agreeing > len(offsets):
                message = f"all segments begin {float(common):+.3f} s off the manifest's time"
                name = f"Representation {place.representation}"
                yield _note(name, Problem.TIME, message)
            else:
                common = Fraction(0)
            for path, offset, allowed in offsets:
                if abs(offset - common) > allowed:
                    off = float(offset - common)
                    message = f"the media time is {off:+.3f} s off the manifest's"
                    yield Finding(path, Problem.TIME, message)


class RemoteCheck:
    """Compares recorded files with the server by HEAD requests, in parallel.

    ``files`` gives the record of each and the URLs that the manifest has for it. The one that
    it came from is asked first, the others where that has no answer.
    """

    def __init__(self, files: Iterable[tuple[FileRecord, tuple[str, ...]]]) -> None:
        self.findings: list[Finding] = []
        self.compared = 0
        self._files = files

    def run(self, engine: Engine) -> None:
        """Ask for all; what differs is in ``findings`` afterwards."""
        engine.run(self._jobs(), self._done)

    def _jobs(self) -> Iterator[Job]:
        for record, urls in self._files:
            if not urls[0].startswith("data:"):
                yield Job(Request(origin_first(record, urls), Method.HEAD), _no_sink, record)

    def _done(self, job: Job, result: Fetched | TransferError) -> None:
        record = job.payload
        if not isinstance(record, FileRecord):
            raise TypeError("not a job of this check")
        if isinstance(result, Fetched):
            self.compared += 1
            if not is_same(record, result, job.request.urls):
                self.findings.append(_changed(record, result))
        elif result.status in _GONE:
            message = f"the server no longer has it ({result.message})"
            self.findings.append(_note(record.path, Problem.GONE, message))
        elif not result.cancelled:
            message = f"it could not be compared with the server: {result.message}"
            self.findings.append(
                Finding(
                    record.path,
                    Problem.UNCOMPARED,
                    message,
                    note=True,
                    status=result.status,
                    hint=_FORBIDDEN_HINT if result.status == 403 else result.hint or _LATER_HINT,
                )
            )


def _changed(record: FileRecord, fetched: Fetched) -> Finding:
    if fetched.size != record.size:
        message = f"the server now has {fetched.size} bytes, recorded were {record.size}"
    elif record.etag and fetched.head.etag:
        message = f"the server's ETag is {fetched.head.etag} now, recorded was {record.etag}"
    else:
        message = f"changed on the server at {fetched.head.last_modified}"
    return Finding(record.path, Problem.CHANGED, message)


def _no_sink(_: Job) -> Sink:
    """Give the sink of a HEAD request, which has no body."""
    return MemorySink(0)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_superseded(
    store: MirrorDirectory, expected: Expected, history: LiveHistory, reserved: frozenset[str]
) -> tuple[FileRecord, ...]:
    """Return the recorded files that the manifest no longer names, selected or not.

    Also those that somebody has removed already. What was recorded of a live presentation is
    not among them: that its window moves on does not make it worth less.
    """
    named = {planned.path for planned in expected.iter_plan()} | history.paths
    spelled = {fold(path): path for path in (*named, *reserved)}
    superseded = (
        record
        for record in store.records()
        if record.path not in named
        and record.path not in reserved
        and store.presence(record.path, record.url) is not Presence.BLOCKED
        # Where the file system folds case, it may have another name that still counts.
        and not store.is_same(record.path, spelled.get(fold(record.path)))
    )
    return tuple(sorted(superseded, key=lambda record: record.path))


def checksum_lines(
    store: MirrorDirectory, note: Callable[[FileRecord], None], also: tuple[str, ...] = ()
) -> Iterator[str]:
    """Yield the lines of ``SHA256SUMS`` for every recorded file, sorted by path.

    A file whose record has no checksum yet is read, and ``note`` gets its new record.
    """
    records = store.records()
    for path in sorted({*(record.path for record in records), *also}):
        size, record = store.size(path), records.get(path)
        if size is None:
            continue
        digest = record.sha256 if record is not None else None
        if digest is None:
            if record is not None and record.size != size:
                continue
            digest = sha256_of(store.root / path)
            if record is not None:
                note(msgspec.structs.replace(record, sha256=digest))
        yield _checksum_line(path, digest)


def read_checksums(text: str) -> dict[str, str]:
    """Read ``SHA256SUMS``: the digest of each path."""
    sums: dict[str, str] = {}
    for line in text.splitlines():
        escaped = line.startswith("\\")
        digest, _, path = line.lstrip("\\").partition("  ")
        if escaped:
            path = path.replace("\\n", "\n").replace("\\r", "\r").replace("\\\\", "\\")
        sums[path] = digest
    return sums


def _checksum_line(path: str, digest: str) -> str:
    """Write a line as sha256sum does; a name with a newline or backslash is escaped."""
    if "\\" in path or "\n" in path or "\r" in path:
        path = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        return f"\\{digest}  {path}"
    return f"{digest}  {path}"


def _lost(path: str) -> Finding:
    return Finding(path, Problem.MISSING, "it was fetched, and is gone")


def _place_of(representation: Representation) -> _Place:
    period = representation.period
    return _Place(period.id, period.start, representation.adaptation_set, representation.id)


def _readable(path: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield findings; one that the file cannot be read where that ends them."""
    try:
        yield from findings
    except OSError as error:
        yield Finding(path, Problem.UNREADABLE, f"it cannot be read: {error.strerror or error}")


def _note(path: str, problem: Problem, message: str) -> Finding:
    return Finding(path, problem, message, note=True)


def _role(planned: PlannedSegment, representation: Representation) -> Role:
    segment = planned.segment
    whole = isinstance(representation.addressing, SingleAddressing)
    initialization = representation.initialization
    shared = segment.range is not None or (
        initialization is not None
        and segment.kind is SegmentKind.INITIALIZATION
        and initialization.range is not None
    )
    if segment.kind is SegmentKind.MEDIA and (whole or shared):
        return Role(representation.mime_type, segment.kind, whole=whole, several=True)
    return Role(representation.mime_type, segment.kind, several=shared)


def _media_time(planned: PlannedSegment) -> MediaTime | None:
    """Return the media time that the manifest gives a segment, in seconds.

    Where durations are counted rather than listed, time begins at
    ``@presentationTimeOffset`` (5.3.9.2.2).
    """
    segment, addressing = planned.segment, planned.track.representation.addressing
    if segment.time is None or segment.duration is None or isinstance(addressing, SingleAddressing):
        return None
    scale = segment.timebase.timescale
    counted = addressing.timeline is None
    ticks = segment.time + (addressing.presentation_time_offset if counted else 0)
    return MediaTime(Fraction(ticks, scale), max(Fraction(segment.duration, scale) * _HALF, _HALF))
