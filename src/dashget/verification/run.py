"""Run one verification: all checks, the repair, the pruning, and the report."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from dashget.common.stopping import Stop
from dashget.common.url import without_user
from dashget.events import Observer, Stage, Warned, ignore
from dashget.mirroring.expectation import Expected, LiveHistory
from dashget.mirroring.jobs import Policy
from dashget.mpd.budget import DEFAULT_LIMITS, WorkLimits
from dashget.mpd.model import RemoteElement
from dashget.planning.layout import SUMS_NAME, reserved_names
from dashget.planning.limits import DEFAULT_SEGMENT_LIMIT, DEFAULT_TOTAL_LIMIT, Limits
from dashget.planning.tracks import unplanned_reason
from dashget.store import Header, Mirror
from dashget.transfer.contract import Transfers
from dashget.verification.findings import Finding, Problem, Report
from dashget.verification.manifest import manifest_problem, read_expected, restore_manifest
from dashget.verification.offline import OfflineCheck
from dashget.verification.own import check_own
from dashget.verification.progress import CheckProgress, offline_progress
from dashget.verification.prune import prune
from dashget.verification.remote import RemoteCheck
from dashget.verification.repair import Repair, merge_findings, wrong_paths
from dashget.verification.sums import write_sums

if TYPE_CHECKING:
    from dashget.verification.recording import RecordingCheck

_RETAGGED = (
    "the server's ETags differ from the recorded ones, although size, Last-Modified and the last"
    " bytes are the same ({count} files): its ETags do not identify versions"
)


class Tasks(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification does beside the offline checks."""

    remote: bool = False
    repair: bool = False
    prune: bool = False
    dry_run: bool = False
    segment_limit: int | None = DEFAULT_SEGMENT_LIMIT
    total_limit: int | None = DEFAULT_TOTAL_LIMIT
    max_file_size: int | None = None
    max_total_size: int | None = None
    begin: float | None = None
    begin_back: float | None = None
    until: float | None = None
    allow_downgrade: bool = False
    work: WorkLimits = DEFAULT_LIMITS
    """What the stored MPDs may cost."""

    @property
    def is_part(self) -> bool:
        """True if only a part of a recording is checked."""
        return not (self.begin is self.begin_back is self.until is None)

    @property
    def writes(self) -> bool:
        """True if the mirror may be changed."""
        return (self.repair or self.prune) and not self.dry_run


