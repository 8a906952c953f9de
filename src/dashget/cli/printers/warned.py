"""Print warnings, for commands without live progress."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from dashget.errors import Issue
from dashget.events import Event, Warned


def print_warning(event: Event, /) -> None:
    """Print a warning to standard error; ignore other events (an observer)."""
    if isinstance(event, Warned):
        from dashget.cli.printers.plain import warning_line

        sys.stderr.write(warning_line(event) + "\n")


def print_warnings(issues: Iterable[Issue]) -> None:
    """Print warnings to standard error, each with its place and clause."""
    for issue in issues:
        print_warning(Warned.of(issue))
