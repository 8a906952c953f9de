"""Check a mirror without a network: against its record, its manifest, and its own media.

Every planned file must be there, have the recorded size and checksum, be sound inside, and
begin at the manifest's time. The same goes for files that earlier runs over a live
presentation recorded. Last come the files that neither the manifest nor the record names.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashget.common.stopping import Stop, StoppedError
from dashget.media.inspection import check, check_index
from dashget.media.kind import SegmentKind
from dashget.mirroring.expectation import Expected, LiveHistory
from dashget.mirroring.files import role_of
from dashget.mirroring.times import TimeCheck
from dashget.mirroring.twins import END_BYTES, Twins
from dashget.mirroring.undescribed import (
    UNDESCRIBED_HINT,
    Descriptions,
    look_into,
    undescribed,
)
from dashget.planning.layout import Layout
from dashget.planning.limits import is_counted_again
from dashget.planning.plan import PlannedSegment
from dashget.store import FileRecord, Mirror, RecordedFiles
from dashget.verification.findings import Finding, Problem, lost, note, occupied
from dashget.verification.progress import CheckProgress
from dashget.verification.spellings import Spellings


class OfflineCheck:
    """One pass over a mirror without a network. Iterate ``run`` once, then read the counts."""

    def __init__(
        self,
        store: Mirror,
        expected: Expected,
        history: LiveHistory,
        stop: Stop,
        progress: CheckProgress,
    ) -> None:
        self.named: set[str] = set()
        """Every path that the manifest names, selected or not."""
        self.kept: set[str] = set()
        """Every other path that runs over a live presentation have recorded."""
        self.files = 0
        self.bytes = 0
        self.checksummed = 0
        self._store = store
        self._expected = expected
        self._history = history
        self._stop = stop
        self._progress = progress
        self._records = store.records()
        self._excused: dict[str, bool] = {}
        """Missing files that may be missing; True if selected (and their number is derived)."""
        self._missing_folders: set[str] = set()
        self._times = TimeCheck()
        self._twins = Twins(store)
        self._descriptions = Descriptions()

    @property
    def records(self) -> RecordedFiles:
        """The record of every file."""
        return self._records

    def run(self) -> Iterator[Finding]:
        """Yield the findings about planned files, in presentation order.

        Those of the newest run come first, then those that only earlier runs over a live
        presentation recorded.
        """
        for planned in self._expected.iter_plan():
            if self._stop.requested:
                return
            if planned.path in self.named:
                # A file that is named twice may be required by the second naming alone.
                if planned.path in self._excused:
                    yield from self._check_missing(planned, None)
                if is_counted_again(planned.segment.address):
                    self._progress.uncount()
                # It may be all that another Representation has.
                if self._descriptions.wants(planned) and planned.path in self._records:
                    look_into(planned, self._store, self._descriptions)
                continue
            self.named.add(planned.path)
            yield from self._check(planned, self._expected.layout)
            self._progress.finish_file()
        yield from self._perhaps_absent()
        yield from self._check_recorded_live()
        for each in self._times.findings():
            yield Finding(each.name, Problem.TIME, each.message, note=not each.is_wrong)
        for track, told in self._twins.found():
            yield note(f"Representation {track.representation.id}", Problem.STRUCTURE, told)
        yield from self._undescribed()

    def _perhaps_absent(self) -> Iterator[Finding]:
        """Yield a finding for each file that may be missing on the server: the last derived one."""
        paths = {path for path, selected in self._excused.items() if selected}
        failures = self._store.failures(paths) if paths else {}
        for path in sorted(paths):
            failure = failures.get(path)
            if failure is None:
                told = "never fetched; it may be missing on the server, as the summary of get tells"
                yield note(path, Problem.MISSING, told)
            else:
                yield Finding(path, Problem.MISSING, f"never fetched: {failure.reason}")

    def _undescribed(self) -> Iterator[Finding]:
        """Yield a finding for each Representation whose media cannot be decoded."""
        for planned in self._descriptions.lacking():
            record = self._records.get(planned.path)
            yield Finding(
                f"Representation {planned.track.representation.id}",
                Problem.STRUCTURE,
                undescribed(planned),
                note=record is not None and record.odd,
                hint=UNDESCRIBED_HINT,
            )

    def strays(self, reserved: frozenset[str]) -> Iterator[Finding]:
        """Yield the files that the manifest does not name; to be called after ``run``."""
        wanted = (self.named, self.kept, reserved)
        superseded = [r for r in self._records if not any(r.path in paths for paths in wanted)]
        unknown = sorted(
            path
            for path, _ in self._store.iter_files()
            if path not in self._records and not any(path in paths for paths in wanted)
        )
        # Some file systems return a name in another spelling than the one that it was given.
        spellings = Spellings(self._store, (*unknown, *(record.path for record in superseded)))
        for paths in wanted:
            spellings.add(paths)
        for record in superseded:
            if not spellings.is_other(record.path):
                yield self._superseded(record)
        spellings.add(record.path for record in superseded)
        for path in unknown:
            other = spellings.of(path)
            if other is not None and self._store.size(other) is None:
                told = f"the name of {other} in another spelling; rename it"
                yield note(path, Problem.STRAY, told)
            elif not spellings.is_other(path, listed=True):
                yield note(path, Problem.STRAY, "unknown to the manifest and the record")
        for path in self._store.leftover_parts():
            yield note(path, Problem.PART, "an unfinished part, which get continues")

    def _check_recorded_live(self) -> Iterator[Finding]:
        """Check files that the manifest no longer names against the run that recorded them."""
        left = {p for p in self._history.paths if p in self._records and p not in self.named}
        self.kept |= left
        for run in self._history.runs:
            wanted = run.paths & left
            expected = self._history.expected(run) if wanted else None
            if expected is None:
                continue
            for planned in expected.iter_plan():
                if self._stop.requested:
                    return
                if planned.path in wanted and planned.path in left:
                    left.discard(planned.path)
                    yield from self._check(planned, expected.layout)
        for path in sorted(left):
            # The manifest of its run is lost: only size and checksum can be compared.
            size, record = self._store.size(path), self._records.get(path)
            if size is None:
                yield lost(path, self._store.occupant(path))
            else:
                yield from _readable(path, self._compare_with_record(path, size, record))

    def _superseded(self, record: FileRecord) -> Finding:
        path = record.path
        folder = path.rpartition("/")[0]
        size = None
        if folder not in self._missing_folders:
            size = self._store.size(path)
            if size is None and not self._store.has_folder(folder):
                self._missing_folders.add(folder)
        message = "no longer named by the manifest"
        if size is None:
            message += "; it was fetched, but is missing"
        elif size != record.size:
            message += f"; {size} bytes, but {record.size} are recorded"
        return note(path, Problem.SUPERSEDED, message)

    def _check(self, planned: PlannedSegment, layout: Layout) -> Iterator[Finding]:
        return _readable(planned.path, self._findings(planned, layout))

    def _findings(self, planned: PlannedSegment, layout: Layout) -> Iterator[Finding]:
        path = planned.path
        record = self._records.get(path)
        size = self._store.size(path)
        if size is None:
            yield from self._check_missing(planned, record)
            return
        found = list(self._compare_with_record(path, size, record))
        yield from found
        if size == 0 and not found:
            yield note(path, Problem.STRUCTURE, "empty, as on the server")
        elif not found or found[0].problem is Problem.UNRECORDED:
            odd = record is not None and record.odd
            yield from self._look_inside(planned, size, layout, as_served=not found, odd=odd)

    def _compare_with_record(
        self, path: str, size: int, record: FileRecord | None
    ) -> Iterator[Finding]:
        """Yield a finding if a file has another size or checksum than the record, or no record."""
        self.files += 1
        self.bytes += size
        if record is None:
            message = "not in the record: cannot tell whether the file is complete"
            yield Finding(path, Problem.UNRECORDED, message)
        elif record.size != size:
            yield Finding(path, Problem.SIZE, f"{size} bytes, but {record.size} are recorded")
        elif record.sha256 is not None:
            self.checksummed += 1
            if self._store.digest(path, "sha256", self._progress.read) != record.sha256:
                yield Finding(path, Problem.CHECKSUM, "the SHA-256 differs from the recorded one")

    def _check_missing(
        self, planned: PlannedSegment, record: FileRecord | None
    ) -> Iterator[Finding]:
        path = planned.path
        occupant = self._store.occupant(path)
        if record is not None:
            yield lost(path, occupant)
        elif occupant is not None and planned.track.key in self._expected.selected:
            self._excused.pop(path, None)
            yield occupied(path, f"never fetched, and {occupant} has its name")
        elif planned.track.key not in self._expected.selected:
            self._excused.setdefault(planned.path, False)
        elif planned.segment.last_derived:
            self._excused[planned.path] = True
        else:
            self._excused.pop(planned.path, None)
            yield Finding(planned.path, Problem.MISSING, "never fetched")

    def _look_inside(
        self, planned: PlannedSegment, size: int, layout: Layout, *, as_served: bool, odd: bool
    ) -> Iterator[Finding]:
        """Check the content; what was accepted although it was ``odd`` is a note."""
        path = planned.path
        role = role_of(planned)
        with self._store.open(path) as file:

            def read(offset: int, count: int) -> bytes:
                file.seek(offset)
                return file.read(count)

            for message in check(read, size, role):
                yield Finding(path, Problem.STRUCTURE, message, note=odd)
            if path in self._records and self._descriptions.wants(planned):
                self._descriptions.add(planned, read, size)
            if odd:
                return
            for message in check_index(read, size, role):
                served = ", as on the server" if as_served else ""
                yield Finding(path, Problem.STRUCTURE, f"{message}{served}", note=as_served)
            if role.kind is SegmentKind.MEDIA and not (role.whole or role.several):
                self._twins.add(planned, size, read(max(0, size - END_BYTES), END_BYTES))
            self._times.add(planned, read, size, layout)


def _readable(path: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield findings; a file that cannot be read ends them with a finding about that."""
    try:
        yield from findings
    except StoppedError:
        return
    except OSError as error:
        yield Finding(path, Problem.UNREADABLE, f"unreadable: {error.strerror or error}")
