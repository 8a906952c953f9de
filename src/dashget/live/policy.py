"""What the answer to a request for a segment means: it is here, comes later, or is lost.

====================  ====================================================================
answer                meaning
====================  ====================================================================
a segment             here
404, 425 before it    not yet: asked again at its promised time
404, 425 at the edge  not yet: asked again after a quarter of its duration, then a half, then
                      each duration
404, 425 in the       its server lacks it for a moment: asked again, at another BaseURL if there
window                is one, with pauses that double, until it has left the window
404, 410 past it      lost: it has left the window
410 in the window     asked at each other BaseURL, then lost
401, 403              the manifest is read again for fresh URLs, then it is asked for again
the disk was full     it came, or would have: asked again when older files have gone
not allowed           asked once more, since a name or a redirect may lead elsewhere, then lost
5xx, no answer        the origin's trouble, not the segment's: asked again when it answers
one that grows        asked for again when it may be complete (``live/growth.py``)
something else        asked again like a 404; in the end it is lost as odd
after the end         404 and its kin for as long as the window was, a minute at most, with growing
                      pauses; no answer for ten minutes, or a longer window
====================  ====================================================================
"""

from __future__ import annotations

import enum
import math
from fractions import Fraction
from typing import Final

import msgspec

from dashget.live.facts import Reason

MOST_TRIES: Final = 30
"""So often one segment is asked for at most, beside requests that got no answer at all."""
_MOST_REFUSED: Final = 5
MOST_BARRED: Final = 2
"""So often it is found out that an address is not allowed."""
_LONGEST_PAUSE: Final = 30.0
_SHORTEST_PAUSE: Final = 0.02
_OUR_PAUSE: Final = 0.25
_BUSY: Final = frozenset({408, 429, 500, 502, 503, 504, 507, 508, 509})
REFUSED: Final = frozenset({401, 403})
"""The statuses of a server that wants fresh URLs, or other credentials."""
_NOT_YET: Final = frozenset({404, 425})
_GONE: Final = 410
MISSING: Final = _NOT_YET | {_GONE}
_LAST_SECONDS: Final = 60.0
"""So long is asked for what is missing after the end, or as long as the window was, if shorter."""
_LAST_OUTAGE_SECONDS: Final = 600.0
"""So long no answer is waited for after the end, or as long as the window was, if longer."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """How a request for a segment ended."""

    status: int = 0
    """The last status of HTTP; 0: no answer came."""
    here: bool = False
    """True if the segment is stored and recorded."""
    odd: bool = False
    """True if something else came in its place."""
    ours: bool = False
    """True if this computer could not take it: its disk was full."""
    barred: bool = False
    """True if nobody was asked: DashGet refuses all of its addresses."""
    same: bool = False
    """True if the file is here already under another name, and was not stored again."""
    size: int = 0
    seconds: float = 0.0
    growing: float = 0.0
    """Its file may still be written; after so many seconds it may be complete. 0: it is."""
    retry_after: float | None = None
    media: Fraction | None = None
    """When the media of a segment begin, in seconds of their own; None: that is not known."""
    problem: str | None = None
    """What was wrong, for people."""

    @property
    def is_origins(self) -> bool:
        """True if the origin is in trouble, rather than this segment."""
        if self.here or self.odd or self.ours or self.growing or self.barred:
            return False
        return self.status in _BUSY or self.status == 0


class Turn(enum.Enum):
    """What becomes of a segment."""

    HERE = "here"
    AGAIN = "again"
    LOST = "lost"
    REFRESH = "refresh"
    """Asked again after the manifest was read anew."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a segment, and the pause or the reason."""

    turn: Turn
    pause: float = 0.0
    reason: Reason | None = None


class Case(msgspec.Struct, frozen=True, gc=False):
    """What is known of a segment that was asked for, when an answer comes."""

    now: float
    """Server time."""
    promised: float
    """When it should have been there."""
    until: float
    """When it may be removed; infinity: never."""
    length: float
    """Its duration in seconds."""
    lag: float
    tries: int
    """How often it was answered for, this answer included."""
    addresses: int = 1
    refused: int = 0
    """How often it was refused, this answer included."""
    last: float | None = None
    """For how many seconds it was asked for since the presentation is over; None: it is not."""
    depth: float = math.inf
    """How long the window of the presentation was."""


