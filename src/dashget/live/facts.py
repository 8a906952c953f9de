"""What a recording writes down as it goes: enough to go on from it after a kill.

Each fact is one line of the record. Times are axis times (see ``listing``) in ticks, or seconds
since 1970 on the server's clock. All names are keys of the record's JSON: only ever added to.
"""

from __future__ import annotations

import enum

import msgspec

from dashget.live.spans import Run


class Reason(enum.Enum):
    """Why a segment is missing, or a stretch of time has none."""

    NOT_THERE = "not-there"
    """It was asked for again and again while it should have been there."""
    LEFT_WINDOW = "left-window"
    """It was gone before its turn came, or had come: the link was too slow."""
    OUTAGE = "outage"
    """The origin could not be reached while it was there."""
    NOT_RUNNING = "not-running"
    """The recorder was not running while it was there."""
    REFUSED = "refused"
    """The origin refused it, also after the manifest had been read again."""
    NOT_ALLOWED = "not-allowed"
    """DashGet asks no such address: a private one, or http that is named over https."""
    ODD = "odd"
    """What came in its place was something else each time."""
    REPLACED = "replaced"
    """Its file got other bytes under the same name, so that nothing could be added to it."""
    PENDING = "pending"
    """The recording ended before it came; the same command asks for it, if it is still there."""
    ANNOUNCED = "announced"
    """A hole of the presentation itself: nothing was announced there. No loss."""

    @property
    def is_loss(self) -> bool:
        """True if something may be missing."""
        return self is not Reason.ANNOUNCED


class LineFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of segments that was announced for the first time."""

    line: int
    """Its number in the record."""
    key: str
    generation: int = 1
    label: str = ""
    scale: int = 1
    shift: int = 0
    """Media time less axis time, in ticks."""
    origin: float = 0.0
    """Server time at axis time 0."""
    begin: float | None = None
    """``@availabilityStartTime``, as server time."""


class ShapeFact(msgspec.Struct, frozen=True):
    """What players have to know of a Representation, but for the times of its segments."""

    shape: int
    """Its number in the record."""
    mpd: str
    """An MPD with this Representation alone."""


class StretchFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """From an axis time on, a line has a shape, in a Period, on a clock."""

    stretch: int
    """The number of the line."""
    t: int
    shape: int
    start: str
    """Server time at which the Period starts, exact, such as ``3/2``."""
    origin: str
    """Server time at axis time 0, exact."""
    period: str = ""
    """The id of the Period, if it has one."""
    shift: int = 0
    """Media time less axis time, in ticks."""
    parts: int = 1
    """So many of its ticks are one of the manifest."""
    sub: int = 0
    """The sub number, where sequences have a line for each."""


class LateFact(msgspec.Struct, frozen=True):
    """From an axis time on, the media of a line begin later than its documents say.

    The first fact of a line holds for what is before it as well.
    """

    late: int
    """The number of the line."""
    t: int
    by: str
    """By so many seconds, exact, such as ``3/2``; negative: earlier."""


class EventFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event of the manifest that was there for the first time."""

    event: str
    """An MPD with this event alone, without its times."""
    t: int
    scale: int
    """Ticks a second, of all its times."""
    start: str
    """Server time at which its Period starts, exact, such as ``3/2``."""
    period: str = ""
    """The id of the Period, if it has one."""
    generation: int = 1
    offset: int = 0
    """The time of events at the Period's start, in ticks."""
    d: int | None = None
    """Its duration, if it is known."""


class SegmentFact(msgspec.Struct, frozen=True, gc=False):
    """A segment that is recorded."""

    line: int
    t: int
    d: int
    n: int
    size: int = 0
    """Its bytes."""

    @property
    def run(self) -> Run:
        """The segment as a run of one."""
        return Run(self.t, self.d, 1, self.n)


class FileFact(msgspec.Struct, frozen=True, gc=False):
    """A file that is known by its name alone, and is here."""

    path: str
    size: int = 0
    came: float | None = None
    """Of media: when it came, by this computer's clock; None: an initialization segment."""
    line: int = 0
    """Of media: the number of its line of names; 0: it has none."""
    n: int = 0
    """Its order number in the line. Two that follow one another were so in a document."""
    t: int | None = None
    """Its media time in ticks of ``scale``; None: nobody knows."""
    d: int = 0
    """How long it lasts; 0: nobody knows."""
    scale: int = 0
    at: float | None = None
    """Server time at which it begins; None: when it came."""
    more: int = 0
    """Of a file that may grow: how many of its bytes came last. It had the others before."""

    @property
    def begins(self) -> float | None:
        """The time that tells what is older: None for what stays as long as anything."""
        return self.came if self.at is None else self.at


class NamesFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """Files that only their names tell, in order: those of a list, or a single one."""

    names: int
    """The number of the line, as of a line of segments."""
    key: str
    generation: int = 1
    label: str = ""
    track: str = ""
    """The id of the Representation."""
    single: bool = False
    """True for a single file."""


class ShortFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file of which the end is missing, as far as is known; or that is whole after all."""

    short: int
    """The number of its line of names."""
    n: int
    """Its order number."""
    until: float
    """The server time up to which that is known."""
    reason: Reason | None = None
    """None: it is whole."""


class NamedFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that earlier facts have told of the files of one line of names, as ``names.Rows``."""

    named: int
    series: tuple[tuple[str, int, str | None], ...] = ()
    rows: tuple[tuple[int, int | None, int, int, float, int, int, int, int], ...] = ()
    missing: dict[Reason, tuple[int, ...]] = {}
    """The order numbers of files that never came."""
    expired: int = 0
    """How many were here, and have been removed."""
    cut: tuple[tuple[int, float, Reason], ...] = ()
    """Order numbers of files of which the end is missing, up to when that is known, and why."""


class LossFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """Segments in a row that are lost, or withdrawn: with the reason, and how often they were
    asked for, with which answers (0: none came), since when and until when."""

    lost: int
    """The number of the line."""
    t: int
    d: int
    n: int
    count: int = 1
    reason: Reason | None = None
    """None: withdrawn, so that nothing is missing."""
    tries: int = 0
    statuses: tuple[int, ...] = ()
    since: float | None = None
    until: float | None = None

    @property
    def run(self) -> Run:
        """The segments."""
        return Run(self.t, self.d, self.count, self.n)


class EndFact(msgspec.Struct, frozen=True):
    """That a segment of a line was said to be the last one, or was not after all."""

    ends: int
    """The number of the line."""
    t: int | None = None
    """Axis time at which it ends; None: it goes on."""


class HoleFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stretch of a line in which nothing was announced, as its documents go on after it."""

    hole: int
    """The number of the line."""
    t: int
    until: int
    """Axis time of what comes next."""
    shown: bool = False
    """True if documents that were read show that there was nothing."""


class OutageFact(msgspec.Struct, frozen=True):
    """A time in which the origin could not be reached."""

    outage: float
    """When it began."""
    until: float


class SessionFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A recorder that begins, or ends in order; one that was killed has no end."""

    recorder: str
    """``begin``, ``alive`` (from time to time) or ``end``."""
    at: float
    from_: float | None = msgspec.field(name="from", default=None)
    """The server time from which on segments are wanted; None: all that are there."""


class ExpiredFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that begins before a time is being removed, to keep what is newer: no gap, no loss.

    Written before the first file is removed.
    """

    expired: float
    bytes: int = 0
    """The size of the files that are removed."""


class CoverageFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that earlier facts about one line have told.

    Stretches are begin and end in turn; segments in a row are four numbers: the begin of the
    first, the duration, how many, the number of the first.
    """

    coverage: int
    """The number of the line."""
    known: tuple[int, ...] = ()
    holes: tuple[int, ...] = ()
    shown: tuple[int, ...] = ()
    recorded: tuple[int, ...] = ()
    withdrawn: tuple[int, ...] = ()
    missing: dict[Reason, tuple[int, ...]] = {}
    expired: int = 0
    """How many segments were here, and have been removed."""


class HeldFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that earlier facts have told of files: their size, and those that a name alone tells."""

    held: int
    here: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    """Those of lists that came last."""
    grown: dict[str, int] = {}
    """The bytes of files that may grow."""


Fact = (
    LineFact
    | ShapeFact
    | StretchFact
    | LateFact
    | EventFact
    | SegmentFact
    | FileFact
    | NamesFact
    | NamedFact
    | ShortFact
    | HoleFact
    | LossFact
    | OutageFact
    | SessionFact
    | EndFact
    | ExpiredFact
    | CoverageFact
    | HeldFact
)
