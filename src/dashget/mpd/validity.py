"""Check rules of the standard beyond the form of single values, as far as segments need them.

A value that is missing or cannot be read spoils only those segments that cannot be worked out
without it: the timescale of an explicit list, or the index range of a file that is fetched as a
whole, may be anything. The functions for one Representation return the issues that matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from dashget.errors import Issue, MPDValidityError
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import AdaptationSet, Period, Representation, SegmentTemplate
from dashget.mpd.periods import TimedPeriod
from dashget.mpd.presentation import Addressing, TemplateAddressing
from dashget.mpd.template import FieldName
from dashget.mpd.timeline import SegmentTimeline
from dashget.mpd.traits import is_known_essential


def validity_error(problems: Sequence[Issue]) -> MPDValidityError:
    """Return the error for the problems of a document, or of parts of it."""
    count = len(problems)
    message = f"the MPD breaks the standard: {problems[0]}"
    if count > 1:
        message = f"the MPD breaks the standard in {count} places; the first: {problems[0]}"
    return MPDValidityError(message, issues=tuple(problems))


def check_essential(element: AdaptationSet | Representation, log: IssueLog) -> None:
    """Warn about an unknown EssentialProperty, which would stop a player."""
    for descriptor in element.essential:
        if not is_known_essential(descriptor.scheme):
            log.warn_once(
                f"EssentialProperty {descriptor.scheme!r} is unknown; its content is fetched",
                descriptor.where,
                descriptor.line,
                "5.8.4.8",
            )


def check_representations(period: Period, log: IssueLog) -> None:
    """Check that every Representation has an ``@id`` unique in its Period, and a ``@bandwidth``."""
    seen: set[str] = set()
    for adaptation_set in period.adaptation_sets:
        for representation in adaptation_set.representations:
            where, line = representation.where, representation.line
            name = representation.id
            if name is None:
                log.warn("@id is missing", where, line, "5.3.5.2")
            elif name in seen:
                log.warn(
                    f"duplicate Representation id in one Period: {name!r}",
                    where,
                    line,
                    "5.3.5.2",
                )
            else:
                seen.add(name)
            if representation.bandwidth is None:
                log.warn_once("@bandwidth is missing", where, line, "5.3.5.2")


def template_issues(
    info: SegmentTemplate, timed: TimedPeriod, fields: Set[FieldName], *, dynamic: bool
) -> Iterator[Issue]:
    """Yield the issues of a SegmentTemplate that its media segments depend on.

    ``fields`` are those of its templates. An ``@endNumber`` that cannot be read counts as missing
    where the duration of the Period, or the time of day, tells the last segment.
    """
    told = dynamic or timed.span.duration is not None
    if info.timeline is None:
        told = told and info.duration is not None
        needed = _needed_by_duration(info, fields, dynamic=dynamic, told=told)
    else:
        needed = _needed_by_timeline(info, info.timeline, fields, dynamic=dynamic, told=told)
        yield from timeline_issues(info.timeline, fields)
    for name in needed:
        if name in info.invalid:
            yield info.invalid[name]


def _needed_by_duration(
    info: SegmentTemplate, fields: Set[FieldName], *, dynamic: bool, told: bool
) -> Iterator[str]:
    ended = info.end_number is not None
    if not ended and not told:
        yield "endNumber"
    if not ended or dynamic or FieldName.TIME in fields:
        yield "duration"
    if info.duration is not None and (not ended or dynamic):
        yield "timescale"
    if info.duration is not None and dynamic:
        yield "availabilityTimeOffset"
    if ended or FieldName.NUMBER in fields:
        yield "startNumber"
    if FieldName.SUB_NUMBER in fields:
        yield "k"


def _needed_by_timeline(
    info: SegmentTemplate,
    timeline: SegmentTimeline,
    fields: Set[FieldName],
    *,
    dynamic: bool,
    told: bool,
) -> Iterator[str]:
    counted = FieldName.NUMBER in fields
    if timeline.runs_on:
        if not told:
            yield "endNumber"
        if info.end_number is None:
            yield from ("timescale", "presentationTimeOffset")
            if dynamic:
                yield "availabilityTimeOffset"
        else:
            counted = True
    if counted:
        yield "startNumber"
    if FieldName.SUB_NUMBER in fields:
        yield "k"


def timeline_issues(timeline: SegmentTimeline, fields: Set[FieldName]) -> Iterator[Issue]:
    """Yield the issues of the rows of a timeline that segments depend on.

    ``@d`` only matters to times that follow from it; no time matters to ``$Number$``, unless a row
    repeats until that time.
    """
    if not timeline.invalid:
        return
    timed = FieldName.TIME in fields
    unknown: Issue | None = None
    """Why the end of the row before is unknown."""
    previous_repeats = False
    for position, (t, _, r, _, _) in enumerate(timeline):
        issues = timeline.invalid.get(position, {})
        repeats = r < 0
        begin = issues.get("t") or (unknown if t is None else None)
        length = issues.get("d")
        if begin is not None and (timed or repeats or previous_repeats):
            yield begin
        if length is not None and (repeats or (timed and r > 0)):
            yield length
        if "r" in issues:
            yield issues["r"]
        if "n" in issues and FieldName.NUMBER in fields:
            yield issues["n"]
        if "k" in issues and FieldName.SUB_NUMBER in fields:
            yield issues["k"]
        unknown, previous_repeats = begin or length, repeats


def time_issue(
    addressing: Addressing,
    timed: TimedPeriod,
    no_window: Issue | None,
    *,
    dynamic: bool,
    whole_buffer: bool,
) -> Issue | None:
    """Return why the number of segments is unknown, if it depends on a time that is.

    ``no_window`` tells why it is unknown which segments of a dynamic presentation are available;
    with ``whole_buffer``, none is removed again.
    """
    if not isinstance(addressing, TemplateAddressing):
        return None
    timeline, ended = addressing.timeline, addressing.end_number is not None
    if timeline is not None:
        if ended or not timeline.runs_on:
            return None
    elif addressing.duration is None or (ended and not dynamic):
        return None
    unknown = None if ended else timed.duration_issue
    if dynamic:
        if no_window is not None and unknown is None and (ended or timed.span.duration is not None):
            # All segments are known: those that are not available are not there.
            return None if whole_buffer else no_window
        return no_window or timed.start_issue or unknown
    if timed.span.duration is not None:
        return None
    return timed.duration_issue or _unknown_duration(timed)


def _unknown_duration(timed: TimedPeriod) -> Issue:
    period = timed.element
    name = repr(period.id) if period.id else period.where
    return Issue(
        f"the duration of Period {name} is unknown, but the number of its segments depends on it",
        period.where,
        period.line,
        "5.3.2.1",
    )
