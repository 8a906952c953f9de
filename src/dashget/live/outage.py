"""Outages: of the origin, or of the server of one line; no reason to give a segment up."""

from __future__ import annotations

from typing import Final

_ENOUGH: Final = 3
"""So many failures in a row, with no success between, make an outage."""
_KEPT: Final = 1000
"""The outages that are kept; two neighbours become one beyond that."""


class Outages:
    """Knows if the origin answers, and when it did not; of a line: if its server does.

    Times are the server's.
    """

    def __init__(self) -> None:
        self.past: list[tuple[float, float]] = []
        self.since: float | None = None
        """When the present one began; None: there is none."""
        self._first_failure: float | None = None
        self._failures = 0
        self._pause = 0.0
        self.probe_at = 0.0
        """Monotonic time at which the origin is asked again."""

    @property
    def failing(self) -> bool:
        """True if the last request had no answer."""
        return self._failures > 0

    def allows(self, now: float, flying: int) -> bool:
        """Return True if a request may be made: during an outage one now and then."""
        return self.since is None or (not flying and now >= self.probe_at)

    def failed(self, server: float, now: float, longest_pause: float) -> bool:
        """Record a request without an answer; return True if an outage begins with it."""
        if self._first_failure is None:
            self._first_failure = server
        self._failures += 1
        if self._failures < _ENOUGH:
            return False
        if now >= self.probe_at:
            self._pause = min(max(self._pause * 2, longest_pause / 16), longest_pause)
            self.probe_at = now + self._pause
        if self.since is not None:
            return False
        self.since = self._first_failure
        return True

    def worked(self, server: float) -> tuple[float, float] | None:
        """Record an answer; return the outage that ends with it, if there was one."""
        self._first_failure, self._failures, self._pause, self.probe_at = None, 0, 0.0, 0.0
        since, self.since = self.since, None
        if since is None:
            return None
        self.add(since, server)
        return since, server

    def add(self, begin: float, end: float) -> None:
        """Add a past outage."""
        self.past.append((begin, end))
        if len(self.past) > _KEPT:
            (first, _), (_, last) = self.past[:2]
            self.past[:2] = [(first, last)]

    def forget(self, before: float) -> None:
        """Forget past outages that were over before a moment."""
        self.past = [outage for outage in self.past if outage[1] >= before]

    def overlap(self, begin: float, end: float) -> bool:
        """Return True if the origin was out at some time between two moments."""
        if self.since is not None and self.since <= end:
            return True
        return any(first <= end and begin <= last for first, last in reversed(self.past))
