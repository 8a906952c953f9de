"""The result of a verification, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dashget.checks import Finding, Report
from dashget.events import Event, FileFinished, Pruned
from dashget.report import text
from dashget.report.plain import event_line

_PIPE_WIDTH = 2000
_SHOWN = 200


class FindingsTable:
    """An observer that collects findings and prints them as a table with the sums below.

    What is repaired or pruned meanwhile is told on ``progress`` as it happens.
    """

    def __init__(self, stream: TextIO, progress: TextIO, *, quiet: bool, verbose: bool) -> None:
        self._stream = stream
        self._progress = progress
        self._quiet = quiet
        self._verbose = verbose
        self._findings: list[Finding] = []

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Finding):
            self._findings.append(event)
        elif isinstance(event, Report):
            self._print(event)
        elif isinstance(event, Pruned):
            for path in event.paths:
                self._progress.write(f"removing: {text.printable(path)}\n")
        elif isinstance(event, FileFinished) and not self._quiet:
            self._progress.write(f"{event_line(event, verbose=True)}\n")

    def _print(self, report: Report) -> None:
        wide = None if self._stream.isatty() else _PIPE_WIDTH
        console = Console(file=self._stream, highlight=False, width=wide)
        shown = [f for f in self._findings if not (self._quiet and f.note)]
        limit = len(shown) if self._verbose else _SHOWN
        if shown:
            console.print(_table(shown[:limit]))
        if len(shown) > limit:
            console.print(f"... and {len(shown) - limit:,} more; -v or --json lists them all")
        if not self._quiet or report.errors:
            for number, line in enumerate(report_lines(report)):
                style = ("bold green" if report.sound else "bold red") if number == 0 else ""
                console.print(Text(line, style=style), soft_wrap=True)


def report_lines(report: Report) -> Iterator[str]:
    """Yield the sums in words."""
    checked = f"{text.count(report.files, 'file')}, {text.size(report.bytes)}"
    if report.interrupted:
        yield f"Interrupted: not all was checked; {text.count(report.errors, 'error')} so far"
    elif report.sound:
        yield f"Sound: {checked}"
    else:
        yield f"Not sound: {text.count(report.errors, 'error')}; {checked} checked"
    facts = [f"{report.checksummed:,} by checksum"]
    if report.compared:
        facts.append(f"{report.compared:,} compared with the server")
    if report.repaired:
        facts.append(f"{report.repaired:,} fetched again")
    if report.notes:
        facts.append(text.count(report.notes, "note"))
    yield f"  {', '.join(facts)}, in {text.duration(report.seconds)}"
    if report.errors and not report.repaired:
        yield "hint: --repair fetches exactly what is wrong"


def _table(findings: list[Finding]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("file", overflow="fold")
    table.add_column("why", overflow="fold")
    for finding in findings:
        style = "dim" if finding.note else "red"
        table.add_row(
            Text(finding.problem.value, style=style),
            Text(text.printable(finding.path)),
            Text(text.printable(finding.message)),
        )
    return table
