"""Finds out that the server's clock is ahead of the one that was told, where nothing is there.

If all segments that should be there are missing, the time that was told may be wrong by more than
the window. Then segments that are still to come are asked for, step by step: one that is there
proves the time. If the told time is ahead of the server's, segments come in the end: until the
first one has come, none is given up for having left its window.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from dashget.live.agenda import Asked, request_for
from dashget.live.line import Line
from dashget.live.listing import Listing

_ENOUGH: Final = 3
"""So many segments have to be missing, and none there."""
_MOST_SECONDS: Final = 300.0
_PATIENCE_SECONDS: Final = 120.0
"""For so long after its window a segment is asked for where nothing has come, and no server has
told the time but by a date."""


class Sounding:
    """Chooses the segments that are asked for before their time."""

    def __init__(self) -> None:
        self._missing: set[tuple[int, int]] = set()
        self._seconds = 0.0
        """How far ahead of the told time was asked last."""
        self._asked: Asked | None = None
        self._began = self._found = False
        self._over = False
        self.settled = False
        """True once the time is known well enough: a segment has come."""

    @property
    def spare(self) -> float:
        """For how many seconds after its window a segment may still come."""
        return 0.0 if self.settled or self._found else _PATIENCE_SECONDS

    @property
    def flying(self) -> int:
        """How many requests are under way."""
        return int(self._asked is not None)

    def missed(self, asked: Asked) -> None:
        """Record that a segment is not there."""
        self._missing.add((asked.line.id, asked.run.time))

    def came(self, asked: Asked, lines: Iterable[Line], server: float) -> None:
        """Record that a segment has come.

        If it was missing before, as all others were, the told time is ahead by so much: all lines
        are late by that.
        """
        line, run = asked.line, asked.run
        attempt = line.open.get(run.time)
        late = server - line.promised(run)
        if self._doubts and not self.settled and attempt is not None and attempt.tries:
            for each in lines:
                if late > each.lag.seconds and math.isfinite(late):
                    each.lag.came(late, at_first=False)
        self.settled = self.settled or not self._found

    @property
    def _doubts(self) -> bool:
        return len(self._missing) >= _ENOUGH

    def take(self, lines: Iterable[Line], server: float) -> Asked | None:
        """Return the next request."""
        if self.settled or self._over or self._asked is not None or not self._doubts:
            return None
        for line in lines:
            listing, end = line.listing if line.listings else None, line.known.end
            if listing is None or end is None or not (line.current and listing.step):
                continue
            if listing.static or listing.at_once or listing.depth is None:
                continue
            self._asked = self._next(line, listing, end, server)
            if self._asked is None:
                break
            line.early = self._asked.run.time
            return self._asked
        self._over = True
        self.settled = self._found
        return None

    def _next(self, line: Line, listing: Listing, end: int, server: float) -> Asked | None:
        """Return a request for the newest segment that should be there, then for later ones."""
        newest = line.pending.last
        if not self._began and newest is not None:
            self._began = True
            last = newest
        else:
            self._began = True
            step = listing.step / listing.scale
            self._seconds += step if self._found else max(float(listing.depth or 0) / 2, step)
            early = tuple(listing.runs(server + self._seconds, end))
            if not early or self._seconds > _MOST_SECONDS:
                return None
            last = early[-1]
        one = last.part(last.count - 1, last.count)
        return msgspec.structs.replace(request_for(line, one), sounding=True)

    def answered(self, asked: Asked, *, here: bool) -> bool:
        """Return True if that is the answer to a request of this."""
        if asked is not self._asked:
            return False
        self._asked = asked.line.early = None
        self.settled = self.settled or (self._found and not here)
        if here:
            # The clock is set by it: one segment after the other is asked for from there on.
            self._found, self._seconds = True, 0.0
        return True
