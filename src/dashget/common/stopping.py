"""A request to stop a run, made by a signal or another thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


class Stop:
    """A request to end a run early; safe to make from a signal handler or any thread."""

    def __init__(self) -> None:
        self.requested = False
        self.orderly = False
        """True while a run is at work that ends in order on request."""
        self._actions: list[Callable[[], None]] = []

    @contextlib.contextmanager
    def answered(self) -> Iterator[None]:
        """Set ``orderly`` for the time of a ``with`` block."""
        self.orderly = True
        try:
            yield
        finally:
            self.orderly = False

    def request(self) -> None:
        """Stop the run: no further file is started; files in progress keep their part."""
        self.requested = True
        for action in tuple(self._actions):
            action()

    @contextlib.contextmanager
    def calling(self, action: Callable[[], None]) -> Iterator[None]:
        """Call ``action`` on a request made meanwhile; at once if it was made already."""
        self._actions.append(action)
        if self.requested:
            action()
        try:
            yield
        finally:
            self._actions.remove(action)
