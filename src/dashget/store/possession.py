"""What of a presentation a mirror has: the states of its files, and whether it is that one.

The header of its record tells to which presentation a mirror belongs.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from dashget.errors import StoreError
from dashget.store.record import FileRecord, Header

OCCUPIED_HINT: Final = (
    "move or remove what has the file's name; get or verify --repair then fetches the file"
)


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


def check_source(name: str, known: Header, header: Header) -> None:
    """Raise StoreError if the place of this name has another presentation."""
    if known.source != header.source:
        raise StoreError(
            f"{name} holds another presentation: {known.source}, not {header.source}",
            hint="choose another directory with -o; or say --moved if it is the same"
            " presentation under a new address",
        )


def check_kind(name: str, known: Header, header: Header) -> None:
    """Raise StoreError if a recording is to be mirrored into, or the reverse."""
    if known.recording != header.recording:
        kind, command = ("recording", "record") if known.recording else ("mirror", "get")
        raise StoreError(
            f"{name} holds a {kind} that dashget {command} has made",
            hint=f"go on with dashget {command}, or choose another directory with -o",
        )


def check_manifest(name: str, known: FileRecord | None, sha256: str) -> None:
    """Raise StoreError if the recorded manifest is another one than that with the checksum."""
    if known is not None and known.sha256 != sha256:
        raise StoreError(
            f"{name} holds another manifest than the one from standard input",
            hint="choose another directory with -o; or say --moved if it is a newer one of the"
            " same presentation; --base-url with the manifest's own URL tells them apart",
        )


def differs(known: Header, header: Header) -> bool:
    """Return True if a header differs from the recorded one."""
    return _facts(known) != _facts(header)


def _facts(header: Header) -> Header:
    """Return a header without what tells nothing about the presentation and the selection."""
    return msgspec.structs.replace(header, dashget=0, tool="", time="")
