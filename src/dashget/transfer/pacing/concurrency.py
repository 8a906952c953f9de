"""Limits over all transfers: the rate, and how many there are at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dashget.transfer.http.failure import Failure, Scope
from dashget.transfer.pacing.allowance import Allowance
from dashget.transfer.settings.options import TransferOptions

HOST_LIMIT = 16
"""Connections to one host, if the options give no number."""
_HOST_CEILING = 48
"""What short requests over a long link may raise that to."""
_REQUESTS_PER_SECOND = 640
"""So many at most, if each takes one round trip: as with 16 connections over 25 ms."""
_SHORT_ROUND_TRIPS = 5
"""A request is short that takes no longer, connecting included."""

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
        """Take ``size`` bytes; return False if it is too early for any.

        Taking more than there is leaves a debt, so that large takes come through.
        """
        with self._lock:
            self._fill()
            if self._tokens < 0:
                return False
            self._tokens -= size
            return True

    def wait_seconds(self) -> float:
        """Return the time until something can be taken."""
        with self._lock:
            self._fill()
            return max(0.0, -self._tokens / self._rate)

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now


_FIRST_LIMIT = 8
_LONG_SECONDS = 0.2
_INTERVAL_SECONDS = 0.5
_GAIN = 1.05
"""The gain in bytes a second that makes more transfers worth it."""
_STILL_GROWING = 1.1
_HALTED = 0.5
"""So small a share of the best rate tells of a halt of the link, and not yet of the number."""
_INTERVALS_TO_GROW = 4
_PATIENCE = 8
"""Intervals without a change before another number is tried; doubles with every vain try."""
_PATIENCE_AT_MOST = 64
_LATENCY_RISE = 5.0
_QUIET_SECONDS = 3.0
"""How long after a sign of overload the number does not grow."""
_WAITING_SHARE = 0.5
"""If first bytes take this share of the time of transfers, more transfers surely help."""


class Concurrency:
    """Limits the transfers in flight: to the user's number, or to one that is found.

    Finding: as long as the bytes a second grow from one interval to the next, the number
    doubles at once, up to what any one host may be asked for; to wait for connections to get
    up to speed would cost a short run more than a few too many do. Once the bytes a second have
    stopped growing by themselves, twice the number has its trial, and is kept where it brings
    more. In vain, it is tried again later, ever more seldom. Signs of overload (429, 503,
    connections that fail) halve the number; first bytes that take several times as long as at
    first, without more bytes a second, lower it by a quarter.

    ``latency_seconds`` is how long a first byte took before, connecting included, if that is
    known. If it is long, the search begins with what one host may be asked for: half a
    second of looking costs more there than connections that turn out to be too many.

    What one host may be asked for is 16 connections. If requests are short and the round trip is
    long, a connection mostly waits: then more are tried, up to as many as bring no more requests
    a second than 16 would over a shorter link, and kept only where they bring more bytes. Any
    failure that may come from so many connections ends that.

    Either number is one of those that the machine has file descriptors for: ``allowance``.
    """

    def __init__(
        self, options: TransferOptions, now: float, latency_seconds: float | None = None
    ) -> None:
        self.adaptive = options.in_flight == "auto"
        most = options.most_in_flight
        self.allowance = Allowance(most)
        first = _FIRST_LIMIT if (latency_seconds or 0.0) < _LONG_SECONDS else HOST_LIMIT
        self.limit = min(first, most) if self.adaptive else most
        self._interval = _Interval(now)
        self._usual_latency: float | None = None
        self._best: tuple[float, int] = (0.0, self.limit)
        """The most bytes a second, and the smallest number that brought them."""
        self._last_rate = 0.0
        self._at_this_limit = 0
        self._searching = True
        self._starting = True
        """True until something stops the growth."""
        self._patience = _PATIENCE
        self._quiet_until = 0.0
        self._raised = False
        """True while short requests may have more connections to a host."""
        self._may_be_raised = True

    def host_limit(self, round_trip_seconds: float | None) -> int:
        """Return how many connections a host may have, by its round trip, if that is known."""
        if not self._raised or round_trip_seconds is None:
            return HOST_LIMIT
        return _host_most(round_trip_seconds)

    def ran_short(self, left: int, now: float) -> None:
        """Record that the machine has no file descriptor for more than ``left`` transfers."""
        self.allowance.ran_short(left, now)
        if self.limit > self.allowance.most:
            self.limit = self.allowance.most

    def _recover(self, now: float) -> None:
        before = self.allowance.most
        if self.allowance.recover(now) and (not self.adaptive or self.limit == before):
            self.limit = self.allowance.most

    def settle_at(self, active: int) -> None:
        """Lower the limit to the transfers in flight: the hosts take no more."""
        if self.adaptive and 0 < active < self.limit:
            self._go_to(active, min(self._best[0], self._last_rate), searching=False)

    def arrived(
        self, first_byte_seconds: float, seconds: float, round_trip_seconds: float | None = None
    ) -> None:
        """Record how long a request took, and its first byte, and the round trip to its host."""
        interval = self._interval
        interval.latencies.append(first_byte_seconds)
        interval.seconds += seconds
        interval.round_trips += round_trip_seconds or 0.0

    def failed(self, failure: Failure, now: float) -> None:
        """Record a failed attempt, and halve the limit if it is a sign of overload."""
        overload = failure.status in (429, 503) or failure.scope is Scope.BASE
        if self._raised and (overload or failure.status is None):
            # A host may close or reset the connections that are too many for it.
            self._raised = self._may_be_raised = False
        if self.adaptive and overload and now >= self._quiet_until:
            self._quiet_until = now + _QUIET_SECONDS
            self._starting = False
            self._go_to(max(1, self.limit // 2), 0.0, searching=False)

    def observe(self, now: float, received: int, active: int) -> None:
        """Adapt the limit to the bytes received so far; to be called about ten times a second."""
        self._recover(now)
        if not self.adaptive:
            return
        interval = self._interval
        interval.looks += 1
        interval.full += active >= self.limit
        # Several round trips, so that what was changed can show.
        trips = 3 if self._starting and interval.is_short else 6
        if now - interval.since < max(_INTERVAL_SECONDS, trips * (self._usual_latency or 0.0)):
            return
        self._interval = _Interval(now, received)
        from statistics import median

        latency = median(interval.latencies) if interval.latencies else None
        if latency is not None:
            self._usual_latency = min(latency, self._usual_latency or latency)
        if self.limit and interval.full >= 0.7 * interval.looks and now >= self._quiet_until:
            rate = (received - interval.received) / (now - interval.since)
            self._raise(interval)
            self._judge(rate, latency, interval)
            self._last_rate = rate

    def _raise(self, interval: _Interval) -> None:
        """Let a host have more connections while requests to it are short, or no longer."""
        told = len(interval.latencies) >= self.limit // 2
        if interval.is_short and told and self._may_be_raised:
            self._raised = True
        elif interval.is_long:
            self._raised = False

    def _judge(self, rate: float, latency: float | None, interval: _Interval) -> None:
        best_rate, best_limit = self._best
        self._at_this_limit += 1
        on_trial = self.limit > best_limit
        growing = not interval.waiting and rate > _STILL_GROWING * self._last_rate
        undecided = self._searching or on_trial
        most = self.host_limit(interval.round_trip_seconds)
        short = most > HOST_LIMIT and rate > _GAIN * best_rate
        if (
            self._starting
            and (growing or short)
            and self.limit < most
            and not self._is_late(latency)
        ):
            self._best = (rate, self.limit)
            self._try(min(2 * self.limit, most))
            return
        if undecided and growing and self._at_this_limit < _INTERVALS_TO_GROW:
            return
        if on_trial and rate < _HALTED * best_rate and self._at_this_limit == 1:
            return
        self._starting = False
        if on_trial and rate < _GAIN * best_rate:
            self._patience = min(_PATIENCE_AT_MOST, 2 * self._patience)
            self._go_to(best_limit, best_rate, searching=False)
        elif self._is_late(latency) and rate < _GAIN * best_rate and self.limit > 2:
            self._go_to(self.limit - self.limit // 4, rate, searching=False)
        elif undecided or self._at_this_limit >= self._patience:
            self._best = (rate, self.limit)
            self._searching = True
            self._try(min(2 * self.limit, most) if self.limit < most else 2 * self.limit)
        else:
            self._best = (0.8 * best_rate + 0.2 * rate, self.limit)

    def _is_late(self, latency: float | None) -> bool:
        usual = self._usual_latency
        return latency is not None and usual is not None and latency > _LATENCY_RISE * usual + 0.05

    def _try(self, limit: int) -> None:
        limit = min(limit, self.allowance.most)
        self._at_this_limit = 0
        self._searching = limit != self.limit
        self.limit = limit

    def _go_to(self, limit: int, rate: float, *, searching: bool) -> None:
        self._best = (rate, limit)
        self._try(limit)
        self._searching = searching


class _Interval:
    """The measurements since the last change or decision."""

    __slots__ = ("full", "latencies", "looks", "received", "round_trips", "seconds", "since")

    def __init__(self, since: float, received: int = 0) -> None:
        self.since = since
        self.received = received
        self.looks = 0
        self.full = 0
        """How often as many transfers were in flight as allowed."""
        self.latencies: list[float] = []
        self.seconds = 0.0
        self.round_trips = 0.0
        """The seconds of a round trip for each transfer, where it is known."""

    @property
    def round_trip_seconds(self) -> float | None:
        """The mean round trip; None without a transfer."""
        return self.round_trips / len(self.latencies) if self.latencies else None

    @property
    def is_short(self) -> bool:
        """True if transfers took only a few round trips."""
        return 0 < self.seconds <= _SHORT_ROUND_TRIPS * self.round_trips

    @property
    def is_long(self) -> bool:
        """True if transfers took many round trips."""
        return self.seconds > 2 * _SHORT_ROUND_TRIPS * self.round_trips

    @property
    def waiting(self) -> bool:
        """True if transfers spent most of their time waiting for first bytes."""
        return sum(self.latencies) > _WAITING_SHARE * self.seconds


def _host_most(round_trip_seconds: float) -> int:
    most = round(_REQUESTS_PER_SECOND * round_trip_seconds)
    return max(HOST_LIMIT, min(most, _HOST_CEILING))
