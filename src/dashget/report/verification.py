"""The result of a verification, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dashget.checks import Finding, Problem, Report
from dashget.events import Event, FileFinished, Pruned
from dashget.report import text
from dashget.report.plain import event_line

_PIPE_WIDTH = 2000
_SHOWN = 200
_ALIKE = (Problem.UNCOMPARED, Problem.GONE)
"""What a server says of one file it often says of all."""
_ALIKE_SHOWN = 5
_HINTS_SHOWN = 3


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
        elif isinstance(event, Pruned) or (isinstance(event, FileFinished) and not self._quiet):
            self._progress.write(f"{event_line(event, verbose=True)}\n")

    def _print(self, report: Report) -> None:
        wide = None if self._stream.isatty() else _PIPE_WIDTH
        console = Console(file=self._stream, highlight=False, width=wide)
        shown = [f for f in self._findings if not (self._quiet and f.note)]
        folded: Counter[tuple[Problem, str]] = Counter()
        if not self._verbose:
            shown, folded = _fold(shown)
        limit = len(shown) if self._verbose else _SHOWN
        if shown:
            console.print(_table(shown[:limit]))
        if len(shown) > limit:
            console.print(f"... and {len(shown) - limit:,} more; -v or --json lists them all")
        for (problem, message), more in folded.items():
            line = f"... and {more:,} more {problem.value}: {text.printable(message)}"
            console.print(Text(line), soft_wrap=True)
        if not self._quiet or report.errors or report.uncompared:
            for number, line in enumerate(report_lines(report, _hints(self._findings))):
                style = _headline_style(report) if number == 0 else ""
                console.print(Text(line, style=style), soft_wrap=True)


def report_lines(report: Report, hints: Sequence[str] = ()) -> Iterator[str]:
    """Yield the sums in words, and ``hints`` against what kept files from being compared."""
    checked = f"{text.count(report.files, 'file')}, {text.size(report.bytes)}"
    if report.interrupted:
        yield f"Interrupted: not all was checked; {text.count(report.errors, 'error')} so far"
    elif report.sound and report.uncompared:
        files = text.count(report.uncompared, "file")
        yield f"Sound here: {checked}; {files} could not be compared with the server"
    elif report.sound:
        yield f"Sound: {checked}"
    else:
        yield f"Not sound: {text.count(report.errors, 'error')}; {checked} checked"
    facts = [f"{report.checksummed:,} by checksum"]
    if report.compared:
        facts.append(f"{report.compared:,} compared with the server")
    if report.uncompared and not report.sound:
        facts.append(f"{report.uncompared:,} not compared")
    if report.repaired:
        facts.append(f"{report.repaired:,} fetched again")
    if report.notes:
        facts.append(text.count(report.notes, "note"))
    yield f"  {', '.join(facts)}, in {text.duration(report.seconds)}"
    if report.errors and not report.repaired:
        yield "hint: --repair fetches exactly what is wrong"
    for hint in hints:
        yield f"hint: {hint}"


def _headline_style(report: Report) -> str:
    if not report.sound:
        return "bold red"
    return "bold yellow" if report.uncompared else "bold green"


def _fold(findings: Iterable[Finding]) -> tuple[list[Finding], Counter[tuple[Problem, str]]]:
    """Leave a few of those out of which the server says the same of many; count the rest."""
    shown: list[Finding] = []
    seen: Counter[tuple[Problem, str]] = Counter()
    for finding in findings:
        what = finding.problem, finding.message
        seen[what] += 1
        if finding.problem not in _ALIKE or seen[what] <= _ALIKE_SHOWN:
            shown.append(finding)
    hidden = {
        what: number - _ALIKE_SHOWN
        for what, number in seen.items()
        if what[0] in _ALIKE and number > _ALIKE_SHOWN
    }
    return shown, Counter(hidden)


def _hints(findings: Iterable[Finding]) -> list[str]:
    """Return what helps most of the files that could not be compared, the most frequent first."""
    hints = Counter(finding.hint for finding in findings if finding.hint is not None)
    return [hint for hint, _ in hints.most_common(_HINTS_SHOWN) if hint is not None]


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
