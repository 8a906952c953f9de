"""Since when the documents have shown all that there was: a hole after that is no loss.

A track such as sparse text has nothing for minutes. The recorder need not have been at work when
that began: a document shows the time before it was read, too, up to the begin of its window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from dashget.live.listing import Axis, Version

_STEPS: Final = 2
"""Every list has as many segments, and every track as many seconds, before its end."""
_NEAR: Final = 0.5


class Sight:
    """What the documents of one recorder have shown without a pause. Times are the server's."""

    def __init__(self) -> None:
        self._since = math.inf
        self._newest = -math.inf
        """When the newest document was read."""

    def read(self, version: Version, server: float) -> None:
        """Take a document."""
        if server - self._newest > _STEPS * max(version.step, 1.0):
            first = _first_shown(version, server)
            if first > self._newest:
                self._since = first
        self._newest = max(self._newest, server)

    def shows(self, moment: float) -> bool:
        """Return True if all since a moment was shown."""
        return moment >= self._since - _NEAR


def _first_shown(version: Version, server: float) -> float:
    """Return the server time from which on a document shows all that there is.

    Some list less than they promise: what a list without pauses begins with is believed first.
    """
    begins = list(_begins(version))
    dense = [begin for begin, seconds in begins if seconds >= (server - begin) / 2]
    if dense:
        return min(dense)
    if version.depth is not None:
        return server - version.depth
    return min((begin for begin, _ in begins), default=server)


def _begins(version: Version) -> Iterator[tuple[float, float]]:
    """Yield where each list begins, and how many seconds of media it has."""
    for listing in version.listings:
        if listing.rows and listing.axis is Axis.TIME:
            ticks = sum(run.duration * run.count for run in listing.rows)
            yield listing.wall(listing.rows[0].time), ticks / listing.scale
