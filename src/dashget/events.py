"""Events of a run, as small frozen facts. The modules that report them know no printer.

Events are given to an ``Observer`` one at a time, never from two threads at once.
Sizes are bytes, times are seconds.
"""

from __future__ import annotations

import enum
from typing import Final, Protocol, Self

import msgspec

from dashget.common.secrets import HidesSecrets
from dashget.common.shortrepr import short_repr
from dashget.common.stopping import Bound
from dashget.errors import Issue, MirrorIncompleteError

MANIFEST: Final = "manifest"
"""The path in events about a retry of the MPD itself."""
_FAILURES_NAMED: Final = 5


class Outcome(enum.Enum):
    """How one planned file ended. Every planned file ends in exactly one of these."""

    DOWNLOADED = "downloaded"
    """Fetched completely in this run."""
    RESUMED = "resumed"
    """An earlier run's part was continued and completed."""
    UPDATED = "updated"
    """It was complete, but has changed on the server, and was fetched again."""
    PRESENT = "present"
    """Recorded and of the recorded size: no request was made."""
    ADOPTED = "adopted"
    """On disk without a record; its size is that on the server."""
    ABSENT = "absent"
    """The very last derived segment is missing on the server, which is not a failure."""
    FAILED = "failed"
    """Not fetched; the reason is in the event."""
    CANCELLED = "cancelled"
    """Not finished because the run was stopped."""
    PLANNED = "planned"
    """A dry run: it would be fetched."""
    UNCOMPARED = "uncompared"
    """A dry run: it is here, and would be compared with the server; fetched only if it differs."""

    # An enum hashes its name, in Python; every file asks for it.
    __hash__ = object.__hash__

    @property
    def complete(self) -> bool:
        """True if this file leaves nothing missing in the mirror."""
        return self not in (
            Outcome.FAILED, Outcome.CANCELLED, Outcome.PLANNED, Outcome.UNCOMPARED,
        )  # fmt: skip


class Event(HidesSecrets, frozen=True, tag_field="event", tag=True):
    """Base of all events; the JSON form names the class in its ``event`` key."""


class ManifestAwaited(Event, frozen=True, tag="waiting"):
    """The MPD has not come within two seconds, or is not there yet; it is waited for."""

    url: str
    problem: str | None = None
    """Why it is not there yet."""


class ManifestLoaded(Event, frozen=True, tag="manifest"):
    """The MPD was loaded. ``url`` is the final one, after redirects."""

    url: str
    size: int
    type: str
    periods: int
    representations: int
    root: str
    title: str | None = None
    notes: tuple[str, ...] = ()
    """Sentences about the selection: ``best`` took one for each of several languages."""


class Warned(Event, frozen=True, tag="warning"):
    """A warning: something is odd, but the run continues."""

    message: str
    where: str | None = None
    line: int | None = None
    clause: str | None = None

    @classmethod
    def of(cls, issue: Issue) -> Warned:
        """Return the event for an issue found in the document."""
        return cls(issue.message, issue.where, issue.line, issue.clause)


class TrackPlanned(Event, frozen=True, tag="track"):
    """One selected Representation of one Period, before its segments are fetched.

    ``track`` is the key that later events use. ``segments`` counts media segments, as
    ``dashget list`` does; ``files`` counts the files of all kinds that no track before it has,
    and one file may hold many segments. These and ``bytes_estimated`` are None where they cannot
    be known in advance; the estimate is bandwidth x duration.
    """

    track: int
    period_index: int
    representation: str
    content_type: str
    label: str
    """A description for people: resolution or language, bandwidth, id."""
    segments: int | None = None
    bytes_estimated: int | None = None
    files: int | None = None


class Muxed(Event, frozen=True, tag="muxed"):
    """One file was written from a mirror, and has its name."""

    path: str
    tracks: int
    chapters: int
    packets: int
    bytes: int
    duration: float
    """Seconds from zero to the end of the last packet."""
    checked: bool
    """True if it was read again, and every packet compared."""
    seconds: float
    subtitles: tuple[str, ...] = ()
    """The files of subtitles that were written beside it."""


