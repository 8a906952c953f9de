"""Show how far a verification has come: a row in place on a terminal, else a line at times."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.text import Text

from dashget.cli.guarded import console
from dashget.cli.printers import text
from dashget.cli.printers.inplace import InPlace
from dashget.cli.printers.rows import fit_row
from dashget.cli.printers.speed import Speed
from dashget.events import Progressed, Stage

_REDRAW_SECONDS = 0.1
_LINE_EVERY_SECONDS = 5.0
_BYTES_OF_A_LOOK = 1 << 16
"""What it costs to look at a file that is not read whole, in bytes that could be read meanwhile."""
_LEFT_OUT = ("bytes", "left", "rate", "files", "stage")
"""The facts that go first where there is no room."""


class CheckMeter:
    """The progress of one stage of a verification."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._state: Progressed | None = None
        self._work = Speed()
        self._bytes = Speed()

    def read(self, event: Progressed, now: float) -> None:
        """Take a reading."""
        self._state = event
        self._work.add(now, _work(event.bytes_done, event.files_done))
        self._bytes.add(now, max(event.bytes_done, event.transferred))

    @property
    def fraction(self) -> float | None:
        """The share that is done, 0 to 1; None if it is unknown."""
        state = self._state
        total = None if state is None else _total(state)
        if state is None or not total:
            return None
        return min(_work(state.bytes_done, state.files_done) / total, 1.0)

    @property
    def seconds_left(self) -> float | None:
        """An estimate of the remaining seconds; None if it is unknown."""
        state, speed = self._state, self._work.per_second
        total = None if state is None else _total(state)
        if state is None or total is None or speed <= 0:
            return None
        left = total - _work(state.bytes_done, state.files_done)
        return left / speed if left > 0 else None

    def facts(self) -> dict[str, str]:
        """Return what there is to say, by name, in the order of a row."""
        state = self._state
        if state is None:
            return {}
        ended = state.files_total is not None and state.files_done >= state.files_total
        share, left = self.fraction, self.seconds_left
        of = f"/{state.files_total:,}" if state.files_total is not None else ""
        total = state.bytes_total
        return {
            "stage": state.stage.value,
            "percent": text.percent(share, complete=ended),
            "files": f"{state.files_done:,}{of} files",
            "bytes": f"{text.size(state.bytes_done)} of {text.size(total)}" if total else "",
            "rate": text.rate(self._bytes.per_second) if self._bytes.per_second else "",
            "left": f"{text.duration(left)} left" if left is not None else "",
        }


class CheckProgressLine:
    """Shows the progress of a verification, and lines above it. Close it before other output."""

    def __init__(
        self, stream: TextIO, *, live: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``live``: the stream is a terminal that can paint in place."""
        self._stream = stream
        self._clock = clock
        self._console = console(stream, soft_wrap=False) if live else None
        self._in_place = None if self._console is None else InPlace(self._console)
        self._meter = CheckMeter(Stage.CHECKING)
        self._every = _REDRAW_SECONDS if live else _LINE_EVERY_SECONDS
        self._next = clock() + (0 if live else _LINE_EVERY_SECONDS)

    def show(self, event: Progressed) -> None:
        """Take a reading, and show it if it is time."""
        now = self._clock()
        if event.stage is not self._meter.stage:
            self._meter = CheckMeter(event.stage)
        self._meter.read(event, now)
        if now < self._next:
            return
        self._next = now + self._every
        if self._in_place is None or self._console is None:
            facts = self._meter.facts().values()
            self._stream.write("  ".join(fact for fact in facts if fact) + "\n")
            self._stream.flush()
        else:
            self._in_place.paint([check_row(self._console, self._meter)])

    def write(self, line: str) -> None:
        """Write a line that stays."""
        if self._in_place is None:
            self._stream.write(f"{line}\n")
        else:
            self._in_place.print_above(Text(line))

    def close(self) -> None:
        """Remove the row, and show the cursor again."""
        if self._in_place is not None:
            self._in_place.clear()


def check_row(console: Console, meter: CheckMeter) -> Text:
    """Return the row of a check, as wide as the terminal at most."""
    # Some terminals wrap a line that fills their last column.
    width = max(console.size.width - 1, 1)
    return fit_row(console, meter.facts(), width, meter.fraction, _LEFT_OUT)


def _work(size: int, files: int) -> int:
    return size + files * _BYTES_OF_A_LOOK


def _total(state: Progressed) -> int | None:
    if state.files_total is None:
        return None
    return _work(state.bytes_total or 0, state.files_total)
