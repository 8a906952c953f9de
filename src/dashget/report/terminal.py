"""Live progress on a terminal, redrawn in place by rich; lines above it scroll as usual."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dashget.events import Event, Progressed, Summary
from dashget.report import text
from dashget.report.meter import Meter, TrackMeter
from dashget.report.plain import event_line, retry_line
from dashget.report.summary import summary_lines

_REDRAW_SECONDS = 0.1
_BAR_WIDTH = 24
_SHORTEST_BAR = 6
_PERCENT_WIDTH = 4
_RETRIES_SHOWN = 3
_STYLES = (("warning:", "yellow"), ("failed:", "red"), ("retrying", "yellow"))


class LiveTerminal:
    """An observer for a terminal: a bar per Representation, what is retried, the total."""

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=False)
        self._verbose = verbose
        self._clock = clock
        self._meter = Meter(clock)
        self._live: Live | None = None
        self._next_draw = 0.0

    def __call__(self, event: Event, /) -> None:
        self._meter.take(event)
        if isinstance(event, Summary):
            self.close()
            for number, line in enumerate(summary_lines(event, verbose=self._verbose)):
                self._console.print(_summary_text(number, line, event), soft_wrap=True)
        elif isinstance(event, Progressed):
            self._draw()
        else:
            entry = event_line(event, verbose=self._verbose)
            if entry is not None:
                self._console.print(_styled(entry), soft_wrap=True)

    def close(self) -> None:
        """Take the live display away and give the cursor back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        now = self._clock()
        if now < self._next_draw:
            return
        self._next_draw = now + _REDRAW_SECONDS
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(self._render(), refresh=True)

    def _render(self) -> RenderableType:
        meter = self._meter
        retries = list(meter.retrying.values())[-_RETRIES_SHOWN:]
        room = max(self._console.size.height - 4 - len(retries), 1)
        shown, hidden = _choose(meter.tracks, room)
        grid = Table.grid(padding=(0, 1), expand=False)
        bar = max(min(_BAR_WIDTH, self._console.size.width - 60), _SHORTEST_BAR)
        grid.add_column(overflow="ellipsis", no_wrap=True, max_width=34)
        grid.add_column(width=bar)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        for track in shown:
            grid.add_row(*_track_row(track))
        rows: list[RenderableType] = [grid]
        if hidden:
            rows.append(Text(f"and {hidden:,} more", style="dim"))
        rows += [_fitting(Text(retry_line(retry), style="yellow")) for retry in retries]
        rows.append(self._total_row())
        return Group(*rows)

    def _total_row(self) -> RenderableType:
        """Write the totals; where the line is narrow, the bar goes first, then the end."""
        meter = self._meter
        left, expected = meter.seconds_left, meter.bytes_expected
        facts = [
            f"{meter.failed:,} failed" if meter.failed else "",
            text.rate(meter.rate),
            f"{text.duration(left)} left" if left is not None else "",
            f"{meter.done:,}/{meter.segments:,} segments",
            text.size(meter.bytes_here) + (f" of about {text.size(expected)}" if expected else ""),
        ]
        words = Text("  ".join(fact for fact in facts if fact), no_wrap=True, overflow="ellipsis")
        room = self._console.size.width - len(words) - _PERCENT_WIDTH - 3
        grid = Table.grid(padding=(0, 1))
        grid.add_column(min_width=_PERCENT_WIDTH, no_wrap=True)
        cells: list[RenderableType] = [Text(f"{meter.fraction:4.0%}", style="bold")]
        if room >= _SHORTEST_BAR:
            width = min(room, _BAR_WIDTH)
            grid.add_column(width=width)
            cells.append(ProgressBar(total=1.0, completed=meter.fraction, width=width))
        grid.add_column(no_wrap=True, overflow="ellipsis")
        grid.add_row(*cells, words)
        return grid


def _track_row(track: TrackMeter) -> tuple[RenderableType, ...]:
    of = f"/{track.segments:,}" if track.countable and track.segments else ""
    return (
        Text(f"{track.content_type} {text.printable(track.label)}"),
        ProgressBar(total=1.0, completed=track.fraction),
        Text(f"{track.done:,}{of}", style="red" if track.failed else ""),
        Text(text.size(track.bytes_here), style="dim"),
    )


def _choose(tracks: tuple[TrackMeter, ...], room: int) -> tuple[list[TrackMeter], int]:
    """Pick the lines that fit: unfinished ones before finished, in their order."""
    if len(tracks) <= room:
        return list(tracks), 0
    room = max(room - 1, 1)
    unfinished = [track for track in tracks if track.done < track.segments]
    chosen = (unfinished or list(tracks))[:room]
    return chosen, len(tracks) - len(chosen)


def _fitting(line: Text) -> Text:
    line.no_wrap = True
    line.overflow = "ellipsis"
    return line


def _styled(line: str) -> Text:
    style = next((style for start, style in _STYLES if line.startswith(start)), "")
    return Text(line, style=style)


def _summary_text(number: int, line: str, summary: Summary) -> Text:
    if number == 0:
        return Text(line, style="bold green" if summary.complete else "bold red")
    return Text(line, style="red" if line.startswith("  failed:") else "")
