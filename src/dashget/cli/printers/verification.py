"""Print the result of a verification for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TextIO

from rich import box
from rich.table import Table
from rich.text import Text

from dashget.cli.guarded import console
from dashget.cli.printers import text
from dashget.cli.printers.checking import CheckProgressLine
from dashget.cli.printers.plain import event_line
from dashget.cli.streams import legible
from dashget.events import Event, FileFinished, Progressed, Pruned, Warned
from dashget.verification.findings import REPAIRABLE, Finding, Problem, Report

_PIPE_WIDTH = 2000
_SHOWN = 200
_ALIKE = (Problem.UNCOMPARED, Problem.GONE)
"""Problems from the server that often concern many files at once."""
_ALIKE_SHOWN = 5
_HINTS_SHOWN = 3
_REPAIR_HINT = "--repair fetches the missing and damaged files"


class FindingsTable:
    """An observer that collects findings, and prints them as a table with totals below.

    Findings that are only counted are not kept in memory. Warnings, repairs and removals are
    printed to ``messages`` as they happen, and the progress meanwhile.
    """

    def __init__(
        self,
        stream: TextIO,
        messages: CheckProgressLine,
        *,
        quiet: bool,
        verbose: bool,
        progress: bool = True,
        repairing: bool = False,
        told: Collection[str] = (),
    ) -> None:
        """``repairing``: ``--repair`` was given, and is no hint any more.

        ``told`` are warnings that were printed before.
        """
        self._stream = stream
        self._messages = messages
        self._progress = progress and not quiet
        self.ignores = frozenset() if self._progress else frozenset({Progressed})
        self._told = told
        self._quiet = quiet
        self._verbose = verbose
        self._shown: list[Finding] = []
        self._more = 0
        """The number of findings that the table does not show."""
        self._alike: Counter[tuple[Problem, str]] = Counter()
        """The number of files for each message from the server."""
        self._hints: Counter[str] = Counter()
        self._repairing = repairing
        self._repairable = False

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Finding):
            self._take(event)
        elif isinstance(event, Report):
            self.close()
            self._print(event)
        elif isinstance(event, Progressed):
            if self._progress:
                self._messages.show(event)
        elif self._is_wanted(event):
            self._messages.write(event_line(event, verbose=True) or "")

    def close(self) -> None:
        """Remove the progress from the terminal."""
        self._messages.close()

    def _is_wanted(self, event: Event) -> bool:
        if isinstance(event, Warned):
            return event.message not in self._told
        return isinstance(event, Pruned) or (isinstance(event, FileFinished) and not self._quiet)

    def _take(self, finding: Finding) -> None:
        if finding.hint is not None:
            self._hints[finding.hint] += 1
        elif not finding.note and finding.problem in REPAIRABLE:
            self._repairable = True
        if self._quiet and finding.note:
            return
        if not self._verbose and finding.problem in _ALIKE:
            what = finding.problem, finding.message
            self._alike[what] += 1
            if self._alike[what] > _ALIKE_SHOWN:
                return
        if self._verbose or len(self._shown) < _SHOWN:
            self._shown.append(finding)
        else:
            self._more += 1

    def _print(self, report: Report) -> None:
        wide = None if self._stream.isatty() else _PIPE_WIDTH
        output = console(self._stream, width=wide)
        if self._shown:
            output.print(_table(self._shown))
        if self._more:
            output.print(f"... and {self._more:,} more; -v or --json lists them all")
        for (problem, message), number in self._alike.items():
            if number > _ALIKE_SHOWN:
                more = number - _ALIKE_SHOWN
                line = f"... and {more:,} more {problem.value}: {legible(message)}"
                output.print(Text(line), soft_wrap=True)
        if not self._quiet or report.errors or report.uncompared:
            hints = [hint for hint, _ in self._hints.most_common(_HINTS_SHOWN)]
            if self._repairable and not self._repairing:
                hints.insert(0, _REPAIR_HINT)
            for number, line in enumerate(report_lines(report, hints)):
                style = _headline_style(report) if number == 0 else ""
                output.print(Text(line, style=style), soft_wrap=True)


def report_lines(report: Report, hints: Sequence[str] = ()) -> Iterator[str]:
    """Yield the totals, and hints."""
    checked = f"{text.count(report.files, 'file')}, {text.size(report.bytes)}"
    if report.interrupted:
        bound = report.ended_by
        cause = "Interrupted" if bound is None else f"Ended by {bound.option}"
        yield f"{cause}: the check is not complete; {text.count(report.errors, 'error')} so far"
    elif report.sound and report.uncompared:
        files = text.count(report.uncompared, "file")
        yield f"No errors here: {checked}; {files} could not be compared with the server"
    elif report.sound:
        yield f"No errors: {checked}"
    else:
        yield f"Found {text.count(report.errors, 'error')}; checked {checked}"
    facts = [f"{report.checksummed:,} compared by checksum"]
    if report.compared:
        facts.append(f"{report.compared:,} compared with the server")
    if report.uncompared and not report.sound:
        facts.append(f"{report.uncompared:,} not compared")
    if report.repaired:
        facts.append(f"{report.repaired:,} fetched again")
    if report.notes:
        facts.append(text.count(report.notes, "note"))
    yield f"  {', '.join(facts)}, in {text.duration(report.seconds)}"
    for hint in hints:
        yield f"hint: {legible(hint)}"


def _headline_style(report: Report) -> str:
    if not report.sound:
        return "bold red"
    return "bold yellow" if report.uncompared else "bold green"


def _table(findings: list[Finding]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("file", overflow="fold")
    table.add_column("why", overflow="fold")
    for finding in findings:
        style = "dim" if finding.note else "red"
        table.add_row(
            Text(finding.problem.value, style=style),
            Text(legible(finding.path)),
            Text(legible(finding.message)),
        )
    return table
