"""The world of a recorder: time, network and disk, behind one protocol.

The recorder's loop asks for nothing else, so that it runs in a simulation as it does for real.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol

import msgspec

from dashget.live.agenda import Asked
from dashget.live.clock import Sample
from dashget.live.expiry import Given
from dashget.live.facts import Fact, FileFact
from dashget.live.listing import Once, Version
from dashget.live.localmpd import Coverage
from dashget.live.policy import Answer
from dashget.media.events import SILENT, Notices


class Way(enum.Enum):
    """How a manifest was read."""

    FULL = "full"
    """As a whole."""
    PATCH = "patch"
    """By a patch of the one before."""
    SAME = "same"
    """It was said that there is nothing new."""
    EVENT = "event"
    """It came in an event of a media segment."""


class Read(msgspec.Struct, frozen=True, eq=False):
    """An errand: read the manifest; ask for the time as well if ``clock``."""

    urls: tuple[str, ...] = ()
    """Where to ask, in this order; empty: where the user said."""
    clock: bool = False
    server: float = 0.0
    """What is known of the server's time."""
    given: Given | None = None
    """What came in place of the manifest; if it does not do, all is read."""
    fresh: bool = False
    """True if that there is nothing new is no answer: something has told otherwise."""
    patch: bool = False
    """True if a patch of what was read last will do; if it does not, all of it is read."""


class Fetch(msgspec.Struct, frozen=True, eq=False):
    """An errand: fetch a segment, store it, and write its fact down."""

    asked: Asked
    seconds: float
    """The time that it may take."""


class FetchOnce(msgspec.Struct, frozen=True, eq=False):
    """An errand: fetch a file that is known by its name."""

    once: Once
    path: str


class Stage(enum.Enum):
    """What is asked for of a file that may have grown."""

    HEAD = "head"
    """Its first bytes: whether they are the same, if anything is new at all."""
    TAIL = "tail"
    """What follows the bytes that are here, and some of these."""
    WHOLE = "whole"
    """All of it: the server has no ranges, or nothing can be added to the file that is here."""


class FetchMore(msgspec.Struct, frozen=True, eq=False):
    """An errand: look at a file again that is here, and add what it has got since."""

    once: Once
    path: str
    stage: Stage
    turn: int = 0
    """Which of its addresses is asked."""
    at: float | None = None
    """The server time at which its media begin."""
    last: bool = False
    """True if that nothing is new is believed only by its bytes."""


class Found(enum.Enum):
    """What became of a look at a file that may have grown."""

    SAME = "same"
    """It is what it was at the last look."""
    SOUND = "sound"
    """Its first bytes are the same: there may be more of it."""
    MORE = "more"
    """Some bytes were added, and there may be more at once."""
    ALL = "all"
    """It is here as far as it goes."""
    REPLACED = "replaced"
    """It has other bytes."""
    NO_RANGES = "no-ranges"
    """Only all of it can be had."""
    FAILED = "failed"
    """Nothing of it came; the answer tells why."""


class WriteLocal(msgspec.Struct, frozen=True, eq=False):
    """An errand: write the local MPD of what is recorded."""

    coverage: Coverage


class Upkeep(msgspec.Struct, frozen=True, eq=False):
    """An errand: remove what is too old to be kept, and keep the record in order."""

    server: float
    """The server's time."""


Errand = Read | Fetch | FetchOnce | FetchMore | WriteLocal | Upkeep


class ReadEnded(msgspec.Struct, frozen=True, eq=False):
    """How a read ended: with a version, or with what is wrong."""

    version: Version | None
    asked: float
    """Monotonic time of the request."""
    sample: Sample | None = None
    problem: str | None = None
    status: int = 0
    way: Way = Way.FULL
    retry_after: float | None = None
    """For how many seconds the server does not want to be asked."""
    refused: str | None = None
    """What was wrong with a patch, in place of which all was read."""
    work: float = 0.0
    """The seconds on the CPU that it took to make the version of what came."""


class FetchEnded(msgspec.Struct, frozen=True, eq=False):
    """How the fetch of a segment, or of another file, ended."""

    errand: Fetch | FetchOnce
    answer: Answer
    notices: Notices = SILENT
    """What a segment says that has come."""
    fact: FileFact | None = None
    """The fact about a file that only its name tells, and that is here."""


class MoreEnded(msgspec.Struct, frozen=True, eq=False):
    """How a look at a file that may have grown ended."""

    errand: FetchMore
    found: Found
    answer: Answer
    size: int = 0
    """How many bytes of it are here now."""
    fact: FileFact | None = None
    """The fact about it, if bytes were added."""


class LocalEnded(msgspec.Struct, frozen=True, eq=False):
    """The local MPD is written, or why not."""

    seconds: float = 0.0
    """How long that took."""
    problem: str | None = None
    notice: str | None = None
    """What it lacks, the first time."""
    old: bool = False
    """True if it was not written: some of what it would have named is gone by now."""


class UpkeepEnded(msgspec.Struct, frozen=True, eq=False):
    """How upkeep ended."""

    expired: float | None = None
    """The server time before which nothing is kept any more; None: nothing was removed."""


Report = ReadEnded | FetchEnded | MoreEnded | LocalEnded | UpkeepEnded


class World(Protocol):
    """Does errands, and tells the time."""

    @property
    def room(self) -> int:
        """How many requests for segments may be under way at once."""
        ...

    @property
    def stopping(self) -> bool:
        """True if the user wants the recording to end in order."""
        ...

    def moment(self) -> float:
        """Return the monotonic time."""
        ...

    def start(self, errand: Errand) -> None:
        """Begin an errand; ``wait`` tells how it ended."""
        ...

    def wait(self, until: float) -> Sequence[Report]:
        """Wait for errands to end, or for a time; return what has ended."""
        ...

    def hurry(self) -> None:
        """Break off the requests that are under way; ``wait`` tells that they have ended."""
        ...

    def note(self, fact: Fact) -> None:
        """Write a fact down. The fact about a segment is written by ``Fetch`` itself."""
        ...
