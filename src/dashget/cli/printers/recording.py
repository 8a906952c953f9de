"""The lines about a recording: its changes, its gaps, and its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from dashget.cli.printers import text
from dashget.cli.printers.rows import cut
from dashget.cli.streams import legible
from dashget.common.numbers import shown_time
from dashget.events import (
    ClockSet,
    Event,
    GapFound,
    LiveTrack,
    ManifestRead,
    OutageTold,
    PresentationChanged,
    PresentationLingers,
    RecordingBegan,
    RecordingEnded,
    RecordingProgressed,
    SegmentsExpired,
)

_FACTS: Final = 5
_LEFT_OUT: Final = (4, 2, 1)
"""The facts of a track that go first where there is no room: recorded, left, behind."""
_LABEL: Final = 12
_BEHIND_SECONDS: Final = 1.0
_CLOCK_IS_OFF_SECONDS = 1.0
_ENDS = {
    "over": "the presentation is over",
    "until": "recorded until the given time",
    "stopped": "stopped; the same command goes on",
    "gave-up": "gave up: nothing came for too long; the same command goes on",
    "never": "there was no manifest",
    "not-yet": "the presentation begins later",
    "nothing": "nothing was there to record",
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
            problem = f": {legible(event.problem)}" if event.problem else ""
            return f"outage: the origin has not answered since {_moment(event.since)}{problem}"
        seconds = text.duration(event.until - event.since)
        return f"outage over: the origin answers again after {seconds}"
    if isinstance(event, SegmentsExpired):
        return _expired_line(event) if verbose else None
    if isinstance(event, PresentationChanged):
        return f"{event.what} {legible(event.name)}: {event.how}"
    if isinstance(event, PresentationLingers):
        rest = text.duration(event.seconds)
        return f"the presentation is over; its manifest is read for another {rest} (--linger)"
    if isinstance(event, ClockSet) and abs(event.offset_seconds) >= _CLOCK_IS_OFF_SECONDS:
        return f"the server's clock is {event.offset_seconds:+.1f} s from this computer's"
    if isinstance(event, ManifestRead) and (verbose or event.kind in ("stale", "failed")):
        problem = f": {legible(event.problem)}" if event.problem else ""
        return f"manifest: {event.kind}{problem}"
    return None


def _expired_line(event: SegmentsExpired) -> str:
    files = text.count(event.files, "file")
    return f"removed: {files} of before {_moment(event.before)}, {text.size(event.bytes)}"


def progress_line(
    event: RecordingProgressed, rate: float | None = None, width: int | None = None
) -> str:
    """Return the line about the state of a recording; ``rate`` is in bytes a second.

    Where it is wider than ``width``, figures are left out, those of losses last.
    """
    left = event.window_seconds
    facts = {
        "segments": text.count(event.recorded, "segment"),
        "bytes": text.size(event.bytes),
        "rate": "" if rate is None else text.rate(rate),
        "pending": f"{event.pending:,} pending" if event.pending else "",
        "behind": f"{text.duration(event.behind_seconds)} behind"
        if event.behind_seconds >= _BEHIND_SECONDS
        else "",
        "left": f"{text.duration(max(left, 0.0))} left"
        if left is not None and event.pending
        else "",
        "lost": f"{event.lost:,} lost" if event.lost else "",
    }
    for name in ("bytes", "pending", "left", "rate", "behind", "segments"):
        line = "  ".join(fact for fact in facts.values() if fact)
        if width is None or len(line) <= width:
            return line
        facts[name] = ""
    return facts["lost"]


def track_rows(
    console: Console, tracks: Sequence[LiveTrack], width: int, most: int
) -> Iterator[Text]:
    """Yield a row for each track: how far it is behind, what is left of its window, its gaps.

    Of too many, those that are behind most come first; names are shortened, numbers never cut.
    """
    if len(tracks) > most:
        hidden = len(tracks) - most + 1
        ranked = sorted(tracks, key=_urgency, reverse=True)[: max(most - 1, 0)]
    else:
        hidden, ranked = 0, list(tracks)
    rows = [_facts(track) for track in ranked]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(_FACTS)]
    labels = [legible(track.label) for track in ranked]
    longest = max((Text(label).cell_len for label in labels), default=0)
    shown = list(range(_FACTS))
    for at in _LEFT_OUT:
        # Names need some room first.
        if sum(widths[i] + 2 for i in shown if widths[i]) + min(longest, _LABEL) <= width:
            break
        shown.remove(at)
    taken = sum(widths[at] + 2 for at in shown if widths[at])
    room = max(min(longest, width - taken), 0)
    for track, label, row in zip(ranked, labels, rows, strict=True):
        name = Text(label)
        cut(console, name, room, pad=True)
        style = "red" if track.lost else ""
        cells = [Text(row[at].rjust(widths[at]), style=style) for at in shown if widths[at]]
        yield Text("  ").join([name, *cells] if room else cells)
    if hidden:
        yield Text(f"and {hidden:,} more", style="dim")


def _facts(track: LiveTrack) -> tuple[str, ...]:
    lag, left = track.lag_seconds, track.window_seconds
    return (
        "" if lag is None else f"lag {text.duration(max(lag, 0.0))}",
        f"{track.pending:,} behind" if track.behind_seconds >= _BEHIND_SECONDS else "",
        f"{text.duration(max(left, 0.0))} left"
        if left is not None and track.behind_seconds >= _BEHIND_SECONDS
        else "",
        text.count(track.gaps, "gap") if track.gaps else "",
        text.count(track.recorded, "segment"),
    )


def _urgency(track: LiveTrack) -> tuple[float, float]:
    return track.behind_seconds, track.lag_seconds or 0.0


def ended_lines(event: RecordingEnded) -> Iterator[str]:
    """Yield the lines about the end of a recording."""
    yield (
        f"{_ENDS[event.ended]}: {event.recorded:,} of {text.count(event.announced, 'segment')}"
        f" recorded, {text.size(event.bytes)} in {text.duration(event.seconds)}"
        f" -> {legible(event.root)}"
    )
    if event.lost or event.gaps:
        gaps = text.count(event.gaps, "gap")
        count = text.count(event.lost, "segment") if event.lost else "an unknown number of segments"
        yield f"  lost: {count} in {gaps}"
    for path in event.lost_files:
        yield f"  lost: {legible(path)}"
    if event.pending:
        segments = text.count(event.pending, "segment")
        yield f"  not fetched yet: {segments}; the same command asks for what is still there"
    if event.expired:
        yield f"  removed by --keep: {text.count(event.expired, 'segment')}"
    if event.withdrawn:
        yield f"  withdrawn by the presentation: {text.count(event.withdrawn, 'segment')}"


def _moment(seconds: float) -> str:
    return shown_time(seconds)
