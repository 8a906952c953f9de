"""The files of a mirror by their records: those that have one, and those that wait for it.

A record is read on demand: memory holds only the offset of each line. A file waits while the place
that it was handed to has not answered yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from dashget.common.compactmap import CompactMap
from dashget.store.record import FileRecord, OpenRecord, iter_records, parse_record

if TYPE_CHECKING:
    from concurrent.futures import Future


class RecordedFiles:
    """The valid record of every file, read when it is wanted.

    Each file takes 30 bytes of memory. To be closed at the end.
    """

    def __init__(self, record: OpenRecord) -> None:
        self._record = record
        self._begins = CompactMap(1)
        """Where the valid line of each file begins."""
        self._end = 0
        self._file: BinaryIO | None = None

    def refresh(self) -> None:
        """Read the lines that were added to the record since the last call."""
        begins = self._begins
        for begin, end, record in iter_records(self._record, self._end):
            if record.removed:
                begins.discard(record.path)
            else:
                begins[record.path] = (begin,)
            self._end = end
        # A reader that was opened before may not see the new lines.
        self.close()

    def get(self, path: str) -> FileRecord | None:
        """Return the record of a file; None if there is none."""
        found = self._begins.get(path)
        if found is None:
            return None
        if self._file is None:
            self._file = self._record()
        if self._file is None:
            return None
        self._file.seek(found[0])
        record = parse_record(self._file.readline())
        # Two paths may have the same key in the map.
        return record if record is not None and record.path == path else None

    def __contains__(self, path: str) -> bool:
        return path in self._begins

    def __iter__(self) -> Iterator[FileRecord]:
        """Yield the record of every file, in the order in which they were written."""
        begins = self._begins
        for begin, _, record in iter_records(self._record, 0):
            if begin < self._end and begins.get(record.path) == (begin,):
                yield record

    def close(self) -> None:
        """Close the record, if it is open."""
        if self._file is not None:
            self._file.close()
            self._file = None


class PendingFiles:
    """The pending files of one mirror, each with the line that the record is going to have."""

    def __init__(self) -> None:
        self._records: dict[Future[None], FileRecord] = {}

    def add(self, future: Future[None], record: FileRecord) -> None:
        """Add a file; the future is done when the place has answered."""
        self._records[future] = record

    def take(self, *, wait: bool) -> list[tuple[FileRecord, OSError | None]]:
        """Take out the files with an answer; with ``wait`` at least one, if there are any.

        Raises whatever a place answers with that is not an OSError.
        """
        if not self._records:
            return []
        from concurrent.futures import FIRST_COMPLETED
        from concurrent.futures import wait as wait_for

        timeout = None if wait else 0
        done = wait_for(self._records, timeout, FIRST_COMPLETED).done
        answers: list[tuple[FileRecord, OSError | None]] = []
        for future in [future for future in self._records if future in done]:
            record = self._records.pop(future)
            error = future.exception()
            if error is not None and not isinstance(error, OSError):
                raise error
            answers.append((record, error))
        return answers
