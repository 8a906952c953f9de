"""The server's time, learnt from samples, on this machine's monotonic clock.

Several kinds of samples tell it: ``UTCTiming``, the ``Date`` of an answer less its ``Age``, and
what a document proves: it cannot list what is not there yet. The best kind that ever came is
used. The time never goes back: if it was ahead, it runs at half its speed for a while. It does go
forward at once, since what is asked for late may be gone.
"""

from __future__ import annotations

import enum
import math
from typing import Final

import msgspec

_SLOWED: Final = 0.5
"""The speed of a time that was ahead."""
_AGAIN_SECONDS: Final = 600.0
_SOON_SECONDS: Final = 10.0
_VAGUE_SECONDS: Final = 2.0
"""A time that may be off by more is asked for again soon."""
_WORSE: Final = 4
"""A sample that is so many times as uncertain as the best one, with its age, changes nothing."""
_DRIFT: Final = 50e-6
"""The usual clock of a computer gains or loses so many seconds a second at most."""

_MOST_DATED_AHEAD: Final = 300.0


class Kind(enum.IntEnum):
    """What a sample comes from; the better ones have the higher numbers."""

    LOCAL = 0
    """This computer's own clock."""
    DATE = 1
    """A ``Date`` header, in whole seconds."""
    UTC = 2
    """A ``UTCTiming``."""


class Sample(msgspec.Struct, frozen=True):
    """The server's time as told in an answer, and the monotonic times of request and answer."""

    kind: Kind
    time: float
    asked: float
    answered: float
    resolution: float = 0.0
    """The time is anything up to so many seconds later."""

    @property
    def offset(self) -> float:
        """Server time less monotonic time, in the middle of what is possible."""
        return self.time + self.resolution / 2 - (self.asked + self.answered) / 2

    @property
    def uncertainty(self) -> float:
        """How far the offset may be off, in seconds."""
        return (self.answered - self.asked + self.resolution) / 2


class ServerClock:
    """Converts monotonic times into those of the server, in seconds since 1970."""

    def __init__(self, wall: float, monotonic: float) -> None:
        """``wall`` is what this computer takes for the time."""
        self.kind = Kind.LOCAL
        self.uncertainty = 0.0
        """How far the time may be off, if the samples are right."""
        self._offset = wall - monotonic
        """The best known one."""
        self._ahead = 0.0
        """By how much the shown time is ahead of it."""
        self._since = monotonic
        self._told_at = monotonic
        self._was_told = False
        self._heard_at = monotonic
        self._doubted = False
        self._least = -math.inf
        """The least that the best known one can be, as is proven."""

    def at(self, monotonic: float) -> float:
        """Return the server's time; never less than for an earlier monotonic time."""
        return monotonic + self._offset + self._left(monotonic)

    def when(self, server: float) -> float:
        """Return the monotonic time at which it will be so late on the server, or is."""
        if not self._ahead or server >= self._even + self._offset:
            return server - self._offset
        if server <= self._since + self._offset + self._ahead:
            return server - self._offset - self._ahead
        shown = self._offset + self._ahead + self._since * (1 - _SLOWED)
        return (server - shown) / _SLOWED

    def observe(self, sample: Sample) -> bool:
        """Take a sample; return True if the time was changed by it."""
        self._heard_at, self._doubted = sample.answered, False
        aged = self.uncertainty + (sample.answered - self._told_at) * _DRIFT
        if self._was_told and sample.kind < self.kind:
            return False
        better = not self._was_told or sample.kind > self.kind
        offset = sample.offset if sample.kind is Kind.UTC else max(sample.offset, self._least)
        if not better and sample.uncertainty > max(aged * _WORSE, 0.001):
            return False
        if not better and abs(offset - self._offset) <= sample.uncertainty:
            # Both agree: the sharper one of them stays.
            self._told_at = sample.answered
            if sample.uncertainty >= self.uncertainty:
                return False
        self._move(offset, sample.answered, first=not self._was_told)
        self.kind, self.uncertainty = sample.kind, sample.uncertainty
        self._told_at, self._was_told = sample.answered, True
        return True

    def prove(self, least: float, monotonic: float, *, surely: bool = False) -> bool:
        """Take that it was at least ``least`` on the server; return True if that is news.

        A time that a ``UTCTiming`` has told stays. A document may be dated ahead: it moves a time
        that a ``Date`` has told by some minutes at most, unless it is ``surely`` so.
        """
        ahead = least - self.at(monotonic)
        if self.kind is Kind.UTC or ahead <= 0:
            return False
        if self._was_told and not surely and ahead > _MOST_DATED_AHEAD:
            return False
        self._least = max(self._least, least - monotonic)
        self._move(least - monotonic, monotonic, first=False)
        return True

    def due_again(self, monotonic: float) -> bool:
        """Return True if the time should be asked for once more."""
        if not self._was_told or monotonic >= self._told_at + _AGAIN_SECONDS:
            return True
        vague = self._doubted or self.uncertainty > _VAGUE_SECONDS
        return vague and monotonic >= self._heard_at + _SOON_SECONDS

    def asked(self, monotonic: float) -> None:
        """Record that the time is asked for, which may fail: it is not asked for all the time."""
        self._heard_at, self._doubted = monotonic, False

    def doubt(self) -> None:
        """Have the time asked for soon: what should be there is not, or this computer has slept."""
        self._doubted = True

    def _move(self, offset: float, monotonic: float, *, first: bool) -> None:
        shown = self.at(monotonic)
        self._offset = offset
        self._since = monotonic
        # Nothing was done by the first time that was shown: it may be stepped back.
        self._ahead = 0.0 if first else max(0.0, shown - (monotonic + offset))

    @property
    def _even(self) -> float:
        """The monotonic time from which on the shown time is no longer ahead."""
        return self._since + self._ahead / (1 - _SLOWED)

    def _left(self, monotonic: float) -> float:
        """Return by how much the shown time is still ahead."""
        return max(0.0, self._ahead - max(0.0, monotonic - self._since) * (1 - _SLOWED))