class FileStarted(Event, frozen=True, tag="started"):
    """The first request for a file is sent. ``offset`` is where a resumed file continues."""

    path: str
    url: str
    track: int | None = None
    offset: int = 0


class RetryScheduled(Event, frozen=True, tag="retry"):
    """An attempt failed; ``attempt`` (from 1) will be followed by another after a delay."""

    path: str
    url: str
    attempt: int
    delay_seconds: float
    reason: str
    at_end: bool = False
    """True if the next attempt follows when all other files have had their turn."""


class BegunAnew(Event, frozen=True, tag="anew"):
    """A file starts again from its beginning: ``dropped`` bytes of an earlier attempt are lost.

    Nothing has failed: the answer that says so brings the file.
    """

    path: str
    url: str
    dropped: int
    reason: str


class FileFinished(Event, frozen=True, tag="file"):
    """A planned file has its outcome. ``transferred`` counts bytes received in this run."""

    path: str
    url: str
    outcome: Outcome
    size: int | None = None
    track: int | None = None
    transferred: int = 0
    attempts: int = 0
    status: int | None = None
    reason: str | None = None
    seconds: float | None = None
    """Time from the first request for the file in this run until it was complete."""
    first_byte_seconds: float | None = None
    """Time until the first response began."""
    http: str | None = None
    """The version of HTTP. Of a failed file this, the next two and the times are those of the
    last answer that it got."""
    remote: str | None = None
    """Address and port of the peer."""
    cache: dict[str, str] | None = None
    """``Age``, ``X-Cache``, ``Via`` and similar headers, as the server sent them."""
    kept_headers: dict[str, str] | None = None
    """The headers that are kept by choice (``keep_headers``), with lower-case names."""


class Stage(enum.Enum):
    """What a run, or a verification, is busy with."""

    FETCHING = "fetching"
    """Files are fetched, by ``mirror`` or for a repair."""
    CHECKING = "checking"
    """Files on disk are checked."""
    COMPARING = "comparing"
    """Files are compared with the server."""


class Unfinished(msgspec.Struct, frozen=True, gc=False):
    """A file in progress: ``bytes`` of it are on disk, including those of earlier runs.

    ``size`` is None until the server tells it.
    """

    __repr__ = short_repr

    path: str
    track: int
    bytes: int
    size: int | None = None


class Progressed(Event, frozen=True, tag="progress"):
    """The state of the whole run, at most ten times per second.

    ``transferred`` is in bytes; bytes received twice count twice.
    """

    transferred: int
    files_done: int
    files_planned: int
    planning_done: bool
    in_flight: int
    waiting_to_retry: int
    unfinished: tuple[Unfinished, ...] = ()
    """Files in progress, except small ones that finish at once."""
    files_total: int | None = None
    """How many files the run will have planned, by the manifest; None if that is unknown."""
    bytes_done: int = 0
    """Bytes of complete files and of those in progress, with what earlier runs have brought."""
    bytes_total: int | None = None
    """The sum of all sizes; None until the size of every file is known.

    Of a check these are the bytes to read: of files without a recorded checksum there are none.
    """
    stage: Stage = Stage.FETCHING


class Playback(enum.Enum):
    """How players on the machine that holds a mirror open its local MPD."""

    FILE = "file"
    """From disk, with players that are based on FFmpeg, such as mpv; and from a web server."""
    FILE_OF_ANY_NAME = "file-of-any-name"
    """As FILE, if FFmpeg's demuxer is allowed to open all extensions."""
    SERVER = "server"
    """From a web server only, with a DASH player."""


class Failure(HidesSecrets, frozen=True):
    """What is missing at the end, and why: a file, or a part of the presentation."""

    path: str
    url: str
    reason: str
    attempts: int
    status: int | None = None
    hint: str | None = None
    """Advice that may help, if there is any."""
    unplanned: bool = False
    """True for a part of the presentation whose files could not be worked out, or that nothing
    describes: ``path`` is that of the manifest, and it counts as no file in ``outcomes``."""
    retry_after_seconds: float | None = None
    """The pause that the server asked for at last (``Retry-After``), if it did."""


class Pruned(Event, frozen=True, tag="pruned"):
    """Files that the manifest no longer names; they are removed right after this event.

    In a dry run they stay.
    """

    paths: tuple[str, ...]
    dry_run: bool = False


