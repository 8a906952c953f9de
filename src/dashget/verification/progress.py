"""How far a stage of a verification has come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from dashget.common.stopping import Stop
from dashget.events import Observer, Progressed, Stage, ignored_by
from dashget.mirroring.expectation import Expected
from dashget.planning.limits import count_files
from dashget.store import RecordedFiles
from dashget.transfer.contract import Hooks, Reading

_EVERY_SECONDS: Final = 0.1


class CheckProgress(Hooks):
    """Counts files and bytes, and tells an observer ten times a second at most.

    ``files`` and ``size`` are how many there are in all. Also the hooks of an engine that
    compares files with the server.
    """

    def __init__(
        self,
        observer: Observer,
        stage: Stage,
        stop: Stop,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wanted = Progressed not in ignored_by(observer)
        self.files = 0
        self.size: int | None = None
        self._observer = observer
        self._stage = stage
        self._stop = stop
        self._clock = clock
        self._next = 0.0
        self._files_done = 0
        self._bytes_done = 0

    def finish_file(self) -> None:
        """Count a file."""
        self._files_done += 1
        if self.wanted:
            self._tell_at_times()

    def uncount(self) -> None:
        """Count one file less in all: it was counted twice."""
        self.files -= 1

    def read(self, count: int) -> None:
        """Count bytes that were read; raise StoppedError if a stop was requested meanwhile."""
        self._stop.check()
        self._bytes_done += count
        if self.wanted:
            self._tell_at_times()

    def on_tick(self, reading: Reading) -> None:
        """Tell how far a comparison with the server has come, also while it does not answer."""
        if self.wanted:
            self._tell(reading.in_flight, reading.waiting)

    def _tell_at_times(self) -> None:
        now = self._clock()
        if now >= self._next:
            self._next = now + _EVERY_SECONDS
            self._tell()

    def _tell(self, in_flight: int = 0, waiting: int = 0) -> None:
        total = max(self.files, self._files_done)
        self._observer(
            Progressed(
                transferred=0,
                files_done=self._files_done,
                files_planned=total,
                planning_done=True,
                in_flight=in_flight,
                waiting_to_retry=waiting,
                files_total=total,
                bytes_done=self._bytes_done,
                bytes_total=None if self.size is None else max(self.size, self._bytes_done),
                stage=self._stage,
            )
        )


def offline_progress(
    observer: Observer,
    stop: Stop,
    expected: Expected,
    records: RecordedFiles,
    reserved: frozenset[str],
) -> CheckProgress:
    """Return the progress of a check without a network: all files, and the bytes to read.

    Files with a recorded checksum are read whole, of all others only a few bytes.
    """
    progress = CheckProgress(observer, Stage.CHECKING, stop)
    if progress.wanted:
        progress.files = sum(count_files(expected.tracks))
        progress.size = sum(
            record.size
            for record in records
            if record.sha256 is not None and record.path not in reserved
        )
    return progress
