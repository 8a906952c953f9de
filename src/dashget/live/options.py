"""What a recording is to have, and when it is to end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.common.numbers import shown_time
from dashget.common.shortrepr import short_repr
from dashget.common.validation import Check, FieldError, Wrong, check, flag, optional, span, whole

USUALLY_IN_FLIGHT: Final = 16
"""Requests at once: on a long way a segment takes some round trips."""


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
    """The same, so many seconds after the first read; after ``begin``, if that is to come."""
    wait: bool = False
    """Wait for a presentation that is not there yet."""
    local_every: float = 60.0
    """Write the local MPD anew after so many seconds; infinity: at the end only."""
    give_up: float = math.inf
    """End after so many seconds in which nothing came."""
    linger: float = 60.0
    """So many seconds after the end of a presentation its manifest is still read, in case that it
    goes on: programs that have crashed are started again within seconds."""
    keep_seconds: float = math.inf
    """Keep what began so many seconds ago, or later; the oldest files are removed."""
    keep_bytes: int | None = None
    """Keep so many bytes in all, manifests and the record too; the oldest files are removed."""

    def __post_init__(self) -> None:
        """Check every field, and that they go together."""
        check(self, _RULES)
        for field, wrong in _contradictions(self):
            raise FieldError(field, wrong)

    @property
    def rolls(self) -> bool:
        """True if the oldest files are removed."""
        return self.keep_seconds < math.inf or self.keep_bytes is not None


def _contradictions(wishes: Wishes) -> Iterator[tuple[str, Wrong]]:
    """Yield the fields that nothing could be recorded with, or that say two things."""
    begin, until, back = wishes.begin, wishes.until, wishes.begin_back
    if until < math.inf and wishes.seconds is not None:
        yield "until", Wrong("an end and a duration are two ends", "leave one of them out")
    if begin > -math.inf and back is not None:
        yield "begin", Wrong("a time, and so far back, are two begins", "leave one of them out")
    if until <= begin:
        shown = f"{shown_time(until)} UTC is not after {shown_time(begin)} UTC"
        yield "until", Wrong(f"{shown}, where the recording is to begin", _ORDER_HINT)
    if back is not None and back > wishes.keep_seconds:
        wrong = f"{back:g} s back is farther than the {wishes.keep_seconds:g} s that are kept"
        yield "begin", Wrong(wrong, "keep more, or go back less far")


def _time(value: object) -> Wrong | None:
    """Allow any time, also one without begin or end."""
    if isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
        return None
    return Wrong(f"not a time in seconds since 1970: {value!r:.80}")


_ORDER_HINT: Final = "name a later end, or an earlier begin"
_RULES: Final[dict[str, Check]] = {
    "begin": _time,
    "begin_back": optional(span(positive=False)),
    "until": _time,
    "seconds": optional(span(positive=True)),
    "wait": flag,
    "local_every": span(positive=True),
    "give_up": span(positive=True),
    "linger": span(positive=False),
    "keep_seconds": span(positive=True),
    "keep_bytes": optional(whole(1)),
}
