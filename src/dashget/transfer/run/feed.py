"""A job source as an iterator that may run dry and go on later."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from dashget.transfer.contract import Job, JobSource, Wait


class Feed:
    """Iterates over the jobs of a source, and ends while there is none.

    All but ``wake`` is called with the run's lock held.
    """

    __slots__ = ("_clock", "_source", "_wakes", "ended", "waits_until")

    def __init__(self, source: JobSource, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._wakes = 0
        self.ended = False
        """True after the last job."""
        self.waits_until = 0.0
        """Clock time before which the source is not asked."""

    def __iter__(self) -> Iterator[Job]:
        return self

    def __next__(self) -> Job:
        """Return the next job; StopIteration if there is none at the moment."""
        now = self._clock()
        if self.ended or now < self.waits_until:
            raise StopIteration
        wakes = self._wakes
        answer = self._source.next(now)
        if answer is None:
            self.ended = True
        elif isinstance(answer, Wait):
            self.waits_until = answer.until
            if self._wakes != wakes:
                # Woken while it decided to wait.
                self.waits_until = 0.0
        else:
            return answer
        raise StopIteration

    def wake(self) -> None:
        """Have the source asked at once. Takes no lock; may be called by any thread."""
        self._wakes += 1
        self.waits_until = 0.0

    def seconds_left(self, now: float) -> float | None:
        """Return how long the source waits; None if it does not, or for ever."""
        left = self.waits_until - now
        return left if 0 < left < math.inf else None
