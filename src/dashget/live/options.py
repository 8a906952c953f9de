"""What a recording is to have, and when it is to end."""

from __future__ import annotations

import math

import msgspec

from dashget.common.shortrepr import short_repr


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the user wants of a recording. Times are the server's, in seconds since 1970."""

    __repr__ = short_repr

    begin: float = -math.inf
    """Segments that end before are not wanted."""
    begin_back: float | None = None
    """The same, so many seconds before the first read; 0: now."""
    until: float = math.inf
    """Segments that begin then, or later, are not wanted; the recording ends."""
    seconds: float | None = None
    """The same, so many seconds after the first read."""
    wait: bool = False
    """Wait for a presentation that is not there yet."""
    local_every: float = 60.0
    """Write the local MPD anew after so many seconds; infinity: at the end only."""
    give_up: float = math.inf
    """End after so many seconds in which nothing came."""
    keep_seconds: float = math.inf
    """Keep what began so many seconds ago, or later; the oldest files are removed."""
    keep_bytes: int | None = None
    """Keep so many bytes of segments; the oldest files are removed."""

    @property
    def rolls(self) -> bool:
        """True if the oldest files are removed."""
        return self.keep_seconds < math.inf or self.keep_bytes is not None
