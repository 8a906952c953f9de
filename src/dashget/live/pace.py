"""How many requests of one line may be under way at once, and how long one takes.

A server that is far away answers each request after the same time, however many there are. A server
that works on one request after the other, and a link that is too slow, need the more time for each
the more there are: then all of many come too late, where some of a few would come in time.
"""

from __future__ import annotations

from typing import Final

_SLOW_LENGTHS: Final = 2.0
"""While a segment takes at most so many times its duration, there are not too many requests."""
_SLOW_SECONDS: Final = 1.0
"""Nor if it takes less than that: busy computers are as slow now and then."""
_SLOWED: Final = 1.5
"""If requests take so many times what one alone takes, they stand in each other's way."""
_UNSLOWED: Final = 1.25
"""If they take at most so many times what one alone takes, one more does no harm."""
_CAREFUL: Final = 0.1
"""The growth with each answer, once there were too many."""
_NEWEST: Final = 0.25
"""The weight of the newest request in what is usual."""
_FASTER: Final = 0.1
"""The weight of a request that was faster than one alone."""
_SHRINKING: Final = 0.05
_MARGIN: Final = 1.25
"""A segment is expected to take at most so many times what the slowest of late has taken."""


class Pace:
    """Learns from each request of a line."""

    __slots__ = ("_alone", "_careful", "_most", "_slowest", "_usual")

    def __init__(self) -> None:
        self._most = 1.0
        self._usual: float | None = None
        """The seconds that a request takes."""
        self._alone: float | None = None
        """The seconds that a request takes with no other one of its line beside it."""
        self._careful = False
        self._slowest = 0.0
        """The seconds that the slowest request of late has taken."""

    @property
    def most(self) -> int:
        """How many requests may be under way."""
        return int(self._most)

    @property
    def expected(self) -> float:
        """In how many seconds what is asked for now will be here, at the latest."""
        return self._slowest * _MARGIN

    def took(
        self, seconds: float, beside: int, length: float, *, answered: bool, here: bool
    ) -> None:
        """Learn how long a request has taken that was one of ``beside`` when it was made.

        ``length`` is the duration of its segment. It failed if it was not ``answered``. An answer
        that brings no segment is soon there: it tells little, unless it is late.
        """
        if seconds > self._slowest:
            self._slowest = seconds
        elif here:
            self._slowest += (seconds - self._slowest) * _SHRINKING
        if answered and not here and (self._usual is None or seconds < self._usual):
            return
        slow = max(_SLOW_LENGTHS * length, _SLOW_SECONDS)
        usual = seconds if self._usual is None else _mixed(self._usual, seconds, _NEWEST)
        self._usual = usual
        if answered:
            self._learn_alone(seconds, beside)
        elif seconds > slow:
            self._fewer(beside / 2)
            self._usual = self._alone
            return
        alone = self._alone or 0.0
        if usual > slow and usual > _SLOWED * alone and beside > 1:
            self._fewer(beside * _UNSLOWED * alone / usual)
        elif here and (usual <= slow or usual <= _UNSLOWED * alone):
            self._most += _CAREFUL if self._careful else 1.0

    def _learn_alone(self, seconds: float, beside: int) -> None:
        if self._alone is None:
            self._alone = seconds
        elif beside == 1:
            self._alone = _mixed(self._alone, seconds, _NEWEST)
        elif seconds < self._alone:
            self._alone = _mixed(self._alone, seconds, _FASTER)

    def _fewer(self, most: float) -> None:
        self._careful = True
        self._most = max(1.0, min(self._most, most))


def _mixed(old: float, new: float, weight: float) -> float:
    return old + (new - old) * weight
