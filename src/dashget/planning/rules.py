"""Rules: the grammar of ``--video``, ``--audio``, ``--text`` and ``--image``.

Each of the four content types has a rule::

    RULE   = "all" | "none" | PART { ("," | "&") PART }
    PART   = "best" | "best1" | "worst" | "worst1" | TEST
    TEST   = NAME OPERATOR VALUE { "," VALUE }
    OPERATOR = "=" | "!=" | "<" | "<=" | ">" | ">="

A part that follows a comma, has no operator and is none of these words is one more value of the
test before it: ``lang=en,fr,height<=720,best`` has the tests ``lang`` (two values) and
``height``. A Representation must pass all tests. A test with ``=`` passes if one of its values
fits, a test with ``!=`` if none does. ``best`` and the like choose among the Representations that
pass (see ``choice``), wherever the word stands in the rule.

Text is compared without regard to case, and ``*`` in a value stands for any characters.
``codecs=avc1`` also matches ``avc1.64001f``, ``lang=en`` also ``en-GB`` and ``eng`` (see
``languages``). A missing language counts as ``und``, a missing role as ``main``. Numbers may end
in k, M or G (thousands). An attribute that a Representation lacks passes only ``!=``. ``set`` is
an AdaptationSet's id, or ``#`` and its position in the Period if it has none.
"""

from __future__ import annotations

import enum
import functools
import operator
import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from fractions import Fraction
from typing import Any, Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.numbers import is_digits
from dashget.common.validation import FieldError, Wrong
from dashget.mpd.presentation import AdaptationSet, Representation

_TEST: Final = late(r"\s*([A-Za-z_-]+)\s*(<=|>=|!=|==|=|<|>)\s*+(.*)")
_NUMBER: Final = late(r"([0-9]{1,40}(?:\.[0-9]{1,40})?)\s*([kKmMgG]?)(?:bps|hz|p)?", re.IGNORECASE)
_NUMBERED: Final = late(r"(?:best|worst)\d+", re.IGNORECASE)
_LANGUAGE: Final = late(r"[A-Za-z]{2,3}(?:[-_]\w{2,8})*")
_SCALES: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_VALUES_SHOWN: Final = 20
_MOST_PARTS: Final = 1_000
_MOST_CHARACTERS: Final = 65_536

Pair = tuple[Representation, AdaptationSet]
"""A Representation and the AdaptationSet that it belongs to."""


class Choice(enum.Enum):
    """Which of the Representations that pass the tests are taken."""

    ALL = "all"
    BEST = "best"
    BEST_ONE = "best1"
    WORST = "worst"
    WORST_ONE = "worst1"
    NONE = "none"


class Test(msgspec.Struct, frozen=True):
    """One comparison: ``height<=720``, ``lang=en,fr``."""

    name: str
    operator: str
    values: tuple[str, ...]

    __test__ = False

    def __str__(self) -> str:
        # In == the second sign belongs to the operator, so a value never begins with it.
        sign = "==" if self.operator == "=" and self.values[0][:1] == "=" else self.operator
        return f"{self.name}{sign}{','.join(self.values)}"


class Rule(msgspec.Struct, frozen=True):
    """The Representations to take of one content type."""

    choice: Choice = Choice.ALL
    tests: tuple[Test, ...] = ()

    def __str__(self) -> str:
        parts = [str(test) for test in self.tests]
        if not parts or self.choice is not Choice.ALL:
            parts.append(self.choice.value)
        return ",".join(parts)


def parse_rule(text: str, field: str = "selection") -> Rule:
    """Parse a rule; errors name the option ``field``."""
    require_short(text, field)
    choice: Choice | None = None
    tests: list[Test] = []
    for part in text.replace("&", ",").split(","):
        word = part.strip()
        if word.lower() in _CHOICES:
            if choice is not None and choice.value != word.lower():
                raise _usage(field, f"{choice.value!r} and {word.lower()!r} exclude each other")
            choice = Choice(word.lower())
            continue
        match = _TEST.fullmatch(word)
        if _NUMBERED.fullmatch(word):
            raise _usage(field, f"{word!r} is unknown: best1 and worst1 take one")
        if match:
            tests.append(_test(match[1], match[2], match[3], field))
        elif tests and word and tests[-1].operator in ("=", "!="):
            last = tests[-1]
            tests[-1] = _test(last.name, last.operator, word, field, last.values)
        elif not word:
            raise _usage(field, f"{text!r} has an empty part")
        else:
            raise _usage(field, f"{word!r} is neither a keyword nor a test", _meant(word, field))
    if choice is Choice.NONE and tests:
        raise _usage(field, "'none' cannot be combined with tests")
    return Rule(choice or Choice.ALL, tuple(tests))


