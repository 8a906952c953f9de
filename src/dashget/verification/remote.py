"""Compare recorded files with the server: size and validators, by HEAD requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dashget.errors import GONE_STATUSES
from dashget.mirroring.comparison import comparison_job, is_same
from dashget.store import FileRecord
from dashget.transfer.contract import (
    Fetched,
    Job,
    TransferError,
    Transfers,
)
from dashget.verification.findings import Finding, Problem, note

_FORBIDDEN_HINT: Final = (
    "the server refuses access to these files; it may require a header (-H), a cookie (--cookies),"
    " --user, or a token in the query (--append-query)"
)
_LATER_HINT: Final = "check the network, and try again when the server answers"


class RemoteCheck:
    """Compares recorded files with the server by HEAD requests, in parallel.

    ``files`` has the record of each file and its URLs in the manifest. The URL that the file
    came from is asked first, the others if that one does not answer.
    """

    def __init__(self, files: Iterable[tuple[FileRecord, tuple[str, ...]]]) -> None:
        self.findings: list[Finding] = []
        self.compared = 0
        self._files = files

    def run(self, engine: Transfers) -> None:
        """Compare all files; differences are in ``findings`` afterwards."""
        engine.run(self._jobs(), self._done)

    def _jobs(self) -> Iterator[Job]:
        for record, urls in self._files:
            if not urls[0].startswith("data:"):
                yield comparison_job(record, urls, record)

    def _done(self, job: Job, result: Fetched | TransferError) -> None:
        record = job.payload
        if not isinstance(record, FileRecord):
            raise TypeError("not a job of this check")
        if isinstance(result, Fetched):
            self.compared += 1
            if not is_same(record, result, job.request.urls):
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
                    hint=_FORBIDDEN_HINT if result.status == 403 else result.hint or _LATER_HINT,
                )
            )


def _changed(record: FileRecord, fetched: Fetched) -> Finding:
    if fetched.size != record.size:
        message = f"{fetched.size} bytes on the server, but {record.size} are recorded"
    elif record.etag and fetched.head.etag:
        message = f"the server's ETag is {fetched.head.etag}, but {record.etag} is recorded"
    else:
        message = f"changed on the server at {fetched.head.last_modified}"
    return Finding(record.path, Problem.CHANGED, message)
