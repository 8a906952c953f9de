"""Limits over all transfers of an engine: the rate."""

from __future__ import annotations

import threading
from collections.abc import Callable

_BURST_SECONDS = 0.05


class Pacer:
    """A token bucket: bytes come in at ``rate`` a second over all who take. Thread-safe."""

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._burst = rate * _BURST_SECONDS
        self._tokens = 0.0
        self._filled = clock()

    def take(self, size: int) -> bool:
        """Take ``size`` bytes; False when it is too early for any.

        Whoever takes more than there is leaves a debt, so that large takes come through.
        """
        with self._lock:
            self._fill()
            if self._tokens < 0:
                return False
            self._tokens -= size
            return True

    def wait_seconds(self) -> float:
        """Return how long it takes until something can be taken."""
        with self._lock:
            self._fill()
            return max(0.0, -self._tokens / self._rate)

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
