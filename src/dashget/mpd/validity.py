"""Check rules of the standard beyond the form of single values."""

from __future__ import annotations

from dashget.mpd.issues import IssueLog
from dashget.mpd.model import AdaptationSet, Period, Representation, SegmentBase
from dashget.mpd.periods import TimedPeriod
from dashget.mpd.presentation import Addressing, TemplateAddressing
from dashget.mpd.traits import is_known_essential


def check_countable(
    addressing: Addressing, information: SegmentBase | None, timed: TimedPeriod, log: IssueLog
) -> None:
    """Record a problem if segments are derived from an unknown Period duration."""
    if timed.span.duration is not None or information is None:
        return
    if not isinstance(addressing, TemplateAddressing):
        return
    timeline = addressing.timeline
    if timeline is not None:
        counted = addressing.end_number is not None or not timeline.runs_on
    else:
        counted = addressing.duration is None or addressing.end_number is not None
    if not counted:
        period = timed.element
        name = repr(period.id) if period.id else period.where
        log.problem(
            f"the duration of Period {name} is unknown, but the number of its segments "
            "depends on it",
            information.where,
            information.line,
            "5.3.2.1",
        )


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
