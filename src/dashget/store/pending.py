"""Files that were handed to a place which has not answered for them yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashget.store.record import FileRecord

if TYPE_CHECKING:
    from concurrent.futures import Future


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
