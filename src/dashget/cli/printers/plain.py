"""Show a run in pipes and logs: whole lines every few seconds, no control characters."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from dashget.cli.printers import text
from dashget.cli.printers.causes import Repeats, failed_line
from dashget.cli.printers.meter import Meter
from dashget.cli.printers.summary import summary_lines
from dashget.cli.printers.warned import waiting_line, warning_line
from dashget.cli.streams import legible
from dashget.events import (
    MANIFEST,
    BegunAnew,
    ClockSet,
    Event,
    FileFinished,
    FileStarted,
    GapFound,
    ManifestAwaited,
    ManifestLoaded,
    ManifestRead,
    Muxed,
    OutageTold,
    Outcome,
    PresentationChanged,
    PresentationLingers,
    Progressed,
    Pruned,
    RecordingBegan,
    RecordingEnded,
    RecordingProgressed,
    RetryScheduled,
    SegmentsExpired,
    Summary,
    Warned,
)

_LINE_EVERY_SECONDS = 5.0
_OF_RECORDINGS = (
    ClockSet, GapFound, ManifestRead, OutageTold, PresentationChanged,
    PresentationLingers, RecordingBegan, SegmentsExpired,
)  # fmt: skip


class PlainLines:
    """An observer that writes lines.

    ``verbose`` adds a line per file and per retry, ``progress`` a line every five seconds.
    """

    ignores = frozenset({FileStarted})

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        progress: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._verbose = verbose
        self._progress = progress
        self._clock = clock
        self._meter = Meter(clock)
        self._repeats = Repeats()
        self._next_line = clock() + _LINE_EVERY_SECONDS

    def __call__(self, event: Event, /) -> None:
        if self._progress:
            self._meter.update(event)
        if isinstance(event, Progressed):
            self._tick()
        elif isinstance(event, RecordingProgressed):
            self._tick_recording(event)
        elif isinstance(event, Summary):
            for line in summary_lines(event, verbose=self._verbose):
                self._write(line)
        elif isinstance(event, RecordingEnded):
            from dashget.cli.printers.recording import ended_lines

            for line in ended_lines(event):
                self._write(line)
        else:
            entry = event_line(event, verbose=self._verbose, repeats=self._repeats)
            if entry is not None:
                self._write(entry)

    def close(self) -> None:
        """Do nothing: every line is complete."""

    def _tick_recording(self, event: RecordingProgressed) -> None:
        now = self._clock()
        if self._progress and now >= self._next_line:
            from dashget.cli.printers.recording import progress_line

            self._next_line = now + _LINE_EVERY_SECONDS
            self._write(progress_line(event))

    def _tick(self) -> None:
        now = self._clock()
        if not self._progress or now < self._next_line:
            return
        self._next_line = now + _LINE_EVERY_SECONDS
        meter = self._meter
        left = meter.seconds_left
        facts = (
            text.percent(meter.fraction, complete=meter.complete, guessed=meter.is_guessed),
            f"{meter.done:,}/{meter.files:,} files",
            text.size(meter.bytes_here),
            text.rate(meter.rate),
            f"{text.duration(left)} left" if left is not None else "",
            f"{meter.failed:,} failed" if meter.failed else "",
        )
        self._write("  ".join(fact for fact in facts if fact))

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def event_line(event: Event, *, verbose: bool, repeats: Repeats | None = None) -> str | None:
    """Return the line for an event in a log, None if it has none.

    ``repeats`` knows the failures so far: unless ``verbose``, a few of each cause are named.
    """
    if isinstance(event, ManifestLoaded):
        return manifest_line(event)
    if isinstance(event, ManifestAwaited):
        return waiting_line(event)
    if isinstance(event, Pruned):
        word = "would remove" if event.dry_run else "removing"
        return "\n".join(f"{word}: {legible(path)}" for path in event.paths)
    if isinstance(event, Warned):
        return warning_line(event)
    if isinstance(event, Muxed):
        return muxed_line(event)
    if isinstance(event, RetryScheduled) and (verbose or event.path == MANIFEST):
        return retry_line(event)
    if isinstance(event, BegunAnew) and verbose:
        dropped = text.size(event.dropped)
        reason = legible(event.reason)
        return f"starting again: {legible(event.path)}: {reason} ({dropped} dropped)"
    if isinstance(event, FileFinished):
        if event.outcome is Outcome.FAILED:
            return failed_line(event) if verbose or repeats is None else repeats.line(event)
        if verbose:
            size = "" if event.size is None else f" ({text.size(event.size)})"
            reason = "" if event.reason is None else f": {legible(event.reason)}"
            return f"{event.outcome.value}: {legible(event.path)}{size}{reason}"
        return None
    if isinstance(event, _OF_RECORDINGS):
        # Loaded late: most runs are no recordings.
        from dashget.cli.printers.recording import recording_line

        if repeats is not None and isinstance(event, (ManifestRead, OutageTold)):
            known = repeats.knows(event)
            if known and not verbose:
                return None
        return recording_line(event, verbose=verbose)
    return None


def manifest_line(event: ManifestLoaded) -> str:
    """Return the line about the presentation and its mirror, and those about the selection."""
    title = f"{legible(event.title)}: " if event.title else ""
    first = (
        f"{title}{event.type} presentation, {text.count(event.periods, 'period')},"
        f" {text.count(event.representations, 'representation')} -> {legible(event.root)}"
    )
    return "\n".join([first, *(f"  {legible(note)}" for note in event.notes)])


def muxed_line(event: Muxed) -> str:
    """Return the line about a file that was written."""
    chapters = f", {text.count(event.chapters, 'chapter')}" if event.chapters else ""
    checked = ", every packet checked" if event.checked else ""
    beside = "".join(f"\n{legible(path)}: subtitles" for path in event.subtitles)
    return (
        f"{legible(event.path)}: {text.count(event.tracks, 'track')}{chapters},"
        f" {text.duration(event.duration)}, {text.size(event.bytes)}{checked}{beside}"
    )


def retry_line(event: RetryScheduled) -> str:
    """Return the line about a retry: file, delay and reason."""
    if event.at_end:
        return f"{legible(event.path)} will be tried again at the end: {legible(event.reason)}"
    return (
        f"retrying {legible(event.path)} in {text.duration(event.delay_seconds)}"
        f" (attempt {event.attempt + 1}): {legible(event.reason)}"
    )
