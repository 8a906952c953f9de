"""Compare recorded files with the server: size and validators, by HEAD requests.

Servers behind one name may have different ETags for the same bytes, and a copy of a presentation
has other modification times. So where the size is the same and the validators differ, checksums
that the server states or samples of the bytes are compared with the file on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dashget.common.stopping import Stop
from dashget.errors import GONE_STATUSES
from dashget.mirroring.comparison import (
    Likeness,
    compare,
    comparison_job,
    is_only_retagged,
    size_there,
)
from dashget.mirroring.proving import Doubt, Proving, Verdict
from dashget.store import FileRecord, Mirror
from dashget.transfer.contract import Fetched, Job, TransferError, Transfers
from dashget.verification.findings import Finding, Problem, note
from dashget.verification.progress import CheckProgress

_FORBIDDEN_HINT: Final = (
    "the server refuses access to these files; it may require a header (-H), a cookie (--cookies),"
    " --user, or a token in the query (--append-query)"
)
_LATER_HINT: Final = "check the network, and try again when the server answers"


class RemoteCheck:
    """Compares recorded files with the server by HEAD requests, in parallel.

    ``files`` has the record of each file and its URLs in the manifest. The URL that the file
    came from is asked first, the others if that one does not answer. ``store`` has the files.
    """

    def __init__(
        self,
        files: Iterable[tuple[FileRecord, tuple[str, ...]]],
        store: Mirror,
        stop: Stop,
        progress: CheckProgress,
    ) -> None:
        self.findings: list[Finding] = []
        self.compared = 0
        self.retagged = 0
        """Files that have another ETag by now, and are the same as far as they were compared."""
        self._files = files
        self._store = store
        self._stop = stop
        self._progress = progress
        self._doubts: list[Doubt] = []

    def run(self, engine: Transfers) -> None:
        """Compare all files; differences are in ``findings`` afterwards."""
        engine.run(self._jobs(), self._done, hooks=self._progress)
        if self._doubts and not self._stop.requested:
            proving = Proving(self._store, self._decide, count=lambda *_: None)
            proving.run(self._doubts, engine, self._stop)

    def _decide(self, doubt: Doubt, verdict: Verdict) -> None:
        """Take what checksums or samples say about a file whose validators differ."""
        known, answer = doubt.known, doubt.answer
        if verdict is Verdict.OTHER:
            self.findings.append(_changed(known, answer))
        elif verdict is not Verdict.LEFT and is_only_retagged(known, answer):
            self.retagged += 1
        elif verdict is Verdict.SAMPLED:
            message = f"{_changed(known, answer).message}; its size and samples of it are the same"
            self.findings.append(note(known.path, Problem.CHANGED, message))

    def _jobs(self) -> Iterator[Job]:
        for record, urls in self._files:
            if not urls[0].startswith("data:"):
                yield comparison_job(record, urls, record)

    def _done(self, job: Job, result: Fetched | TransferError) -> None:
        record = job.payload
        if not isinstance(record, FileRecord):
            raise TypeError("not a job of this check")
        self._progress.finish_file()
        if isinstance(result, Fetched):
            self.compared += 1
            likeness = compare(record, result, job.request.urls)
            if likeness is Likeness.OPEN:
                self._doubts.append(Doubt(record, result))
            elif likeness is Likeness.OTHER:
                self.findings.append(_changed(record, result))
        elif result.status in GONE_STATUSES:
            message = f"missing on the server ({result.message})"
            self.findings.append(note(record.path, Problem.GONE, message))
        elif not result.cancelled:
            message = f"not compared with the server: {result.message}"
            self.findings.append(
                Finding(
                    record.path,
                    Problem.UNCOMPARED,
                    message,
                    note=True,
                    status=result.status,
                    hint=_hint(result),
                )
            )


def _hint(error: TransferError) -> str:
    refused = error.status == 403 and error.retry_after_seconds is None
    return _FORBIDDEN_HINT if refused else error.hint or _LATER_HINT


def _changed(record: FileRecord, fetched: Fetched) -> Finding:
    if fetched.size not in (record.size, size_there(record)):
        message = f"{fetched.size} bytes on the server, but {size_there(record)} are recorded"
    elif record.etag and fetched.head.etag:
        message = f"the server's ETag is {fetched.head.etag}, but {record.etag} is recorded"
    elif fetched.head.last_modified:
        message = f"changed on the server at {fetched.head.last_modified}"
    else:
        message = "the server has no validators, and other bytes than those here"
    return Finding(record.path, Problem.CHANGED, message)
