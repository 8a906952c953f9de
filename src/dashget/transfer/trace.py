"""Debug records of a run: what is requested, tried again and answered.

The engine puts a ``Trace`` before the caller's hooks, only where records are wanted.
"""

from __future__ import annotations

from collections.abc import Callable

from dashget.common.log import Log
from dashget.transfer.contract import Fetched, Hooks, Job, Reading, Timing, TransferError


class Trace(Hooks):
    """Hooks that write records, and call the caller's hooks."""

    wants_starts = True
    wants_timings = True

    def __init__(
        self, log: Log, hooks: Hooks, done: Callable[[Job, Fetched | TransferError], object]
    ) -> None:
        self._log = log
        self._hooks = hooks
        self.given_up = hooks.given_up
        self._done = done

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

    def on_retagged(self, job: Job, url: str) -> None:
        """Record that ETags differ for the same bytes."""
        self._log.debug(f"{url} has another ETag, and the same bytes as far as they were compared")
        self._hooks.on_retagged(job, url)

    def on_warning(self, message: str) -> None:
        """Record what the user is told."""
        self._log.debug(message)
        self._hooks.on_warning(message)

    def on_reported(self) -> None:
        """Pass on that all is reported that has ended."""
        self._hooks.on_reported()

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
        if result.answer is not None and result.answer.timing is not None:
            self._log.debug(f"  {_stages(result.answer.timing)}")
        self._done(job, result)


def _stages(timing: Timing) -> str:
    """Return when the stages of a request ended, in milliseconds from its beginning."""
    stages = [("first byte", timing.first_byte_seconds), ("end", timing.total_seconds)]
    if not timing.reused:
        connecting = [
            ("name lookup", timing.name_lookup_seconds),
            ("connection", timing.connect_seconds),
            ("TLS", timing.tls_seconds),
        ]
        stages = [*((name, at) for name, at in connecting if at is not None), *stages]
    kind = "open connection" if timing.reused else "new connection"
    count = timing.redirects
    redirects = f" after {count} redirect{'s' if count > 1 else ''}" if count else ""
    told = ", ".join(f"{name} {1000 * at:.1f} ms" for name, at in stages)
    return f"{kind}{redirects}: {told}"