class Summary(Event, frozen=True, tag="summary"):
    """The end of a run. ``files`` and ``bytes`` count the planned files that the mirror now has.

    ``transferred`` counts the bytes received in this run, including failed attempts.
    """

    root: str
    manifest: str
    url: str
    files: int
    bytes: int
    transferred: int
    seconds: float
    requests: int
    outcomes: dict[Outcome, int]
    failures: tuple[Failure, ...] = ()
    warnings: int = 0
    interrupted: bool = False
    """True if the run was stopped: by a request, or by a limit of the user."""
    dry_run: bool = False
    bytes_estimated: int | None = None
    """The size of the whole selection by its bandwidth, if the manifest tells it."""
    error: str | None = None
    """The error that stopped the whole run, such as a full disk."""
    kept_files: int = 0
    kept_bytes: int = 0
    """Unfinished files that the next run continues, and the bytes of them on disk."""
    absent: tuple[str, ...] = ()
    """The paths of last derived segments that are missing on the server; these are not failures."""
    hint: str | None = None
    """Advice for a run that left files missing, by their failures and what had come before."""
    sampled: int = 0
    """How many files that were here are the same as on the server as far as samples of them show:
    the server has other validators for them, and states no checksum."""
    playback: Playback | None = None
    """How the local MPD opens on this machine; None if the run wrote none."""
    ended_by: Bound | None = None
    """The limit of the user that stopped the run, if it was one."""

    def raise_for_failures(self) -> Self:
        """Return the Summary of a complete mirror; else raise MirrorIncompleteError.

        The error names the files that are missing. A dry run that was not stopped is complete.
        """
        if self.complete:
            return self
        raise MirrorIncompleteError(
            _shortfall(self),
            hint="the same call completes the mirror",
            paths=tuple(one.path for one in self.failures if not one.unplanned),
        )

    @property
    def unplanned(self) -> int:
        """How many of the failures are parts of the presentation, and no files."""
        return sum(failure.unplanned for failure in self.failures)

    @property
    def complete(self) -> bool:
        """True if every planned file is there (or allowed to be absent)."""
        if self.interrupted or self.failures or self.error is not None:
            return False
        return self.dry_run or all(outcome.complete for outcome in self.outcomes)


def _shortfall(summary: Summary) -> str:
    """Return a sentence about the missing files of an incomplete mirror."""
    failures = summary.failures
    if failures:
        named = ", ".join(f"{one.path} ({one.reason})" for one in failures[:_FAILURES_NAMED])
        hidden = len(failures) - _FAILURES_NAMED
        more = f" and {hidden:,} more" if hidden > 0 else ""
        parts = summary.unplanned
        files = len(failures) - parts
        told = [f"{files:,} {'file is' if files == 1 else 'files are'} missing"] if files else []
        if parts:
            noun, are = ("part", "is") if parts == 1 else ("parts", "are")
            told.append(f"{parts:,} {noun} of the presentation {are} missing")
        return f"{' and '.join(told)} in {summary.root}: {named}{more}"
    if summary.error is not None:
        return summary.error
    if summary.ended_by is not None:
        ended = f"{summary.ended_by.option} ended the run"
        return f"{ended} before the mirror in {summary.root} was complete"
    return f"the run was stopped before the mirror in {summary.root} was complete"


class RecordingBegan(Event, frozen=True, tag="recording"):
    """A recorder begins, or goes on with a recording. Times are the server's, since 1970."""

    url: str
    root: str
    at: float
    resumed: bool = False
    """True if an earlier recorder had begun it."""
    wanted_from: float | None = None
    """The time from which on segments are wanted; None: all that are there."""


class ManifestRead(Event, frozen=True, tag="read"):
    """A live manifest was read again. Reads that bring nothing new are not told."""

    kind: str
    """``news``, ``stale`` (an older answer, which changes nothing), ``restart`` or ``failed``."""
    publish: float | None = None
    problem: str | None = None
    """What is wrong with a read that failed, or with a patch in place of which all was read."""
    how: str = "full"
    """``full``, ``patch``, ``same`` (it was said that there is nothing new) or ``event``."""


