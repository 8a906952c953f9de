"""How finished transfers have done, and which of those under way is slow beside them."""

from __future__ import annotations

from collections.abc import Iterable

from dashget.transfer.contract import Method
from dashget.transfer.run.wire import Wire

_SLOW_SHARE = 0.3
"""The share of the usual rate below which a transfer counts as slow."""
_TELLING_BYTES = 4096
LARGE_BYTES = 256 * 1024
"""From this many bytes in the mean on, a transfer is worth a loop of its own."""


class Pace:
    """What the transfers of a run bring, in the mean."""

    __slots__ = ("_bytes", "_rate", "count")

    def __init__(self) -> None:
        self._rate = 0.0
        """Bytes a second of the usual transfer; 0 while there was none."""
        self._bytes = 0
        self.count = 0
        """How many transfers have ended well."""

    def ended(self, count: int, size: int, seconds: float) -> None:
        """Take note of transfers that have ended well; what they brought, and took, together."""
        self.count += count
        self._bytes += size
        if size > _TELLING_BYTES * count and seconds > 0:
            rate = size / seconds
            self._rate += (1 - 0.9**count) * (rate - self._rate) if self._rate else rate

    @property
    def usual_bytes(self) -> int:
        """How large those that have ended are in the mean; 0 while too little has come to tell."""
        return self._bytes // self.count if self._bytes > 4 * LARGE_BYTES else 0

    def largest_bytes(self, under_way: Iterable[Wire]) -> int:
        """How much the largest of the transfers under way has brought, if that is much."""
        received = max((wire.received for wire in under_way), default=0)
        return received if received > 4 * LARGE_BYTES else 0

    def slowest(self, wires: Iterable[Wire], now: float, patience: float) -> Wire | None:
        """Return the slow transfer that would take longest, if there is one."""
        slow = [wire for wire in wires if self._is_slow(wire, now, patience)]
        return max(slow, key=lambda wire: wire.seconds_left(now), default=None)

    def _is_slow(self, wire: Wire, now: float, patience: float) -> bool:
        task, age = wire.task, now - wire.aimed
        if age < patience or wire.raced or wire.dropped or wire.paused:
            return False
        if task.halted:
            return False
        if task.gaps is None and (task.wires > 1 or task.request.method is Method.HEAD):
            return False
        if wire.seconds_left(now) < patience:
            return False
        idle = now - wire.moved > patience
        return idle or wire.received / age < _SLOW_SHARE * self._rate
