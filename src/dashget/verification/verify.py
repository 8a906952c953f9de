"""One verification: offline checks, the server's word, repair, pruning, the report."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from dashget.common.stopping import Stop
from dashget.common.validation import Check, check, flag, instance
from dashget.errors import MPDError, StoreError
from dashget.events import Failure, Observer, Pruned
from dashget.manifest.load import load_manifest
from dashget.manifest.source import parse_source
from dashget.mirroring.expectation import (
    Expected,
    LiveHistory,
    expected_by,
    playable,
    read_document,
)
from dashget.mirroring.run import MirrorRun, Policy
from dashget.planning.layout import SUMS_NAME, local_manifest_name, reserved_names
from dashget.playable import make_local_mpd
from dashget.store import FileRecord, Header, MirrorDirectory
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions
from dashget.verification.checks import (
    Finding,
    OfflineCheck,
    Problem,
    RemoteCheck,
    Report,
    checksum_lines,
    find_superseded,
    read_checksums,
    sha256_of,
)

_REPAIRABLE = frozenset(
    {
        Problem.MISSING,
        Problem.UNREADABLE,
        Problem.SIZE,
        Problem.CHECKSUM,
        Problem.STRUCTURE,
        Problem.TIME,
        Problem.UNRECORDED,
        Problem.CHANGED,
    }
)


class VerifyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to verify, and what to do about it."""

    remote: bool = False
    """Ask the server for size and validators of every file."""
    repair: bool = False
    """Fetch exactly what is wrong."""
    prune: bool = False
    """Remove recorded files that the manifest no longer names; never what was recorded live."""
    dry_run: bool = False
    """Only report what repairing would fetch and pruning remove."""
    transfer: TransferOptions = TransferOptions()

    def __post_init__(self) -> None:
        """Check every field, so that options which exist can be used."""
        check(self, _RULES)

    @property
    def writes(self) -> bool:
        """Whether the mirror may be changed."""
        return (self.repair or self.prune) and not self.dry_run


_RULES: Final[dict[str, Check]] = {
    "remote": flag,
    "repair": flag,
    "prune": flag,
    "dry_run": flag,
    "transfer": instance(TransferOptions, "such as dashget.TransferOptions(in_flight=8)"),
}


def verify_mirror(root: Path, options: VerifyOptions, observer: Observer, stop: Stop) -> Report:
    """Check a mirror, and mend it if asked; see ``dashget.verify``."""
    started = time.monotonic()
    with MirrorDirectory(root, read_only=not options.writes) as store:
        header = store.header()
        if header is None:
            raise StoreError(
                f"{root} is not a mirror made by DashGet: it has no readable record",
                hint="name a mirror's directory; dashget URL -o DIR takes over other trees,"
                " and mends a record that has lost its first line",
            )
        store.open(header)
        transfer = msgspec.structs.replace(
            options.transfer, origin=header.source if "://" in header.source else None
        )
        with Engine(transfer) as engine:
            stop.on_request(engine.cancel)
            run = _Verification(store, header, options, observer, stop, engine)
            with stop.answered():
                report = run.report()
    report = msgspec.structs.replace(report, seconds=round(time.monotonic() - started, 3))
    observer(report)
    return report


