"""Compute the start and the duration of each Period (5.3.2.1)."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from dashget.mpd.issues import IssueLog
from dashget.mpd.model import MPD, Period
from dashget.mpd.presentation import PeriodSpan


class TimedPeriod(msgspec.Struct, frozen=True):
    """A Period of the document with its start and duration."""

    element: Period
    span: PeriodSpan


def time_periods(mpd: MPD, log: IssueLog) -> tuple[tuple[TimedPeriod, ...], tuple[Period, ...]]:
    """Return the timed Periods, and the early available ones, whose start is not known yet."""
    starts = _starts(mpd, log)
    following = _following(starts)
    timed: list[TimedPeriod] = []
    early: list[Period] = []
    for index, period in enumerate(mpd.periods):
        start = starts[index]
        if start is None:
            early.append(period)
            continue
        duration = _duration(mpd, period, start, following[index], log)
        timed.append(TimedPeriod(period, PeriodSpan(index, period.id, start, duration)))
    _check_ids(mpd, log)
    return tuple(timed), tuple(early)


def _starts(mpd: MPD, log: IssueLog) -> list[Fraction | None]:
    starts: list[Fraction | None] = []
    previous_end: Fraction | None = Fraction(0) if mpd.type == "static" else None
    for period in mpd.periods:
        start = previous_end if period.start is None else period.start
        if start is None and mpd.type == "static":
            log.problem(
                f"Period {_name(period)} has no @start, and the Period before it has no @duration",
                period.where,
                period.line,
                "5.3.2.1",
            )
            start = next((known for known in reversed(starts) if known is not None), Fraction(0))
        starts.append(start)
        previous_end = _sum(start, period.duration)
    return starts


def _duration(
    mpd: MPD, period: Period, start: Fraction, following: Fraction | None, log: IssueLog
) -> Fraction | None:
    """Return ``@duration``, limited to the time until the next Period's start."""
    duration = period.duration
    if following is not None:
        room = following - start
        if duration is not None and duration > room:
            log.warn(
                f"Period {_name(period)} overlaps the next one by {float(duration - room):g} s; "
                "it ends where that starts",
                period.where,
                period.line,
                "5.3.2.1",
            )
        duration = room if duration is None or duration > room else duration
    elif duration is None and mpd.media_presentation_duration is not None:
        duration = mpd.media_presentation_duration - start
    if duration is not None and duration <= 0:
        log.warn(
            f"Period {_name(period)} has a duration of {float(duration):g} s: it has no derived "
            "segments",
            period.where,
            period.line,
            "5.3.2.1",
        )
        return Fraction(0)
    return duration


def _following(starts: list[Fraction | None]) -> list[Fraction | None]:
    """Return for each Period the start of the next one whose start is known."""
    found: list[Fraction | None] = []
    latest: Fraction | None = None
    for start in reversed(starts):
        found.append(latest)
        latest = latest if start is None else start
    return found[::-1]


def _sum(first: Fraction | None, second: Fraction | None) -> Fraction | None:
    return None if first is None or second is None else first + second


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
