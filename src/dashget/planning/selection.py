"""Select Representations: narrow a presentation to what ``--video`` and the like ask for.

All Representations that a selected one depends on (``@dependencyId``) are kept with it.
``rules`` has the grammar of the content types, ``choice`` what ``best`` and the like take.

The grammar of ``--period`` is here: positions count from 0 as in ``dashget list``. Ranges are
``2-4`` or ``3-``; ``first`` and ``last`` are positions too. ``id=NAME`` selects by id, and so does
a NAME that is not a number. Several are separated by commas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.shortrepr import short_repr
from dashget.common.validation import FieldError, Wrong, check, each, instance
from dashget.errors import MPDError, SelectionError
from dashget.mpd.presentation import (
    ContentType,
    Period,
    Presentation,
    Representation,
)
from dashget.planning.choice import Chooser, Group, explain_choice
from dashget.planning.rules import (
    Choice,
    Pair,
    Rule,
    existing_values,
    matches,
    parse_rule,
    require_short,
)

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


class Selection(msgspec.Struct, frozen=True):
    """The part of a presentation to take; by default everything."""

    __repr__ = short_repr

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


_FILTERED: Final = (ContentType.VIDEO, ContentType.AUDIO, ContentType.TEXT, ContentType.IMAGE)
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


def select_again(
    presentation: Presentation, selection: Selection, is_kept: Callable[[Representation], bool]
) -> Presentation:
    """Select from another version of a live presentation; nothing may be left.

    Periods come and go, and not each has what a rule asks for. Where one of several is chosen,
    such as by ``best``, it is one for which ``is_kept`` is true, if there is any.
    """
    wanted = selection.periods
    periods = tuple(
        period
        for period in presentation.periods
        if not wanted or any(in_range(period, each, presentation) for each in wanted)
    )
    chooser = Chooser(is_kept)
    narrowed = [_narrow(period, selection, chooser) for period in periods]
    kept = tuple(period for period in narrowed if period.adaptation_sets)
    return msgspec.structs.replace(presentation, periods=kept)


def select(presentation: Presentation, selection: Selection) -> Presentation:
    """Return the presentation with only the selected parts; positions stay the same.

    Raises SelectionError if a rule with tests matches no Representation, or if no Representation
    is left. Its hint lists what the presentation has. A presentation without any Representation
    is an MPDError: no other selection would find something to fetch.
    """
    if not any(s.representations for p in presentation.periods for s in p.adaptation_sets):
        raise MPDError(
            "the MPD names nothing to fetch: there is no Representation in it",
            hint="its Periods or AdaptationSets are empty; a live presentation may fill them later",
        )
    periods = _chosen_periods(presentation, selection)
    _check_rules(periods, selection)
    chooser = Chooser()
    narrowed = [_narrow(period, selection, chooser) for period in periods]
    kept = tuple(period for period in narrowed if period.adaptation_sets)
    if not kept:
        raise SelectionError(
            "the selection leaves nothing to fetch", hint=f"there is: {_inventory(periods)}"
        )
    return msgspec.structs.replace(presentation, periods=kept)


def explain(selected: Presentation, selection: Selection) -> tuple[str, ...]:
    """Return what people may not expect of a selection: ``best`` that took several."""
    sentences = []
    for content_type in _FILTERED:
        if selection.rule(content_type).choice in (Choice.ALL, Choice.NONE):
            continue
        groups = {
            Group.of(*pair)
            for pair in _pairs(selected.periods)
            if pair[0].content_type is content_type
        }
        sentences.append(explain_choice(content_type.value, selection.rule(content_type), groups))
    return tuple(sentence for sentence in sentences if sentence)


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
    for content_type in _FILTERED:
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


def _narrow(period: Period, selection: Selection, chooser: Chooser) -> Period:
    if not period.adaptation_sets:
        return period
    kept: set[tuple[int, int]] = set()
    for content_type in ContentType:
        rule = selection.rule(content_type)
        pairs = [pair for pair in _pairs((period,)) if pair[0].content_type is content_type]
        kept.update((r.adaptation_set, r.index) for r in chooser.choose(pairs, rule))
    _add_dependencies(period, kept)
    sets = []
    for adaptation_set in period.adaptation_sets:
        chosen = tuple(
            r for r in adaptation_set.representations if (r.adaptation_set, r.index) in kept
        )
        if chosen:
            sets.append(msgspec.structs.replace(adaptation_set, representations=chosen))
    return msgspec.structs.replace(period, adaptation_sets=tuple(sets))


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
    return (
        ", ".join(f"{count} {kind}" for kind, count in counts.items())
        or "nothing in the selected Periods"
    )


def _periods(presentation: Presentation) -> str:
    shown = [
        f"{p.index} (id {p.id!r})" if p.id else str(p.index) for p in presentation.periods[:20]
    ]
    if len(presentation.periods) > len(shown):
        shown.append(f"... {len(presentation.periods)} in all")
    return ", ".join(shown)
