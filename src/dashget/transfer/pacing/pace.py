"""How fast a run goes: what its transfers bring, and how busy the loop is that drives them.

The first tells slow transfers from usual ones, the second when another loop would help."""

from __future__ import annotations

from collections.abc import Callable

_TELLING_BYTES = 4096
LARGE_BYTES = 256 * 1024
"""Transfers of this mean size are worth a second loop."""
TELLING_BYTES = 4 * LARGE_BYTES
"""Fewer bytes than these tell nothing about the usual size."""


class Pace:
    """What the transfers of a run bring, in the mean."""

    __slots__ = ("_bytes", "count", "rate")

    def __init__(self) -> None:
        self.rate = 0.0
        """Bytes a second of the usual transfer; 0 until one has finished."""
        self._bytes = 0
        self.count = 0
        """How many transfers have ended well."""

    def ended(self, count: int, size: int, seconds: float) -> None:
        """Record ``count`` transfers that have ended well, with their total size and time."""
        self.count += count
        self._bytes += size
        if size > _TELLING_BYTES * count and seconds > 0:
            rate = size / seconds
            self.rate += (1 - 0.9**count) * (rate - self.rate) if self.rate else rate

    @property
    def usual_bytes(self) -> int:
        """The mean size of those that have ended; 0 while too little has come to tell."""
        return self._bytes // self.count if self._bytes > TELLING_BYTES else 0


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
