"""A request to end what is going on, made by a signal or another thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


class Stop:
    """A request to end a run early; safe to make from a signal handler or any thread."""

    def __init__(self) -> None:
        self.requested = False
        self.orderly = False
        """Whether a run is at work that ends in order when asked to."""
        self._actions: list[Callable[[], None]] = []

    @contextlib.contextmanager
    def answered(self) -> Iterator[None]:
        """Mark the time during which a request ends the run in order."""
        self.orderly = True
        try:
            yield
        finally:
            self.orderly = False

    def request(self) -> None:
        """Ask for the end: no file is started any more, what is under way keeps its part."""
        self.requested = True
        for action in tuple(self._actions):
            action()

    def on_request(self, action: Callable[[], None]) -> None:
        """Have ``action`` called on a request; at once if it was made already."""
        self._actions.append(action)
        if self.requested:
            action()
