"""How much of its time a run spends computing, so that it is known when a second loop helps."""

from __future__ import annotations

from collections.abc import Callable

_SHORTEST_SECONDS = 0.02
"""What is measured over less than this tells little: the start of a run is all computing."""
_FULL_SHARE = 0.9


class Load:
    """The share of a processor that the process takes.

    One loop that waits for the network most of the time drives all transfers as fast as two
    would, with fewer connections to open; one that never waits is what they are waiting for.
    """

    __slots__ = ("_clock", "_processor_clock", "_since", "_spent")

    def __init__(self, clock: Callable[[], float], processor_clock: Callable[[], float]) -> None:
        self._clock = clock
        self._processor_clock = processor_clock
        self._since, self._spent = clock(), processor_clock()

    def is_full(self) -> bool:
        """Say whether since the last answer nearly all time was spent computing.

        False, and no answer yet, where that is too short a time to tell.
        """
        now = self._clock()
        seconds = now - self._since
        if seconds < _SHORTEST_SECONDS:
            return False
        spent = self._processor_clock()
        share = (spent - self._spent) / seconds
        self._since, self._spent = now, spent
        return share > _FULL_SHARE
