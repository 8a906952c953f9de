"""The transfer engine: many resources at once, over libcurl's multi interface."""

from __future__ import annotations

import random as random_module
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from dashget.transfer.options import TransferOptions
from dashget.transfer.request import Fetched, Hooks, Job, Request, TransferError


class Engine:
    """Fetch resources with retry, resume and failover; see ``run`` and ``fetch``."""

    def __init__(
        self,
        options: TransferOptions,
        *,
        hooks: Hooks | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        raise NotImplementedError

    def run(
        self, jobs: Iterable[Job], done: Callable[[Job, Fetched | TransferError], object]
    ) -> None:
        """Fetch all jobs, and call ``done`` once for each that was started.

        ``jobs`` is pulled lazily, from the engine's threads, one at a time; transfers
        start in its order. Returns when every started job is done. After ``cancel``, and on
        KeyboardInterrupt (which is raised again at the end), no job is started any more;
        those under way are given to ``done`` as TransferError with ``cancelled`` set and
        keep their parts. Raises StoreError when the disk can take no more, and whatever
        ``jobs``, ``done`` or a hook raised; jobs under way are given to ``done`` first.
        """
        raise NotImplementedError

    def fetch(self, request: Request, *, max_bytes: int) -> tuple[Fetched, bytes]:
        """Fetch one small resource into memory; TransferError if that fails."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Stop soon. Safe in a signal handler and from any thread."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections that are kept open between runs."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
