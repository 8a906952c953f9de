"""What a verification reports: one ``Finding`` for each problem, and a ``Report`` at the end."""

from __future__ import annotations

import enum
from typing import Final

from dashget.common.stopping import Bound
from dashget.events import Event
from dashget.store import OCCUPIED_HINT


class Problem(enum.Enum):
    """The kind of a problem, as ``verify --json`` spells it; see docs/reference/verify.md."""

    MANIFEST = "manifest"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    SIZE = "size"
    CHECKSUM = "checksum"
    STRUCTURE = "structure"
    TIME = "time"
    UNPLANNED = "unplanned"
    """A part of the presentation whose files could not be worked out."""
    UNRECORDED = "unrecorded"
    OWN = "own"
    """A file written by DashGet itself differs from what DashGet would write now."""
    CHANGED = "changed-on-server"
    GONE = "gone-from-server"
    UNCOMPARED = "not-compared"
    GAP = "gap"
    """Segments of a recording that never came, or were never announced."""
    SUPERSEDED = "superseded"
    STRAY = "stray"
    PART = "part"


FETCHED_AGAIN: Final = frozenset(
    {
        Problem.MISSING,
        Problem.UNREADABLE,
        Problem.SIZE,
        Problem.CHECKSUM,
        Problem.STRUCTURE,
        Problem.TIME,
        Problem.UNRECORDED,
        Problem.CHANGED,
    }
)
"""The problems of files that fetching them again may mend."""
REPAIRABLE: Final = FETCHED_AGAIN | {Problem.MANIFEST, Problem.OWN}
"""The problems that ``--repair`` may mend."""


class Finding(Event, frozen=True, tag="finding"):
    """One problem of one file. An error makes the mirror unsound; a ``note`` leaves it sound."""

    path: str
    problem: Problem
    message: str
    note: bool = False
    status: int | None = None
    """The HTTP status that prevented the comparison with the server, if there was one."""
    hint: str | None = None
    """What may help to have the file compared."""


class Report(Event, frozen=True, tag="report"):
    """The result of a verification. ``bytes`` is the total size of the checked files."""

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
    """How many files could not be compared with the server although that was asked for."""
    ended_by: Bound | None = None
    """The limit of the user that stopped the verification, if it was one."""

    @property
    def sound(self) -> bool:
        """True if every file was checked, and every error that was found is repaired."""
        return self.errors == 0 and not self.interrupted


def note(path: str, problem: Problem, message: str) -> Finding:
    """Make a finding that leaves the mirror sound."""
    return Finding(path, problem, message, note=True)


def lost(path: str, occupant: str | None = None) -> Finding:
    """Make the finding for a recorded file that is missing; ``occupant`` has its name."""
    if occupant is None:
        return Finding(path, Problem.MISSING, "it was fetched, but is missing")
    return occupied(path, f"it was fetched, but {occupant} has its name")


def occupied(path: str, message: str) -> Finding:
    """Make the finding for a file whose name something else has."""
    return Finding(path, Problem.MISSING, message, hint=OCCUPIED_HINT)
