"""How far a run is, reckoned from its events: totals, rate, time left. No output."""

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
)

_WINDOW_SECONDS = 5.0


class TrackMeter(msgspec.Struct):
    """One line of the display: a Representation, over all Periods that have it."""

    label: str
    content_type: str
    segments: int = 0
    countable: bool = True
    bytes_estimated: int = 0
    done: int = 0
    bytes_done: int = 0
    failed: int = 0

    @property
    def bytes_expected(self) -> int:
        """From what came so far where that is enough to go by, else from the bandwidth."""
        if self.done >= self.segments > 0:
            return self.bytes_done
        if self.done >= 3 and self.bytes_done:
            return self.bytes_done * self.segments // self.done
        return max(self.bytes_estimated, self.bytes_done)


class Meter:
    """The state of a run; feed it events, read it at any time from the same thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tracks: dict[int, TrackMeter] = {}
        self._by_name: dict[tuple[str, str, str], TrackMeter] = {}
        self._readings: deque[tuple[float, int]] = deque()
        self.retrying: dict[str, RetryScheduled] = {}
        self.started = clock()
        self.transferred = 0
        self.in_flight = 0
        self.failed = 0

    def take(self, event: Event) -> None:
        """Account for one event."""
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
    def segments(self) -> int:
        """How many segments the plan has, as far as they can be counted."""
        return sum(max(track.segments, track.done) for track in self._by_name.values())

    @property
    def done(self) -> int:
        """How many files have their outcome."""
        return sum(track.done for track in self._by_name.values())

    @property
    def bytes_done(self) -> int:
        """Bytes of finished files."""
        return sum(track.bytes_done for track in self._by_name.values())

    @property
    def bytes_expected(self) -> int:
        """An estimate of all bytes of the plan."""
        return sum(track.bytes_expected for track in self._by_name.values())

    @property
    def fraction(self) -> float:
        """How much of the run is done, 0 to 1."""
        expected = self.bytes_expected
        if expected:
            return min(self.bytes_done / expected, 1.0)
        return self.done / self.segments if self.segments else 0.0

    @property
    def rate(self) -> float:
        """Bytes a second over the last five seconds."""
        if len(self._readings) < 2:
            return 0.0
        (first_time, first), (last_time, last) = self._readings[0], self._readings[-1]
        return (last - first) / (last_time - first_time) if last_time > first_time else 0.0

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None while there is nothing to go by."""
        rate = self.rate
        if rate <= 0 or not self.bytes_expected:
            return None
        return max(self.bytes_expected - self.bytes_done, 0) / rate

    def _plan(self, event: TrackPlanned) -> None:
        name = (event.content_type, event.representation, event.label)
        track = self._by_name.get(name)
        if track is None:
            track = self._by_name[name] = TrackMeter(event.label, event.content_type)
        self._tracks[event.track] = track
        track.segments += event.segments or 0
        track.countable = track.countable and event.segments is not None
        track.bytes_estimated += event.bytes_estimated or 0

    def _finish(self, event: FileFinished) -> None:
        self.retrying.pop(event.path, None)
        self.failed += event.outcome is Outcome.FAILED
        track = None if event.track is None else self._tracks.get(event.track)
        if track is None:
            return
        track.done += 1
        track.bytes_done += event.size or 0
        track.failed += event.outcome is Outcome.FAILED

    def _read(self, event: Progressed) -> None:
        now = self._clock()
        self.transferred = event.transferred
        self.in_flight = event.in_flight
        self._readings.append((now, event.transferred))
        while self._readings[0][0] < now - _WINDOW_SECONDS and len(self._readings) > 2:
            self._readings.popleft()
