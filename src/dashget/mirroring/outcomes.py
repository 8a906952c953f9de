"""Turn a finished transfer into a result: name and record the file, retry it, or report a failure.

``done`` takes what the engine says about one job. Files that are worth another try are
collected until all others have had their turn (``take_again``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from dashget.common.digests import find_digest
from dashget.common.filenames import readable
from dashget.common.oserrors import disk_error, hint_for, is_descriptor_shortage, is_disk_failure
from dashget.common.stopping import StoppedError
from dashget.errors import GONE_STATUSES, Retry, StoreError
from dashget.events import Outcome
from dashget.media.kind import SegmentKind
from dashget.mirroring.arrivals import INVALID_HINT, OTHER_HINT, Arrivals
from dashget.mirroring.clocks import Clocks
from dashget.mirroring.files import Coded, PlannedFile, Rejection
from dashget.mirroring.ledger import Ledger
from dashget.mirroring.missing import Missing
from dashget.planning.layout import SafePath
from dashget.store import UNJUDGED_END, UNJUDGED_TIME, FileRecord, Mirror, RefusedError
from dashget.transfer.contract import Fetched, Job, Method, TransferError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dashget.mirroring.chances import SecondChances
    from dashget.mirroring.lateness import Lateness
    from dashget.mirroring.wholeness import Wholeness
    from dashget.planning.tracks import Track
    from dashget.store import PartialFile

_REJECTED_AT_MOST: Final = 3
_REFUSED_AT_MOST: Final = 3
_PENDING_AT_MOST: Final = 64
"""With so many pending files the run waits for an answer before it hands over another one."""
_SUSPECTS_AT_MOST: Final = 64
_RESUMED: Final = Outcome.RESUMED
_DOWNLOADED: Final = Outcome.DOWNLOADED
_NO_CACHE: Final[dict[str, str]] = {}
_NO_HEADERS: Final[dict[str, str]] = {}
_LARGEST_GOOD: Final = 1 << 22
_TRANSFORMED: Final = 203
_WANTS_CREDENTIALS: Final = frozenset({401, 407})
"""Refusals that no second request changes."""


class Outcomes:
    """Brings each file to its outcome. One call at a time."""

    def __init__(self, store: Mirror, ledger: Ledger, arrivals: Arrivals) -> None:
        self._store = store
        self._ledger = ledger
        self._arrivals = arrivals
        self._required: set[SafePath] = set()
        self._absent: list[tuple[PlannedFile, Fetched | TransferError, str]] = []
        self._again: list[PlannedFile] = []
        self._doubts: list[tuple[PlannedFile, FileRecord, Fetched]] = []
        self._pending: dict[str, tuple[PlannedFile, Fetched]] = {}
        """The files that are pending, by path."""
        self._gone: list[tuple[SafePath, str]] = []
        self._uncompared: list[tuple[SafePath, str]] = []
        self._transformed: list[tuple[SafePath, str]] = []
        self._wholeness: Wholeness | None = None
        self._second_chances: SecondChances | None = None
        self._holds: Callable[[PlannedFile, Fetched], bool] | None = None
        """Holds back the outcome of a stored file that may be asked for once more."""
        self._lateness: Lateness | None = None
        self._begun = store.now()
        self.good: PlannedFile | None = None
        """The smallest file that has come."""
        self._least_good = _LARGEST_GOOD
        self._suspects: list[tuple[PlannedFile, Fetched]] = []
        """Files that may have come in the place of others, before they have their names."""
        self.missing = Missing(lambda: ledger.totals.came)
        self.clocks = Clocks(store)

    def require(self, path: SafePath) -> None:
        """Record that a file must be there, even if another naming allows it to be absent."""
        self._required.add(path)

    def take_again(self) -> list[PlannedFile]:
        """Take out the files to fetch again, now that all others have had their turn."""
        files, self._again = self._again, []
        return files

    def take_elsewhere(self) -> list[PlannedFile]:
        """Take out the files to fetch again that another base URL may have, as nobody knows yet."""
        files = self.take_again()
        self.put_back([file for file in files if not _may_be_elsewhere(file)])
        return [file for file in files if _may_be_elsewhere(file)]

    def put_back(self, files: Sequence[PlannedFile]) -> None:
        """Put back files that were taken out to be fetched again."""
        self._again += files

    def forgive(self) -> None:
        """Give the files their tries back that have failed because their host did."""
        for file in self._again:
            if file.rejected and file.verdict is not None and file.verdict[2] == OTHER_HINT:
                file.rejected = 0

    def fail_waiting(self) -> None:
        """Fail the files that wait for another try: nothing else is asked for."""
        for file in self.take_again():
            if self._keep_first(file):
                continue
            if file.verdict is None:
                self._fail_unasked(file)
                continue
            result, reason, hint = file.verdict
            file.tries -= result.attempts
            self._ledger.finish(file, Outcome.FAILED, result=result, reason=reason, hint=hint)

    def fail_unasked(self, job: Job) -> None:
        """Fail a file that is not asked for; one that was only to be compared stays."""
        file: PlannedFile = job.payload
        if _is_head(job) and file.known is not None and file.known.url == file.urls[0]:
            reason = self.missing.reason or ""
            self._uncompared.append((file.path, reason))
            self._ledger.finish(file, Outcome.PRESENT, file.known.size, reason=reason)
        else:
            self._fail_unasked(file)

    def _fail_unasked(self, file: PlannedFile) -> None:
        missing = self.missing
        self._ledger.finish(file, Outcome.FAILED, reason=missing.reason, hint=missing.hint)

    def take_doubts(self) -> list[tuple[PlannedFile, FileRecord, Fetched]]:
        """Take out the files that the server may still have: each with record and answer."""
        doubts, self._doubts = self._doubts, []
        return doubts

    def settle(self) -> None:
        """Decide what could not be decided before the end of the run."""
        for file, _ in self._suspects:
            if file.unfinished is not None:
                self._store.let_go(file.unfinished)
            self._ledger.finish(file, Outcome.CANCELLED)
        self.ask_for_ends(again=False)
        for file in (*self.take_again(), *(file for file, _, _ in self.take_doubts())):
            if not self._keep_first(file):
                self._ledger.finish(file, Outcome.CANCELLED)
        for file in () if self._lateness is None else self._lateness.let_go():
            self._ledger.finish(file, Outcome.CANCELLED)
        for file, result, reason in self._absent:
            self._settle_absent(file, result, reason)
        self._warn("empty on the server", [(path, "0 bytes") for path in self._ledger.empty])
        self._warn("changed by a proxy on the way, as HTTP 203 says", self._transformed)
        if self._wholeness is not None:
            self._warn("perhaps not whole", [*self._wholeness.settle()])
        for _, told in self._arrivals.twins.found():
            self._ledger.warn(told)
        self._warn("gone from the server", self._gone)
        self._warn("not compared with the server", self._uncompared)

    def done(self, job: Job, result: Fetched | TransferError) -> None:
        """Take the result of a job whose payload is a PlannedFile."""
        file: PlannedFile = job.payload
        # As ``count`` does, without a call more for each file.
        totals = self._ledger.totals
        totals.requests += result.requests
        totals.transferred += result.transferred
        file.transferred += result.transferred
        if self._pending:
            self.collect()
        if isinstance(result, TransferError):
            self._lost(job, file, result)
        elif job.request.method is Method.HEAD:
            self._compared(file, result)
        elif file.rejection is not None:
            rejection, file.rejection = file.rejection, None
            self._reject(file, result, rejection)
        elif file.part is None and file.ticks is None:
            self._name(file, result)
        else:
            self._arrived(file, result)

    def count(self, file: PlannedFile, result: Fetched | TransferError) -> None:
        """Count the requests for a file, and the bytes that came."""
        totals = self._ledger.totals
        totals.requests += result.requests
        totals.transferred += result.transferred
        file.transferred += result.transferred

    def keep_same(
        self, file: PlannedFile, known: FileRecord, answer: Fetched, *, sampled: bool = False
    ) -> None:
        """Keep a recorded file that the server has as well; its new address is recorded.

        ``sampled`` tells that only samples of it were compared.
        """
        if file.known is None:
            file.coded = Coded(known.codings, answer.size)
            self._adopt_found(file, replace(answer, size=known.size))
            return
        if known.url != file.urls[0]:
            file.odd = known.odd
            record = self._record(file, answer, known.sha256)
            how = {"codings": known.codings, "coded_size": known.coded_size}
            self._store.adopt(replace(record, sampled=sampled, size=known.size, **how))
        else:
            self._store.restore_time(known)
        reason = None
        if sampled:
            self._ledger.totals.sampled += 1
            reason = "compared by samples"
        self._ledger.finish(file, Outcome.PRESENT, known.size, answer, reason)

    def fetch_again(self, file: PlannedFile) -> None:
        """Have a file fetched that is not as on the server, or of which that cannot be proved."""
        self._again.append(file)

    def collect(self, *, wait: bool = False) -> None:
        """Report the pending files that the place has answered for.

        With ``wait`` at least one answer is waited for, if any file is pending. Raises
        StoreError after that if the place takes no more.
        """
        failure: StoreError | None = None
        for record, error in self._store.answers(wait=wait):
            file, fetched = self._pending.pop(record.path)
            if error is None:
                self._stored(file, fetched)
                continue
            try:
                self._not_stored(file, fetched, error)
            except StoreError as raised:
                failure = failure or raised
        if failure is not None:
            raise failure

    def collect_all(self) -> None:
        """Wait for all pending files, and report them; StoreError if the place takes no more."""
        self._judge()
        failure: StoreError | None = None
        while self._pending:
            try:
                self.collect(wait=True)
            except StoreError as raised:
                failure = failure or raised
        if failure is not None:
            raise failure

    def _arrived(self, file: PlannedFile, fetched: Fetched) -> None:
        """Name and record a file that has arrived, if it is what it should be."""
        if file.first is not None and not self._is_longer(file, file.first, fetched):
            return
        try:
            if file.part is not None:
                rejection = self._arrivals.check(file, file.part)
                if rejection is not None:
                    file.part.drop()
                    self._reject(file, fetched, rejection)
                    return
                if file.coded is not None:
                    fetched = replace(fetched, size=file.part.size)
                if fetched.head.status == _TRANSFORMED:
                    self._transformed.append((file.path, "its bytes may differ from the server's"))
                if not fetched.proved:
                    self._doubt_end(file, file.part)
            if file.ticks is not None and (file.rejected or self.clocks.is_suspect(file)):
                self._suspects.append((file, fetched))
                if len(self._suspects) >= _SUSPECTS_AT_MOST:
                    self._judge()
                return
        except StoppedError:
            # Its part stays, and is complete: the next run reads it again.
            if file.unfinished is not None:
                self._store.let_go(file.unfinished)
            if not self._keep_first(file):
                self._ledger.finish(file, Outcome.CANCELLED)
            return
        except OSError as error:
            self._not_stored(file, fetched, error)
            return
        self._name(file, fetched)

    def _doubt_end(self, file: PlannedFile, part: PartialFile) -> None:
        """Remember a file whose end the server has not told."""
        if self._wholeness is None:
            # Loaded late: servers tell lengths.
            from dashget.mirroring.wholeness import Wholeness

            self._wholeness = Wholeness(self._store)
            self._holds = self._is_held
        self._wholeness.add(file, part, self.clocks.layout)
        if self._wholeness.doubts(file):
            file.unjudged = UNJUDGED_END

    def ask_for_ends(self, *, again: bool = True) -> None:
        """Ask once more for the files that have come without some of their time.

        Without ``again`` they are taken as they are.
        """
        if self._wholeness is None:
            return
        for file, fetched, short in self._wholeness.decide(self.clocks.layout):
            if short is None or not (again and self._chances().take()):
                self._came(file, fetched)
                continue
            file.first = fetched
            file.rejected += 1
            self._ask_again(file, fetched, f"perhaps not whole: {short}", None)

    def _is_longer(self, file: PlannedFile, first: Fetched, fetched: Fetched) -> bool:
        """Return True if more has come the second time; else what came first has its outcome."""
        if fetched.size > first.size:
            if self._wholeness is not None:
                self._wholeness.forget(file)
            return True
        if file.unfinished is not None:
            file.unfinished.drop()
        self._keep_first(file, fetched)
        return False

    def _keep_first(self, file: PlannedFile, result: Fetched | TransferError | None = None) -> bool:
        """Keep what came first of a file whose end was in doubt; return False if there is none."""
        first = file.first
        if first is None:
            return False
        file.first = None
        file.tries += (result.attempts if result else 0) - first.attempts
        if result and self._wholeness is not None and isinstance(result, Fetched):
            self._wholeness.came_again(file)
        self._came(file, first)
        return True

    def _name(self, file: PlannedFile, fetched: Fetched) -> None:
        """Name and record a file of which all bytes are stored."""
        unfinished = file.unfinished
        if unfinished is None:
            raise ValueError(f"nothing is stored of {file.path}")
        try:
            if file.local_size is not None:
                self._store.set_aside(file.path)
            named = self._store.finish(unfinished, self._record(file, fetched, file.checksum))
        except OSError as error:
            self._not_stored(file, fetched, error)
            return
        except StoreError:
            self._store.let_go(unfinished)
            raise
        if named:
            # As ``_stored`` does, without a call more for each file.
            if self._holds is None or not self._holds(file, fetched):
                self._came(file, fetched)
            return
        self._pending[file.path] = file, fetched
        if len(self._pending) >= _PENDING_AT_MOST:
            self.collect(wait=True)

    def _judge(self) -> None:
        """Decide which of the suspects have come in the place of others."""
        if not self._suspects:
            return
        # Loaded late: the segments of most runs have their times.
        from dashget.mirroring.misplaced import misplaced

        sizes = {file: fetched.size for file, fetched in self._suspects}
        wrong, unsure = misplaced(sizes, self.clocks, self._store)
        while self._suspects:
            file, fetched = self._suspects.pop()
            reason = wrong.get(file)
            file.ticks = None
            if reason is None or self._arrivals.accept_odd:
                file.odd = reason is not None
                if reason is None and (file in unsure or file.rejected):
                    self.clocks.doubtful[id(file.planned.track)] = file.planned.track
                    self._learn_lateness().unsure.add(file)
                    file.unjudged = file.unjudged or UNJUDGED_TIME
                self._name(file, fetched)
                continue
            if file.unfinished is not None:
                file.unfinished.drop()
            self._reject(file, fetched, Rejection(reason, is_other=True, hint=INVALID_HINT))

    def _learn_lateness(self) -> Lateness:
        if self._lateness is None:
            # Loaded late: as a rule all segments are in time.
            from dashget.mirroring.lateness import Lateness

            self._lateness = Lateness(self._store, self.clocks, self._begun)
            self._holds = self._is_held
        return self._lateness

    def check_times(self, tracks: Sequence[Track]) -> bool:
        """Decide about segments that are off their time by all of their track, as ``verify`` does.

        What was found to be wrong is asked for again, also if it had come before. Returns True if
        anything was: without it, others may be wrong as well.
        """
        if self._ledger.totals.outcomes.get(Outcome.PRESENT):
            self.clocks.doubt_described(tracks, self._arrivals.described)
            self.clocks.doubt_beside(tracks)
        if not self.clocks.doubtful:
            return False
        lateness = self._learn_lateness()
        accept = self._arrivals.accept_odd
        for file, fetched, reason in lateness.decide(accept_odd=accept):
            if reason is None:
                self._finish_held(file, fetched)
            else:
                self._reject(file, fetched, Rejection(reason, is_other=True, hint=INVALID_HINT))
        for file, record, reason in lateness.others(accept_odd=accept):
            self._ledger.take_back(file, record.size, new=lateness.is_new(record))
            file.rejected += 1
            if self._chances().take():
                self._again.append(file)
                self._ledger.retry_at_end(file, file.urls[0], file.tries, reason)
            else:
                self._ledger.finish(file, Outcome.FAILED, reason=reason, hint=INVALID_HINT)
        return lateness.found

    def _finish_held(self, file: PlannedFile, fetched: Fetched) -> None:
        if file.found:
            self._ledger.finish(file, Outcome.ADOPTED, fetched.size, fetched)
        else:
            self._came(file, fetched)

    def _stored(self, file: PlannedFile, fetched: Fetched) -> None:
        if self._holds is None or not self._holds(file, fetched):
            self._came(file, fetched)

    def _is_held(self, file: PlannedFile, fetched: Fetched) -> bool:
        # It has come, whatever is decided about it.
        self.missing.row = 0
        if self._wholeness is not None and self._wholeness.waits(file, fetched):
            return True
        return self._lateness is not None and self._lateness.waits(file, fetched)

    def _came(self, file: PlannedFile, fetched: Fetched) -> None:
        self.missing.row = 0
        if fetched.size < self._least_good:
            self._least_good = fetched.size
            self.good = file
        outcome = _RESUMED if fetched.resumed else _DOWNLOADED
        if file.known is not None:
            outcome = Outcome.UPDATED
        self._ledger.finish(file, outcome, fetched.size, fetched)

    def _not_stored(self, file: PlannedFile, fetched: Fetched, error: OSError) -> None:
        """Report a file of which all bytes arrived, and which could not get its name."""
        if file.unfinished is not None:
            self._store.let_go(file.unfinished)
        self._store.check_present()
        if is_disk_failure(error):
            raise disk_error(error, file.path) from error
        place = f": {readable(str(error.filename))}" if error.filename else ""
        if self._keep_first(file):
            return
        reason = f"cannot be stored: {error.strerror or error}{place}"
        file.refused += 1
        temporary = is_descriptor_shortage(error) or (
            isinstance(error, RefusedError) and error.temporary
        )
        hint = error.hint if isinstance(error, RefusedError) else hint_for(error)
        if temporary and file.refused < _REFUSED_AT_MOST:
            self._ask_again(file, fetched, reason, hint)
        else:
            self._ledger.finish(file, Outcome.FAILED, result=fetched, reason=reason, hint=hint)

    def _reject(self, file: PlannedFile, fetched: Fetched, rejection: Rejection) -> None:
        """Fetch a file again whose bytes were rejected; report a failure after too many tries."""
        if self._keep_first(file):
            return
        room = self._ledger.room
        if room is not None and file.path in room.refused:
            self._ledger.finish(file, Outcome.CANCELLED, result=fetched)
            return
        if rejection.is_other and _is_spare(file):
            # A page that says so is there in its place.
            self._absent.append((file, fetched, rejection.reason))
            return
        chances, reason, hint = self._chances(), rejection.reason, rejection.hint
        if rejection.is_other:
            # As long as another base may have it, no host is to blame.
            alike = hint == OTHER_HINT and file.rejected + 1 >= len(file.urls)
            self.missing.replaced(reason, hint, again=bool(file.rejected), alike=alike)
        again = not rejection.is_other or (chances.left if file.rejected else chances.take())
        file.rejected += 1
        elsewhere = file.rejected < len(file.urls) and not rejection.too_large
        again = again and not rejection.lasting and file.rejected < _REJECTED_AT_MOST
        if again or elsewhere:
            self._ask_again(file, fetched, reason, hint)
        else:
            self._ledger.finish(file, Outcome.FAILED, result=fetched, reason=reason, hint=hint)

    def _chances(self) -> SecondChances:
        if self._second_chances is None:
            # Loaded late: the usual run needs none.
            from dashget.mirroring.chances import SecondChances

            self._second_chances = SecondChances(self._ledger.totals)
        return self._second_chances

    def _ask_again(
        self, file: PlannedFile, result: Fetched | TransferError, reason: str, hint: str | None
    ) -> None:
        """Fetch a file again once all others have had their turn."""
        file.tries += result.attempts
        file.verdict = result, reason, hint
        self._again.append(file)
        self._ledger.retry_at_end(file, result.url, file.tries, reason)

    def _compared(self, file: PlannedFile, fetched: Fetched) -> None:
        """Adopt a file that has the server's size; fetch any other again."""
        known = file.known
        self.missing.row = 0
        if known is not None:
            # Loaded late: most runs compare no recorded file.
            from dashget.mirroring.comparison import Likeness, compare

            likeness = compare(known, fetched, file.urls)
            if likeness is Likeness.SAME:
                self.keep_same(file, known, fetched)
            elif likeness is Likeness.OPEN:
                self._doubts.append((file, known, fetched))
            else:
                self._again.append(file)
        else:
            self._compare_found(file, fetched)

    def _compare_found(self, file: PlannedFile, fetched: Fetched) -> None:
        """Adopt a file that was found, or fetch it."""
        try:
            same = fetched.size == file.local_size and not self._differs(file, fetched)
        except StoppedError:
            self._ledger.finish(file, Outcome.CANCELLED)
            return
        codings, size = fetched.head.codings, file.local_size
        if same and not self._arrivals.is_odd(file):
            self._adopt_found(file, fetched)
        elif codings and size and fetched.size != size and not self._arrivals.is_odd(file):
            # It may be what the server's bytes hold: they are asked.
            known = FileRecord(file.path, "", size, codings=codings, coded_size=fetched.size)
            self._doubts.append((file, known, fetched))
        else:
            self._again.append(file)

    def _adopt_found(self, file: PlannedFile, fetched: Fetched) -> None:
        """Record a file that was found and is as on the server; its time may be in doubt."""
        file.found = True
        late = self._arrivals.find_time(file) and self._is_found_late(file, fetched)
        file.unjudged = UNJUDGED_TIME if late else None
        self._store.adopt(replace(self._record(file, fetched, None), adopted=True))
        if not late:
            self._ledger.finish(file, Outcome.ADOPTED, fetched.size, fetched)

    def _is_found_late(self, file: PlannedFile, fetched: Fetched) -> bool:
        """Hold a file that was found, and is off its time, or may be."""
        late = self.clocks.is_suspect(file)
        file.ticks = None
        if late:
            self.clocks.doubtful[id(file.planned.track)] = file.planned.track
            lateness = self._learn_lateness()
            lateness.unsure.add(file)
            lateness.waits(file, fetched)
        return late

    def _differs(self, file: PlannedFile, fetched: Fetched) -> bool:
        """Return True if the server states another checksum than that of the file in place."""
        digests = fetched.head.digests
        promised = find_digest(digests, status=206) if digests else None
        if promised is None:
            return False
        try:
            here = self._store.digests(file.path, (promised.algorithm,), self._arrivals.told)
        except OSError:
            return True
        return here[promised.algorithm] != promised.value

    def _lost(self, job: Job, file: PlannedFile, error: TransferError) -> None:
        """Decide about a file that was not obtained."""
        if file.unfinished is not None:
            self._store.let_go(file.unfinished)
        if self._keep_first(file, error):
            return
        room = self._ledger.room
        if error.cancelled or (room is not None and file.path in room.refused):
            self._ledger.finish(file, Outcome.CANCELLED, result=error)
            return
        if file.known is not None and file.known.url == file.urls[0] and _is_head(job):
            self._keep(file, file.known, error)
            return
        if not (file.missed or _is_spare(file)):
            self.missing.lost(error)
        if _is_head(job):
            # The file came from another URL: it counts only if it can be compared.
            self._again.append(file)
        elif self._may_be_absent(file, error):
            self._absent.append((file, error, error.message))
        elif _is_refused(error) and not file.missed and self._chances().take():
            # A cache may lack for a moment what its origin has: asked once more at the end.
            file.missed = True
            self._ask_again(file, error, error.message, error.hint)
        else:
            self._ledger.finish(file, Outcome.FAILED, result=error, reason=error.message)

    def _keep(self, file: PlannedFile, known: FileRecord, error: TransferError) -> None:
        """Keep a recorded file that could not be compared with the server."""
        gone = error.status in GONE_STATUSES
        (self._gone if gone else self._uncompared).append((file.path, error.message))
        problem = "gone from the server" if gone else "not compared with the server"
        reason = f"{problem}: {error.message}"
        self._ledger.finish(file, Outcome.PRESENT, known.size, error, reason)

    def _may_be_absent(self, file: PlannedFile, error: TransferError) -> bool:
        """Return True for a last segment that only the count of segments implies.

        And for one that no segment information in use names, which some servers refuse.
        """
        return (
            (error.gone or (_is_spare(file) and _is_refused(error)))
            and file.planned.segment.last_derived
            # If a part of it arrived, the server had it a moment ago.
            and not error.transferred
            and not self._store.has_part(file.path)
            and not self._store.is_recorded(file.path)
        )

    def _settle_absent(
        self, file: PlannedFile, result: Fetched | TransferError, reason: str
    ) -> None:
        """Report an absent file; it is a failure if the plan names it in another way, too."""
        if file.path in self._required:
            self._ledger.finish(file, Outcome.FAILED, result=result, reason=reason)
        else:
            self._ledger.finish(file, Outcome.ABSENT, result=result)

    def _warn(self, problem: str, files: list[tuple[SafePath, str]]) -> None:
        """Warn about files that are odd but no failures; one sentence for all of them."""
        if not files:
            return
        path, reason = files[0]
        more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
        stay = "they are kept unchanged" if more else "it is kept unchanged"
        self._ledger.warn(f"{problem}: {path}{more} ({reason}); {stay}")

    def _record(self, file: PlannedFile, fetched: Fetched, sha256: str | None) -> FileRecord:
        url, head = file.urls[0], fetched.head
        record = FileRecord(
            file.path,
            url,
            fetched.size,
            None if head.url == url else head.url,
            head.etag,
            head.last_modified,
            sha256,
            self._store.now(),
            head.status,
            head.http_version,
            fetched.attempts,
            fetched.remote,
            fetched.first_byte_seconds,
            fetched.seconds,
            dict(head.cache) if head.cache else _NO_CACHE,
            False,
            False,
            file.odd,
            False,
            dict(head.kept) if head.kept else _NO_HEADERS,
        )
        coded = file.coded
        if coded is not None:
            record = replace(record, codings=coded.codings, coded_size=coded.size)
        return replace(record, unjudged=file.unjudged) if file.unjudged else record


def _may_be_elsewhere(file: PlannedFile) -> bool:
    """Return True if something else has come in place of a file, and a base was not asked yet."""
    return 0 < file.rejected < len(file.urls)


def _is_spare(file: PlannedFile) -> bool:
    """Return True if only segment information names a file that is not in use."""
    return file.planned.segment.kind is SegmentKind.SPARE


def _is_refused(error: TransferError) -> bool:
    """Return True if a server has answered for good that it does not send a file."""
    status = error.status or 0
    if not error.requests:
        # Its host is not asked any more.
        return False
    if status in GONE_STATUSES:
        return True
    return error.retry is Retry.ELSEWHERE and status >= 400 and status not in _WANTS_CREDENTIALS


def _is_head(job: Job) -> bool:
    return job.request.method is Method.HEAD
