"""Which Representations: the grammar of ``--video``, ``--audio``, ``--text``, ``--image``.

Each of the four content types has a rule::

    RULE   = "all" | "none" | PART { ("," | "&") PART }
    PART   = "best" | "worst" | TEST
    TEST   = NAME OPERATOR VALUE { "," VALUE }
    OPERATOR = "=" | "!=" | "<" | "<=" | ">" | ">="

A part after a comma that is neither ``best`` nor ``worst`` and has no operator is one more value
of the test before it: ``lang=en,fr,height<=720,best`` has the tests ``lang`` (two values) and
``height``. All tests must hold; any one value of ``=`` suffices, and none may of ``!=``. ``best``
and ``worst`` choose among what the tests leave, wherever they stand.

Text is compared without case, and ``*`` in a value stands for any characters. ``codecs=avc1``
also means ``avc1.64001f``, ``lang=en`` also ``en-GB``; no language at all is ``und``, and no role
is ``main``. Numbers may end in k, M or G (thousands). What a Representation does not say
satisfies only ``!=``.

``best`` keeps one Representation for each language and set of roles in each Period: of video
the one with most pixels, then the highest frame rate, then the highest bandwidth; of
everything else the highest bandwidth, then the most channels. ``worst`` is the opposite end. On
a tie the first in the document counts. Trick-mode sets take part only where nothing else is
left. Whatever a chosen Representation depends on (``@dependencyId``) is kept with it. ``set``
is an AdaptationSet's id, or ``#`` and its position in the Period where it has none.

``--period``: positions from 0 as in ``dashget list``, ranges ``2-4`` or ``3-``, ``first``,
``last``, ``id=NAME`` or a NAME that is no number; separated by commas.
"""

from __future__ import annotations

import enum
import operator
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any, Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.validation import FieldError, Wrong, check, each, instance
from dashget.errors import SelectionError
from dashget.mpd.presentation import (
    AdaptationSet,
    ContentType,
    Period,
    Presentation,
    Representation,
)

_TEST: Final = late(r"\s*([A-Za-z_-]+)\s*(<=|>=|!=|==|=|<|>)\s*(.*?)\s*")
_NUMBER: Final = late(r"(\d+(?:\.\d+)?)\s*([kKmMgG]?)(?:bps|hz|p)?", re.IGNORECASE)
_SCALES: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_VALUES_SHOWN: Final = 20
_POSITIONS: Final = late(r"(\d+)|(\d+)-(\d+)|(\d+)-")
_UP_TO: Final = late(r"-\s*(\d+)")


class Choice(enum.Enum):
    """What is done with the Representations that pass the tests."""

    ALL = "all"
    BEST = "best"
    WORST = "worst"
    NONE = "none"


class Test(msgspec.Struct, frozen=True):
    """One comparison: ``height<=720``, ``lang=en,fr``."""

    name: str
    operator: str
    values: tuple[str, ...]

    __test__ = False

    def __str__(self) -> str:
        return f"{self.name}{self.operator}{','.join(self.values)}"


class Rule(msgspec.Struct, frozen=True):
    """What to take of one content type."""

    choice: Choice = Choice.ALL
    tests: tuple[Test, ...] = ()

    def __str__(self) -> str:
        parts = [str(test) for test in self.tests]
        if not parts or self.choice is not Choice.ALL:
            parts.append(self.choice.value)
        return ",".join(parts)


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


class Selection(msgspec.Struct, frozen=True):
    """What to take of a presentation; by default everything."""

    video: Rule = Rule()
    audio: Rule = Rule()
    text: Rule = Rule()
    image: Rule = Rule()
    periods: tuple[PeriodRange, ...] = ()

    def __post_init__(self) -> None:
        """Check every field, so that a selection which exists can be used."""
        check(self, _RULES)

    def rule(self, content_type: ContentType) -> Rule:
        """Give the rule for a content type; what is none of the four is always taken."""
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
    """Read what stands on the command line; UsageError for what cannot be meant."""
    return Selection(
        parse_rule(video, "video"),
        parse_rule(audio, "audio"),
        parse_rule(text, "text"),
        parse_rule(image, "image"),
        parse_periods(period) if period is not None else (),
    )


