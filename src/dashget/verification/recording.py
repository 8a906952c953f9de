"""Check a recording of a live presentation: every recorded file, and the gaps that it names.

What it should hold is told by its record, not by its MPD: that had another window with each read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.common.stopping import Stop
from dashget.errors import UsageError
from dashget.live.descriptions import initializations
from dashget.live.facts import Reason
from dashget.live.gaps import Gap, gaps_in
from dashget.live.localmpd import CUT, Coverage, make_local
from dashget.live.state import State
from dashget.media.inspection import check
from dashget.media.kind import Role, SegmentKind
from dashget.planning.layout import local_manifest_name, reserved_names
from dashget.recording import checkpoint
from dashget.recording.facts import moment_of, read_facts, read_lines, read_placed_facts
from dashget.store import FileRecord, Mirror, RecordedFiles
from dashget.store.record import parse_record
from dashget.store.soundness import UNREADABLE
from dashget.verification.findings import Finding, Problem, lost, note
from dashget.verification.versions import Versions

_KNOWN: Final = (".m4s", ".mp4", ".m4v", ".m4a", ".m4f", ".cmfv", ".cmfa", ".cmft")
"""The endings of files of which the structure can be checked without their manifest."""

_NO_INITIALIZATION: Final = "it was never fetched, and segments that are here play with it only"


def refuse_tasks(name: str, *, remote: bool, prune: bool) -> None:
    """Raise UsageError for what can be done with mirrors only."""
    asked = [option for option, wanted in (("--remote", remote), ("--prune", prune)) if wanted]
    if asked:
        raise UsageError(
            f"{asked[0]}: {name} is a recording of a live presentation",
            hint="leave it out; the same dashget record goes on with what is still there",
        )


class RecordingCheck:
    """One pass over a recording. Iterate ``run`` once, then read the counts."""

    def __init__(self, store: Mirror, manifest: str, stop: Stop, *, mend: bool = False) -> None:
        """With ``mend`` the local MPD is written anew if it is another than the record's."""
        self._mend = mend
        self.repaired = 0
        self.files = 0
        self.bytes = 0
        self.checksummed = 0
        self._store = store
        self._manifest = manifest
        self._stop = stop

    def run(self) -> Iterator[Finding]:
        """Yield the findings about files and the manifest's versions, then the gaps, then files
        that nobody knows."""
        records = self._store.records()
        state = State.of(read_facts(self._store, self._manifest))
        for record in records:
            if self._stop.requested:
                return
            if _is_expired(record, state):
                continue
            yield from self._checked(record)
        with Versions(self._store) as versions:
            yield from versions.check(self._stop)
        for gap in gaps_in(state):
            yield _finding(gap)
        yield from self._check_local(state, records)
        reserved = reserved_names(self._manifest)
        for path, _ in self._store.iter_files():
            if path not in records and path not in reserved:
                yield note(path, Problem.STRAY, "unknown to the record")
        for path in self._store.leftover_parts():
            yield note(path, Problem.PART, "an unfinished part")

    def run_part(
        self, begin: float | None, begin_back: float | None, until: float | None
    ) -> Iterator[Finding]:
        """Yield the findings about the segments, and the gaps, of a part of the time.

        What has no time is checked as well: initialization segments.
        """
        state = read_state(self._store, self._manifest)
        part = _Part(state, begin, begin_back, until)
        newest: dict[str, FileRecord] = {}
        for _, text in read_lines(self._store, 0):
            record = parse_record(text) if part.may_have(text) else None
            if record is not None and record.removed:
                newest.pop(record.path, None)
            elif record is not None and not _is_expired(record, state) and part.has(record):
                newest[record.path] = record
        for record in newest.values():
            if self._stop.requested:
                return
            yield from self._checked(record)
        for gap in gaps_in(state):
            if gap.end > part.begin and gap.begin < part.until:
                yield _finding(gap)

    def _checked(self, record: FileRecord) -> Iterator[Finding]:
        try:
            yield from self._check(record)
        except OSError as error:
            reason = f"unreadable: {error.strerror or error}"
            yield Finding(record.path, Problem.UNREADABLE, reason)

    def _check(self, record: FileRecord) -> Iterator[Finding]:
        path = record.path
        size = self._store.size(path)
        if size is None:
            yield lost(path)
            return
        self.files += 1
        self.bytes += size
        if record.more and size > record.size:
            message = "more bytes than are recorded; the same record goes on with the file"
            yield note(path, Problem.SIZE, message)
            size = record.size
        if size != record.size:
            yield Finding(path, Problem.SIZE, f"{size} bytes, but {record.size} are recorded")
            return
        if record.sha256 is not None:
            self.checksummed += 1
            if self._store.digest(path, "sha256") != record.sha256:
                message = "the SHA-256 differs from the recorded one"
                yield Finding(path, Problem.CHECKSUM, message)
                return
        if path.lower().endswith(_KNOWN) and not record.odd:
            yield from self._look_inside(record, size)

    def _check_local(self, state: State, records: RecordedFiles) -> Iterator[Finding]:
        """Compare the local MPD with the record: a recorder that was killed leaves an old one."""
        made = make_local(Coverage.of(state))
        if made is None:
            return
        data = made.data
        # Events have text of their own: only what shapes name is a file.
        shapes = "".join(state.stretches.shapes.values())
        for named in sorted(
            initializations(shapes) & initializations(data.decode("utf-8", "replace"))
        ):
            if named not in records:
                yield Finding(named, Problem.MISSING, _NO_INITIALIZATION)
        path = local_manifest_name(self._manifest)
        if made.cut:
            yield note(path, Problem.OWN, CUT.format(name="it"))
        size = self._store.size(path)
        if size == len(data) and self._store.read(path) == data:
            return
        if self._mend:
            self._store.write(path, data)
            self.repaired += 1
            return
        message = "missing" if size is None else "older than the record"
        hint = "verify --repair writes it anew, and so does the same record"
        yield note(path, Problem.OWN, f"{message}; {hint}")

    def _look_inside(self, record: FileRecord, size: int) -> Iterator[Finding]:
        is_media = record.media or record.line is not None
        kind = SegmentKind.MEDIA if is_media else SegmentKind.INITIALIZATION
        with self._store.open(record.path) as file:

            def read(offset: int, count: int) -> bytes:
                file.seek(offset)
                return file.read(count)

            for message in check(read, size, Role("video/mp4", kind, several=not is_media)):
                yield Finding(record.path, Problem.STRUCTURE, message)