class _Verification:
    def __init__(
        self,
        store: MirrorDirectory,
        header: Header,
        options: VerifyOptions,
        observer: Observer,
        stop: Stop,
        engine: Engine,
    ) -> None:
        self._store = store
        self._header = header
        self._options = options
        self._observer = observer
        self._stop = stop
        self._engine = engine
        self._compared = 0
        self._uncompared = 0
        self._repaired = 0
        self._whole = True
        """Whether all is here that the manifest takes from elsewhere."""

    def report(self) -> Report:
        """Run all checks, and count what they find."""
        manifest = self._check_manifest()
        expected = self._expected()
        history = LiveHistory(self._store, allow_downgrade=self._options.transfer.allow_downgrade)
        offline = OfflineCheck(self._store, expected, history, self._stop)
        findings = [*manifest, *offline.run()]
        if self._options.remote:
            findings += self._ask_server(expected, offline, findings)
        if self._options.repair:
            offline, findings = self._repair(expected, history, offline, findings)
        # What the manifest truly names is not known where it, or a part of it, is not as recorded.
        if self._options.prune and not manifest and self._whole and not self._stop.requested:
            name, dry_run = self._header.manifest, self._options.dry_run
            prune(self._store, expected, history, name, self._observer, dry_run=dry_run)
        writes = self._options.writes and not self._stop.requested
        if writes and self._store.size(SUMS_NAME) is not None:
            write_sums(self._store, self._header.manifest)
        rest: Iterator[Finding] = iter(())
        if not self._stop.requested:
            findings += self._check_own(expected)
            rest = offline.strays(reserved_names(self._header.manifest))
        errors = notes = 0
        for finding in itertools.chain(findings, rest):
            errors += not finding.note
            notes += finding.note
            self._observer(finding)
        return Report(
            root=str(self._store.root),
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
        )

    def _check_own(self, expected: Expected) -> Iterator[Finding]:
        """Compare what DashGet itself wrote with what it would write."""
        name = local_manifest_name(self._header.manifest)
        tracks = playable(self._store, expected)
        remote = {href: data for href, _, data in self._store.read_remote()}
        data = self._store.read(self._header.manifest)
        fresh = make_local_mpd(data, expected.presentation, tracks, expected.layout, remote=remote)
        if self._options.repair and self._options.writes:
            self._store.write_if_changed(name, fresh)
        elif self._bytes_of(name) != fresh:
            message = "not what this version of DashGet writes; --repair or get writes it anew"
            yield Finding(name, Problem.OWN, message, note=True)
        listed = self._bytes_of(SUMS_NAME)
        if listed is not None:
            sums = read_checksums(listed.decode("utf-8", "replace"))
            sums.pop(name, None)
            records = self._store.records()
            wanted = {r.path: r.sha256 for r in records if r.sha256 is not None}
            # What is gone is told where it matters; SHA256SUMS lists what is there.
            differ = {path for path, _ in sums.items() ^ wanted.items()}
            if any(path not in records or self._store.size(path) is not None for path in differ):
                message = "it does not agree with the record; get --checksums sha256 writes it anew"
                yield Finding(SUMS_NAME, Problem.OWN, message)

    def _bytes_of(self, name: str) -> bytes | None:
        try:
            return self._store.read(name)
        except OSError:
            return None

    def _check_manifest(self) -> list[Finding]:
        """Compare the MPD with its record; fetch it again if it is wrong and may be repaired."""
        name = self._header.manifest
        problem = self._manifest_problem(name)
        if problem is None:
            return []
        if self._options.repair and self._options.writes and self._restore_manifest(name):
            self._repaired += 1
            return []
        return [Finding(name, Problem.MANIFEST, problem)]

    def _manifest_problem(self, name: str) -> str | None:
        record = self._store.records().get(name)
        size = self._store.size(name)
        if size is None:
            return "the manifest is gone"
        if record is None:
            return "the manifest is not recorded"
        if record.size != size:
            return f"{size} bytes, recorded were {record.size}"
        if record.sha256 is not None and sha256_of(self._store.root / name) != record.sha256:
            return "the SHA-256 is not the recorded one"
        return None

    def _restore_manifest(self, name: str) -> bool:
        if "://" not in self._header.source:
            return False
        loaded = load_manifest(parse_source(self._header.source), self._engine)
        record = self._store.records().get(name)
        fresh = FileRecord(
            path=name,
            url=self._header.source,
            size=len(loaded.data),
            sha256=loaded.sha256,
            time=self._store.now(),
        )
        if record is not None and record.sha256 == loaded.sha256:
            fresh = record
        self._store.keep_manifest(loaded.data, fresh)
        return True

    def _expected(self) -> Expected:
        name = self._header.manifest
        try:
            data = self._store.read(name)
        except OSError as error:
            raise StoreError(
                f"cannot read the mirror's manifest {name}: {error.strerror or error}",
                hint="--repair fetches it again",
            ) from error
        try:
            mpd = read_document(self._store, data)
            self._whole = not mpd.remote
            return expected_by(
                mpd,
                self._header,
                allow_downgrade=self._options.transfer.allow_downgrade,
            )
        except MPDError as error:
            error.message = f"{self._store.root / name}: {error.message}"
            error.args = (error.message,)
            error.hint = "--repair fetches it again"
            raise

    def _ask_server(
        self, expected: Expected, offline: OfflineCheck, findings: Sequence[Finding]
    ) -> list[Finding]:
        """Compare what is sound here; what is wrong already needs no question."""
        wrong = {finding.path for finding in findings if not finding.note}
        left = offline.named - wrong
        remote = RemoteCheck(
            (record, planned.urls)
            for planned in expected.iter_plan()
            if _take(left, planned.path)
            and (record := offline.records.get(planned.path)) is not None
        )
        remote.run(self._engine)
        self._compared = remote.compared
        self._uncompared = sum(f.problem is Problem.UNCOMPARED for f in remote.findings)
        return [*remote.findings, *self._ask_for_manifest(offline)]

    def _ask_for_manifest(self, offline: OfflineCheck) -> Iterator[Finding]:
        """Say if the server has another MPD by now; what is here is no worse for it."""
        record = offline.records.get(self._header.manifest)
        if record is None or "://" not in record.url:
            return
        manifest = RemoteCheck([(record, (record.url,))])
        manifest.run(self._engine)
        for finding in manifest.findings:
            yield msgspec.structs.replace(finding, note=True)

    def _repair(
        self,
        expected: Expected,
        history: LiveHistory,
        offline: OfflineCheck,
        findings: list[Finding],
    ) -> tuple[OfflineCheck, list[Finding]]:
        wrong = {f.path for f in findings if not f.note and f.problem in _REPAIRABLE}
        if not wrong:
            return offline, findings
        records = map(offline.records.get, wrong)
        summed = any(record is not None and record.sha256 for record in records)
        checksum = "sha256" if summed else None
        lost = self._fetch(expected, wrong & offline.named, checksum)
        left = wrong & offline.kept
        for earlier in history.runs:
            plan = history.expected(earlier) if left & earlier.paths else None
            if plan is not None:
                here = left & earlier.paths & {planned.path for planned in plan.iter_plan()}
                lost |= self._fetch(plan, here, checksum)
                left -= here
        if self._options.dry_run:
            return offline, findings
        again = OfflineCheck(self._store, expected, history, self._stop)
        kept = [f for f in findings if f.note or f.problem not in _REPAIRABLE or f.path in lost]
        more = [f for f in again.run() if f.path not in lost and f not in kept]
        return again, [_with_reason(f, lost.get(f.path)) for f in kept] + more

    def _fetch(
        self, expected: Expected, paths: set[str], checksum: str | None
    ) -> dict[str, Failure]:
        """Fetch exactly these files of a plan; return those that could not be had."""
        if not paths:
            return {}
        policy = Policy(checksum=checksum, only=frozenset(paths), dry_run=self._options.dry_run)
        run = MirrorRun(self._observer, policy)
        run.run(expected.tracks, expected.layout, self._store, self._engine, self._stop)
        self._repaired += run.ledger.totals.files
        return {failure.path: failure for failure in run.ledger.totals.failures}


