"""Show live progress on a terminal, painted in place; lines above it scroll as usual."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TextIO

from rich.text import Text

from dashget.cli.guarded import console
from dashget.cli.printers.causes import Repeats
from dashget.cli.printers.inplace import InPlace
from dashget.cli.printers.meter import Meter
from dashget.cli.printers.plain import event_line, retry_line
from dashget.cli.printers.rows import cut, total_row, track_rows
from dashget.cli.printers.speed import Speed
from dashget.cli.printers.summary import summary_lines
from dashget.events import Event, Progressed, RecordingEnded, RecordingProgressed, Summary

_REDRAW_SECONDS = 0.1
_RETRIES_SHOWN = 3
_STYLES = (("warning:", "yellow"), ("failed:", "red"), ("retrying", "yellow"))


class LiveTerminal:
    """An observer for a terminal: a bar per Representation, current retries, the total."""

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console(stream, soft_wrap=False)
        self._verbose = verbose
        self._clock = clock
        self._meter = Meter(clock)
        self._received = Speed()
        self._in_place = InPlace(self._console)
        self._repeats = Repeats()
        self._closed = False
        self._next_draw = 0.0

    def __call__(self, event: Event, /) -> None:
        self._meter.update(event)
        if isinstance(event, Summary):
            self.close()
            for number, line in enumerate(summary_lines(event, verbose=self._verbose)):
                self._console.print(_summary_text(number, line, event), soft_wrap=True)
        elif isinstance(event, Progressed):
            self._draw()
        elif isinstance(event, RecordingProgressed):
            self._draw_recording(event)
        elif isinstance(event, RecordingEnded):
            self._end_recording(event)
        else:
            entry = event_line(event, verbose=self._verbose, repeats=self._repeats)
            if entry is not None:
                self._in_place.print_above(_styled(entry))

    def close(self) -> None:
        """Remove the live display, and show the cursor again."""
        self._closed = True
        self._in_place.clear()

    def _draw_recording(self, event: RecordingProgressed) -> None:
        from dashget.cli.printers.recording import progress_line, track_rows

        self._received.add(self._clock(), event.bytes)
        if self._closed:
            return
        size = self._console.size
        width = max(size.width - 1, 1)
        rows = list(track_rows(self._console, event.tracks, width, max(size.height - 4, 1)))
        total = Text(progress_line(event, self._received.per_second, width))
        self._in_place.paint([*rows, total])

    def _end_recording(self, event: RecordingEnded) -> None:
        from dashget.cli.printers.recording import ended_lines

        self.close()
        for number, line in enumerate(ended_lines(event)):
            style = "bold green" if event.complete else "bold red"
            self._console.print(Text(line, style="" if number else style), soft_wrap=True)

    def _draw(self) -> None:
        now = self._clock()
        if now < self._next_draw or self._closed:
            return
        self._next_draw = now + _REDRAW_SECONDS
        self._in_place.paint(list(self._iter_rows()))

    def _iter_rows(self) -> Iterator[Text]:
        meter, size = self._meter, self._console.size
        # Some terminals wrap a line that fills their last column.
        width = max(size.width - 1, 1)
        retries = list(meter.retrying.values())[-_RETRIES_SHOWN:]
        tracks, room = meter.tracks, max(size.height - 4 - len(retries), 1)
        if len(tracks) > room:
            room = max(room - 1, 1)
            # Unfinished tracks first, in their order.
            unfinished = [track for track in tracks if track.done < track.files]
            tracks = tuple((unfinished or list(tracks))[:room])
        yield from track_rows(self._console, tracks, width)
        hidden = len(meter.tracks) - len(tracks)
        if hidden:
            yield Text(f"and {hidden:,} more", style="dim")
        for retry in retries:
            line = Text(retry_line(retry), style="yellow")
            cut(self._console, line, width)
            yield line
        yield total_row(self._console, meter, width)


def _styled(line: str) -> Text:
    style = next((style for start, style in _STYLES if line.startswith(start)), "")
    return Text(line, style=style)


def _summary_text(number: int, line: str, summary: Summary) -> Text:
    if number == 0:
        return Text(line, style="bold green" if summary.complete else "bold red")
    return Text(line, style="red" if line.startswith("  failed:") else "")
