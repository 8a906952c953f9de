"""While a call waits: what is told of it, and the time that it may take.

A manifest that does not come is told of; a call whose time is up is stopped in order.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

from dashget.common.secrets import hide_user
from dashget.common.stopping import Bound, Stop
from dashget.errors import DashGetError, LimitReachedError, UsageError
from dashget.events import MANIFEST, ManifestAwaited, Observer, RetryScheduled
from dashget.transfer.contract import Hooks, Job, Reading

PATIENCE_SECONDS: Final = 2.0
_LONGER_HINT: Final = "allow more time with --max-time; the same command goes on"


class ManifestHooks(Hooks):
    """Reports failed attempts for a manifest that others follow, and once a wait of two seconds."""

    def __init__(
        self,
        observer: Observer,
        url: str | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``url`` is None for a manifest that comes from no server."""
        self._observer = observer
        self._url = url
        self._clock = clock
        self._until = clock() + PATIENCE_SECONDS

    def on_retry(self, job: Job, url: str, attempt: int, delay_seconds: float, reason: str) -> None:
        """Report a failed attempt."""
        self._observer(RetryScheduled(MANIFEST, url, attempt, delay_seconds, reason))

    def on_tick(self, reading: Reading) -> None:
        """Report that the manifest is still awaited, after two seconds."""
        if self._url is not None and self._clock() >= self._until:
            url, self._url = self._url, None
            self._observer(ManifestAwaited(hide_user(url)))


@contextlib.contextmanager
def timed(stop: Stop, seconds: float | None) -> Iterator[None]:
    """Request a stop when a ``with`` block has taken so long; None: never.

    Within another such block with the same stop, that one's time counts: a call may consist of
    several.
    """
    if seconds is None or stop.timed:
        yield
        return
    import threading

    timer = threading.Timer(seconds, stop.request, (Bound.TIME,))
    timer.name, timer.daemon = "dashget-max-time", True
    stop.timed = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        stop.timed = False


@contextlib.contextmanager
def in_time(
    stop: Stop, seconds: float | None, doing: str, *, has_result: bool = False
) -> Iterator[None]:
    """Do what a ``with`` block holds within a time, else raise LimitReachedError.

    ``doing`` completes the sentence "the time was up while ...". What was cut short may end with
    an error of its own, or seem to be complete: with ``has_result`` its result tells that itself.
    """
    with timed(stop, seconds):
        error: DashGetError | None = None
        try:
            yield
        except UsageError:
            raise
        except DashGetError as raised:
            if stop.bound is not Bound.TIME:
                raise
            error = raised
        if error is not None or (stop.bound is Bound.TIME and not has_result):
            message = f"--max-time: the time was up while {doing}"
            raise LimitReachedError(message, hint=_LONGER_HINT) from error
