"""What becomes of each planned file, counted and reported."""

from __future__ import annotations

import msgspec

from dashget.common.secrets import hide_user
from dashget.events import (
    MANIFEST,
    BegunAnew,
    Failure,
    FileFinished,
    FileStarted,
    Observer,
    Outcome,
    RetryScheduled,
    Summary,
    Warned,
    ignored_by,
)
from dashget.mirroring.files import PlannedFile
from dashget.planning.layout import SafePath
from dashget.transfer.contract import Fetched, TransferError


class Totals(msgspec.Struct):
    """What a run has come to so far."""

    outcomes: dict[Outcome, int] = {}
    failures: list[Failure] = []
    absent: list[str] = []
    files: int = 0
    bytes: int = 0
    transferred: int = 0
    requests: int = 0


class Ledger:
    """The outcomes of one run, and who is told of them. One call at a time."""

    def __init__(self, observer: Observer) -> None:
        self.totals = Totals()
        self.empty: list[SafePath] = []
        """Every file that is complete with no bytes at all."""
        self._observer = observer
        ignored = ignored_by(observer)
        self.tells_starts = FileStarted not in ignored
        self._tells_ends = FileFinished not in ignored

    def start(self, file: PlannedFile, offset: int) -> None:
        """Report the first request for a file."""
        track = file.planned.track.key
        self._observer(FileStarted(file.path, hide_user(file.urls[0]), track=track, offset=offset))

    def retry(
        self, file: PlannedFile | None, url: str, attempt: int, delay_seconds: float, reason: str
    ) -> None:
        """Report a failed attempt that another one follows; None stands for the manifest."""
        path = MANIFEST if file is None else file.path
        self._observer(RetryScheduled(path, hide_user(url), attempt, delay_seconds, reason))

    def warn(self, message: str) -> None:
        """Report something odd that is no failure."""
        self._observer(Warned(message))

    def anew(self, file: PlannedFile, url: str, dropped: int, reason: str) -> None:
        """Report that what was here of a file is of no use."""
        self._observer(BegunAnew(file.path, hide_user(url), dropped, reason))

    def finish(
        self,
        file: PlannedFile,
        outcome: Outcome,
        size: int | None = None,
        result: Fetched | TransferError | None = None,
        reason: str | None = None,
        hint: str | None = None,
    ) -> None:
        """Count and report how a file has ended; ``result`` is what its transfer came to.

        ``hint`` is for what the transfer itself knows nothing of.
        """
        totals = self.totals
        totals.outcomes[outcome] = totals.outcomes.get(outcome, 0) + 1
        if size is not None:
            totals.files += 1
            totals.bytes += size
            if not size:
                self.empty.append(file.path)
        if outcome is Outcome.FAILED:
            status = result.status if result else None
            attempts = file.tries + (result.attempts if result else 0)
            if isinstance(result, TransferError):
                hint = result.hint
            url = hide_user(file.urls[0])
            failure = Failure(file.path, url, reason or "", attempts, status, hint)
            totals.failures.append(failure)
        elif outcome is Outcome.ABSENT:
            totals.absent.append(file.path)
        if self._tells_ends:
            self._observer(_finished(file, outcome, size, result, reason))

    def lack(self, path: str, url: str, reason: str) -> None:
        """Count what nobody could plan, since the document that names it was not to be had."""
        self.totals.failures.append(Failure(path, hide_user(url), reason, 1))

    def summary(
        self,
        *,
        root: str,
        manifest: str,
        url: str,
        seconds: float,
        requests: int,
        warnings: int,
        interrupted: bool,
        dry_run: bool,
        bytes_estimated: int | None,
        error: str | None,
        kept: tuple[int, int],
    ) -> Summary:
        """Sum the run up; ``requests`` are those made before it, for the manifest.

        ``kept`` are the unfinished files that can be gone on with, and their bytes.
        """
        totals = self.totals
        return Summary(
            root=root,
            manifest=manifest,
            url=url,
            files=totals.files,
            bytes=totals.bytes,
            transferred=totals.transferred,
            seconds=seconds,
            requests=requests + totals.requests,
            outcomes=dict(totals.outcomes),
            failures=tuple(totals.failures),
            warnings=warnings,
            interrupted=interrupted,
            dry_run=dry_run,
            bytes_estimated=bytes_estimated,
            error=error,
            kept_files=kept[0],
            kept_bytes=kept[1],
            absent=tuple(totals.absent),
        )


def _finished(
    file: PlannedFile,
    outcome: Outcome,
    size: int | None,
    result: Fetched | TransferError | None,
    reason: str | None,
) -> FileFinished:
    told = None if result is None else result.answer
    return FileFinished(
        path=file.path,
        url=hide_user(file.urls[0]),
        outcome=outcome,
        size=size,
        track=file.planned.track.key,
        transferred=file.transferred,
        attempts=file.tries + (result.attempts if result else 0),
        status=result.status if result else None,
        reason=reason,
        seconds=told.seconds if told else None,
        first_byte_seconds=told.first_byte_seconds if told else None,
        http=told.http_version if told else None,
        remote=told.remote if told else None,
        cache=dict(told.cache) if told and told.cache else None,
    )