def parse_rule(text: str, field: str = "selection") -> Rule:
    """Read a rule; ``field`` names it in errors."""
    choice: Choice | None = None
    tests: list[Test] = []
    for part in text.replace("&", ",").split(","):
        word = part.strip()
        if word.lower() in ("all", "best", "worst", "none"):
            if choice is not None and choice.value != word.lower():
                raise _usage(field, f"{choice.value!r} and {word.lower()!r} exclude each other")
            choice = Choice(word.lower())
            continue
        match = _TEST.fullmatch(word)
        if match:
            tests.append(_test(match[1], match[2], match[3], field))
        elif tests and word and tests[-1].operator in ("=", "!="):
            last = tests[-1]
            tests[-1] = _test(last.name, last.operator, word, field, last.values)
        elif not word:
            raise _usage(field, f"{text!r} has an empty part")
        else:
            raise _usage(field, f"{word!r} is neither a keyword nor a test")
    if choice is Choice.NONE and tests:
        raise _usage(field, "'none' leaves nothing to test")
    return Rule(choice or Choice.ALL, tuple(tests))


def parse_periods(text: str) -> tuple[PeriodRange, ...]:
    """Read ``--period``."""
    return tuple(_period_range(part.strip(), text) for part in text.split(","))


def select(presentation: Presentation, selection: Selection) -> Presentation:
    """Give the presentation with only what is selected in it; positions stay what they were.

    SelectionError where a rule with tests matches nothing, or nothing at all is left; it says
    what there would have been.
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


def matches(representation: Representation, adaptation_set: AdaptationSet, rule: Rule) -> bool:
    """Whether a Representation passes all tests of a rule."""
    return all(_holds(test, representation, adaptation_set) for test in rule.tests)


_Values = Callable[[Representation, AdaptationSet], Iterable[Any]]
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_NUMBERS: Final[dict[str, _Values]] = {
    "height": lambda r, a: (r.height,),
    "width": lambda r, a: (r.width,),
    "bandwidth": lambda r, a: (r.bandwidth,),
    "fps": lambda r, a: (r.frame_rate,),
    "channels": lambda r, a: (r.channels,),
    "samplerate": lambda r, a: (r.audio_sampling_rate,),
}
_TEXTS: Final[dict[str, _Values]] = {
    "id": lambda r, a: (r.id,),
    "codecs": lambda r, a: (part.strip() for part in (r.codecs or "").split(",")),
    "lang": lambda r, a: (r.lang or "und",),
    "role": lambda r, a: [role.value for role in a.roles] or ["main"],
    "label": lambda r, a: a.labels,
    "mime": lambda r, a: (r.mime_type,),
    "set": lambda r, a: (a.id or f"#{a.index}",),
    "accessibility": lambda r, a: (d.value for d in a.accessibility),
    "protected": lambda r, a: ("yes" if r.protections else "no",),
    "trick": lambda r, a: ("yes" if a.trick_mode_for else "no",),
}
_ALIASES: Final = {"framerate": "fps", "language": "lang", "codec": "codecs", "mimetype": "mime"}
ATTRIBUTES: Final = (*_NUMBERS, *_TEXTS)
"""The names that a test may use."""


def _test(name: str, sign: str, values: str, field: str, earlier: tuple[str, ...] = ()) -> Test:
    known = _ALIASES.get(name.lower(), name.lower())
    sign = "=" if sign == "==" else sign
    if known not in ATTRIBUTES:
        raise _usage(field, f"{name!r} is no attribute to test")
    if not values:
        raise _usage(field, f"{name}{sign} has no value")
    if known in _NUMBERS:
        if _NUMBER.fullmatch(values) is None:
            raise _usage(field, f"{values!r} is not a number ({name}{sign}{values})")
    elif sign not in ("=", "!="):
        raise _usage(field, f"{name} is text; {sign} compares numbers")
    return Test(known, sign, (*earlier, values))


def _usage(field: str, text: str) -> FieldError:
    hint = (
        "use all, best, worst, none, or tests such as height<=720,lang=en,fr,best; "
        f"the attributes are {', '.join(ATTRIBUTES)}"
    )
    return FieldError(field, Wrong(text, hint))


def _holds(test: Test, representation: Representation, adaptation_set: AdaptationSet) -> bool:
    if test.name in _NUMBERS:
        found = [v for v in _NUMBERS[test.name](representation, adaptation_set) if v is not None]
        hit = any(_number_holds(test, value, wanted) for value in found for wanted in test.values)
    else:
        texts = _TEXTS[test.name](representation, adaptation_set)
        hit = any(
            _text_matches(test.name, text, wanted)
            for text in texts
            if text
            for wanted in test.values
        )
    return not hit if test.operator == "!=" else hit


def _number_holds(test: Test, value: int | Fraction, wanted: str) -> bool:
    """Compare exactly; a frame rate such as 30000/1001 also equals ``29.97``."""
    limit = _number(wanted)
    sign = "=" if test.operator == "!=" else test.operator
    if _COMPARE[sign](value, limit):
        return True
    return sign in ("=", "<=", ">=") and test.name == "fps" and round(value, 2) == limit


def _number(text: str) -> Fraction:
    match = _NUMBER.fullmatch(text)
    assert match is not None  # noqa: S101 - checked when the rule was read
    return Fraction(match[1]) * _SCALES[match[2].lower()]


def _text_matches(name: str, text: str, wanted: str) -> bool:
    value, pattern = text.lower(), wanted.lower().replace("[", "[[]")
    if fnmatchcase(value, pattern):
        return True
    if name == "codecs":
        return value.startswith(f"{wanted.lower()}.")
    return name == "lang" and value.startswith(f"{wanted.lower()}-")


def _period_range(word: str, text: str) -> PeriodRange:
    if word.lower().startswith("id=") and word[3:].strip():
        return PeriodRange(id=word[3:].strip())
    if word.lower() == "first":
        return PeriodRange(0, 0)
    if word.lower() == "last":
        return PeriodRange(-1, -1)
    up_to = _UP_TO.fullmatch(word)
    if up_to is not None:
        # The first ones, or counted from the end, as Python does: nobody can tell.
        hint = f"write 0-{up_to[1]} for the first ones; the last one is called last"
        raise FieldError("period", Wrong(f"{word} can be read in two ways", hint))
    match = _POSITIONS.fullmatch(word.replace(" ", ""))
    if match is None:
        if not word or re.match(r"[-\d]+$", word):
            hint = "use positions from 0 (0, 2-4, 3-), first, last, or id=NAME"
            raise FieldError("period", Wrong(f"{text!r} names no Periods", hint))
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


def _chosen_periods(presentation: Presentation, selection: Selection) -> tuple[Period, ...]:
    if not selection.periods:
        return presentation.periods
    chosen: dict[int, Period] = {}
    for wanted in selection.periods:
        found = [p for p in presentation.periods if _in_range(p, wanted, presentation)]
        if not found:
            shown = f"id {wanted.id!r}" if wanted.id else f"position {wanted.first}"
            raise SelectionError(
                f"there is no Period with {shown}", hint=f"there is: {_periods(presentation)}"
            )
        chosen.update((period.index, period) for period in found)
    return tuple(chosen[index] for index in sorted(chosen))


def _in_range(period: Period, wanted: PeriodRange, presentation: Presentation) -> bool:
    if wanted.id is not None:
        return period.id == wanted.id
    if wanted.first < 0:
        return period is presentation.periods[-1]
    return wanted.first <= period.index and (wanted.last is None or period.index <= wanted.last)


def _check_rules(periods: tuple[Period, ...], selection: Selection) -> None:
    for content_type in (ContentType.VIDEO, ContentType.AUDIO, ContentType.TEXT, ContentType.IMAGE):
        rule = selection.rule(content_type)
        if not rule.tests:
            continue
        pairs = [pair for pair in _pairs(periods) if pair[0].content_type is content_type]
        if not any(matches(*pair, rule) for pair in pairs):
            raise SelectionError(
                f"no {content_type.value} Representation matches {rule}",
                hint=_values(pairs, rule)
                if pairs
                else f"there is no {content_type.value}; there is: {_inventory(periods)}",
            )


def _pairs(periods: Iterable[Period]) -> Iterable[tuple[Representation, AdaptationSet]]:
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


def _choose(pairs: list[tuple[Representation, AdaptationSet]], rule: Rule) -> list[Representation]:
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


def _values(pairs: list[tuple[Representation, AdaptationSet]], rule: Rule) -> str:
    """Say which values the tested attributes do have, and which of them nothing has."""
    there, lacking = [], []
    for name in dict.fromkeys(test.name for test in rule.tests):
        values = _NUMBERS.get(name) or _TEXTS[name]
        found = {str(value) for pair in pairs for value in values(*pair) if value is not None}
        shown = sorted(found, key=_natural)[:_VALUES_SHOWN]
        if name == "lang" and any(representation.lang is None for representation, _ in pairs):
            shown = ["und (where none is given)" if value == "und" else value for value in shown]
        if shown:
            there.append(f"{name} {', '.join(shown)}")
        else:
            lacking.append(f"none has any {name}")
    return "; ".join([f"there is: {'; '.join(there)}"] * bool(there) + lacking)


def _natural(text: str) -> tuple[int, str]:
    return (len(text), text) if text.isdigit() else (0, text)


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