def prune(
    store: MirrorDirectory,
    expected: Expected,
    history: LiveHistory,
    manifest: str,
    observer: Observer,
    *,
    dry_run: bool = False,
) -> None:
    """Remove recorded files that the manifest no longer names, after saying which.

    The record forgets those that are gone already, without a word.
    """
    records = find_superseded(store, expected, history, reserved_names(manifest))
    here = tuple(record.path for record in records if store.size(record.path) is not None)
    if here:
        observer(Pruned(here, dry_run=dry_run))
    if not dry_run:
        for record in records:
            store.remove(record)


def write_sums(store: MirrorDirectory, manifest: str) -> None:
    """Write ``SHA256SUMS`` anew: every recorded file, the MPD and its local version."""
    lines = list(checksum_lines(store, store.note, (local_manifest_name(manifest),)))
    store.write_if_changed(SUMS_NAME, "".join(f"{line}\n" for line in lines).encode())


def _take(paths: set[str], path: str) -> bool:
    """Take a path out of a set; False where it is not in there (any more)."""
    if path not in paths:
        return False
    paths.remove(path)
    return True


def _with_reason(finding: Finding, failure: Failure | None) -> Finding:
    if failure is None:
        return finding
    message = f"{finding.message}; repair failed: {failure.reason}"
    return msgspec.structs.replace(finding, message=message)
