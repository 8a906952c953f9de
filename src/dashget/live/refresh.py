"""When to read the manifest again: as its update period says, but never in a busy loop, and never
so late that something it lists comes and goes unseen."""

from __future__ import annotations

import math
from typing import Final

from dashget.live.listing import Version

_LEAST: Final = 1.0
"""The usual least time between two reads; less for shorter segments."""
_UNTOLD: Final = 5.0
"""The time between reads of a document that names none and lists no segments."""
_SELDOM: Final = 60.0
_LONGEST: Final = 3600.0
"""The longest time between two reads, whatever a document promises."""
_LONGEST_BACKOFF: Final = 10.0
_FIRST_BACKOFF: Final = 0.25
_MOST_EXPIRED_READS: Final = 5
"""So often a document is read at most, with longer and longer pauses, until it is a newer one."""
_DOUBT_STEPS: Final = 8
_OVER_LEAST: Final = 2.0
_OVER_MOST: Final = 10.0
"""The time between two reads of the manifest of a presentation that is over."""


class Refresh:
    """Decides when the next read begins. All times are monotonic."""

    def __init__(self) -> None:
        self.failures = 0
        """How many reads have failed in a row."""
        self._began = -math.inf
        self._at = -math.inf
        self._idle = 0
        """How many reads in a row have brought nothing new."""
        self._stale = False
        self._wanted = False
        self._doubted = False
        self._expired: float | None = None
        """The publish time of the newest document that is known not to be valid any more."""
        self._expired_reads = 0
        self.over = False
        """True if the newest document says that the presentation is over."""
        self._ended = False
        self.depth = math.inf
        """The shortest window that a document had."""
        self._rests = -math.inf
        """No read begins before: the one before has been so much work."""

    @property
    def is_pressing(self) -> bool:
        """True if the next read is made since something tells of a newer document."""
        return self._wanted or self._doubted or self._stale or self._expired is not None

    def began(self, now: float) -> None:
        """Record that a read begins."""
        self._began, self._wanted, self._doubted = now, False, False

    def worked(self, now: float, seconds: float) -> None:
        """Record that an answer took so much time on the CPU: what follows is as long a rest.

        So reads take half of one core at most, whatever a server sends, and however often.
        """
        self._rests = now + seconds

    def failed(self, now: float, version: Version | None, retry_after: float | None = None) -> None:
        """Record that it has failed. A pause that the server asks for is kept, if what is there
        then can still be had."""
        self.failures += 1
        longest = _LONGEST_BACKOFF
        if version is not None:
            if version.depth is not None:
                half = max(version.depth / 2, least(version))
                longest = min(longest, max(version.depth / 8, version.step / 2), half)
            if version.update is not None:
                longest = min(longest, max(version.update, _LEAST))
        pause: float = min(_FIRST_BACKOFF * 2.0 ** min(self.failures - 1, 10), longest)
        if retry_after is not None:
            depth = None if version is None else version.depth
            most = _SELDOM if depth is None else min(_SELDOM, depth / 4)
            pause = max(pause, min(retry_after, most))
        self._at = now + max(pause, 0.05)

    def read(self, now: float, version: Version, *, new: bool, stale: bool) -> None:
        """Record a document that was read: ``new`` if it brought anything."""
        self.failures = 0
        if self._expired is not None:
            self._expired_reads += 1
            newer = version.publish is not None and version.publish > self._expired
            if newer or self._expired_reads > _MOST_EXPIRED_READS:
                self._expired = None
        self._idle = 0 if new else self._idle + 1
        self._stale = stale
        if not stale:
            self.over = not version.dynamic
        self.depth = min(self.depth, version.depth or math.inf)
        self._at = self._began + self._interval(version)
        if self._at <= now:
            self._at = now + least(version) / 2

    def end(self, *, ended: bool) -> None:
        """Have it read slowly, or as it says: the presentation seems to be over, or goes on."""
        self._ended = ended

    def want(self) -> None:
        """Have it read soon, since some segment was refused."""
        self._wanted = True

    def expire(self, publish: float) -> None:
        """Have a document read that is newer: an event says that there is one, or will be soon."""
        if self._expired is None or publish > self._expired:
            self._expired, self._expired_reads = publish, 0

    def soon(self, version: Version) -> float:
        """Return the earliest time of the next read."""
        return max(self._began + least(version), self._rests)

    def doubt(self) -> None:
        """Have it read early, since what it announces is not there again and again."""
        self._doubted = True

    def next_at(self, version: Version | None) -> float:
        """Return when the next read begins."""
        return max(self._wanted_at(version), self._rests)

    def _wanted_at(self, version: Version | None) -> float:
        at = self._at
        if (self.over or self._ended) and version is not None:
            slowly = self._began + self._slow(version)
            at = slowly if self.over and not self.failures else min(at, slowly)
        if self._expired is not None and version is not None:
            pause = least(version) * 2**self._expired_reads if self._expired_reads else 0.0
            return min(at, self._began + max(pause, least(version)))
        if self._wanted and version is not None:
            return min(at, self._began + least(version))
        if self._doubted and version is not None:
            return min(at, self._began + _DOUBT_STEPS * max(version.step, least(version)))
        return at

    def _slow(self, version: Version) -> float:
        """Return the time between two reads after the end.

        An encoder that begins again has the window that it had.
        """
        usual = min(max(2 * version.step, _OVER_LEAST), _OVER_MOST, self.depth / 2)
        return max(usual, least(version))

    def _interval(self, version: Version) -> float:
        """Return the time from the begin of one read to that of the next."""
        soonest = least(version)
        wait: float
        if self._stale:
            return soonest
        update, step = version.update, version.step
        if update is None:
            # It says that it never changes: real ones do.
            usual = max(step, soonest) if version.explicit else _UNTOLD
            wait = min(usual * 2 ** min(self._idle, 6), _SELDOM)
        elif update <= step and version.explicit:
            wait = max(update, min(step, _UNTOLD), soonest) if update == 0 else update
        elif update == 0:
            wait = _UNTOLD
        else:
            wait = update
        if version.explicit:
            wait = min(wait, max(step, soonest) * _DOUBT_STEPS)
        if version.depth is not None:
            wait = min(wait, version.depth / 2)
        return max(min(wait, _LONGEST), soonest)


def least(version: Version) -> float:
    """Return the least time between two reads."""
    return min(_LEAST, max(version.step, 0.1))
