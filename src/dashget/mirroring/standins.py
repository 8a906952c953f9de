"""Hosts that send one and the same thing in place of every file, such as a maintenance page.

That is the host's failure, and costs no file its tries. It is met as an outage is (see
``transfer.run.outages``), with what only this package knows: what a file should be.

1. *Files in a row*, three or more, have the same in their place, after others had come.
2. A file that had come is asked for again. If it comes, the others are odd themselves, and the
   run goes on.
3. If not, nothing else is asked for, and that file now and then, ever more seldom. After
   ``host_patience_seconds``, at most half a minute, what is left fails without a request: a page
   in place of files is more often a URL's token that has run out, which no waiting brings back.

Loaded late: few hosts do so.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Final

from dashget.common.url import Url
from dashget.media.inspection import why_odd
from dashget.mirroring.files import role_of
from dashget.mirroring.missing import kind_of
from dashget.transfer.contract import Patience, Request, TransferError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashget.common.stopping import Stop
    from dashget.mirroring.files import PlannedFile
    from dashget.mirroring.missing import Missing
    from dashget.transfer.contract import Fetched, Transfers

_PAUSE_SECONDS: Final = 0.2
_PAUSE_AT_MOST_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 30.0
"""What is waited at most."""
_LARGEST_BYTES: Final = 1 << 22
_SLICE_SECONDS: Final = 0.2
"""A stop, which a signal may request, is noticed as soon as this."""
_ONCE: Final = Patience(attempts=1)
_OF_EVERY_HOST: Final = frozenset({408, 425, 429})


class StandIns:
    """Looks at the hosts of one run, and waits for them."""

    def __init__(
        self,
        engine: Transfers,
        stop: Stop,
        count: Callable[[PlannedFile, Fetched | TransferError], object],
        warn: Callable[[str], object],
        tick: Callable[[], object],
    ) -> None:
        """``count`` is called with the result of each request, ``tick`` now and then in a wait."""
        self._engine = engine
        self._stop = stop
        self._count = count
        self._warn = warn
        self._tick = tick
        self._told = False
        self._begun = 0.0
        """When the host was first found at fault since any file came."""
        self._came = -1

    def decide(self, missing: Missing, good: PlannedFile | None) -> bool:
        """Decide about files in a row; return True if their host was at fault, and is no more."""
        if good is None or self._comes(good, missing.last):
            missing.clear_host()
            return False
        if self._stop.requested:
            return False
        patience = min(self._engine.host_patience_seconds, _PATIENCE_SECONDS)
        host, what = Url.parse(good.urls[0]).host, missing.last
        if missing.came() != self._came:
            self._came, self._begun = missing.came(), time.monotonic()
        begun = self._begun
        if patience and not self._told:
            self._told = True
            self._warn(
                f"{host} fails for every file ({what}); it is asked again now and then, for up to"
                f" {patience:.0f} s"
            )
        pause = _PAUSE_SECONDS
        while (left := begun + patience - time.monotonic()) > 0:
            if not self._sleep(min(left, pause * random.uniform(0.75, 1.25))):  # noqa: S311  # no secret
                return False
            pause = min(2 * pause, _PAUSE_AT_MOST_SECONDS)
            if self._comes(good, missing.last):
                missing.forget_row()
                return True
        seconds = f"{time.monotonic() - begun:.0f} s"
        missing.give_up(f"{host} has failed for every file for {seconds}: {what}")
        return False

    def _comes(self, file: PlannedFile, instead: str) -> bool:
        """Return True if a file comes, or fails in a way that is its own.

        ``instead`` tells what has come in place of others.
        """
        try:
            fetched, body = self._engine.fetch(
                Request(file.urls[:1]), max_bytes=_LARGEST_BYTES, patience=_ONCE
            )
        except TransferError as error:
            self._count(file, error)
            status = error.status
            return status is not None and status < 500 and status not in _OF_EVERY_HOST
        self._count(file, fetched)

        def read(offset: int, most: int) -> bytes:
            return body[offset : offset + most]

        odd = why_odd(read, len(body), role_of(file.planned))
        return odd is None or kind_of(odd) != kind_of(instead)

    def _sleep(self, seconds: float) -> bool:
        """Sleep for a time; return False if a stop is requested."""
        changed, until = threading.Event(), time.monotonic() + seconds
        while not self._stop.requested and (left := until - time.monotonic()) > 0:
            self._tick()
            changed.wait(min(left, _SLICE_SECONDS))
        return not self._stop.requested
