"""Print warnings, for commands without live progress."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dashget.cli.streams import legible
from dashget.errors import Issue
from dashget.events import Event, ManifestAwaited, Warned

if TYPE_CHECKING:
    from dashget.mpd.presentation import Presentation


def print_warning(event: Event, /) -> None:
    """Print a warning, or that a manifest takes long, to standard error (an observer)."""
    if isinstance(event, Warned | ManifestAwaited):
        from dashget.cli.printers.plain import event_line

        sys.stderr.write(f"{event_line(event, verbose=False)}\n")


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
