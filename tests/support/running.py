"""Run the library's functions with options for tests, and keep the events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dashget
from dashget.events import Event

# The servers of tests are at several ports of this machine.
TRANSFER = dashget.TransferOptions(retries=1, backoff_seconds=0.01, allow_private=True)


class Events(list[Event]):
    """An observer that keeps all events."""

    def __call__(self, event: Event, /) -> None:
        self.append(event)

    def problems(self, *, notes: bool = False) -> dict[str, set[str]]:
        """Return the problems of each file: errors, or notes."""
        found: dict[str, set[str]] = {}
        for event in self:
            if isinstance(event, dashget.Finding) and event.note is notes:
                found.setdefault(event.path, set()).add(event.problem.value)
        return found

    def warnings(self) -> list[str]:
        """Return the message of each warning."""
        return [event.message for event in self if isinstance(event, dashget.Warned)]

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each file."""
        return {e.path: e.outcome.value for e in self if isinstance(e, dashget.FileFinished)}


def mirror(
    url: str, root: Path, *, stop: dashget.Stop | None = None, **options: Any
) -> tuple[dashget.Summary, Events]:
    """Mirror a presentation; return the summary and all events."""
    events = Events()
    options.setdefault("transfer", TRANSFER)
    return dashget.mirror(url, root=root, **options, observer=events, stop=stop), events


def verify(root: Path, **options: bool) -> tuple[dashget.Report, Events]:
    """Verify a mirror; return the report and all events."""
    events = Events()
    chosen = dashget.VerifyOptions(**options)
    return dashget.verify(root, chosen, transfer=TRANSFER, observer=events), events
