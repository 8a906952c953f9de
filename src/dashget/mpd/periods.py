"""Compute the start and the duration of each Period (5.3.2.1), and what is available now.

A time that cannot be read counts as missing where others tell it. One that cannot be worked out is
no error by itself: a ``TimedPeriod`` has the issue, for those segments that depend on it. Of a
dynamic presentation the segments within a window are available (5.3.1.2, Annex A).
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import msgspec

from dashget.common.numbers import nearest_float
from dashget.errors import Issue, UsageError
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import MPD, Period
from dashget.mpd.presentation import PeriodSpan, Window


class TimedPeriod(msgspec.Struct, frozen=True):
    """A Period of the document with its start and duration.

    If the start is unknown, ``span.start`` is that of the Period before, and ``start_issue`` tells
    why. ``duration_issue`` tells why the duration is unknown, if it is not just open.
    """

    element: Period
    span: PeriodSpan
    start_issue: Issue | None = None
    duration_issue: Issue | None = None


class _Start(msgspec.Struct, frozen=True):
    """The start of a Period in seconds, with the issue if it is only an assumption.

    ``unread`` is the issue of ``@start`` if other Periods tell the start instead.
    """

    seconds: Fraction
    issue: Issue | None = None
    unread: Issue | None = None


def time_periods(mpd: MPD, log: IssueLog) -> tuple[tuple[TimedPeriod, ...], tuple[Period, ...]]:
    """Return the timed Periods, and the early available ones, whose start is not known yet."""
    starts = _starts(mpd, log)
    following = _following(mpd, starts, log)
    timed: list[TimedPeriod] = []
    early: list[Period] = []
    for index, period in enumerate(mpd.periods):
        start = starts[index]
        if start is None:
            if mpd.type == "dynamic":
                early.append(period)
            else:
                log.warn("the Period has no AdaptationSet", period.where, period.line, "5.3.2.2")
            continue
        duration, issue = _duration(mpd, period, start, following[index], log)
        beyond = duration is not None and duration < 0
        if beyond:
            duration = Fraction(0)
        span = PeriodSpan(index, period.id, start.seconds, duration, beyond)
        timed.append(TimedPeriod(period, span, start.issue, issue))
    _check_ids(mpd, log)
    return tuple(timed), tuple(early)


def _starts(mpd: MPD, log: IssueLog) -> list[_Start | None]:
    """Return the start of each Period: ``@start``, else the end of the one before, else 0.

    A dynamic Period after an open one is early available: it has no start yet. A static one
    there has none either if it is empty, and is left out.
    """
    starts: list[_Start | None] = []
    previous_end: _Start | None = _Start(Fraction(0))
    for index, period in enumerate(mpd.periods):
        start = previous_end
        if period.start is not None:
            start = _Start(period.start)
        elif "start" in period.invalid:
            issue = period.invalid["start"]
            known = previous_end is not None and previous_end.issue is None
            if start is not None and known and (index > 0 or mpd.type == "static"):
                start = _Start(start.seconds, None, issue)
                log.assumed(issue)
            else:
                start = _Start(_latest(starts), issue)
        elif index == 0 and mpd.type == "dynamic":
            log.warn(
                f"Period {_name(period)} has no @start; read as 0, as players do",
                period.where,
                period.line,
                "5.3.2.1",
            )
        elif start is None and mpd.type == "static" and period.adaptation_sets:
            message = (
                f"Period {_name(period)} has no @start, and the Period before it has no @duration"
            )
            issue = Issue(message, period.where, period.line, "5.3.2.1")
            start = _Start(_latest(starts), issue)
        starts.append(start)
        empty = mpd.type == "static" and not period.adaptation_sets
        previous_end = _end(start, period, empty=empty)
    return starts


def _latest(starts: list[_Start | None]) -> Fraction:
    return next((known.seconds for known in reversed(starts) if known is not None), Fraction(0))


def _end(start: _Start | None, period: Period, *, empty: bool) -> _Start | None:
    """Return the end of a Period as far as its own attributes tell it.

    An ``empty`` one that does not say how long it is takes no time.
    """
    if start is None:
        return None
    if "duration" in period.invalid:
        return _Start(start.seconds, start.issue or period.invalid["duration"])
    if period.duration is None:
        return start if empty else None
    return _Start(start.seconds + period.duration, start.issue)


def _duration(
    mpd: MPD, period: Period, start: _Start, following: _Start | None, log: IssueLog
) -> tuple[Fraction | None, Issue | None]:
    """Return ``@duration``, limited to the time until the next Period's start, or an issue.

    It is negative for a Period that starts after the end of the presentation.
    """
    duration, issue = period.duration, period.invalid.get("duration")
    if issue is not None:
        if not _is_told_by_others(mpd, start, following):
            return None, issue
        log.assumed(issue)
    if following is not None:
        unknown = start.issue or following.issue
        if unknown is not None:
            return duration, None if duration is not None else unknown
        room = following.seconds - start.seconds
        if room <= 0 and start.unread is not None:
            return None, start.unread
        if duration is not None and duration > room == 0:
            log.warn(
                f"Period {_name(period)} and the next one start together; its @duration is used",
                period.where,
                period.line,
                "5.3.2.1",
            )
            return duration, None
        if duration is not None and duration > room:
            log.warn(
                f"Period {_name(period)} overlaps the next one by "
                f"{nearest_float(duration - room):g} s; it ends where that starts",
                period.where,
                period.line,
                "5.3.2.1",
            )
        duration = room if duration is None or duration > room else duration
    elif duration is None:
        end = mpd.media_presentation_duration
        unknown = start.issue or mpd.invalid.get("mediaPresentationDuration")
        if end is None or start.issue is not None:
            return None, unknown
        duration = end - start.seconds
        if duration < 0:
            log.warn(
                f"Period {_name(period)} starts {nearest_float(-duration):g} s after the end "
                "of the presentation; of derived segments, the first is asked for",
                period.where,
                period.line,
                "5.3.2.1",
            )
            return duration, None
    if duration is not None and duration <= 0:
        if not period.adaptation_sets:
            return Fraction(0), None
        log.warn(
            f"Period {_name(period)} has a duration of {nearest_float(duration):g} s: it has no "
            "derived segments",
            period.where,
            period.line,
            "5.3.2.1",
        )
        return Fraction(0), None
    return duration, None


def _is_told_by_others(mpd: MPD, start: _Start, following: _Start | None) -> bool:
    """Return True if a Period's duration is known without its own ``@duration``."""
    if start.issue is not None:
        return False
    if following is not None:
        return following.issue is None and following.seconds > start.seconds
    end = mpd.media_presentation_duration
    return end is not None and end > start.seconds


