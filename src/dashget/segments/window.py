"""Count segments of equal duration, and find those that are available (Annex A).

Times are exact. All segments of a static presentation are available; of a dynamic one,
``Window.now`` is the live edge on the presentation timeline.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Final

from dashget.mpd.presentation import PeriodSpan, Window

ROUNDING: Final = Fraction(1, 1000)
"""The time by which the duration of a Period may be rounded in a manifest."""


def derived_count(period: Fraction, segment: Fraction) -> int:
    """Count the segments of equal duration that fill a Period (5.3.9.2.1).

    A last segment may be as short as it likes: it may come from a rounded duration of the Period,
    or be there. It is asked for.
    """
    return max(ceil(period / segment), 0)


def available_range(
    window: Window | None,
    period: PeriodSpan,
    segment: Fraction,
    offset: Fraction | None,
    count: int | None,
) -> range:
    """Return the range of positions k of the available segments ``[k, k + 1) * segment``.

    ``count`` is their number in the whole Period, None for an open one. A segment is available
    from its end (``offset`` earlier; None for at once) until ``depth`` plus one segment duration
    after its end. The last one of a closed Period ends with the Period.
    """
    if window is None:
        return range(count or 0)
    stop = count
    if offset is not None or count is None:
        reached = window.now + (offset or 0) - period.start
        stop = floor(reached / segment) if offset is not None else ceil(reached / segment)
        if count is not None and (stop >= count or _over(period, reached)):
            stop = count
    first = 0
    if window.depth is not None:
        first = ceil((window.now - period.start - window.depth) / segment) - 2
    return range(max(first, 0), max(stop or 0, 0))


def _over(period: PeriodSpan, reached: Fraction) -> bool:
    return period.duration is not None and reached >= period.duration


def available_since(window: Window) -> str:
    """Describe what decides which segments are available, for messages."""
    begin = window.begin or Fraction(0)
    return f"available at {_utc(begin + window.now)}, @availabilityStartTime is {_utc(begin)}"


def _utc(seconds: Fraction) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=floor(seconds))
    return moment.isoformat().replace("+00:00", "Z")
