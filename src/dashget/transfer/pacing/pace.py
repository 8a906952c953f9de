"""The mean size and speed of the finished transfers of a run."""

from __future__ import annotations

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
