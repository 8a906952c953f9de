"""Fetch exactly the files that a verification found wrong."""

from __future__ import annotations

import msgspec

from dashget.common.stopping import Stop
from dashget.events import Failure, Observer
from dashget.mirroring.expectation import Expected, LiveHistory
from dashget.mirroring.jobs import Policy
from dashget.mirroring.ledger import Ledger
from dashget.mirroring.run import MirrorRun
from dashget.store import Mirror
from dashget.transfer.contract import Transfers
from dashget.verification.findings import FETCHED_AGAIN, Finding
from dashget.verification.offline import OfflineCheck


class Repair:
    """Fetches wrong files again. Call ``run`` once, then read ``repaired`` and ``failures``."""

    def __init__(
        self,
        store: Mirror,
        engine: Transfers,
        observer: Observer,
        stop: Stop,
        policy: Policy,
    ) -> None:
        """``policy`` says how files are fetched, and is completed with which ones."""
        self.repaired = 0
        self.failures: dict[str, Failure] = {}
        """The files that could not be fetched, by path."""
        self._store = store
        self._engine = engine
        self._observer = observer
        self._stop = stop
        self._policy = policy

    def run(
        self, expected: Expected, history: LiveHistory, offline: OfflineCheck, wrong: set[str]
    ) -> None:
        """Fetch the ``wrong`` files: those of the manifest first, then those of earlier runs."""
        records = map(offline.records.get, wrong)
        summed = any(record is not None and record.sha256 for record in records)
        checksum = "sha256" if summed else None
        self._fetch(expected, wrong & offline.named, checksum)
        left = wrong & offline.kept
        for earlier in history.runs:
            plan = history.expected(earlier) if left & earlier.paths else None
            if plan is not None:
                here = left & earlier.paths & {planned.path for planned in plan.iter_plan()}
                self._fetch(plan, here, checksum)
                left -= here

    def _fetch(self, expected: Expected, paths: set[str], checksum: str | None) -> None:
        if not paths:
            return
        replace = msgspec.structs.replace
        policy = replace(self._policy, checksum=checksum, only=frozenset(paths))
        ledger = Ledger(self._observer)
        run = MirrorRun(self._store, ledger, policy)
        tracks, layout, files = expected.tracks, expected.layout, len(paths)
        run.run(tracks, layout, self._engine, self._stop, files=files)
        self.repaired += ledger.totals.files
        self.failures |= {failure.path: failure for failure in ledger.totals.failures}


def wrong_paths(findings: list[Finding]) -> set[str]:
    """Return the paths of the files that fetching again may mend."""
    return {f.path for f in findings if not f.note and f.problem in FETCHED_AGAIN}


def merge_findings(
    before: list[Finding], after: list[Finding], failures: dict[str, Failure]
) -> list[Finding]:
    """Return what is still wrong after a repair, given the findings of both offline checks.

    A file that could not be fetched keeps its findings, with the reason added.
    """
    kept = [f for f in before if f.note or f.problem not in FETCHED_AGAIN or f.path in failures]
    more = [f for f in after if f.path not in failures and f not in kept]
    return [_with_reason(f, failures.get(f.path)) for f in kept] + more


def _with_reason(finding: Finding, failure: Failure | None) -> Finding:
    if failure is None:
        return finding
    message = f"{finding.message}; repair failed: {failure.reason}"
    return msgspec.structs.replace(finding, message=message)
