"""Warnings, for commands that have no running display."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from dashget.errors import Issue
from dashget.events import Event, Warned


def print_warning(event: Event, /) -> None:
    """Be an observer that writes warnings to standard error, and nothing else."""
    if isinstance(event, Warned):
        from dashget.cli.printers.plain import warning_line

        sys.stderr.write(warning_line(event) + "\n")


def print_warnings(issues: Iterable[Issue]) -> None:
    """Write each to standard error, with its place and clause."""
    for issue in issues:
        print_warning(Warned.of(issue))
