"""Compare recorded files with the server: size and validators, by HEAD requests.

Servers behind one name may have different ETags for the same bytes. So where only the ETag differs
from the record, the end of the file is requested and compared with the one on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from dashget.common.byterange import ByteRange
from dashget.errors import GONE_STATUSES
from dashget.mirroring.comparison import comparison_job, is_only_retagged, is_same
from dashget.store import FileRecord
from dashget.transfer.contract import (
    Fetched,
    Job,
    MemorySink,
    Request,
    TransferError,
    Transfers,
)
from dashget.verification.findings import Finding, Problem, note

_FORBIDDEN_HINT: Final = (
    "the server refuses access to these files; it may require a header (-H), a cookie (--cookies),"
    " --user, or a token in the query (--append-query)"
)
_END_BYTES: Final = 64 * 1024
_LATER_HINT: Final = "check the network, and try again when the server answers"


class RemoteCheck:
    """Compares recorded files with the server by HEAD requests, in parallel.

    ``files`` has the record of each file and its URLs in the manifest. The URL that the file
    came from is asked first, the others if that one does not answer. ``read`` returns so many
    bytes of a file on disk, from an offset on.
    """

    def __init__(
        self,
        files: Iterable[tuple[FileRecord, tuple[str, ...]]],
        read: Callable[[str, int, int], bytes],
    ) -> None:
        self.findings: list[Finding] = []
        self.compared = 0
        self.retagged = 0
        """Files that have another ETag by now, and are the same as far as they were compared."""
        self._files = files
        self._read = read
        self._doubtful: list[tuple[FileRecord, Fetched]] = []

    def run(self, engine: Transfers) -> None:
        """Compare all files; differences are in ``findings`` afterwards."""
        engine.run(self._jobs(), self._done)
        if self._doubtful:
            engine.run(self._second_looks(), self._looked_again)

    def _second_looks(self) -> Iterator[Job]:
        """Yield a request for the end of each file of which only the ETag differs."""
        for record, fetched in self._doubtful:
            first = max(0, record.size - _END_BYTES)
            request = Request((fetched.head.asked,), range=ByteRange(first, record.size - 1))
            sink = MemorySink(_END_BYTES)
            yield Job(request, lambda _, sink=sink: sink, (record, fetched, sink))  # type: ignore[misc]  # bound now

    def _looked_again(self, job: Job, result: Fetched | TransferError) -> None:
        record, fetched, sink = job.payload
        if isinstance(result, TransferError) and result.cancelled:
            return
        size = len(sink.data)
        came = isinstance(result, Fetched) and result.size == size
        if came and self._read(record.path, record.size - size, size) == sink.data:
            self.retagged += 1
        else:
            self.findings.append(_changed(record, fetched))

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
            if is_same(record, result, job.request.urls):
                return
            if record.size and is_only_retagged(record, result):
                self._doubtful.append((record, result))
            else:
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
