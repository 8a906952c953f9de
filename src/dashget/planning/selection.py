"""Select Representations: narrow a presentation to what ``--video`` and the like ask for.

``best`` keeps one Representation for each language and set of roles in each Period: of video the
one with most pixels, then the highest frame rate, then the highest bandwidth; of everything else
the highest bandwidth, then the most channels. ``worst`` is the opposite end. On a tie the first
in the document is taken. Trick-mode sets are considered only if no other set is left. All
Representations that a selected one depends on (``@dependencyId``) are kept with it.

``rules`` has the grammar of the content types, ``periodranges`` that of ``--period``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from dashget.common.validation import check, each, instance
from dashget.errors import SelectionError
from dashget.mpd.presentation import (
    ContentType,
    Period,
    Presentation,
    Representation,
)
from dashget.planning.periodranges import PeriodRange, in_range, parse_periods
from dashget.planning.rules import Choice, Pair, Rule, existing_values, matches, parse_rule


class Selection(msgspec.Struct, frozen=True):
    """The part of a presentation to take; by default everything."""

    video: Rule = Rule()
    audio: Rule = Rule()
    text: Rule = Rule()
    image: Rule = Rule()
    periods: tuple[PeriodRange, ...] = ()

    def __post_init__(self) -> None:
        """Check every field: a selection that exists is valid."""
        check(self, _RULES)

    def rule(self, content_type: ContentType) -> Rule:
        """Return the rule for a content type; types other than the four are always taken."""
        return {
            ContentType.VIDEO: self.video,
            ContentType.AUDIO: self.audio,
            ContentType.TEXT: self.text,
            ContentType.IMAGE: self.image,
        }.get(content_type, Rule())


_PARSE_HINT: Final = "read it with dashget.parse_selection(video='best', period='0-1')"
_RULE: Final = instance(Rule, _PARSE_HINT)
_RULES: Final = {
    **dict.fromkeys(("video", "audio", "text", "image"), _RULE),
    "periods": each(instance(PeriodRange, _PARSE_HINT), _PARSE_HINT),
}


def parse_selection(
    *,
    video: str = "all",
    audio: str = "all",
    text: str = "all",
    image: str = "all",
    period: str | None = None,
) -> Selection:
    """Parse the filters of the command line; raise UsageError for an invalid one."""
    return Selection(
        parse_rule(video, "video"),
        parse_rule(audio, "audio"),
        parse_rule(text, "text"),
        parse_rule(image, "image"),
        parse_periods(period) if period is not None else (),
    )


def select(presentation: Presentation, selection: Selection) -> Presentation:
    """Return the presentation with only the selected parts; positions stay the same.

    Raises SelectionError if a rule with tests matches no Representation, or if no Representation
    is left. Its hint lists what the presentation has.
    """
    periods = _chosen_periods(presentation, selection)
    _check_rules(periods, selection)
    narrowed = [_narrow(period, selection) for period in periods]
    kept = tuple(period for period in narrowed if period.adaptation_sets)
    if not kept:
        raise SelectionError(
            "the selection leaves nothing to fetch", hint=f"there is: {_inventory(periods)}"
        )
    return msgspec.structs.replace(presentation, periods=kept)


def _chosen_periods(presentation: Presentation, selection: Selection) -> tuple[Period, ...]:
    if not selection.periods:
        return presentation.periods
    chosen: dict[int, Period] = {}
    for wanted in selection.periods:
        found = [p for p in presentation.periods if in_range(p, wanted, presentation)]
        if not found:
            shown = f"id {wanted.id!r}" if wanted.id else f"position {wanted.first}"
            raise SelectionError(
                f"there is no Period with {shown}", hint=f"there is: {_periods(presentation)}"
            )
        chosen.update((period.index, period) for period in found)
    return tuple(chosen[index] for index in sorted(chosen))


def _check_rules(periods: tuple[Period, ...], selection: Selection) -> None:
    for content_type in (ContentType.VIDEO, ContentType.AUDIO, ContentType.TEXT, ContentType.IMAGE):
        rule = selection.rule(content_type)
        if not rule.tests:
            continue
        pairs = [pair for pair in _pairs(periods) if pair[0].content_type is content_type]
        if not any(matches(*pair, rule) for pair in pairs):
            raise SelectionError(
                f"no {content_type.value} Representation matches {rule}",
                hint=existing_values(pairs, rule)
                if pairs
                else f"there is no {content_type.value}; there is: {_inventory(periods)}",
            )


def _pairs(periods: Iterable[Period]) -> Iterable[Pair]:
    for period in periods:
        for adaptation_set in period.adaptation_sets:
            for representation in adaptation_set.representations:
                yield representation, adaptation_set


def _narrow(period: Period, selection: Selection) -> Period:
    kept: set[tuple[int, int]] = set()
    for content_type in ContentType:
        rule = selection.rule(content_type)
        pairs = [pair for pair in _pairs((period,)) if pair[0].content_type is content_type]
        kept.update((r.adaptation_set, r.index) for r in _choose(pairs, rule))
    _add_dependencies(period, kept)
    sets = []
    for adaptation_set in period.adaptation_sets:
        chosen = tuple(
            r for r in adaptation_set.representations if (r.adaptation_set, r.index) in kept
        )
        if chosen:
            sets.append(msgspec.structs.replace(adaptation_set, representations=chosen))
    return msgspec.structs.replace(period, adaptation_sets=tuple(sets))


def _choose(pairs: list[Pair], rule: Rule) -> list[Representation]:
    passing = [pair for pair in pairs if matches(*pair, rule)]
    if rule.choice is Choice.NONE:
        return []
    if rule.choice is Choice.ALL:
        return [representation for representation, _ in passing]
    groups: dict[object, list[Representation]] = {}
    usual = [pair for pair in passing if not pair[1].trick_mode_for]
    for representation, adaptation_set in usual or passing:
        roles = frozenset(role.value for role in adaptation_set.roles) or frozenset({"main"})
        purposes = frozenset(d.value for d in adaptation_set.accessibility)
        groups.setdefault((representation.lang, roles, purposes), []).append(representation)
    pick = max if rule.choice is Choice.BEST else min
    return [pick(group, key=_quality) for group in groups.values()]


def _quality(representation: Representation) -> tuple[Any, ...]:
    bandwidth = representation.bandwidth or 0
    if representation.content_type is ContentType.VIDEO:
        pixels = (representation.width or 0) * (representation.height or 0)
        return pixels or (representation.height or 0), representation.frame_rate or 0, bandwidth
    return bandwidth, representation.channels or 0, representation.audio_sampling_rate or 0


def _add_dependencies(period: Period, kept: set[tuple[int, int]]) -> None:
    by_id = {r.id: r for r, _ in _pairs((period,))}
    waiting = [r for r, _ in _pairs((period,)) if (r.adaptation_set, r.index) in kept]
    while waiting:
        for name in waiting.pop().dependency_ids:
            needed = by_id.get(name)
            if needed is not None and (needed.adaptation_set, needed.index) not in kept:
                kept.add((needed.adaptation_set, needed.index))
                waiting.append(needed)


def _inventory(periods: Iterable[Period]) -> str:
    counts: dict[str, int] = {}
    for representation, _ in _pairs(periods):
        kind = representation.content_type.value
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing at all"


def _periods(presentation: Presentation) -> str:
    shown = [
        f"{p.index} (id {p.id!r})" if p.id else str(p.index) for p in presentation.periods[:20]
    ]
    if len(presentation.periods) > len(shown):
        shown.append(f"... {len(presentation.periods)} in all")
    return ", ".join(shown)
