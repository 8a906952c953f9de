"""Follow redirects, step by step, within bounds, and keep where they led.

A redirected request may have to wait for the host that it was sent to: that one may have as many
requests as it is to have, or want to be left alone. Then its task keeps where it was led and goes
on there, rather than be redirected once more for each look at that host. So do the parallel ranges
of a file, as long as the redirect of the first one holds. What is so kept may be good no longer,
as signed URLs are after a while: then the task begins with its own URL again, and keeps to it.
"""

from __future__ import annotations

import math

from dashget.errors import Retry
from dashget.transfer.http.failure import Failure, policy_failure
from dashget.transfer.http.judge import Redirect
from dashget.transfer.http.origin import Origin, Origins
from dashget.transfer.pacing.forecast import Forecast
from dashget.transfer.run.task import Led, Task
from dashget.transfer.run.wire import Wire
from dashget.transfer.settings.options import TransferOptions

_WAITS_SECONDS = 60.0
"""How old a redirect may be for the request that it was given to."""


class Redirects:
    """Where the requests of a run have been led. All is called with the run's lock held."""

    __slots__ = ("_forecast", "_most", "_origins", "_patience")

    def __init__(self, options: TransferOptions, origins: Origins, forecast: Forecast) -> None:
        self._most = options.max_redirects
        self._patience = options.retry_after_limit_seconds
        self._origins = origins
        self._forecast = forecast

    def follow(self, wire: Wire, redirect: Redirect, now: float) -> tuple[str, Origin] | Failure:
        """Return URL and origin of the next request of an attempt, or why there is none."""
        target = self._origins.redirect(wire.url, redirect.location)
        if isinstance(target, Failure):
            return target
        wire.visited.add(wire.url)
        wire.hops += 1
        wire.led_until = min(wire.led_until, now + redirect.lasts_seconds)
        if target in wire.visited and not redirect.sets_cookie:
            return policy_failure(f"redirect loop at {self._origins.shown(target)}")
        if wire.hops > self._most:
            return policy_failure(f"more than {self._most} redirects")
        origin = self._origins.of(target)
        if isinstance(origin, Failure):
            return origin
        self._forecast.redirected(wire.origin, origin)
        return target, origin

    def keep(self, task: Task, wire: Wire, url: str, origin: Origin, now: float) -> None:
        """Have a task, which is to wait for ``origin``, go on there."""
        if not task.asks_anew:
            task.led = _led(wire, url, origin)
            task.led.waits_until = now + _WAITS_SECONDS

    def accepted(self, task: Task, wire: Wire, now: float) -> None:
        """Take note of who has given a good answer, and keep it for the ranges of a file."""
        self._forecast.answered(wire.origin)
        if wire.hops and task.gaps is not None and now < wire.led_until and not task.asks_anew:
            task.led = _led(wire, wire.url, wire.origin)

    def kept(self, task: Task, now: float) -> Led | None:
        """Return where a task was led and may go on at once; None: it begins with its own URL."""
        led = task.led
        if led is None:
            return None
        holds = now < led.waits_until or (now < led.until and task.gaps is not None)
        too_long = led.origin.not_before > now + self._patience and not task.began
        if holds and not too_long:
            return led
        task.led = None
        return None

    def use(self, task: Task, wire: Wire, led: Led, now: float) -> None:
        """Have an attempt go on where its task was led."""
        wire.go_straight(led)
        led.waits_until = -math.inf
        if task.gaps is None or now >= led.until:
            task.led = None

    def failed(self, task: Task, wire: Wire) -> None:
        """Take note of a failed attempt: the next one may be led elsewhere."""
        if wire.hops:
            task.led = None

    def forgives(self, task: Task, wire: Wire, failure: Failure) -> bool:
        """Say whether a final failure tells of no more than a redirect that held no longer.

        All of a task that went straight on then may fail so; nothing does any more afterwards.
        """
        if not wire.straight or failure.retry is not Retry.ELSEWHERE:
            return False
        task.asks_anew = True
        task.led = None
        return True


def _led(wire: Wire, url: str, origin: Origin) -> Led:
    visited = frozenset(wire.visited)
    return Led(wire.index, url, origin, wire.hops, visited, wire.led_until)
