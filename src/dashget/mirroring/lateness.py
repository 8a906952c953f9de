"""Decide about segments that are off their time when all files of a run have come.

Most are taken when they come: the presentation may be so. What is wrong among all segments of a
track (see times.py) is taken back, and asked for again. Loaded late: most presentations are exact.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dashget.errors import StoreError
from dashget.mirroring.clocks import Clocks
from dashget.mirroring.files import PlannedFile
from dashget.mirroring.times import WrongTime, wrong_times
from dashget.store import FileRecord, Mirror

if TYPE_CHECKING:
    from dashget.transfer.contract import Fetched


class Lateness:
    """The stored files of a run that are off their time, and have no outcome yet."""

    def __init__(self, store: Mirror, clocks: Clocks, begun: str) -> None:
        self.unsure: set[PlannedFile] = set()
        """Those that are about to be stored."""
        self._store = store
        self._clocks = clocks
        self._begun = begun
        self._waiting: list[tuple[PlannedFile, Fetched]] = []
        self.found = False
        """True if anything was wrong when it was looked for last."""
        self._wrong: dict[str, WrongTime] = {}
        """What is wrong and has not been decided about, by path."""

    def waits(self, file: PlannedFile, fetched: Fetched) -> bool:
        """Return True if a stored file gets its outcome when all others have come."""
        if file not in self.unsure:
            return False
        self.unsure.discard(file)
        self._waiting.append((file, fetched))
        return True

    def decide(self, *, accept_odd: bool) -> Iterator[tuple[PlannedFile, Fetched, str | None]]:
        """Yield the files that waited, each with the reason why it is not taken.

        Then it is no longer recorded, and only there if it was found.
        """
        clocks = self._clocks
        doubtful, layout = clocks.doubtful, clocks.layout
        # Without its initialization segment nothing is decided about a track.
        clocks.doubtful = {key: each for key, each in doubtful.items() if clocks.is_to_come(each)}
        if layout is not None:
            for key, track in doubtful.items():
                if found := wrong_times(track, layout, self._store):
                    self._wrong |= found
                    clocks.doubtful[key] = track
        self.found = bool(self._wrong)
        waiting, self._waiting = self._waiting, []
        for file, fetched in waiting:
            wrong = self._wrong.pop(file.path, None)
            if wrong is not None and accept_odd:
                self._store.mark_odd(file.path)
            elif wrong is not None:
                self._take_back(wrong.record, keep=file.found)
            yield file, fetched, None if wrong is None or accept_odd else wrong.reason

    def others(self, *, accept_odd: bool) -> Iterator[tuple[PlannedFile, FileRecord, str]]:
        """Yield what is wrong beside the files that waited, each with its record and the reason.

        They are kept in ``.dashget/replaced``, and are to be fetched.
        """
        wrong, self._wrong = self._wrong, {}
        for planned, record, reason in wrong.values():
            if accept_odd:
                self._store.mark_odd(planned.path)
            else:
                self._take_back(record, keep=True)
                self._store.set_aside(planned.path)
                yield PlannedFile(planned, planned.path, planned.urls), record, reason

    def is_new(self, record: FileRecord) -> bool:
        """Return True if a file was recorded in this run."""
        return record.time is not None and record.time >= self._begun

    def let_go(self) -> Iterator[PlannedFile]:
        """Yield the files that still wait; the next run finds them, and decides."""
        waiting, self._waiting = self._waiting, []
        for file, _ in waiting:
            record = None
            with contextlib.suppress(StoreError):
                record = self._store.records().get(file.path)
                if record is not None:
                    self._take_back(record, keep=True)
            yield file

    def _take_back(self, record: FileRecord, *, keep: bool) -> None:
        if keep:
            self._store.note(replace(record, removed=True))
        else:
            self._store.remove(record)
