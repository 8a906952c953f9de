"""How late a line's segments are: an encoder's promise of availability is seldom kept exactly."""

from __future__ import annotations

from collections import deque
from typing import Final

_KEPT: Final = 64
_SHARE: Final = 0.9


class Lag:
    """Learns how long after their promised time segments are there."""

    __slots__ = ("_late", "seconds")

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=_KEPT)
        self.seconds = 0.0
        """The time after which nine of ten segments were there."""

    def came(self, late: float, *, at_first: bool) -> None:
        """Learn from a segment that came ``late`` seconds after its promised time.

        One that came when it was first asked for may have been there before: it only counts
        where others were late, and so lets the lag shrink again.
        """
        if at_first and not self._late:
            return
        self._late.append(min(late, self.seconds * _SHARE) if at_first else late)
        ranked = sorted(self._late)
        self.seconds = max(0.0, ranked[int((len(ranked) - 1) * _SHARE)])
