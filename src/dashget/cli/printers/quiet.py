"""Show of a run only what needs attention: warnings, removals, and what is missing at the end.

Most runs have none of these, so the modules with the words for them are loaded late.
"""

from __future__ import annotations

from typing import TextIO

from dashget.events import (
    Event,
    FileFinished,
    FileStarted,
    GapFound,
    Pruned,
    RecordingEnded,
    Summary,
    Warned,
)


class QuietLines:
    """An observer that writes lines about warnings, removals and failures."""

    ignores = frozenset({FileStarted, FileFinished})

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._stream = stream
        self._verbose = verbose

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Summary):
            if not event.complete:
                from dashget.cli.printers.summary import summary_lines

                for line in summary_lines(event, verbose=self._verbose):
                    self._write(line)
        elif isinstance(event, RecordingEnded):
            if not event.complete:
                from dashget.cli.printers.recording import ended_lines

                for line in ended_lines(event):
                    self._write(line)
        elif isinstance(event, Warned):
            from dashget.cli.printers.warned import warning_line

            self._write(warning_line(event))
        elif isinstance(event, (GapFound, Pruned)):
            from dashget.cli.printers.plain import event_line

            self._write(event_line(event, verbose=self._verbose) or "")

    def close(self) -> None:
        """Do nothing: every line is complete."""

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
