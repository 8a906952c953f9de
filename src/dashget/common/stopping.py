"""A request to stop a run, made by a signal, another thread, or a limit that the user has set."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Iterator


class Bound(enum.Enum):
    """A limit of the user that ends a run in order; the values are the names of the options."""

    TIME = "max-time"
    SIZE = "max-total-size"

    @property
    def option(self) -> str:
        """The option, as on the command line."""
        return f"--{self.value}"


class StoppedError(Exception):
    """A stop was requested while a file was being read."""


class Stop:
    """A request to end a run early; safe to make from a signal handler or any thread."""

    def __init__(self) -> None:
        self.requested = False
        self.bound: Bound | None = None
        """The limit that has made the request; None if somebody else was first."""
        self.orderly = False
        """True while a run is at work that ends in order on request."""
        self._actions: list[Callable[[], None]] = []
        self.timed = False
        """True while a time is set after which the request is made."""

    @contextlib.contextmanager
    def answered(self) -> Iterator[None]:
        """Set ``orderly`` for the time of a ``with`` block."""
        self.orderly = True
        try:
            yield
        finally:
            self.orderly = False

    def request(self, bound: Bound | None = None) -> None:
        """Stop the run: no further file is started; files in progress keep their part."""
        if not self.requested:
            self.bound = bound
        self.requested = True
        for action in tuple(self._actions):
            action()

    def check(self, _count: int = 0) -> None:
        """Raise StoppedError if a stop was requested; called for each block of a file."""
        if self.requested:
            raise StoppedError

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
