"""From the plan to jobs: which files need a request, and which one.

A file that is recorded and has the recorded size needs none. A file that is there without a
record needs a HEAD request, and is adopted if the server's size agrees. All others are fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from dashget.common.compactmap import RECENT_AT_MOST, CompactMap
from dashget.common.stopping import Stop
from dashget.errors import StoreError
from dashget.events import Outcome
from dashget.mirroring.arrivals import Arrivals
from dashget.mirroring.files import PlannedFile
from dashget.mirroring.ledger import Ledger
from dashget.mirroring.missing import sample
from dashget.mirroring.outcomes import Outcomes
from dashget.planning.layout import Layout
from dashget.planning.limits import is_counted_again
from dashget.planning.plan import PlannedSegment, iter_plan
from dashget.planning.tracks import Track
from dashget.store import OCCUPIED_HINT, FileRecord, Mirror, Presence, RecordedFiles
from dashget.transfer.contract import Job, Request, TooLargeError

if TYPE_CHECKING:
    from dashget.mirroring.room import Room


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How a run treats files."""

    dry_run: bool = False
    checksum: str | None = None
    """hashlib's name of the algorithm whose value is recorded for every file."""
    check_remote: bool = False
    """Compare also recorded files with the server: size and validators."""
    times: bool = False
    """Restore the modification times of files that are complete."""
    accept_odd: bool = False
    """Store also what is something else than the manifest means."""
    max_file_size: int | None = None
    """The most bytes of one file."""
    max_total_size: int | None = None
    """The most bytes of all files of the mirror."""
    only: frozenset[str] | None = None
    """Fetch exactly these paths, whatever is stored, and skip all others."""