def _following(mpd: MPD, starts: list[_Start | None], log: IssueLog) -> list[_Start | None]:
    """Return for each Period the start of the next one that is not early available.

    If that one starts earlier, the Periods are out of order, and the next start is the one that
    follows in time.
    """
    found: list[_Start | None] = []
    latest: _Start | None = None
    for start in reversed(starts):
        found.append(latest)
        latest = latest if start is None else start
    found.reverse()
    known = [start for start in starts if start is not None and start.issue is None]
    in_time = sorted({start.seconds for start in known})
    for index, (start, following) in enumerate(zip(starts, found, strict=True)):
        if start is None or following is None or start.issue or following.issue:
            continue
        if following.seconds < start.seconds:
            # Loaded late: Periods are in order.
            from bisect import bisect_right

            period, place = mpd.periods[index], bisect_right(in_time, start.seconds)
            log.warn(
                f"Period {_name(period)} starts after the next one; they are not in order of time",
                period.where,
                period.line,
                "5.3.2.1",
            )
            found[index] = _Start(in_time[place]) if place < len(in_time) else None
    return found


def _check_ids(mpd: MPD, log: IssueLog) -> None:
    seen: set[str] = set()
    for period in mpd.periods:
        if period.id is None:
            if mpd.type == "dynamic":
                log.warn_once(
                    "@id is missing; it is mandatory in a dynamic presentation",
                    period.where,
                    period.line,
                    "5.3.2.2",
                )
        elif period.id in seen:
            log.warn(f"duplicate Period id: {period.id!r}", period.where, period.line, "5.3.2.2")
        else:
            seen.add(period.id)


def _name(period: Period) -> str:
    return repr(period.id) if period.id else period.where.rpartition("/")[2]


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
