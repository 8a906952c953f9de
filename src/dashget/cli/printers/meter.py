"""Compute the progress of a run from its events: totals, rate, time left. No output."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import msgspec

from dashget.events import (
    Event,
    FileFinished,
    Outcome,
    Progressed,
    RetryScheduled,
    TrackPlanned,
    Unfinished,
)

_WINDOW_SECONDS = 5.0
_TELLING_FILES = 3
"""From this number of known sizes on, they give a better estimate than the bandwidth."""


class TrackMeter(msgspec.Struct):
    """The progress of a Representation over all its Periods: one line of the display."""

    label: str
    content_type: str
    files: int = 0
    countable: bool = True
    bytes_estimated: int = 0
    done: int = 0
    bytes_done: int = 0
    failed: int = 0
    unfinished: list[Unfinished] = []
    """Files in progress, as of the last ``Progressed`` event."""

    @property
    def bytes_here(self) -> int:
        """Bytes of finished files and of those in progress."""
        return self.bytes_done + sum(file.bytes for file in self.unfinished)

    @property
    def bytes_expected(self) -> int | None:
        """An estimate of all bytes, at least ``bytes_here``; None without known sizes or bandwidth.

        It is based on the known sizes if there are enough of them, else on the bandwidth.
        """
        if self.done >= self.files > 0 and not self.failed:
            return self.bytes_here
        sizes = [file.size for file in self.unfinished if file.size is not None]
        known, known_bytes = self.done - self.failed + len(sizes), self.bytes_done + sum(sizes)
        files = max(self.files, self.done + len(self.unfinished))
        if known:
            usual = known_bytes // known
        elif self.bytes_estimated:
            usual = self.bytes_estimated // max(files, 1)
        else:
            return None
        rest = [max(file.bytes, usual) for file in self.unfinished if file.size is None]
        reckoned = (known_bytes + sum(rest)) * files // (known + len(rest)) if known else 0
        if known < min(_TELLING_FILES, files):
            reckoned = max(reckoned, self.bytes_estimated)
        return max(reckoned, self.bytes_here)

    @property
    def files_here(self) -> float:
        """The number of finished files, plus the received share of each file in progress."""
        shares = (file.bytes / file.size for file in self.unfinished if file.size)
        return self.done - self.failed + sum(min(share, 1.0) for share in shares)

    @property
    def fraction(self) -> float:
        """The share that is done, 0 to 1."""
        return _share(self.bytes_here, self.bytes_expected, self.files_here, self.files)


class Meter:
    """The progress of a run: give it every event, read it at any time from the same thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tracks: dict[int, TrackMeter] = {}
        self._by_name: dict[tuple[str, str, str], TrackMeter] = {}
        self._readings: deque[tuple[float, int]] = deque()
        self._all_ended = False
        self._missing = 0
        self._most_fraction = 0.0
        self._most_bytes = 0
        self.retrying: dict[str, RetryScheduled] = {}
        self.started = clock()
        self.transferred = 0
        self.in_flight = 0
        self.failed = 0

    def update(self, event: Event) -> None:
        """Update the state by one event."""
        if isinstance(event, TrackPlanned):
            self._plan(event)
        elif isinstance(event, FileFinished):
            self._finish(event)
        elif isinstance(event, RetryScheduled):
            self.retrying[event.path] = event
        elif isinstance(event, Progressed):
            self._read(event)

    @property
    def tracks(self) -> tuple[TrackMeter, ...]:
        """The lines of the display, in the order of the document."""
        return tuple(self._by_name.values())

    @property
    def files(self) -> int:
        """The number of planned files, as far as they can be counted."""
        return sum(max(track.files, track.done) for track in self._by_name.values())

    @property
    def done(self) -> int:
        """The number of files that have an outcome."""
        return sum(track.done for track in self._by_name.values())

    @property
    def bytes_here(self) -> int:
        """Bytes of the mirror's files, finished or not; never less than before.

        A file that starts again counts only after it exceeds its earlier size.
        """
        return max(self._most_bytes, self._count_bytes())

    @property
    def bytes_expected(self) -> int | None:
        """An estimate of all bytes of the plan; None if it is unknown for a track."""
        total = 0
        for track in self._by_name.values():
            expected = track.bytes_expected
            if expected is None:
                return None
            total += expected
        return max(total, self.bytes_here) or None

    @property
    def fraction(self) -> float:
        """The share of the run that is done, 0 to 1; never less than before."""
        files = sum(track.files_here for track in self._by_name.values())
        share = _share(self._count_bytes(), self.bytes_expected, files, self.files)
        return max(self._most_fraction, share)

    @property
    def complete(self) -> bool:
        """True if planning is done and no planned file is missing."""
        return self._all_ended and not self._missing

    @property
    def rate(self) -> float:
        """Bytes per second over the last five seconds."""
        if len(self._readings) < 2:
            return 0.0
        (first_time, first), (last_time, last) = self._readings[0], self._readings[-1]
        return (last - first) / (last_time - first_time) if last_time > first_time else 0.0

    @property
    def seconds_left(self) -> float | None:
        """An estimate of the remaining seconds; None if it is unknown."""
        rate, expected = self.rate, self.bytes_expected
        if rate <= 0 or expected is None:
            return None
        left = expected - self._count_bytes()
        return left / rate if left > 0 else None

    def _count_bytes(self) -> int:
        return sum(track.bytes_here for track in self._by_name.values())

    def _plan(self, event: TrackPlanned) -> None:
        name = (event.content_type, event.representation, event.label)
        track = self._by_name.get(name)
        if track is None:
            track = self._by_name[name] = TrackMeter(event.label, event.content_type)
        self._tracks[event.track] = track
        track.files += event.files or 0
        track.countable = track.countable and event.files is not None
        track.bytes_estimated += event.bytes_estimated or 0

    def _finish(self, event: FileFinished) -> None:
        self.retrying.pop(event.path, None)
        self.failed += event.outcome is Outcome.FAILED
        self._missing += not event.outcome.complete
        track = None if event.track is None else self._tracks.get(event.track)
        if track is None:
            return
        track.done += 1
        track.bytes_done += event.size or 0
        track.failed += event.outcome is Outcome.FAILED
        if track.unfinished:
            track.unfinished = [file for file in track.unfinished if file.path != event.path]

    def _read(self, event: Progressed) -> None:
        now = self._clock()
        self.transferred = event.transferred
        self.in_flight = event.in_flight
        self._all_ended = event.planning_done and event.files_done >= event.files_planned
        for track in self._by_name.values():
            track.unfinished = []
        for file in event.unfinished:
            if file.track in self._tracks:
                self._tracks[file.track].unfinished.append(file)
        self._most_bytes = self.bytes_here
        self._most_fraction = self.fraction
        self._readings.append((now, event.transferred))
        while self._readings[0][0] < now - _WINDOW_SECONDS and len(self._readings) > 2:
            self._readings.popleft()


def _share(here: int, expected: int | None, files_here: float, files: int) -> float:
    """Return the share that is done: by bytes, or by files if sizes are unknown."""
    if expected:
        return min(here / expected, 1.0)
    return min(files_here / files, 1.0) if files else 0.0
