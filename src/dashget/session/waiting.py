"""What is told while a manifest is fetched: retries, and that it takes long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from dashget.common.secrets import hide_user
from dashget.events import MANIFEST, ManifestAwaited, Observer, RetryScheduled
from dashget.transfer.contract import Hooks, Job, Reading

PATIENCE_SECONDS: Final = 2.0


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
