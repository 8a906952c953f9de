"""Print warnings, for commands without live progress."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dashget.cli.streams import legible
from dashget.errors import Issue
from dashget.events import Event, Warned

if TYPE_CHECKING:
    from dashget.mpd.presentation import Presentation


def print_warning(event: Event, /) -> None:
    """Print a warning to standard error; ignore other events (an observer)."""
    if isinstance(event, Warned):
        from dashget.cli.printers.plain import warning_line

        sys.stderr.write(warning_line(event) + "\n")


def print_unplanned(presentation: Presentation) -> int:
    """Print the Representations that cannot be planned; return the exit code for them."""
    from dashget.planning.tracks import iter_representations, unplanned_reason

    failed = [r for r in iter_representations(presentation) if r.problems]
    for representation in failed:
        sys.stderr.write(f"failed: {legible(unplanned_reason(representation))}\n")
    return 1 if failed else 0


def print_warnings(issues: Iterable[Issue]) -> None:
    """Print warnings to standard error, each with its place and clause."""
    for issue in issues:
        print_warning(Warned.of(issue))
