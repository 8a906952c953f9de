"""Word warnings and waiting, and print both for commands without live progress."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dashget.cli.streams import legible
from dashget.common.url import Url
from dashget.errors import Issue
from dashget.events import Event, ManifestAwaited, Warned

if TYPE_CHECKING:
    from dashget.mpd.presentation import Presentation


def print_warning(event: Event, /) -> None:
    """Print a warning, or that a manifest takes long, to standard error (an observer)."""
    if isinstance(event, Warned):
        sys.stderr.write(f"{warning_line(event)}\n")
    elif isinstance(event, ManifestAwaited):
        sys.stderr.write(f"{waiting_line(event)}\n")


def warning_line(event: Warned) -> str:
    """Return the line of a warning, with its place in the document and the clause."""
    place = event.where or ""
    if event.line is not None:
        place += f"{', ' if place else ''}line {event.line}"
    clause = f" ({event.clause})" if event.clause else ""
    return f"warning: {legible(place) + ': ' if place else ''}{legible(event.message)}{clause}"


def waiting_line(event: ManifestAwaited) -> str:
    """Return the line about a manifest that takes long: the server may be slow, or far away."""
    host = Url.parse(event.url).authority or event.url
    problem = f": {legible(event.problem)}" if event.problem else ""
    return f"waiting for the manifest at {legible(host)} ...{problem}"


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
