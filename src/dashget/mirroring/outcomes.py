"""From what the engine says of a file to what becomes of it: named, recorded, or lost."""

from __future__ import annotations

from typing import Final

from dashget.common.oserrors import is_disk_failure
from dashget.errors import StoreError
from dashget.events import Outcome
from dashget.media.sniff import BEGINNING_BYTES, html_page
from dashget.mirroring.ledger import Ledger, PlannedFile
from dashget.planning.layout import SafePath
from dashget.store import FileRecord, MirrorDirectory, Part
from dashget.transfer.contract import Fetched, Job, Method, TransferError

_SPOILT_AT_MOST: Final = 3
_GONE: Final = (404, 410)
_NO_CACHE: Final[dict[str, str]] = {}
_SECOND_CHANCES: Final = 100
"""So many files that no server has, or that it has a page for, are asked for again; more are no
accident."""
_PAGE_HINT: Final = (
    "open the URL in a browser: the server, or a portal on the way, may want a login or a new token"
)


class Outcomes:
    """Draws the consequences of each transfer's end. One call at a time."""

    def __init__(self, store: MirrorDirectory, ledger: Ledger, checksum: str | None) -> None:
        self._store = store
        self._ledger = ledger
        self._checksum_algorithm = checksum
        self._required: set[SafePath] = set()
        self._absent: list[tuple[PlannedFile, TransferError]] = []
        self._again: list[PlannedFile] = []
        self._gone: list[tuple[SafePath, str]] = []
        self._uncompared: list[tuple[SafePath, str]] = []
        self._second_chances = _SECOND_CHANCES

    def require(self, path: SafePath) -> None:
        """Take note that a file must be there, also where another naming would let it be absent."""
        self._required.add(path)

    def take_again(self) -> list[PlannedFile]:
        """Take out the files that are to be fetched anew, now that all others had their turn."""
        files, self._again = self._again, []
        return files

    def settle(self) -> None:
        """Draw the consequences of what could not be decided before the end of the run."""
        for file in self.take_again():
            self._ledger.finish(file, Outcome.CANCELLED)
        for file, error in self._absent:
            self._settle_absent(file, error)
        self._warn("empty on the server", [(path, "0 bytes") for path in self._ledger.empty])
        self._warn("gone from the server", self._gone)
        self._warn("not compared with the server", self._uncompared)

    def done(self, job: Job, result: Fetched | TransferError) -> None:
        """Take the result of a job whose payload is a PlannedFile."""
        file: PlannedFile = job.payload
        totals = self._ledger.totals
        totals.requests += result.requests
        totals.transferred += result.transferred
        file.transferred += result.transferred
        if isinstance(result, TransferError):
            self._lost(job, file, result)
        elif file.unnamed is not None:
            self._name(file, file.unnamed, result)
        elif job.request.method is Method.HEAD:
            self._compared(file, result)
        elif file.page is not None:
            page, file.page = file.page, None
            self._refuse_page(file, page, result)
        else:
            self._arrived(file, result)

    def _name(self, file: PlannedFile, unnamed: int, fetched: Fetched) -> None:
        """Give a file its name that has come whole without one."""
        file.unnamed = None
        try:
            if file.local_size is not None:
                self._make_way(file, unnamed)
            self._store.finish_unnamed(unnamed, self._record(file, fetched))
        except OSError as error:
            self._not_stored(file, fetched, error)
            return
        outcome = Outcome.DOWNLOADED if file.known is None else Outcome.UPDATED
        self._ledger.finish(file, outcome, fetched.size, fetched)

    def _make_way(self, file: PlannedFile, unnamed: int) -> None:
        try:
            self._store.set_aside(file.path)
        except BaseException:
            self._store.drop(unnamed)
            raise

    def _arrived(self, file: PlannedFile, fetched: Fetched) -> None:
        part = file.part
        try:
            if part is not None and self._is_spoilt(file, part, fetched):
                return
            if file.local_size is not None:
                self._store.set_aside(file.path)
            if part is not None:
                record = self._record(file, fetched, sha256=self._checksum(part))
                self._store.finish(part, record)
        except OSError as error:
            self._not_stored(file, fetched, error)
            return
        outcome = Outcome.RESUMED if fetched.resumed else Outcome.DOWNLOADED
        if file.known is not None:
            outcome = Outcome.UPDATED
        self._ledger.finish(file, outcome, fetched.size, fetched)

    def _not_stored(self, file: PlannedFile, fetched: Fetched, error: OSError) -> None:
        """Report a file that came whole, but could not get its name."""
        if file.part is not None:
            file.part.close()
        self._store.check_present()
        if is_disk_failure(error):
            raise StoreError(
                f"cannot store {file.path}: {error.strerror}",
                hint="make room on the disk; the same command continues from here",
            ) from error
        place = f": {error.filename}" if error.filename else ""
        reason = f"cannot be stored: {error.strerror or error}{place}"
        self._ledger.finish(file, Outcome.FAILED, result=fetched, reason=reason)

    def _is_spoilt(self, file: PlannedFile, part: Part, fetched: Fetched) -> bool:
        """Whether what came whole is not what was asked for; then it is given up."""
        page = html_page(part.beginning(BEGINNING_BYTES))
        if page is not None:
            self._store.discard(part)
            self._refuse_page(file, page, fetched)
            return True
        promised = part.promised
        if promised is None or part.digest(promised.algorithm) == promised.value:
            return False
        self._store.discard(part)
        reason = f"the body does not have the {promised.algorithm} of its {promised.header}"
        self._refuse(file, fetched, reason)
        return True

    def _refuse_page(self, file: PlannedFile, page: str, fetched: Fetched) -> None:
        """Take an HTML page for no file, although the server calls it a success."""
        if not file.spoilt:
            self._second_chances -= 1
        reason = f"the server sent {page} in its place"
        self._refuse(file, fetched, reason, again=self._second_chances >= 0, hint=_PAGE_HINT)

    def _refuse(
        self,
        file: PlannedFile,
        fetched: Fetched,
        reason: str,
        *,
        again: bool = True,
        hint: str | None = None,
    ) -> None:
        """Fetch a file anew that came whole, but was not what it should be; or give it up."""
        file.spoilt += 1
        if again and file.spoilt < _SPOILT_AT_MOST:
            self._ask_again(file, fetched.url, fetched.attempts, reason)
        else:
            self._ledger.finish(file, Outcome.FAILED, result=fetched, reason=reason, hint=hint)

    def _ask_again(self, file: PlannedFile, url: str, attempts: int, reason: str) -> None:
        """Fetch a file anew once all others have had their turn."""
        file.tries += attempts
        self._again.append(file)
        self._ledger.retry(file, url, file.tries, 0.0, reason)

    def _checksum(self, part: Part) -> str | None:
        algorithm = self._checksum_algorithm
        return None if algorithm is None else part.digest(algorithm).hex()

    def _compared(self, file: PlannedFile, fetched: Fetched) -> None:
        """Adopt a file whose size is the server's; fetch any other again."""
        known = file.known
        if known is not None:
            if is_same(known, fetched, file.urls):
                if known.url != file.urls[0]:
                    self._store.adopt(self._record(file, fetched, sha256=known.sha256))
                self._ledger.finish(file, Outcome.PRESENT, known.size, fetched)
            else:
                self._again.append(file)
        elif fetched.size == file.local_size:
            self._store.adopt(self._record(file, fetched, adopted=True))
            self._ledger.finish(file, Outcome.ADOPTED, fetched.size, fetched)
        else:
            self._again.append(file)

    def _lost(self, job: Job, file: PlannedFile, error: TransferError) -> None:
        if file.part is not None:
            file.part.close()
        if error.cancelled:
            self._ledger.finish(file, Outcome.CANCELLED, result=error)
        elif file.known is not None and file.known.url == file.urls[0] and _is_head(job):
            gone = error.status in _GONE
            (self._gone if gone else self._uncompared).append((file.path, error.message))
            what = "gone from the server" if gone else "not compared with the server"
            reason = f"{what}: {error.message}"
            self._ledger.finish(file, Outcome.PRESENT, file.known.size, error, reason)
        elif _is_head(job):
            # What is here came from another URL: unless it is compared, it does not count.
            self._again.append(file)
        elif (
            error.gone
            and file.planned.segment.last_derived
            # Of what came in part, the server had it a moment ago.
            and not error.transferred
            and not self._store.has_part(file.path)
            and not self._store.is_recorded(file.path)
        ):
            self._absent.append((file, error))
        elif error.status in _GONE and not file.missed and self._second_chances > 0:
            # A cache may lack for a moment what its origin has: asked once more at the end.
            file.missed = True
            self._second_chances -= 1
            self._ask_again(file, error.url, error.attempts, error.message)
        else:
            self._ledger.finish(file, Outcome.FAILED, result=error, reason=error.message)

    def _settle_absent(self, file: PlannedFile, error: TransferError) -> None:
        """A last derived segment may be missing, unless the plan also names it otherwise."""
        if file.path in self._required:
            self._ledger.finish(file, Outcome.FAILED, result=error, reason=error.message)
        else:
            self._ledger.finish(file, Outcome.ABSENT, result=error)

    def _warn(self, what: str, files: list[tuple[SafePath, str]]) -> None:
        """Tell what is odd about some files, that are no failures; one sentence for all of them."""
        if not files:
            return
        path, reason = files[0]
        more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
        stay = "they stay as they are" if more else "it stays as it is"
        self._ledger.warn(f"{what}: {path}{more} ({reason}); {stay}")

    def _record(
        self,
        file: PlannedFile,
        fetched: Fetched,
        *,
        sha256: str | None = None,
        adopted: bool = False,
    ) -> FileRecord:
        url, head = file.urls[0], fetched.head
        return FileRecord(
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
            adopted,
        )


def _is_head(job: Job) -> bool:
    return job.request.method is Method.HEAD


def origin_first(known: FileRecord, urls: tuple[str, ...]) -> tuple[str, ...]:
    """Put the one of a resource's URLs first that its recorded file came from, if that is known."""
    origin = _origin(known, urls)
    if origin is None:
        return urls
    return (origin, *(url for url in urls if url != origin))


def is_same(known: FileRecord, fetched: Fetched, urls: tuple[str, ...]) -> bool:
    """Whether the server still has what was recorded: size, then the best validator of both.

    ``urls`` are those that were asked. Where another one answered than the file came from,
    the size alone is compared: a validator means nothing elsewhere.
    """
    if fetched.size != known.size:
        return False
    if _origin(known, urls) not in (None, fetched.head.asked):
        return True
    if known.etag and fetched.head.etag:
        return known.etag.removeprefix("W/") == fetched.head.etag.removeprefix("W/")
    if known.last_modified and fetched.head.last_modified:
        return known.last_modified == fetched.head.last_modified
    return True


def _origin(known: FileRecord, urls: tuple[str, ...]) -> str | None:
    """Return which of the URLs a file came from; None after a redirect, which hides that."""
    url = known.final_url or known.url
    return url if url in urls else None
