"""The number of transfers for which this machine has file descriptors.

A transfer needs one for its connection, and most of the time one for its part. Another program
may take the last ones, and give them back at any time.
"""

from __future__ import annotations

_PAUSE_SECONDS = 0.5
"""The time without a shortage after which one more transfer is allowed."""
_PAUSE_AT_MOST_SECONDS = 30.0
_PAUSE_WITHOUT_ANY_SECONDS = 2.0
"""The longest such time while no transfer is allowed at all."""
_MOMENT_SECONDS = 0.1
"""Transfers that fail within this time met the same shortage."""
_HOPELESS_SECONDS = 10.0


class Allowance:
    """Limits the transfers at once: fewer after a shortage, then more, one by one.

    Each transfer that found no descriptor leaves as many as go on without it. From there the
    number grows again by one after each pause, up to where it failed before; to go as far
    costs a request that comes to nothing, so that is tried ever more seldom.
    """

    __slots__ = (
        "_all",
        "_failed_at",
        "_moment",
        "_more_at",
        "_pause",
        "_progress",
        "_since",
        "most",
    )

    def __init__(self, most: int) -> None:
        self.most = self._all = most
        self._failed_at = most + 1
        """The number that was too high at the last shortage."""
        self._pause = _PAUSE_SECONDS
        self._more_at = 0.0
        self._moment = 0.0
        """Clock time until which a shortage counts as the last one."""
        self._progress: object = None
        self._since = 0.0

    @property
    def is_short(self) -> bool:
        """True if fewer are allowed than the user asked for."""
        return self.most < self._all

    def ran_short(self, left: int, now: float) -> None:
        """Record a transfer that found no descriptor, while ``left`` others have theirs.

        With none left there is a pause before anything is tried again.
        """
        if now >= self._moment:
            again = self.most >= self._failed_at
            longest = _PAUSE_AT_MOST_SECONDS if left > 0 else _PAUSE_WITHOUT_ANY_SECONDS
            self._pause = min(longest, 2 * self._pause) if again else _PAUSE_SECONDS
            self._failed_at = self.most
        self._moment = now + _MOMENT_SECONDS
        self.most = max(0, min(self.most, left))
        self._wait(now)

    def recover(self, now: float) -> bool:
        """Allow one more transfer if it is time; return True if so."""
        if self.most >= self._all or now < self._more_at:
            return False
        self.most += 1
        if self.most > self._failed_at:
            self._pause = max(_PAUSE_SECONDS, self._pause / 2)
        self._wait(now)
        return True

    def is_hopeless(self, progress: object, now: float) -> bool:
        """Return True if no transfer has made progress for long; to be called after a shortage.

        ``progress`` is anything that is not equal once a transfer has brought something.
        """
        if progress != self._progress:
            self._progress, self._since = progress, now
        return not self.most and now - self._since > _HOPELESS_SECONDS

    def _wait(self, now: float) -> None:
        risky = self.most + 1 >= self._failed_at
        self._more_at = now + (self._pause if risky else _PAUSE_SECONDS)