class PresentationChanged(Event, frozen=True, tag="changed"):
    """Something is different in a live presentation: a Period, a track, its end, its encoder."""

    what: str
    """``period``, ``track``, ``end`` or ``restart``."""
    name: str
    how: str
    """``added``, ``removed``, ``moved``, ``ended``, ``began`` or ``over``."""


class PresentationLingers(Event, frozen=True, tag="lingers"):
    """A live presentation is over; its manifest is still read for a while, since it may go on."""

    seconds: float


class SegmentLate(Event, frozen=True, tag="late"):
    """A segment came more than its own duration after it was promised."""

    path: str
    seconds: float


class GapFound(Event, frozen=True, tag="gap"):
    """Segments of a live presentation are lost. Times are the server's, since 1970."""

    label: str
    begin: float
    end: float
    segments: int | None
    reason: str


class OutageTold(Event, frozen=True, tag="outage"):
    """The origin of a live presentation cannot be reached, or can again (``until``)."""

    since: float
    until: float | None = None
    problem: str | None = None
    """What was wrong with the last request."""


class ClockSet(Event, frozen=True, tag="clock"):
    """The server's time was learnt: its difference to this computer's clock."""

    source: str
    """``utc`` (UTCTiming), ``date`` (a Date header) or ``local``."""
    offset_seconds: float
    uncertainty_seconds: float


class SegmentsExpired(Event, frozen=True, tag="expired"):
    """The oldest files of a recording are removed, to keep what is newer."""

    before: float
    """What begins before this server time is not kept any more."""
    files: int
    bytes: int


class LiveTrack(msgspec.Struct, frozen=True):
    """The state of a track of a recording."""

    label: str
    recorded: int
    lost: int
    pending: int
    lag_seconds: float | None = None
    """How old the end of its newest recorded segment is; None: there is none."""
    behind_seconds: float = 0.0
    """How old its oldest segment is that is to be fetched."""
    window_seconds: float | None = None
    """The time that is left until that is removed; None: it is not, or there is none."""
    gaps: int = 0
    """Stretches in a row of which segments are lost."""

    __repr__ = short_repr


class RecordingProgressed(Event, frozen=True, tag="live"):
    """The state of a recording, about once a second."""

    recorded: int
    lost: int
    pending: int
    in_flight: int
    behind_seconds: float
    """How old the oldest segment is that is to be fetched."""
    window_seconds: float | None
    """The time that is left until it is removed; None: it is not."""
    bytes: int
    tracks: tuple[LiveTrack, ...] = ()
    """Those of the newest manifest."""


class RecordingEnded(Event, frozen=True, tag="recorded"):
    """The end of a recording: how many segments it had, and what became of them."""

    root: str
    ended: str
    """``over``, ``until``, ``stopped``, ``gave-up``, ``never`` (there was no manifest), ``not-yet``
    (it begins later), ``nothing`` (was there to record) or ``failed`` (the disk)."""
    announced: int
    recorded: int
    lost: int
    withdrawn: int
    pending: int
    files: int
    """Other files that are here, such as initialization segments."""
    lost_files: tuple[str, ...] = ()
    """Their like that never came."""
    gaps: int = 0
    """How many gaps may be losses."""
    reads: int = 0
    seconds: float = 0.0
    bytes: int = 0
    problem: str | None = None
    """What was wrong with the last read of the manifest that failed, or with the disk."""
    begins: float | None = None
    """When the presentation begins, if that is later: server time since 1970."""
    expired: int = 0
    """How many segments were removed to keep what is newer."""

    @property
    def complete(self) -> bool:
        """True if nothing is missing of what was announced."""
        return not (self.gaps or self.lost or self.lost_files)


class Observer(Protocol):
    """A function that receives events. It must not raise, and must return soon.

    An attribute ``ignores``, a set of event types, tells which events it does not need.
    """

    def __call__(self, event: Event, /) -> None: ...


def ignored_by(observer: Observer) -> frozenset[type[Event]]:
    """Return the types of events that an observer does not need."""
    ignored: frozenset[type[Event]] = getattr(observer, "ignores", frozenset())
    return ignored


def ignore(event: Event, /) -> None:
    """Ignore an event: the observer for callers that need none."""