class Verification:
    """One verification of an open mirror. Call ``report`` once."""

    def __init__(
        self,
        store: Mirror,
        header: Header,
        tasks: Tasks,
        observer: Observer,
        stop: Stop,
        engine: Transfers,
    ) -> None:
        self._store = store
        self._header = header
        self._tasks = tasks
        self._observer = observer
        self._stop = stop
        self._engine = engine
        self._compared = 0
        self._uncompared = 0
        self._repaired = 0

    def report(self) -> Report:
        """Run all checks, report their findings to the observer, and count them."""
        if self._header.recording:
            return self._report_recording()
        tasks, store, stop = self._tasks, self._store, self._stop
        manifest = self._check_manifest()
        expected, missing = read_expected(
            store,
            self._header,
            Limits(tasks.segment_limit, tasks.total_limit),
            allow_downgrade=tasks.allow_downgrade,
            work=tasks.work,
        )
        history = LiveHistory(store, allow_downgrade=tasks.allow_downgrade, work=tasks.work)
        offline = self._offline(expected, history)
        findings = [*manifest, *offline.run()]
        if tasks.remote:
            findings += self._ask_server(expected, offline, findings)
        if tasks.repair:
            offline, findings = self._repair(expected, history, offline, findings)
        # Which files are superseded is unknown if the MPD, or a part of it, is not as recorded.
        known = not missing and not expected.partial
        if tasks.prune and not manifest and known and not stop.requested:
            name = self._header.manifest
            prune(store, expected, history, name, self._observer, dry_run=tasks.dry_run)
        if tasks.writes and not stop.requested and store.size(SUMS_NAME) is not None:
            write_sums(store, self._header.manifest, stop)
        rest: Iterator[Finding] = iter(())
        if not stop.requested:
            mend = tasks.repair and tasks.writes
            findings += self._unplanned(expected, missing)
            findings += check_own(store, expected, self._header.manifest, mend=mend)
            rest = offline.strays(reserved_names(self._header.manifest))
        return self._sum_up(offline, itertools.chain(findings, rest))

    def _report_recording(self) -> Report:
        """Check a recording by its record alone."""
        from dashget.verification.recording import RecordingCheck

        tasks = self._tasks
        mend = tasks.repair and tasks.writes
        checked = RecordingCheck(self._store, self._header.manifest, self._stop, mend=mend)
        if tasks.is_part:
            findings = list(checked.run_part(tasks.begin, tasks.begin_back, tasks.until))
        else:
            findings = list(checked.run())
        self._repaired = checked.repaired
        return self._sum_up(checked, iter(findings))

    def _sum_up(
        self, offline: OfflineCheck | RecordingCheck, findings: Iterator[Finding]
    ) -> Report:
        errors = notes = 0
        for finding in findings:
            errors += not finding.note
            notes += finding.note
            self._observer(finding)
        return Report(
            root=self._store.name,
            files=offline.files,
            bytes=offline.bytes,
            checksummed=offline.checksummed,
            compared=self._compared,
            repaired=self._repaired,
            errors=errors,
            notes=notes,
            seconds=0.0,
            interrupted=self._stop.requested,
            uncompared=self._uncompared,
            ended_by=self._stop.bound,
        )

    def _unplanned(
        self, expected: Expected, missing: tuple[RemoteElement, ...]
    ) -> Iterator[Finding]:
        """Yield a finding for each part of the presentation that could not be planned."""
        name = self._header.manifest
        for representation in expected.unplanned:
            yield Finding(name, Problem.UNPLANNED, unplanned_reason(representation))
        for element in missing:
            if element.lacking:
                place = without_user(element.href)
                message = f"the remote {element.element} at {place!r} {element.reason}"
                yield Finding(name, Problem.UNPLANNED, message)

    def _check_manifest(self) -> list[Finding]:
        """Compare the MPD with its record; a repair fetches it again if they differ."""
        name, tasks = self._header.manifest, self._tasks
        problem = manifest_problem(self._store, name)
        if problem is None:
            return []
        if (
            tasks.repair
            and tasks.writes
            and restore_manifest(self._store, self._header, self._engine, tasks.work)
        ):
            self._repaired += 1
            return []
        return [Finding(name, Problem.MANIFEST, problem)]

    def _ask_server(
        self, expected: Expected, offline: OfflineCheck, findings: Sequence[Finding]
    ) -> list[Finding]:
        """Compare files with the server, except those that are wrong already."""
        wrong = {finding.path for finding in findings if not finding.note}
        left = offline.named - wrong
        progress = CheckProgress(self._observer, Stage.COMPARING, self._stop)
        progress.files = sum(path in offline.records for path in left) if progress.wanted else 0
        remote = RemoteCheck(
            (
                (record, planned.urls)
                for planned in expected.iter_plan()
                if _take(left, planned.path)
                and (record := offline.records.get(planned.path)) is not None
            ),
            self._store,
            self._stop,
            progress,
        )
        remote.run(self._engine)
        if remote.retagged:
            self._observer(Warned(_RETAGGED.format(count=remote.retagged)))
        self._compared = remote.compared
        self._uncompared = sum(f.problem is Problem.UNCOMPARED for f in remote.findings)
        return [*remote.findings, *self._ask_for_manifest(offline)]

    def _ask_for_manifest(self, offline: OfflineCheck) -> Iterator[Finding]:
        """Yield a note if the server has another MPD by now."""
        record = offline.records.get(self._header.manifest)
        if record is None or "://" not in record.url:
            return
        progress = CheckProgress(ignore, Stage.COMPARING, self._stop)
        manifest = RemoteCheck([(record, (record.url,))], self._store, self._stop, progress)
        manifest.run(self._engine)
        for finding in manifest.findings:
            yield msgspec.structs.replace(finding, note=True)

    def _offline(self, expected: Expected, history: LiveHistory) -> OfflineCheck:
        """Return a new check of all files on disk."""
        store, reserved = self._store, reserved_names(self._header.manifest)
        progress = offline_progress(self._observer, self._stop, expected, store.records(), reserved)
        return OfflineCheck(store, expected, history, self._stop, progress)

    def _repair(
        self,
        expected: Expected,
        history: LiveHistory,
        offline: OfflineCheck,
        findings: list[Finding],
    ) -> tuple[OfflineCheck, list[Finding]]:
        """Fetch what is wrong, and check again; return the new check and its findings."""
        wrong = wrong_paths(findings)
        if not wrong:
            return offline, findings
        policy = Policy(
            dry_run=self._tasks.dry_run,
            max_file_size=self._tasks.max_file_size,
            max_total_size=self._tasks.max_total_size,
        )
        repair = Repair(self._store, self._engine, self._observer, self._stop, policy)
        repair.run(expected, history, offline, wrong)
        self._repaired += repair.repaired
        if self._tasks.dry_run:
            return offline, findings
        again = self._offline(expected, history)
        return again, merge_findings(findings, list(again.run()), repair.failures)


def _take(paths: set[str], path: str) -> bool:
    """Remove a path from a set; return False if it is not in there (any more)."""
    if path not in paths:
        return False
    paths.remove(path)
    return True
