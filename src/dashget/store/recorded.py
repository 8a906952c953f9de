"""What is recorded of every file, without keeping it in memory: where its line begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dashget.common.compactmap import CompactMap
from dashget.store.record import FileRecord, iter_records, parse_record


class RecordedFiles:
    """The valid record of every file, read when it is asked for.

    What is known of each file takes 30 bytes. To be closed at the end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begins = CompactMap(1)
        """Where the valid line of each file begins."""
        self._end = 0
        self._file: BinaryIO | None = None

    def refresh(self) -> None:
        """Take note of what was added to the record; the rest is not read again."""
        begins = self._begins
        for begin, end, record in iter_records(self._path, self._end):
            if record.removed:
                begins.discard(record.path)
            else:
                begins[record.path] = (begin,)
            self._end = end

    def get(self, path: str) -> FileRecord | None:
        """Return the record of a file; None where there is none."""
        found = self._begins.get(path)
        if found is None:
            return None
        if self._file is None:
            self._file = self._path.open("rb")
        self._file.seek(found[0])
        record = parse_record(self._file.readline())
        # Two paths may share what the map knows them by.
        return record if record is not None and record.path == path else None

    def __contains__(self, path: str) -> bool:
        return path in self._begins

    def __iter__(self) -> Iterator[FileRecord]:
        """Yield the record of every file, the one that was written first in front."""
        begins = self._begins
        for begin, _, record in iter_records(self._path, 0):
            if begin < self._end and begins.get(record.path) == (begin,):
                yield record

    def close(self) -> None:
        """Close the record, if any of it was read."""
        if self._file is not None:
            self._file.close()
            self._file = None
