"""Counts the requests that are at a host at once, without regard to how fast anything is.

Requests are held before they are answered, until all that the engine has in flight are there:
no more can come then, unless some of them are answered. So the number that was found is what
the engine lets be there, and neither the luck nor the speed of the machine that the test is on.
"""

from __future__ import annotations

import threading

from dashget.transfer.contract import Reading
from tests.support.faultserver import Seen
from tests.support.sinks import Transfers

DEADLINE_SECONDS = 60.0
PATIENT = {"timeout_seconds": 2 * DEADLINE_SECONDS, "overtake_seconds": 2 * DEADLINE_SECONDS}
"""Options with which nothing is taken for slow or stalled because it is held."""


class Crowd:
    """Holds requests: ``arrive`` is for ``Answer.note``. Of more than ``most``, none is held.

    ``rounds_of`` is for where nobody can look: a round ends as soon as so many are there.
    """

    def __init__(self, most: int = 16, *, passing: int = 1, rounds_of: int | None = None) -> None:
        self.most = 0
        """The largest number that was there at once."""
        self.count = 0
        """Number of requests so far."""
        self._limit = most
        self._passing = passing
        """Number of requests that are let through at first. Where transfers are to share connections, libcurl
        waits for one answer, to see whether that connection can be shared."""
        self._rounds_of = rounds_of
        self.here = 0
        """The number that is there now."""
        self._round = self._in_round = 0
        self._changed = threading.Condition()

    def arrive(self, seen: Seen) -> None:
        """Hold a request until its round is over."""
        with self._changed:
            self.count += 1
            if self.count > self._passing:
                self.stay()

    def stay(self) -> None:
        """Wait for the end of the round, with the lock held."""
        self.here += 1
        self._in_round += 1
        self.most = max(self.most, self.here)
        mine = self._round
        # Not all of the last round need have noticed its end yet: they are here, too.
        if self._in_round == self._rounds_of or self.most > self._limit:
            self._end_round()
        self._changed.wait_for(
            lambda: self._round != mine or self.most > self._limit, DEADLINE_SECONDS
        )
        # Before it is answered: the client may have sent the next one before this is counted.
        self.here -= 1

    def look(self, reading: Reading) -> None:
        """End the round if all that is in flight is here."""
        with self._changed:
            if 0 < reading.in_flight <= self.here:
                self._end_round()

    def _end_round(self) -> None:
        self._round += 1
        self._in_round = 0
        self._changed.notify_all()

    def watch(self, transfers: Transfers) -> None:
        """Look at each reading that the engine gives."""
        transfers.log.on_tick = self.look  # type: ignore[method-assign]  # in place of a log
