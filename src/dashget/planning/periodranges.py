"""Ranges of Periods: the grammar of ``--period``.

Positions count from 0 as in ``dashget list``. Ranges are ``2-4`` or ``3-``; ``first`` and ``last``
are positions too. ``id=NAME`` selects by id, and so does a NAME that is not a number. Several are
separated by commas.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.validation import FieldError, Wrong
from dashget.mpd.presentation import Period, Presentation
from dashget.planning.rules import require_short

_DIGITS: Final = "([0-9]{1,40})"
_POSITIONS: Final = late(f"{_DIGITS}|{_DIGITS}-{_DIGITS}|{_DIGITS}-")
_UP_TO: Final = late(rf"-\s*{_DIGITS}")


class PeriodRange(msgspec.Struct, frozen=True):
    """Periods by position, both ends included, or by id."""

    first: int = 0
    last: int | None = None
    id: str | None = None

    def __str__(self) -> str:
        if self.id is not None:
            return f"id={self.id}"
        if self.first < 0:
            return "last"
        return f"{self.first}-{'' if self.last is None else self.last}"


def parse_periods(text: str) -> tuple[PeriodRange, ...]:
    """Parse the ranges of ``--period``."""
    require_short(text, "period")
    return tuple(_period_range(part.strip(), text) for part in text.split(","))


def in_range(period: Period, wanted: PeriodRange, presentation: Presentation) -> bool:
    """Return True if a range names this Period of the presentation."""
    if wanted.id is not None:
        return period.id == wanted.id
    if wanted.first < 0:
        return period is presentation.periods[-1]
    return wanted.first <= period.index and (wanted.last is None or period.index <= wanted.last)


def _period_range(word: str, text: str) -> PeriodRange:
    if word.lower().startswith("id=") and word[3:].strip():
        return PeriodRange(id=word[3:].strip())
    if word.lower() == "first":
        return PeriodRange(0, 0)
    if word.lower() == "last":
        return PeriodRange(-1, -1)
    up_to = _UP_TO.fullmatch(word)
    if up_to is not None:
        # Ambiguous: it may mean the first ones, or a position counted from the end as in Python.
        hint = f"write 0-{up_to[1]} for the first ones, or last for the last one"
        raise FieldError("period", Wrong(f"{word} is ambiguous", hint))
    match = _POSITIONS.fullmatch(word.replace(" ", ""))
    if match is None:
        if not word or re.match(r"[-\d]+$", word):
            hint = "use positions from 0 (0, 2-4, 3-), first, last, or id=NAME"
            raise FieldError("period", Wrong(f"{text!r} is not a valid choice of Periods", hint))
        return PeriodRange(id=word)
    one, low, high, from_here = match.groups()
    if one is not None:
        return PeriodRange(int(one), int(one))
    if from_here is not None:
        return PeriodRange(int(from_here), None)
    first, last = int(low), int(high)
    if last < first:
        raise FieldError("period", Wrong(f"{word} runs backwards", "write it as first-last"))
    return PeriodRange(first, last)