class Jobs:
    """Makes the jobs of one run. The engine pulls them one at a time."""

    def __init__(
        self,
        store: Mirror,
        policy: Policy,
        ledger: Ledger,
        arrivals: Arrivals,
        outcomes: Outcomes,
    ) -> None:
        self._store = store
        self._policy = policy
        self._ledger = ledger
        self._arrivals = arrivals
        self._outcomes = outcomes
        self._records: RecordedFiles | None = None
        self._room: Room | None = None
        self._too_large: dict[str, int] = {}
        """The files that have more bytes than one may have, as the manifest tells."""
        self._sampled: set[str] = set()
        """The files that were asked for before their turn."""
        self.paused = False
        """True if the jobs of the plan have come to a pause, not to their end."""
        self._planned = CompactMap(1)
        """The hash of the URL of every file that was planned."""

    def __len__(self) -> int:
        return len(self._planned)

    def foresee_too_large(self, tracks: Sequence[Track], layout: Layout, room: Room) -> None:
        """Find the files of which the byte ranges in the manifest tell that they are too large."""
        self._room = room
        most = room.most_of_file
        if most is None:
            return
        for planned in iter_plan(tracks, layout):
            span = planned.segment.range
            if span is not None and (span.last or span.first) >= most:
                known = self._too_large.get(planned.path, 0)
                self._too_large[planned.path] = max(known, (span.last or span.first) + 1)

    def from_plan(
        self, tracks: Sequence[Track], layout: Layout, stop: Stop | Room
    ) -> Iterator[Job | None]:
        """Yield the job of each planned file that needs one, until ``stop`` is requested.

        None is a pause: samples are to be asked for, or a host to be looked at (see ``missing``),
        before the next job.
        """
        only, planned_before, is_new = self._policy.only, self._planned, self._store.is_new
        recent, blank, foreseen = planned_before.recent, self._store.is_blank, self._too_large
        opens, delivers = self._arrivals.open, self._arrivals.deliver
        missing = self._outcomes.missing
        for planned in iter_plan(tracks, layout):
            if stop.requested:
                return
            if missing.alarm and missing.is_alarmed:
                self.paused = True
                yield None
            path = planned.path
            if planned_before.contains(path):
                if path in self._sampled:
                    self._sampled.discard(path)
                else:
                    self._meet_again(planned)
                continue
            if only is not None and path not in only:
                continue
            urls = planned.urls
            file = PlannedFile(planned, path, urls)
            # As ``planned_before[path] = ...``, without a call more for each file.
            recent[path] = (hash(urls[0]),)
            if len(recent) >= RECENT_AT_MOST:
                planned_before.settle()
            if urls[0][:5].lower() != "data:" and not foreseen and (blank or is_new(path)):
                yield Job(Request(urls), opens, file, delivers)
                continue
            job = self._job_for(file)
            if job is not None:
                yield job
        self._ledger.planning_done = True

    def from_samples(self, tracks: Sequence[Track], layout: Layout) -> Iterator[Job]:
        """Yield jobs of some files from all over the plan that were not planned yet."""
        only, planned_before = self._policy.only, self._planned
        for planned in sample(tracks, layout, planned_before.contains):
            if only is None or planned.path in only:
                file = PlannedFile(planned, planned.path, planned.urls)
                planned_before[planned.path] = (hash(planned.urls[0]),)
                self._sampled.add(planned.path)
                job = self._job_for(file)
                if job is not None:
                    yield job

    def again(self, files: Sequence[PlannedFile]) -> Iterator[Job]:
        """Yield jobs of files that are fetched again, until a host is to be looked at."""
        missing = self._outcomes.missing
        for place, file in enumerate(files):
            if missing.alarm and missing.suspects_host:
                self._outcomes.put_back(files[place:])
                return
            yield self.fetch(file)

    def fetch(self, file: PlannedFile) -> Job:
        """Return the job that fetches a file, from its part if there is one."""
        deliver = None if self._store.has_part(file.path) else self._arrivals.deliver
        urls = file.urls
        if file.rejected:
            # Another base may have the right file if this one does not.
            turn = file.rejected % len(urls)
            urls = urls[turn:] + urls[:turn]
        return Job(Request(urls), self._arrivals.open, file, deliver)

    def _meet_again(self, planned: PlannedSegment) -> None:
        """Handle a file that was planned before; each naming may require it to be there."""
        if is_counted_again(planned.segment.address):
            self._ledger.uncount()
        if not planned.segment.last_derived:
            self._outcomes.require(planned.path)
        if self._planned.get(planned.path) != (hash(planned.segment.url),):
            reason = "another resource has the same name in the mirror"
            file = PlannedFile(planned, planned.path, planned.urls)
            self._ledger.finish(file, Outcome.FAILED, reason=reason)

    def _job_for(self, file: PlannedFile) -> Job | None:
        """Return the job of a file that may be there; None if it needs no request."""
        url = file.urls[0]
        presence, file.local_size = self._store.look(file.path, url)
        data = url[:5].lower() == "data:"
        if presence is Presence.MISSING and not data:
            return self._fetch_if_allowed(file)
        if presence is Presence.BLOCKED:
            reason = f"{self._store.occupant(file.path) or 'something else'} has the same name"
            self._ledger.finish(file, Outcome.FAILED, reason=reason, hint=OCCUPIED_HINT)
            return None
        if self._policy.only is not None:
            presence = Presence.MISSING
        elif self._store.takes_up_judging(file.path):
            self._outcomes.clocks.doubtful[id(file.planned.track)] = file.planned.track
        if presence is Presence.MOVED:
            presence = Presence.COMPLETE if data else self._recall(file)
        elif presence is Presence.COMPLETE and self._policy.check_remote and not data:
            presence = self._recall(file)
        if presence is Presence.COMPLETE:
            if self._policy.times and (known := self._record_of(file)) is not None:
                self._store.restore_time(known)
            self._ledger.finish(file, Outcome.PRESENT, file.local_size)
            return None
        if data:
            self._unpack(file)
            return None
        if presence is Presence.UNRECORDED:
            # Loaded late, as below: most files are neither compared nor in the manifest itself.
            from dashget.mirroring.comparison import comparison_job

            return comparison_job(file.known, file.urls, file, file.local_size)
        return self._fetch_if_allowed(file)

    def _fetch_if_allowed(self, file: PlannedFile) -> Job | None:
        """Return the job that fetches a file, unless the manifest tells that it is too large."""
        size = self._too_large.get(file.path)
        if size is None or self._room is None or self._has_room(file, size, self._room):
            return self.fetch(file)
        return None

    def _has_room(self, file: PlannedFile, size: int, room: Room) -> bool:
        """Return True if there is room for a resource of the manifest; else it has its outcome."""
        try:
            room.check(size)
            room.take(file, size)
        except TooLargeError as error:
            if file.path in room.refused:
                self._ledger.finish(file, Outcome.CANCELLED)
            else:
                reason = f"too large: {error}"
                self._ledger.finish(file, Outcome.FAILED, reason=reason, hint=error.hint)
            return False
        return True

    def _recall(self, file: PlannedFile) -> Presence:
        """Look up the record of a file, for a comparison with the server."""
        file.known = self._record_of(file)
        return Presence.UNRECORDED

    def _record_of(self, file: PlannedFile) -> FileRecord | None:
        if self._records is None:
            self._records = self._store.records()
        return self._records.get(file.path)

    def _unpack(self, file: PlannedFile) -> None:
        """Store a resource that the manifest itself contains (RFC 2397)."""
        from dashget.mpd.dataurl import decode_data_url

        try:
            data = decode_data_url(file.urls[0])
        except ValueError as error:
            self._ledger.finish(file, Outcome.FAILED, reason=str(error))
            return
        if not self._policy.dry_run:
            if self._room is not None and not self._has_room(file, len(data), self._room):
                return
            try:
                self._store.write(file.path, data)
            except StoreError as error:
                self._store.check_present()
                if isinstance(error.__cause__, (FileExistsError, NotADirectoryError)):
                    self._ledger.finish(file, Outcome.FAILED, reason=error.message)
                    return
                raise
            self._store.adopt(FileRecord(path=file.path, url="data:", size=len(data)))
        self._ledger.finish(file, Outcome.DOWNLOADED, len(data))
