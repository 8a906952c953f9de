"""How to mirror: everything that a user can choose about the files of one mirror."""

from __future__ import annotations

from typing import Final

import msgspec

from dashget.common.shortrepr import short_repr
from dashget.common.validation import Check, check, flag, instance, optional, whole
from dashget.planning.limits import DEFAULT_SEGMENT_LIMIT, DEFAULT_TOTAL_LIMIT, Limits
from dashget.planning.selection import Selection

LIMIT: Final = optional(whole(1))
SELECTION: Final = instance(Selection, "such as dashget.parse_selection(video='best')")


class MirrorOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The choices for one mirror."""

    __repr__ = short_repr

    selection: Selection = Selection()
    """The part of the presentation to mirror; by default everything."""
    dry_run: bool = False
    """Plan, compare with the record, and write nothing."""
    moved: bool = False
    """The directory may hold the same presentation from another URL.

    Recorded files are compared with the server: by size and validators, a checksum that it states,
    or samples of their bytes. With ``recheck``, samples are no proof.
    """
    fsync: bool = False
    """Make every finished file outlast a power cut, at a price."""
    follow_links: bool = False
    """Store files also behind links out of the directory that were not there at its first run."""
    checksums: bool = False
    """Record the SHA-256 of every file, and write SHA256SUMS."""
    recheck: bool = False
    """Compare complete files with the server as well, and fetch those that have changed.

    A file that the server no longer has, or does not show, stays, with a warning. A dry run
    compares nothing.
    """
    prune: bool = False
    """Remove recorded files that the manifest no longer names."""
    times: bool = False
    """Give each file the modification time that its server states (``Last-Modified``).

    Times before 1970 and in the future are left out, as are those that cannot be read.
    """
    accept_odd: bool = False
    """Store what a server sends also where it is something else than the manifest means."""
    segment_limit: int | None = DEFAULT_SEGMENT_LIMIT
    """The most segments of one Representation; a manifest that implies more is refused."""
    total_limit: int | None = DEFAULT_TOTAL_LIMIT
    """The most segments in all; a selection that implies more is refused."""
    max_file_size: int | None = None
    """The most bytes of one file; a larger one is a failure, and no more than that is stored."""
    max_total_size: int | None = None
    """The most bytes that all files of the mirror may have, with those that are there already.
    The run ends in order before it stores more: ``Summary.ended_by`` is ``Bound.SIZE``."""

    @property
    def limits(self) -> Limits:
        """Both limits on the number of segments."""
        return Limits(self.segment_limit, self.total_limit)

    def __post_init__(self) -> None:
        """Check every field, so that options which exist can be used."""
        check(self, _RULES)


_FLAGS: Final = (
    "dry_run",
    "moved",
    "fsync",
    "follow_links",
    "checksums",
    "recheck",
    "prune",
    "times",
    "accept_odd",
)
_RULES: Final[dict[str, Check]] = {
    "selection": SELECTION,
    **dict.fromkeys(_FLAGS, flag),
    "segment_limit": LIMIT,
    "total_limit": LIMIT,
    "max_file_size": LIMIT,
    "max_total_size": LIMIT,
}
