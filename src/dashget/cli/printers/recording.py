"""The lines about a recording: its changes, its gaps, and its end."""

from __future__ import annotations

from collections.abc import Iterator

from dashget.cli.printers import text
from dashget.cli.streams import legible
from dashget.common.numbers import shown_time
from dashget.events import (
    ClockSet,
    Event,
    GapFound,
    ManifestRead,
    OutageTold,
    PresentationChanged,
    RecordingBegan,
    RecordingEnded,
    RecordingProgressed,
    SegmentsExpired,
)

_CLOCK_IS_OFF_SECONDS = 1.0
_ENDS = {
    "over": "the presentation is over",
    "until": "recorded until the given time",
    "stopped": "stopped; the same command goes on",
    "gave-up": "gave up: nothing came for too long; the same command goes on",
    "never": "there was no manifest",
    "not-yet": "the presentation begins later",
    "failed": "ended by an error; the same command goes on",
}


def recording_line(event: Event, *, verbose: bool) -> str | None:
    """Return the line about an event of a recording, None if it has none."""
    if isinstance(event, RecordingBegan):
        word = "going on with the recording of" if event.resumed else "recording"
        return f"{word} {legible(event.url)} -> {legible(event.root)}"
    if isinstance(event, GapFound):
        count = "" if event.segments is None else f" ({text.count(event.segments, 'segment')})"
        when = f"{_moment(event.begin)} to {_moment(event.end)}"
        return f"lost: {legible(event.label)}: {when}{count}: {event.reason}"
    if isinstance(event, OutageTold):
        if event.until is None:
            return f"outage: the origin has not answered since {_moment(event.since)}"
        seconds = text.duration(event.until - event.since)
        return f"outage over: the origin answers again after {seconds}"
    if isinstance(event, SegmentsExpired):
        return _expired_line(event) if verbose else None
    if isinstance(event, PresentationChanged):
        return f"{event.what} {legible(event.name)}: {event.how}"
    if isinstance(event, ClockSet) and abs(event.offset_seconds) >= _CLOCK_IS_OFF_SECONDS:
        return f"the server's clock is {event.offset_seconds:+.1f} s from this computer's"
    if isinstance(event, ManifestRead) and (verbose or event.kind in ("stale", "failed")):
        problem = f": {legible(event.problem)}" if event.problem else ""
        return f"manifest: {event.kind}{problem}"
    return None


def _expired_line(event: SegmentsExpired) -> str:
    files = text.count(event.files, "file")
    return f"removed: {files} of before {_moment(event.before)}, {text.size(event.bytes)}"


def progress_line(event: RecordingProgressed) -> str:
    """Return the line about the state of a recording."""
    left = event.window_seconds
    facts = (
        f"{event.recorded:,} segments",
        text.size(event.bytes),
        f"{event.pending:,} pending" if event.pending else "",
        f"{text.duration(event.behind_seconds)} behind" if event.behind_seconds >= 1 else "",
        f"{text.duration(max(left, 0.0))} left" if left is not None and event.pending else "",
        f"{event.lost:,} lost" if event.lost else "",
    )
    return "  ".join(fact for fact in facts if fact)


def ended_lines(event: RecordingEnded) -> Iterator[str]:
    """Yield the lines about the end of a recording."""
    yield (
        f"{_ENDS[event.ended]}: {event.recorded:,} of {text.count(event.announced, 'segment')}"
        f" recorded, {text.size(event.bytes)} in {text.duration(event.seconds)}"
        f" -> {legible(event.root)}"
    )
    if event.lost or event.gaps:
        gaps = text.count(event.gaps, "gap")
        yield f"  lost: {text.count(event.lost, 'segment')} in {gaps}"
    for path in event.lost_files:
        yield f"  lost: {legible(path)}"
    if event.expired:
        yield f"  removed by --keep: {text.count(event.expired, 'segment')}"
    if event.withdrawn:
        yield f"  withdrawn by the presentation: {text.count(event.withdrawn, 'segment')}"


def _moment(seconds: float) -> str:
    return shown_time(seconds)
