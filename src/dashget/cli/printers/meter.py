"""Compute the progress of a run from its events: totals, rate, time left. No output."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from dashget.cli.printers.speed import Speed
from dashget.events import (
    Event,
    FileFinished,
    Outcome,
    Progressed,
    RetryScheduled,
    TrackPlanned,
    Unfinished,
)

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
    sized: int = 0
    """How many of the finished files have a size: not the failed and absent ones."""
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
        """An estimate of all bytes, at least ``bytes_here``; None if nothing tells them.

        It is based on the known sizes if there are enough of them, else on the bandwidth. Files
        that failed or are absent bring nothing. A bandwidth that was exceeded tells nothing.
        """
        files = max(self.files, self.done + len(self.unfinished)) - (self.done - self.sized)
        if self.countable and (self.done >= self.files or not files):
            return self.bytes_here
        sizes = [file.size for file in self.unfinished if file.size is not None]
        known, known_bytes = self.sized + len(sizes), self.bytes_done + sum(sizes)
        if not known:
            return self._by_bandwidth()
        usual = known_bytes // known
        rest = [max(file.bytes, usual) for file in self.unfinished if file.size is None]
        reckoned = (known_bytes + sum(rest)) * files // (known + len(rest))
        if known < min(_TELLING_FILES, files):
            reckoned = max(reckoned, self.bytes_estimated)
        return max(reckoned, self.bytes_here)

    @property
    def files_here(self) -> float:
        """The number of finished files, plus the received share of each file in progress."""
        shares = (file.bytes / file.size for file in self.unfinished if file.size)
        return self.done - self.failed + sum(min(share, 1.0) for share in shares)

    @property
    def fraction(self) -> float | None:
        """The share that is done, 0 to 1; None if it is unknown."""
        if self.bytes_expected is None and self.is_one_file:
            return None
        return _share(self.bytes_here, self.bytes_expected, self.files_here, self.files)

    @property
    def is_one_file(self) -> bool:
        """True if there is no second file to tell a share by."""
        return max(self.files, self.done + len(self.unfinished)) <= 1

    @property
    def is_guessed(self) -> bool:
        """True if the bandwidth is all that tells how many bytes there will be."""
        nothing_here = not self.sized and all(file.size is None for file in self.unfinished)
        return nothing_here and self.done < self.files and self.bytes_estimated > 0

    def _by_bandwidth(self) -> int | None:
        here = self.bytes_here
        return self.bytes_estimated if here < self.bytes_estimated else None


class Meter:
    """The progress of a run: give it every event, read it at any time from the same thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tracks: dict[int, TrackMeter] = {}
        self._by_name: dict[tuple[str, str, str], TrackMeter] = {}
        self._speed = Speed()
        self._all_ended = False
        self._files_total: int | None = None
        self._bytes_total: int | None = None
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
        counted = sum(max(track.files, track.done) for track in self._by_name.values())
        total = self._files_total
        return counted if total is None else max(min(counted, total), self.done)

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
        if self._bytes_total is not None:
            return max(self._bytes_total, self.bytes_here) or None
        total = 0
        for track in self._by_name.values():
            expected = track.bytes_expected
            if expected is None:
                return None
            total += expected
        return max(total, self.bytes_here) or None

    @property
    def is_exact(self) -> bool:
        """True if the sizes of all files are known."""
        return self._bytes_total is not None

    @property
    def fraction(self) -> float | None:
        """The share of the run that is done, 0 to 1, never less than before; None if unknown.

        Without an estimate of the bytes it is the share of the files. That of a single file
        tells nothing.
        """
        expected = self.bytes_expected
        if expected is None and any(
            track.is_one_file and track.bytes_expected is None for track in self._by_name.values()
        ):
            return None
        files = sum(track.files_here for track in self._by_name.values())
        share = _share(self._count_bytes(), expected, files, self.files)
        return max(self._most_fraction, share)

    @property
    def is_guessed(self) -> bool:
        """True if the bandwidth alone tells the size of some track, which may be far off."""
        guessed = any(track.is_guessed for track in self._by_name.values())
        return guessed and not self.is_exact

    @property
    def complete(self) -> bool:
        """True if planning is done and no planned file is missing."""
        return self._all_ended and not self._missing

    @property
    def rate(self) -> float:
        """Bytes per second over the last five seconds."""
        return self._speed.per_second

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
        track.sized += event.size is not None
        track.bytes_done += event.size or 0
        track.failed += event.outcome is Outcome.FAILED
        if track.unfinished:
            track.unfinished = [file for file in track.unfinished if file.path != event.path]

    def _read(self, event: Progressed) -> None:
        now = self._clock()
        self.transferred = event.transferred
        self.in_flight = event.in_flight
        self._all_ended = event.planning_done and event.files_done >= event.files_planned
        self._files_total, self._bytes_total = event.files_total, event.bytes_total
        for track in self._by_name.values():
            track.unfinished = []
            if self._all_ended:
                # What is missing to a track was a file of another one as well.
                track.files = track.done
        for file in event.unfinished:
            if file.track in self._tracks:
                self._tracks[file.track].unfinished.append(file)
        self._most_bytes = self.bytes_here
        self._most_fraction = self.fraction or self._most_fraction
        self._speed.add(now, event.transferred)


def _share(here: int, expected: int | None, files_here: float, files: int) -> float:
    """Return the share that is done: by bytes, or by files if sizes are unknown."""
    if expected:
        return min(here / expected, 1.0)
    return min(files_here / files, 1.0) if files else 0.0
