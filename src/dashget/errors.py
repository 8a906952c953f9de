"""The errors that DashGet raises, as one small tree.

::

    DashGetError                 base of all of them
     +-- UsageError              exit 2   invalid arguments; a ValueError as well
     |    +-- FieldError                   one field of an options struct, or one argument
     |    +-- SessionClosedError           a session was used after it was closed
     +-- MPDError                exit 3   the document
     |    +-- MPDSyntaxError              not an MPD, or not readable as XML
     |    +-- MPDValidityError            an MPD that breaks the standard; carries every issue
     |    +-- UnsupportedMPDError         a feature that is refused by name
     +-- SelectionError          exit 4   nothing is left to fetch
     +-- ManifestFetchError      exit 5   the MPD could not be fetched
     +-- StoreError              exit 6   the disk, or a directory that is not a mirror
     |    +-- InUseError                   another process holds the mirror
     +-- LimitReachedError       exit 7   a limit of the user ended a call before its result
     +-- MuxError                exit 8   no single file of these tracks, or an unsound one
     +-- MirrorIncompleteError   exit 1   files are missing, see Summary.raise_for_failures
     +-- FetchError              (1)      one file; collected in the Summary, seldom raised

The text of an error names the failed action, its object and the numbers; ``hint`` is advice.
Neither ends in a period. An error about one field of the options begins with the field's name,
which the command line replaces by that of the option; a hint to another option has its name on
the command line: ``--allow-private`` is the field ``allow_private``. The exit codes are those of
the command line.
"""

from __future__ import annotations

import enum
from typing import ClassVar

import msgspec

GONE_STATUSES = frozenset({404, 410})
"""Statuses of HTTP by which a server says that a resource does not exist."""
MORE_FILES_HINT = "allow more open files (ulimit -n); the same command continues from here"


class DashGetError(Exception):
    """Base of all errors that DashGet raises on purpose."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DashGetError, ValueError):
    """Invalid arguments or options."""

    exit_code = 2


class Issue(msgspec.Struct, frozen=True):
    """One problem of a manifest, or one warning about it.

    ``where`` is a path such as ``MPD/Period[2]/AdaptationSet[1]`` (1-based, as XPath
    counts), ``line`` the 1-based source line if known, ``clause`` the rule's place in
    ISO/IEC 23009-1 (5th edition) or another named document.
    """

    message: str
    where: str | None = None
    line: int | None = None
    clause: str | None = None

    def __str__(self) -> str:
        place = self.where or ""
        if self.line is not None:
            place += f"{', ' if place else ''}line {self.line}"
        clause = f" ({self.clause})" if self.clause else ""
        return f"{place}: {self.message}{clause}" if place else f"{self.message}{clause}"


class MPDError(DashGetError):
    """The document cannot be mirrored. ``issues`` has all problems that were found."""

    exit_code = 3

    def __init__(
        self, message: str, *, hint: str | None = None, issues: tuple[Issue, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.issues = issues
        self.warnings: tuple[Issue, ...] = ()
        """The warnings about the document that came before the error."""


class MPDSyntaxError(MPDError):
    """Not an MPD at all, or truncated XML."""

    truncated = False
    """True if the document is empty, or ends too early: another answer may have all of it."""


class MPDValidityError(MPDError):
    """An MPD that breaks the standard in parts that segments depend on, listed in ``issues``."""


class UnsupportedMPDError(MPDError):
    """A feature that DashGet does not support."""


class SelectionError(DashGetError):
    """The selection matches nothing, or names an unknown Period or Representation."""

    exit_code = 4


class ManifestFetchError(DashGetError):
    """The MPD could not be fetched or read."""

    exit_code = 5


class StoreError(DashGetError):
    """The mirror's directory cannot be used or written."""

    exit_code = 6
    is_full = False
    """True if its disk is full."""


class InUseError(StoreError):
    """Another process holds the mirror: which one and since when, as far as it is known."""

    def __init__(
        self,
        root: str,
        *,
        pid: int | None = None,
        host: str | None = None,
        since: str | None = None,
    ) -> None:
        holder = "another process" if pid is None else f"process {pid} on {host} since {since}"
        super().__init__(
            f"{root} is in use by {holder}",
            hint="wait for it to end, or choose another directory with -o",
        )
        self.pid = pid
        self.host = host
        self.since = since
        """When the other process began: RFC 3339, UTC."""


class LimitReachedError(DashGetError):
    """A limit that the user has set, such as ``max_time_seconds``, ended a call without a result.

    A mirror or a verification that such a limit ends has one: ``Summary.ended_by``.
    """

    exit_code = 7


class MuxError(DashGetError):
    """No single file can be made of the chosen tracks, or what was written is not what it was."""

    exit_code = 8


class SessionClosedError(UsageError):
    """A session, or a presentation of one, was used after the session was closed."""


class MirrorIncompleteError(DashGetError):
    """A mirror lacks files, or its run was stopped; raised by ``Summary.raise_for_failures``.

    ``paths`` names the missing files that were tried; ``Summary.failures`` tells more of them.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, paths: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.paths = paths


class Retry(enum.Enum):
    """The prospects of another attempt."""

    AGAIN = "again"
    """The same URL may work later: a timeout, a reset, 429, 503."""
    ELSEWHERE = "elsewhere"
    """Permanent for this URL, but another BaseURL may work: 404, 410, 403."""
    NEVER = "never"
    """Permanent: a refused redirect, a policy, a full disk."""


class FetchError(DashGetError):
    """One resource could not be fetched. ``status`` is the HTTP status, if there was an answer."""

    def __init__(
        self,
        message: str,
        *,
        retry: Retry,
        url: str,
        status: int | None = None,
        hint: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry = retry
        self.url = url
        self.status = status
        self.retry_after_seconds = retry_after_seconds
