"""Measure how often a loop waits for the network, to know when a second loop helps."""

from __future__ import annotations

from collections.abc import Callable

_SHORTEST_SECONDS = 0.02
"""A shorter measurement tells little: at the start of a run nothing waits."""
_IDLE_SHARE = 0.1


class Load:
    """The share of its time that a loop is busy.

    One that waits for the network now and then drives all transfers as fast as two would, with
    fewer connections to open; one that never waits is what the transfers wait for.
    """

    __slots__ = ("_clock", "_since", "_waited", "_waited_before")

    def __init__(self, clock: Callable[[], float], waited: Callable[[], float]) -> None:
        """``waited`` returns how many seconds the loop has waited since it was made."""
        self._clock = clock
        self._waited = waited
        self._since, self._waited_before = clock(), waited()

    def is_full(self) -> bool:
        """Return True if the loop has waited less than a tenth of the time since the last answer.

        False, and no answer yet, if that is too short a time to tell.
        """
        now = self._clock()
        seconds = now - self._since
        if seconds < _SHORTEST_SECONDS:
            return False
        waited = self._waited()
        share = (waited - self._waited_before) / seconds
        self._since, self._waited_before = now, waited
        return share < _IDLE_SHARE
