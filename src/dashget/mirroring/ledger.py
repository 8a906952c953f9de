"""Count the outcome of each planned file, and tell the observer what happens.

All events of a run go through its ``Ledger``: it is the engine's ``Hooks``, and an observer
itself, which passes events on and counts the warnings among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import TYPE_CHECKING

import msgspec

from dashget.common.secrets import hide_user
from dashget.common.stopping import Bound
from dashget.common.url import Url
from dashget.events import (
    BegunAnew,
    Event,
    Failure,
    FileFinished,
    FileStarted,
    Observer,
    Outcome,
    Playback,
    Progressed,
    RetryScheduled,
    Summary,
    Unfinished,
    Warned,
    ignored_by,
)
from dashget.mirroring.files import FETCHED, PlannedFile
from dashget.planning.layout import SafePath
from dashget.transfer.contract import Fetched, Hooks, Job, Reading, TransferError

_RETAGGED = (
    "{host} has different ETags or times for the same bytes ({path}): unfinished files go on where"
    " their last bytes come again"
)


if TYPE_CHECKING:
    from dashget.mirroring.room import Room


class Totals(msgspec.Struct):
    """The sums of a run so far."""

    outcomes: dict[Outcome, int] = {}
    failures: list[Failure] = []
    absent: list[str] = []
    files: int = 0
    bytes: int = 0
    transferred: int = 0
    requests: int = 0
    sampled: int = 0

    @property
    def came(self) -> int:
        """The number of files that servers have sent in this run."""
        return sum(self.outcomes.get(outcome, 0) for outcome in FETCHED)


class Ledger(Hooks):
    """The outcomes of one run, and the events about them. One call at a time.

    ``warnings`` is how many warnings the observer got before.
    """

    def __init__(self, observer: Observer, *, warnings: int = 0) -> None:
        self.totals = Totals()
        self.empty: list[SafePath] = []
        """Every file that is complete with no bytes at all."""
        self.warnings = warnings
        self.planning_done = False
        self.room: Room | None = None
        """What may still be stored, if that has a limit: it is told how each file has ended."""
        self.given_up = {}
        self.ignores = ignored_by(observer) - {Warned}
        """The events that nobody wants: they need not be made."""
        self.wants_starts = FileStarted not in self.ignores
        self._wants_ends = FileFinished not in self.ignores
        self._observer = observer
        self._planned: Sized = ()
        self._files = 0
        """How many files the tracks name, less those found to be named twice."""
        self._collect: Callable[[], object] = _nothing
        self._write_lines: Callable[[], object] = _nothing
        self._received_before = 0
        """What earlier rounds brought; a reading is of one round."""

    def __call__(self, event: Event, /) -> None:
        """Pass an event on to the observer."""
        if type(event) is Warned:
            self.warnings += 1
        self._observer(event)

    def warn(self, message: str) -> None:
        """Report something odd that is no failure."""
        self(Warned(message))

    def begin(
        self,
        *,
        planned: Sized,
        collect: Callable[[], object],
        write_lines: Callable[[], object],
        files: int,
    ) -> None:
        """Begin the run; ``planned`` counts its files, ``collect`` reports pending ones.

        ``write_lines`` writes the lines of finished files to the record. ``files`` is how many
        there will be, as far as that can be counted.
        """
        self._planned = planned
        self._files = files
        self._collect = collect
        self._write_lines = write_lines

    def begin_round(self) -> None:
        """Begin another round of the engine."""
        self._received_before = self.totals.transferred

    def uncount(self) -> None:
        """Count one file less than the run began with: it was named, and counted, before."""
        self._files -= 1

    # The engine calls these.

    def on_started(self, job: Job, offset: int) -> None:
        """Report the first request for a file."""
        file = job.payload
        if isinstance(file, PlannedFile):
            track = file.planned.track.key
            self._observer(
                FileStarted(file.path, hide_user(file.urls[0]), track=track, offset=offset)
            )

    def on_retry(self, job: Job, url: str, attempt: int, delay_seconds: float, reason: str) -> None:
        """Report a failed attempt that another one follows."""
        file = job.payload
        if isinstance(file, PlannedFile):
            told = RetryScheduled(file.path, hide_user(url), attempt, delay_seconds, reason)
            self._observer(told)

    def on_anew(self, job: Job, url: str, dropped: int, reason: str) -> None:
        """Report that a file starts again from its beginning, and how many bytes are dropped."""
        if isinstance(job.payload, PlannedFile):
            self._observer(BegunAnew(job.payload.path, hide_user(url), dropped, reason))

    def on_retagged(self, job: Job, url: str) -> None:
        """Warn about ETags that are of no use."""
        if isinstance(job.payload, PlannedFile):
            self.warn(_RETAGGED.format(path=job.payload.path, host=Url.parse(url).host))

    def on_warning(self, message: str) -> None:
        """Report what the user should know about the run."""
        self.warn(message)

    def on_reported(self) -> None:
        """Have the lines of all files written that have got their names in this moment."""
        self._write_lines()

    def on_tick(self, reading: Reading) -> None:
        """Report the progress of the run, and pending files that have been answered for."""
        self._collect()
        totals, planned = self.totals, len(self._planned)
        done = sum(totals.outcomes.values())
        unfinished = tuple(
            Unfinished(file.path, file.planned.track.key, state.bytes, state.size)
            for state in reading.under_way
            if isinstance(file := state.job.payload, PlannedFile)
        )
        sizes = [file.size for file in unfinished if file.size is not None]
        all_sized = self.planning_done and done + len(sizes) >= planned
        self._observer(
            Progressed(
                transferred=self._received_before + reading.transferred,
                files_done=done,
                files_planned=planned,
                planning_done=self.planning_done,
                in_flight=reading.in_flight,
                waiting_to_retry=reading.waiting,
                unfinished=unfinished,
                files_total=planned if self.planning_done else max(self._files, planned),
                bytes_done=totals.bytes + sum(file.bytes for file in unfinished),
                bytes_total=totals.bytes + sum(sizes) if all_sized else None,
            )
        )

    # The outcome of each file.

    def retry_at_end(self, file: PlannedFile, url: str, attempt: int, reason: str) -> None:
        """Report that a file is fetched again when all others have had their turn."""
        if self.room is not None:
            self.room.ended(file, Outcome.FAILED, None)
        told = RetryScheduled(file.path, hide_user(url), attempt, 0.0, reason, at_end=True)
        self._observer(told)

    def finish(
        self,
        file: PlannedFile,
        outcome: Outcome,
        size: int | None = None,
        result: Fetched | TransferError | None = None,
        reason: str | None = None,
        hint: str | None = None,
    ) -> None:
        """Count and report the outcome of a file; ``result`` is that of its transfer.

        ``hint`` is for failures that the transfer itself does not know about.
        """
        if self.room is not None:
            self.room.ended(file, outcome, size)
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
            pause = None
            if isinstance(result, TransferError):
                hint, pause = result.hint, result.retry_after_seconds
            failure = Failure(
                file.path, hide_user(file.urls[0]), reason or "", attempts, status, hint,
                retry_after_seconds=pause,
            )  # fmt: skip
            totals.failures.append(failure)
        elif outcome is Outcome.ABSENT:
            totals.absent.append(file.path)
        if self._wants_ends:
            self._observer(_finished(file, outcome, size, result, reason))

    def take_back(self, file: PlannedFile, size: int, *, new: bool) -> None:
        """Take back the outcome of a file that was stored in this run, or before if not ``new``."""
        totals = self.totals
        here = Outcome.PRESENT, Outcome.ADOPTED
        order = (*FETCHED, *here) if new else (*here, *FETCHED)
        before = next((each for each in order if totals.outcomes.get(each)), None)
        if before is None:
            return
        totals.outcomes[before] -= 1
        if not totals.outcomes[before]:
            del totals.outcomes[before]
        totals.files -= 1
        totals.bytes -= size

    def lack(
        self, path: str, url: str, reason: str, attempts: int, hint: str | None = None
    ) -> None:
        """Record that a part of the presentation is missing; ``path`` is the manifest's.

        The remote document that lists its files could not be fetched, or they cannot be worked
        out, or nothing describes them.
        """
        failure = Failure(path, hide_user(url), reason, attempts, hint=hint, unplanned=True)
        self.totals.failures.append(failure)

    def summary(
        self,
        *,
        root: str,
        manifest: str,
        url: str,
        seconds: float,
        requests: int,
        interrupted: bool,
        dry_run: bool,
        bytes_estimated: int | None,
        error: str | None,
        kept: tuple[int, int],
        playback: Playback | None,
        ended_by: Bound | None,
    ) -> Summary:
        """Sum the run up; ``requests`` are those made before it, for the manifest.

        ``kept`` is how many unfinished files the next run can resume, and their bytes.
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
            warnings=self.warnings,
            interrupted=interrupted,
            dry_run=dry_run,
            bytes_estimated=bytes_estimated,
            error=error,
            kept_files=kept[0],
            kept_bytes=kept[1],
            absent=tuple(totals.absent),
            sampled=totals.sampled,
            playback=playback,
            ended_by=ended_by,
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
        kept_headers=dict(told.kept) if told and told.kept else None,
    )


def _nothing() -> None:
    """Collect nothing: the run has not begun."""
