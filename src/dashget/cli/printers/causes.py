"""Gather failures of one cause: hundreds of files that fail in one way are one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dashget.cli.printers import text
from dashget.cli.streams import legible
from dashget.common.lateregex import late
from dashget.events import Failure, FileFinished, ManifestRead, OutageTold

_NAMED = 3
_OF_ONE_FILE = late(r"'[^']*'|\w*\d\w*")
"""What a server sent is quoted, and may have an identifier of the request, which is hexadecimal."""

Cause = tuple[int | None, str, bool]


def by_cause(failures: Sequence[Failure]) -> tuple[tuple[Failure, ...], ...]:
    """Return the failures in groups of one cause, in the order in which the causes came."""
    groups: dict[Cause, list[Failure]] = {}
    for failure in failures:
        cause = _cause(failure.path, failure.reason, failure.status, unplanned=failure.unplanned)
        groups.setdefault(cause, []).append(failure)
    return tuple(map(tuple, groups.values()))


def group_lines(group: Sequence[Failure]) -> Iterator[str]:
    """Yield the lines about failures of one cause: one line for three and more, else each."""
    if len(group) < _NAMED or group[0].unplanned:
        for failure in group:
            yield from failure_lines(failure)
        return
    named = ", ".join(legible(failure.path) for failure in group[:_NAMED])
    hidden = len(group) - _NAMED
    more = f" and {hidden:,} more; -v or --json lists them all" if hidden else ""
    reason = legible(group[0].reason)
    yield f"  failed: {len(group):,} files: {reason} ({_attempts(group)}): {named}{more}"


def failure_lines(failure: Failure) -> Iterator[str]:
    """Yield the lines about one failure."""
    if failure.unplanned:
        yield f"  missing: {legible(failure.reason)}"
        yield f"    {legible(failure.url)}"
        return
    yield f"  failed: {legible(failure.path)}"
    yield f"    {legible(failure.reason)} ({_attempts([failure])})"
    yield f"    {legible(failure.url)}"


_STALE: Final = "stale"


class Repeats:
    """Names the first files of each cause while a run is under way, and counts no further ones."""

    def __init__(self) -> None:
        self._seen: dict[Cause, int] = {}
        self._reads: set[str] = set()
        """What was wrong with reads of a live manifest, since the last one that was right."""

    def line(self, event: FileFinished) -> str | None:
        """Return the line about a file that has failed; None if its cause is known by now."""
        cause = _cause(event.path, event.reason or "")
        seen = self._seen[cause] = self._seen.get(cause, 0) + 1
        if seen <= _NAMED:
            return failed_line(event)
        if seen == _NAMED + 1:
            return f"failed: more files: {legible(event.reason or '')}; the summary counts them"
        return None

    def knows(self, event: ManifestRead | OutageTold) -> bool:
        """Return True for a read of a live manifest that has failed in the same way before.

        Two edges of a network may be of different age for hours: that is told once.
        """
        if isinstance(event, OutageTold):
            if event.until is not None:
                self._reads &= {_STALE}
            return False
        if event.kind not in (_STALE, "failed"):
            self._reads &= {_STALE}
            return False
        word = event.problem or event.kind
        known = word in self._reads
        self._reads.add(word)
        return known


def failed_line(event: FileFinished) -> str:
    """Return the line about one file that has failed."""
    return f"failed: {legible(event.path)}: {legible(event.reason or '')}"


def _cause(path: str, reason: str, status: int | None = None, *, unplanned: bool = False) -> Cause:
    """Return what failures of one cause have in common.

    File, sizes, times and the words of the server may differ.
    """
    return status, _OF_ONE_FILE.sub("0", reason.replace(path, "")), unplanned


def _attempts(group: Sequence[Failure]) -> str:
    least = min(failure.attempts for failure in group)
    most = max(failure.attempts for failure in group)
    if not most:
        return "not attempted"
    each = " each" if len(group) > 1 else ""
    if least == most:
        return f"{text.count(most, 'attempt')}{each}"
    return f"{least} to {text.count(most, 'attempt')}{each}"
