"""No regular expression takes the square of a text's length to find that it does not match.

Two repetitions without a limit, side by side, that take the same characters share them out in every
possible way before they give up: ``\\s*-?\\s*`` does so with a row of blanks.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Sequence
from re import _constants as codes
from re import _parser as parser
from typing import Any

import pytest

import dashget
from dashget.common import lateregex

_LONG = 1000
"""A repetition of more than this counts as one without a limit."""
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)
_NOTHING = (codes.AT, codes.ASSERT, codes.ASSERT_NOT, codes.GROUPREF)
Characters = frozenset[int]


def patterns() -> Iterator[tuple[str, str | bytes, int]]:
    """Yield the name, text and flags of each pattern at the top of one of our modules."""
    for module in pkgutil.walk_packages(dashget.__path__, "dashget."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, lateregex._Late):
                yield f"{module.name}.{name}", *value._source
            elif isinstance(value, re.Pattern):
                yield f"{module.name}.{name}", value.pattern, value.flags & ~re.UNICODE


def overlapping(pattern: str | bytes, flags: int = 0) -> list[str]:
    """Return the pairs of repetitions that share a text out in many ways."""
    found: list[str] = []
    tree = parser.parse(pattern, flags)
    _walk(list(tree), [], found, tree.state.flags, binary=isinstance(pattern, bytes))
    return found


def _walk(
    items: Sequence[Any], before: list[Characters], found: list[str], flags: int, *, binary: bool
) -> list[Characters]:
    """Follow a sequence; take and return the repetitions that may have ended right here."""
    for code, value in items:
        if code in _NOTHING:
            continue
        if code is codes.SUBPATTERN:
            before = _walk(list(value[3]), before, found, flags | value[1], binary=binary)
        elif code is codes.BRANCH:
            ends = [_walk(list(each), before, found, flags, binary=binary) for each in value[1]]
            before = [each for end in ends for each in end]
        elif code in _REPEATS:
            least, most, inner = value
            endless = most is codes.MAXREPEAT or most > _LONG
            if len(inner) == 1 and (own := _characters(inner[0], flags, binary=binary)) is not None:
                if endless:
                    found += [characters_of(own) for other in before if other & own]
                after = [own] if endless else []
            else:
                after = _walk(list(inner), before, found, flags, binary=binary)
                if endless:
                    after = _walk(list(inner), after, found, flags, binary=binary)
            before = [*before, *after] if least == 0 else after
        elif code is codes.POSSESSIVE_REPEAT:
            # It gives nothing back.
            before = before if value[0] == 0 else []
        else:
            before = []
    return before


def characters_of(own: Characters) -> str:
    """Describe the characters of a repetition."""
    return repr("".join(map(chr, sorted(own)))[:20])


def _characters(item: Any, flags: int, *, binary: bool) -> Characters | None:
    """Return which of the first 256 characters an item takes; None if it is no single character."""
    code = item[0]
    if code not in (codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY):
        return None
    tree = parser.SubPattern(parser.State(), [item])
    tree.state.str = b"" if binary else ""
    compiled = _compile(tree, flags)
    return frozenset(
        number
        for number in range(256)
        if compiled.match(bytes([number]) if binary else chr(number)) is not None
    )


def _compile(tree: Any, flags: int) -> re.Pattern[Any]:
    from re import _compiler

    code = _compiler._code(tree, flags)
    text: Any = tree.state.str
    return _compiler._sre.compile(text, flags, code, 0, {}, (None,))


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        (r"\s*-?\s*", 1), (r"\s*-\s*", 0), (r"(.*?)\s*", 1), (r"a*(b*)c?[a-b]*", 2),
        (r"(?:x\s*|y)\s*", 1), (r"(?:a*)*", 1), (r"(?:a+b)*", 0), (r"\d{1,19}\d*", 0), (r"\s*\d*\s*", 1),
        (r"\s*+\s*", 0),
    ],
)  # fmt: skip
def test_repetitions_that_share_a_text_out_are_found(pattern: str, count: int) -> None:
    assert len(overlapping(pattern)) == count


def test_no_pattern_has_two_repetitions_side_by_side_for_the_same_characters() -> None:
    every = list(patterns())
    assert len(every) > 50
    slow = {name: found for name, text, flags in every if (found := overlapping(text, flags))}
    assert slow == {}
