"""Limits over all transfers: the rate, and how many there are at once."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable

from dashget.transfer.failure import Failure, Scope
from dashget.transfer.options import TransferOptions

HOST_LIMIT = 16
"""Connections to one host that nobody asked for by number."""

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


_FIRST_LIMIT = 8
_INTERVAL_SECONDS = 0.5
_GAIN = 1.05
"""What more transfers must bring to be worth it."""
_PATIENCE = 8
"""Intervals without a change before another number is tried."""
_LATENCY_RISE = 3.0
_QUIET_SECONDS = 3.0
"""How long after a sign of overload the number does not grow."""


class Concurrency:
    """How many transfers are in flight at most: the user's number, or one that is found.

    Finding: the number doubles as long as that brings more bytes a second, and goes back
    to the smallest that brought as much otherwise. From time to time the next larger number
    has another chance. Signs of overload (429, 503, connections that fail) halve it; first
    bytes that take several times as long as at first, without more bytes a second, lower
    it by a quarter.
    """

    def __init__(self, options: TransferOptions, now: float) -> None:
        self.adaptive = options.in_flight is None
        self._most = options.max_in_flight if options.in_flight is None else options.in_flight
        self.limit = min(_FIRST_LIMIT, self._most) if self.adaptive else self._most
        self._since = now
        self._received = 0
        self._full = 0
        self._looks = 0
        self._best: tuple[float, int] = (0.0, self.limit)
        self._settled = False
        self._quiet_until = 0.0
        self._still = 0
        self._latencies: list[float] = []
        self._usual_latency: float | None = None

    def lower_to(self, limit: int) -> None:
        """Never have more than ``limit`` any more: the machine cannot."""
        self._most = max(1, min(self._most, limit))
        self.limit = min(self.limit, self._most)

    def arrived(self, first_byte_seconds: float) -> None:
        """Take note of a request's end and how long its first byte took."""
        if self.adaptive:
            self._latencies.append(first_byte_seconds)

    def failed(self, failure: Failure, now: float) -> None:
        """Take note of a failed attempt; back off where it is a sign of overload."""
        overload = failure.status in (429, 503) or failure.scope is Scope.BASE
        if self.adaptive and overload and now >= self._quiet_until:
            self.limit = max(1, self.limit // 2)
            self._best = (0.0, self.limit)
            self._settled = True
            self._quiet_until = now + _QUIET_SECONDS

    def observe(self, now: float, received: int, active: int) -> None:
        """Look at the bytes received so far; to be called about ten times a second."""
        if not self.adaptive:
            return
        self._looks += 1
        self._full += active >= self.limit
        seconds = now - self._since
        if seconds < self._interval():
            return
        rate = (received - self._received) / seconds
        busy = self._full >= 0.7 * self._looks
        self._since, self._received, self._full, self._looks = now, received, 0, 0
        latency = statistics.median(self._latencies) if self._latencies else None
        self._latencies.clear()
        if latency is not None:
            usual = self._usual_latency
            self._usual_latency = latency if usual is None else min(latency, usual)
        if busy and now >= self._quiet_until:
            self._judge(rate, latency)

    def _interval(self) -> float:
        """Several round trips, so that what was changed can show."""
        return max(_INTERVAL_SECONDS, 6 * (self._usual_latency or 0.0))

    def _judge(self, rate: float, latency: float | None) -> None:
        best_rate, best_limit = self._best
        if self.limit > best_limit:
            if rate >= _GAIN * best_rate:
                self._best = (rate, self.limit)
                self._settled = False
            else:
                self.limit = best_limit
                self._settled = True
                self._still = 0
                return
        else:
            self._best = (max(rate, 0.8 * best_rate + 0.2 * rate), self.limit)
        usual = self._usual_latency
        slow = latency is not None and usual is not None and latency > _LATENCY_RISE * usual + 0.05
        if slow and rate < _GAIN * best_rate and self.limit > 2:
            self.limit -= self.limit // 4
            self._best = (rate, self.limit)
            self._settled = True
            self._still = 0
            return
        self._still += 1
        if not self._settled or self._still >= _PATIENCE:
            self._still = 0
            self.limit = min(self._most, self.limit * 2)
