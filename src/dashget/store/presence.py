"""The states that a planned file may have in the mirror."""

from __future__ import annotations

import enum


class Presence(enum.Enum):
    """The state of a planned file in the mirror."""

    COMPLETE = "complete"
    """Recorded, and the file has the recorded size."""
    MOVED = "moved"
    """Complete, but it came from another URL than the one in question."""
    UNRECORDED = "unrecorded"
    """The file is there, but not in the record, or with another size."""
    BLOCKED = "blocked"
    """Something other than a file has its name."""
    MISSING = "missing"
