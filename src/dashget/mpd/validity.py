"""What the standard asks of a document beyond the form of its values."""

from __future__ import annotations

from dashget.mpd.issues import IssueLog
from dashget.mpd.model import AdaptationSet, Period, Representation, SegmentBase
from dashget.mpd.periods import TimedPeriod
from dashget.mpd.presentation import Addressing, TemplateAddressing
from dashget.mpd.traits import is_known_essential


def check_countable(
    addressing: Addressing, information: SegmentBase | None, timed: TimedPeriod, log: IssueLog
) -> None:
    """A number of segments that follows from a Period's duration needs that duration."""
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
            f"the duration of Period {name} is not known, and the number of its segments "
            "follows from it",
            information.where,
            information.line,
            "5.3.2.1",
        )


def check_essential(element: AdaptationSet | Representation, log: IssueLog) -> None:
    """An EssentialProperty that is not known would stop a player; a mirror only remarks on it."""
    for descriptor in element.essential:
        if not is_known_essential(descriptor.scheme):
            log.warn_once(
                f"EssentialProperty {descriptor.scheme!r} is not known; fetched all the same",
                descriptor.where,
                descriptor.line,
                "5.8.4.8",
            )


def check_representations(period: Period, log: IssueLog) -> None:
    """Every Representation has an ``@id`` that is unique in its Period, and a ``@bandwidth``."""
    seen: set[str] = set()
    for adaptation_set in period.adaptation_sets:
        for representation in adaptation_set.representations:
            where, line = representation.where, representation.line
            name = representation.id
            if name is None:
                log.warn("@id is missing", where, line, "5.3.5.2")
            elif name in seen:
                log.warn(
                    f"the Representation id {name!r} is there twice in one Period",
                    where,
                    line,
                    "5.3.5.2",
                )
            else:
                seen.add(name)
            if representation.bandwidth is None:
                log.warn_once("@bandwidth is missing", where, line, "5.3.5.2")
