"""Decide how a file is answered: all of it, ranges of it, unchanged, or not. No I/O.

In the order of RFC 9110, 13.2.2: If-Match, If-Unmodified-Since, If-None-Match,
If-Modified-Since, then Range with If-Range.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.lateregex import late
from dashget.common.numbers import read_http_date
from dashget.serve.ranges import read_ranges

_TAGS: Final = late(r'(W/)?("[^"]*")')
_SETTLED_SECONDS: Final = 2
"""The age from which a time in whole seconds tells one version of a file from the next."""

Header = Callable[[str], str | None]
"""Returns the value of a header of the request; None if it is missing."""


class FileVersion(msgspec.Struct, frozen=True):
    """What tells one version of a file from another.

    ``modified`` is in seconds since 1970; None if the file has changed just now, so that it may
    change again within the same second.
    """

    size: int
    etag: str
    modified: int | None = None


class Decision(msgspec.Struct, frozen=True):
    """The status of an answer; ``ranges`` are what is sent with 206."""

    status: int
    ranges: tuple[ByteRange, ...] = ()


def version_of(
    size: int, number: int, modified_ns: int, changed_ns: int, now: float
) -> FileVersion:
    """Return the version of a file by its facts.

    Files of a mirror are replaced by others under the same name. Their time may be one that the
    server stated, so the number of the file and the time of its last change count, too.
    """
    etag = f'"{number:x}-{size:x}-{modified_ns:x}-{changed_ns:x}"'
    settled = max(modified_ns, changed_ns) / 1e9 <= now - _SETTLED_SECONDS
    seconds = modified_ns // 1_000_000_000
    return FileVersion(size, etag, seconds if settled and seconds >= 0 else None)


def decide(method: str, header: Header, version: FileVersion) -> Decision:
    """Return how a GET or HEAD for a file is answered."""
    match, none_match = header("If-Match"), header("If-None-Match")
    if match is not None:
        if not _names(match, version.etag, weak=False):
            return Decision(412)
    elif _is_later(version, header("If-Unmodified-Since")):
        return Decision(412)
    if none_match is not None:
        if _names(none_match, version.etag, weak=True):
            return Decision(304)
    elif _is_unchanged(version, header("If-Modified-Since")):
        return Decision(304)
    wanted = header("Range")
    if method != "GET" or wanted is None or not _is_of(version, header("If-Range")):
        return Decision(200)
    ranges = read_ranges(wanted, version.size)
    if ranges is None or not version.size:
        # The last bytes of an empty file are all of it, which no Content-Range could name.
        return Decision(200)
    return Decision(206, ranges) if ranges else Decision(416)


def _names(listed: str, etag: str, *, weak: bool) -> bool:
    """Return True if a list of entity tags has this one, or any."""
    if listed.strip() == "*":
        return True
    return any(found[2] == etag and (weak or not found[1]) for found in _TAGS.finditer(listed))


def _is_later(version: FileVersion, date: str | None) -> bool:
    since = read_http_date(date)
    return since is not None and (version.modified is None or version.modified > since)


def _is_unchanged(version: FileVersion, date: str | None) -> bool:
    since = read_http_date(date)
    return since is not None and version.modified is not None and version.modified <= since


def _is_of(version: FileVersion, validator: str | None) -> bool:
    """Return True if ``If-Range`` is missing or names this very version."""
    if validator is None:
        return True
    validator = validator.strip()
    if validator.startswith(('"', "W/")):
        return validator == version.etag
    return version.modified is not None and read_http_date(validator) == version.modified