def require_short(text: object, field: str) -> None:
    """Raise FieldError for a selection that no user writes: a record may hold it.

    Each part is compared with every Representation or Period. In Python it may be no text at all.
    """
    if not isinstance(text, str):
        example = {"period": "'0-1'", "video": "'height<=720,best'"}.get(field, "'lang=en,fr'")
        raise FieldError(field, Wrong(f"not text: {text!r:.40}", f"such as {field}={example}"))
    parts = 1 + text.count(",") + text.count("&")
    if parts > _MOST_PARTS or len(text) > _MOST_CHARACTERS:
        found = f"{parts:,} parts and {len(text):,} characters"
        most = f"{_MOST_PARTS:,} and {_MOST_CHARACTERS:,}"
        raise FieldError(
            field,
            Wrong(f"{found} are more than {most}", "select by fewer values, or use * in them"),
        )


def matches(representation: Representation, adaptation_set: AdaptationSet, rule: Rule) -> bool:
    """Return True if a Representation passes all tests of a rule."""
    return all(_holds(test, representation, adaptation_set) for test in rule.tests)


def existing_values(pairs: Iterable[Pair], rule: Rule) -> str:
    """Return a list of the values that the tested attributes have in the presentation."""
    pairs = list(pairs)
    there, lacking = [], []
    for name in dict.fromkeys(test.name for test in rule.tests):
        read = _NUMBERS.get(name) or _TEXTS[name]
        found = {str(value) for pair in pairs for value in read(*pair) if value is not None}
        shown = sorted(found, key=_natural)[:_VALUES_SHOWN]
        if name == "lang" and any(not representation.lang for representation, _ in pairs):
            shown = ["und (where none is given)" if value == "und" else value for value in shown]
        if len(found) > len(shown):
            shown.append(f"... ({len(found)} in all)")
        if shown:
            there.append(f"{name} {', '.join(shown)}")
        else:
            lacking.append(f"no Representation has {name}")
    return "; ".join([f"there is: {'; '.join(there)}"] * bool(there) + lacking)


_CHOICES: Final = frozenset(choice.value for choice in Choice)
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
_ALIASES: Final = {
    "framerate": "fps",
    "language": "lang",
    "codec": "codecs",
    "mimetype": "mime",
    "bitrate": "bandwidth",
    "tbr": "bandwidth",
    "res": "height",
    "resolution": "height",
    "vcodec": "codecs",
    "acodec": "codecs",
    "asr": "samplerate",
}
"""Other names that people type, some of yt-dlp."""
ATTRIBUTES: Final = (*_NUMBERS, *_TEXTS)
"""The names that a test may use."""


def _test(name: str, sign: str, values: str, field: str, earlier: tuple[str, ...] = ()) -> Test:
    known = _ALIASES.get(name.lower(), name.lower())
    sign = "=" if sign == "==" else sign
    if known not in ATTRIBUTES:
        raise _usage(field, f"unknown attribute: {name!r}")
    if not values:
        raise _usage(field, f"{name}{sign} has no value")
    if known in _NUMBERS:
        if _NUMBER.fullmatch(values) is None:
            raise _usage(field, f"{values!r} is not a number ({name}{sign}{values})")
    elif sign not in ("=", "!="):
        raise _usage(field, f"{name} is text; {sign} compares numbers")
    return Test(known, sign, (*earlier, values))


def _meant(word: str, field: str) -> str | None:
    """Return the rule that a bare height or language stands for."""
    digits = word.lower().removesuffix("p")
    if is_digits(digits) and len(digits) in (3, 4):
        return f"height<={digits},best"
    if field in ("audio", "text") and _LANGUAGE.fullmatch(word):
        return f"lang={word}"
    return None


def _usage(field: str, text: str, meant: str | None = None) -> FieldError:
    hint = (
        f"{f'did you mean {meant}? ' if meant else ''}"
        "use all, best, best1, worst, none, or tests such as height<=720,lang=en,fr,best; "
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
    """Compare exactly, except that a frame rate such as 30000/1001 also equals ``29.97``."""
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
    if _fits(value, pattern):
        return True
    if name == "codecs":
        return value.startswith(f"{wanted.lower()}.")
    return name == "lang" and _language_matches(text, wanted, pattern)


def _language_matches(tag: str, wanted: str, pattern: str) -> bool:
    from dashget.planning.languages import in_range, readings

    if "*" not in wanted:
        return in_range(tag, wanted)
    return any(_fits(reading, pattern.replace("_", "-")) for reading in readings(tag))


def _fits(value: str, pattern: str) -> bool:
    if "*" not in pattern and "?" not in pattern and "[" not in pattern:
        return value == pattern
    return _compiled(pattern).match(value) is not None


@functools.lru_cache(maxsize=_MOST_PARTS)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern once for all Representations; ``fnmatch`` keeps fewer of them."""
    return re.compile(translate(pattern))


def _natural(text: str) -> tuple[int, str]:
    return (len(text), text) if is_digits(text) else (0, text)