class Patience(msgspec.Struct, frozen=True, gc=False):
    """What is asked for after the end of a presentation: files stay, so nothing else bounds it."""

    since: float
    """When the end was told."""
    depth: float = math.inf
    """How long the window was."""

    def is_over(self, answer: Answer, first: float, now: float) -> bool:
        """Return True if nobody asks any more for what was asked for first at a time."""
        return _is_too_late(answer, now - max(self.since, first), self.depth)


def _is_too_late(answer: Answer, seconds: float, depth: float) -> bool:
    if answer.is_origins:
        longest = depth if depth < math.inf else 0.0
        return seconds > max(_LAST_OUTAGE_SECONDS, longest)
    return seconds >= min(_LAST_SECONDS, depth)


_HERE: Final = Verdict(Turn.HERE)


def judge(answer: Answer, case: Case) -> Verdict:
    """Return what an answer means for a segment."""
    if answer.here:
        return _HERE
    if answer.growing and case.tries < MOST_TRIES:
        return Verdict(Turn.AGAIN, answer.growing)
    if answer.ours:
        return Verdict(Turn.AGAIN, _pause(case, _OUR_PAUSE))
    past = case.now > case.until
    if answer.barred:
        if past or case.tries >= MOST_BARRED:
            return Verdict(Turn.LOST, reason=Reason.NOT_ALLOWED)
        return Verdict(Turn.AGAIN, _pause(case, case.length / 2))
    too_late = case.last is not None and _is_too_late(answer, case.last, case.depth)
    if answer.is_origins:
        if past or too_late:
            return Verdict(Turn.LOST, reason=Reason.OUTAGE)
        pause = answer.retry_after or 0.0
        return Verdict(Turn.AGAIN, max(pause, _pause(case, case.length / 2)))
    if answer.status in REFUSED and not answer.odd:
        if past or too_late or case.refused > _MOST_REFUSED:
            return Verdict(Turn.LOST, reason=Reason.REFUSED)
        return Verdict(Turn.REFRESH, _doubled(case, case.refused))
    why = Reason.ODD if answer.odd else Reason.LEFT_WINDOW if past else Reason.NOT_THERE
    if past or too_late or case.tries >= MOST_TRIES:
        return Verdict(Turn.LOST, reason=why)
    if answer.status == _GONE and case.tries >= 2 * case.addresses:
        return Verdict(Turn.LOST, reason=Reason.LEFT_WINDOW)
    if case.last is not None:
        left = max(min(_LAST_SECONDS, case.depth) - case.last, _OUR_PAUSE)
        growing = case.length / 2 * 2.0 ** min(case.tries - 1, 10)
        return Verdict(Turn.AGAIN, _pause(case, min(growing, left)))
    if answer.status in _NOT_YET and case.now < case.promised:
        # It was listed early: once was enough to find out.
        return Verdict(Turn.AGAIN, max(_pause(case, case.length / 4), case.promised - case.now))
    if answer.status in _NOT_YET and case.now - case.promised <= case.lag + 2 * case.length:
        return Verdict(Turn.AGAIN, _pause(case, case.length * min(2 ** (case.tries - 3), 1.0)))
    return Verdict(Turn.AGAIN, _doubled(case, case.tries))


def _doubled(case: Case, tries: int) -> float:
    """Return a pause that doubles up to twice the duration, but reaches beyond the window once."""
    return _pause(case, case.length / 2 * 2 ** min(tries - 1, 2))


def _pause(case: Case, seconds: float) -> float:
    pause = max(_SHORTEST_PAUSE, min(seconds, _LONGEST_PAUSE))
    if case.tries > MOST_TRIES // 2:
        # Few tries are left: they are spread over the time that it may still come.
        left = min(case.until - case.now, 20 * _LONGEST_PAUSE)
        pause = max(pause, left / (MOST_TRIES - case.tries + 1))
    return pause
