"""The time in records and in the names of kept files: UTC."""

from __future__ import annotations

import time
from collections.abc import Callable


class RecordClock:
    """Formats the time of a clock in seconds since 1970; each second only once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second: int | None = None
        self._text = ""

    def now(self) -> str:
        """Return the time for a record: RFC 3339, whole seconds."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
        return self._text

    def stamp(self) -> str:
        """Return the time to the microsecond, fit for a file name."""
        now = self._clock()
        whole = time.strftime("%Y%m%dT%H%M%S", time.gmtime(int(now)))
        return f"{whole}.{int(now % 1 * 1_000_000):06d}Z"
