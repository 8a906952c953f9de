"""Look again at files that may have grown: ask, compare, add what is new, and record that.

A look asks for the first bytes, unless the server says that nothing has changed, and then for what
follows the bytes that are here, together with the last ones of these. So a file that was replaced
is told from one that has grown, and never mixed with it. Where a server has no ranges, or nothing
can be added to the file in its place, all of it is fetched once, at the end.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.common.byterange import ByteRange
from dashget.live.facts import FileFact
from dashget.live.named import fact_of
from dashget.live.policy import Answer
from dashget.live.world import FetchMore, FetchOnce, Found, MoreEnded, Stage
from dashget.recording.facts import moment_of
from dashget.recording.files import Files, with_times
from dashget.transfer.contract import (
    Fetched,
    Job,
    MemorySink,
    Patience,
    Request,
    ResponseHead,
    Sink,
    TransferError,
    Validators,
    told,
)

if TYPE_CHECKING:
    from dashget.media.sniff import Read
    from dashget.mirroring.files import PlannedFile
    from dashget.store import FileRecord, Mirror, PartialFile

HEAD_BYTES: Final = 1 << 14
"""So much of the beginning is compared: descriptions and the begin of an index are there."""
OVERLAP_BYTES: Final = 1 << 16
"""So much of what is here is compared before anything is added."""
MOST_BYTES: Final = 1 << 24
"""So much is added at a time."""
_BLOCK: Final = 1 << 20
_LOOK_SECONDS: Final = 60.0
_NOT_MODIFIED: Final = 304
_NOT_SATISFIABLE: Final = 416
_WITHOUT_RANGES: Final = frozenset({200, 206})
"""What a server without usable ranges answers a request for one."""


class Look(msgspec.Struct, eq=False):
    """The payload of a job: the errand, and what it brings."""

    errand: FetchMore
    size: int
    """So many bytes were here before."""
    sink: MemorySink
    file: PlannedFile | None = None
    """The file, if all of it is fetched."""


class Looks:
    """Makes the jobs of looks, and takes their results."""

    def __init__(self, store: Mirror, files: Files) -> None:
        self._store = store
        self._files = files
        self._known: dict[tuple[str, str], Validators] = {}
        """What tells by path and URL that nothing has come since the last look."""

    def begin(self, errand: FetchMore) -> Job | MoreEnded:
        """Return the job that does an errand, or how it has ended."""
        store, path = self._store, errand.path
        size, there = store.size_on_record(path), store.size(path)
        whole = errand.stage is Stage.WHOLE
        if not whole and (size is None or there is None or there < size):
            return MoreEnded(errand, Found.NO_RANGES, Answer(), size or 0)
        size = size or 0
        url = errand.once.urls[errand.turn % len(errand.once.urls)]
        if whole:
            file = self._files.file_of(FetchOnce(errand.once, path))
            look = Look(errand, size, MemorySink(0), file)
            patience = Patience(attempts=1, missing_is_final=True)
            return Job(Request((url,)), self._open_whole, look, patience=patience)
        first, last, unless = 0, HEAD_BYTES - 1, None
        if errand.stage is Stage.TAIL:
            first, last = max(size - OVERLAP_BYTES, 0), size + MOST_BYTES - 1
        elif not errand.last:
            unless = self._known.get((path, url))
        patience = Patience(attempts=1, seconds=_LOOK_SECONDS, missing_is_final=True)
        request = Request((url,), range=ByteRange(first, last), plain=True, unless=unless)
        look = Look(errand, size, MemorySink(last + 1 - first))
        return Job(request, _open, look, patience=patience)

    def came(self, path: str, head: ResponseHead) -> None:
        """Take the answer that has brought a file, or the last of it."""
        key = path, head.asked or head.url
        # A date tells nothing of changes within its second.
        date = head.last_modified if head.validator == head.last_modified else None
        self._known.pop(key, None)
        if head.etag is not None or date is not None:
            date = None if head.etag is not None else date
            self._known[key] = Validators(head.etag, date)

    def take(self, job: Job, result: Fetched | TransferError) -> MoreEnded:
        """Take the result of a look. If bytes were added, their line is still to be written."""
        look: Look = job.payload
        if isinstance(result, TransferError):
            return self._failed(look, result)
        if look.file is not None:
            return self._take_whole(look, look.file, result)
        data, size = bytes(look.sink.data), look.size
        answer = Answer(result.status, size=len(data), seconds=result.seconds)
        if look.errand.stage is Stage.HEAD:
            known = self._read(look.errand.path, 0, min(size, HEAD_BYTES))
            found = Found.SOUND if data[: len(known)] == known else Found.REPLACED
            return MoreEnded(look.errand, found, answer, size)
        known = self._read(look.errand.path, max(size - OVERLAP_BYTES, 0), size)
        if data[: len(known)] != known:
            return MoreEnded(look.errand, Found.REPLACED, answer, size)
        return self._add(look, data[len(known) :], result, answer)

    def _add(self, look: Look, data: bytes, result: Fetched, answer: Answer) -> MoreEnded:
        """Add bytes behind those that are here, which are the same as the server's."""
        errand, size = look.errand, look.size + len(data)
        with self._store.open(errand.path) as file:

            def read(offset: int, most: int) -> bytes:
                end = offset + most
                file.seek(offset)
                here = file.read(max(min(end, look.size) - offset, 0))
                return here + data[max(offset - look.size, 0) : max(end - look.size, 0)]

            record, fact = self._described(errand, result, size, len(data), read)
        if not self._store.extend(record, data):
            return MoreEnded(errand, Found.NO_RANGES, answer, look.size)
        self.came(record.path, result.head)
        # If as much came as was asked for, it may be half of it.
        found = Found.MORE if len(data) >= MOST_BYTES else Found.ALL
        if not data:
            return MoreEnded(errand, found, answer, size)
        self._files.tell(record, errand.once, result)
        here = msgspec.structs.replace(answer, here=True)
        return MoreEnded(errand, found, here, size, fact)

    def _take_whole(self, look: Look, file: PlannedFile, result: Fetched) -> MoreEnded:
        """Put all of a file in place of what is here, if that is how it begins."""
        errand, part = look.errand, file.part
        answer = Answer(result.status, size=result.size, seconds=result.seconds)
        if part is None:
            return MoreEnded(errand, Found.FAILED, answer, look.size)
        coded = bool(part.codings)
        if not coded and not self._begins_alike(errand.path, part, look.size):
            part.drop()
            return MoreEnded(errand, Found.REPLACED, answer, look.size)
        if self._files.rejects(file, part):
            part.drop()
            odd = msgspec.structs.replace(answer, odd=True)
            return MoreEnded(errand, Found.FAILED, odd, look.size)
        size, more = part.size, part.size - look.size
        alike = not coded or self._begins_alike(errand.path, part, look.size)
        if not alike or not more:
            part.drop()
            return MoreEnded(errand, Found.ALL if alike else Found.REPLACED, answer, look.size)
        record, fact = self._described(errand, result, size, more, part.read)
        self._files.finish(part, record)
        self.came(record.path, result.head)
        self._files.tell(record, errand.once, result)
        here = msgspec.structs.replace(answer, here=True)
        return MoreEnded(errand, Found.ALL, here, size, fact)

    def _begins_alike(self, path: str, part: PartialFile, size: int) -> bool:
        """Return True if a part begins with all that is recorded of its file, as far as it is."""
        if part.size < size:
            return False
        with contextlib.suppress(FileNotFoundError), self._store.open(path) as file:
            for offset in range(0, size, _BLOCK):
                known = file.read(min(_BLOCK, size - offset))
                if part.read(offset, len(known)) != known:
                    return False
        return True

    def _described(
        self, errand: FetchMore, result: Fetched, size: int, more: int, read: Read
    ) -> tuple[FileRecord, FileFact]:
        """Return the line about a file that has grown, and its fact, with the times that it has."""
        record = self._files.record_of(errand.once, errand.path, result, size)
        came = moment_of(record.time) or 0.0
        found = fact_of(
            errand.once, errand.path, size, came, self._files.extent(errand, read, size)
        )
        at = found.at if errand.at is None else errand.at
        fact = msgspec.structs.replace(found, at=at, more=more)
        return with_times(record, fact), fact

    def _failed(self, look: Look, error: TransferError) -> MoreEnded:
        errand, size = look.errand, look.size
        if look.file is not None and look.file.part is not None:
            part = look.file.part
            if error.cancelled:
                part.drop()
            else:
                self._store.let_go(part)
        status = error.status or 0
        answer = Answer(
            status,
            ours=error.cancelled,
            barred=error.barred,
            retry_after=error.retry_after_seconds,
            problem=told(error),
        )
        found = Found.FAILED
        if look.file is None and not error.cancelled:
            if status == _NOT_MODIFIED:
                found = Found.SAME
            elif status == _NOT_SATISFIABLE:
                found = Found.REPLACED if size else Found.ALL
            elif status in _WITHOUT_RANGES:
                found = Found.NO_RANGES
        return MoreEnded(errand, found, answer, size)

    def _open_whole(self, job: Job) -> Sink:
        look: Look = job.payload
        return self._files.open_file(job, look.file)

    def _read(self, path: str, begin: int, end: int) -> bytes:
        with self._store.open(path) as file:
            file.seek(begin)
            return file.read(end - begin)


def _open(job: Job) -> Sink:
    look: Look = job.payload
    return look.sink
