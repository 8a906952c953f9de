"""Check rules of the standard beyond the form of single values."""

from __future__ import annotations

from collections.abc import Sequence

from dashget.errors import Issue, MPDValidityError
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import AdaptationSet, Period, Representation
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
