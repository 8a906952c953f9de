"""Debug records of a run: what is requested, tried again and answered.

The engine puts a ``Trace`` before the caller's hooks, only where records are wanted.
"""

from __future__ import annotations

from collections.abc import Callable

from dashget.common.log import Log
from dashget.transfer.contract import Fetched, Hooks, Job, Reading, TransferError


class Trace(Hooks):
    """Hooks that write records, and call the caller's hooks."""

    wants_starts = True

    def __init__(
        self, log: Log, hooks: Hooks, done: Callable[[Job, Fetched | TransferError], object]
    ) -> None:
        self._log = log
        self._hooks = hooks
        self._done = done
        self.wants_timings = hooks.wants_timings

    def on_started(self, job: Job, offset: int) -> None:
        """Record the first request of a job."""
        request = job.request
        span = f" bytes {request.range}" if request.range else ""
        more = f", resumed at {offset}" if offset else ""
        others = f", {len(request.urls) - 1} more URLs" if len(request.urls) > 1 else ""
        self._log.debug(f"{request.method.value} {request.url}{span}{more}{others}")
        if self._hooks.wants_starts:
            self._hooks.on_started(job, offset)

    def on_retry(self, job: Job, url: str, attempt: int, delay_seconds: float, reason: str) -> None:
        """Record a failed attempt that another one follows."""
        self._log.debug(f"retry of {url} in {delay_seconds:.1f} s, attempt {attempt}: {reason}")
        self._hooks.on_retry(job, url, attempt, delay_seconds, reason)

    def on_anew(self, job: Job, url: str, dropped: int, reason: str) -> None:
        """Record that the bytes on disk are of no use."""
        self._log.debug(f"starting {url} again, {dropped} bytes dropped: {reason}")
        self._hooks.on_anew(job, url, dropped, reason)

    def on_tick(self, reading: Reading) -> None:
        """Pass a reading on."""
        self._hooks.on_tick(reading)

    def done(self, job: Job, result: Fetched | TransferError) -> None:
        """Record how a job has ended."""
        url = job.request.url
        if isinstance(result, Fetched):
            head = result.head
            redirected = "" if head.url == head.asked else f", redirected to {head.url}"
            resumed = ", resumed" if result.resumed else ""
            self._log.debug(
                f"HTTP {head.status} (HTTP/{head.http_version}, {result.remote}): {head.asked},"
                f" {result.size} bytes in {result.seconds:.3f} s,"
                f" {result.requests} requests{redirected}{resumed}"
            )
        else:
            stopped = "stopped" if result.cancelled else "failed"
            self._log.debug(f"{stopped}: {url} after {result.attempts} attempts: {result.message}")
            for tried, reason in result.tried:
                self._log.debug(f"  tried {tried}: {reason}")
        self._done(job, result)
