"""Determine which segments of a dynamic presentation are available now (5.3.1.2, Annex A)."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from dashget.errors import Issue, UsageError
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import MPD
from dashget.mpd.presentation import Window


def availability_window(mpd: MPD, now: datetime | Fraction | None, log: IssueLog) -> Window | None:
    """Return the window of available segments; after the presentation's end it stays the same.

    There is none if its begin is unknown, and ``no_window`` tells why. An unreadable
    ``@availabilityEndTime`` only matters if segments are removed until then.
    """
    if mpd.type != "dynamic":
        return None
    if mpd.availability_start_time is None:
        if "availabilityStartTime" not in mpd.invalid:
            message = (
                f"{no_window(mpd).message}; only listed segments and complete Periods are known"
            )
            log.warn(message, mpd.where, mpd.line, "5.3.1.2")
        return None
    if "availabilityEndTime" in mpd.invalid and mpd.time_shift_buffer_depth is not None:
        return None
    if now is None:
        raise UsageError("a dynamic presentation needs the wall-clock time (now)")
    seconds = _epoch_seconds(now) if isinstance(now, datetime) else now
    end = mpd.availability_end_time
    if end is not None and seconds > end:
        log.warn(
            "@availabilityEndTime has passed; the presentation is read as of that time",
            mpd.where,
            mpd.line,
            "5.3.1.2",
        )
        seconds = end
    begin = mpd.availability_start_time
    return Window(seconds - begin, mpd.time_shift_buffer_depth, begin)


def no_window(mpd: MPD) -> Issue:
    """Return why the window of a dynamic presentation is unknown."""
    if mpd.availability_start_time is not None:
        return mpd.invalid["availabilityEndTime"]
    missing = Issue(
        "@availabilityStartTime is missing in a dynamic MPD", mpd.where, mpd.line, "5.3.1.2"
    )
    return mpd.invalid.get("availabilityStartTime", missing)


def _epoch_seconds(moment: datetime) -> Fraction:
    if moment.tzinfo is None:
        raise UsageError("now is a datetime without a time zone")
    whole = int(moment.replace(microsecond=0).timestamp())
    return Fraction(whole) + Fraction(moment.microsecond, 10**6)