class _Part:
    """A part of the time of a recording."""

    def __init__(
        self, state: State, begin: float | None, begin_back: float | None, until: float | None
    ) -> None:
        ends = [line.wall(line.recorded.last.end) for line in state.lines if line.recorded.last]
        self.begin = -math.inf if begin is None else begin
        self.until = math.inf if until is None else until
        if begin_back is not None:
            self.begin = max(self.begin, max(ends, default=0.0) - begin_back)
        self._lines = {line.id: line for line in state.lines if line.is_timed}

    def may_have(self, text: bytes) -> bool:
        """Return False for a line about a segment of another time, which is not read further."""
        try:
            found = _place_in(text)
        except UNREADABLE:
            return False
        if found.path is None or found.line is None:
            return found.path is not None
        line = self._lines.get(found.line)
        if line is None:
            return True
        return line.wall(found.t + found.d) > self.begin and line.wall(found.t) < self.until

    def has(self, record: FileRecord) -> bool:
        """Return True for a file of this time, and for one without a time."""
        begins = _begins(record)
        return begins is None or self.begin <= begins < self.until


class _Place(msgspec.Struct):
    """Where the segment of a line of the record is."""

    path: str | None = None
    line: int | None = None
    t: int = 0
    d: int = 0


_place_in: Final = msgspec.json.Decoder(_Place).decode


def read_state(store: Mirror, manifest: str) -> State:
    """Return what the record of a recording tells: by its checkpoint, if it has one."""
    state, end = checkpoint.read(store) or (State(), 0)
    facts = (fact for _, fact in read_placed_facts(store, manifest, end))
    state.take_all(fact for fact in facts if fact is not None)
    return state


def _is_expired(record: FileRecord, state: State) -> bool:
    """Return True for a file that was removed, or is to be, to keep what is newer."""
    if record.line is not None and not record.media:
        return state.is_expired(record.line, record.t or 0)
    begins = _begins(record)
    return begins is not None and begins < state.expired


def _begins(record: FileRecord) -> float | None:
    """Return when media begins that only its name tells, by the server's time; else None."""
    if not record.media:
        return None
    return moment_of(record.time) if record.at is None else record.at


def gaps_of(store: Mirror, manifest: str) -> list[Gap]:
    """Return the gaps of a recording, as its record tells them."""
    state = read_state(store, manifest)
    return gaps_in(state)


def _finding(gap: Gap) -> Finding:
    count, verb = f"{gap.segments or 0:,} segments", "are"
    if gap.segments is None:
        count = "an unknown number of segments"
    elif gap.segments == 1:
        count, verb = "1 segment", "is"
    seconds = gap.end - gap.begin
    if gap.reason is Reason.ANNOUNCED:
        message = f"{seconds:.1f} s without segments, as announced"
        return note(gap.label, Problem.GAP, message)
    message = f"{count} of {seconds:.1f} s {verb} missing: {gap.reason.value}"
    return Finding(gap.label, Problem.GAP, message)
