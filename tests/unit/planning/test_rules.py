"""The grammar of the rules for content types."""

from __future__ import annotations

import pytest

from dashget.errors import UsageError
from dashget.planning.rules import Choice, Test, parse_rule
from dashget.planning.selection import parse_selection


def test_a_value_after_a_comma_belongs_to_the_test_before_it() -> None:
    rule = parse_rule("lang=en,fr,height<=720,best")
    assert rule.choice is Choice.BEST
    assert rule.tests == (Test("lang", "=", ("en", "fr")), Test("height", "<=", ("720",)))
    assert str(rule) == "lang=en,fr,height<=720,best"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("hight<=720", "unknown attribute: 'hight'"),
        ("height<=tall", "'tall' is not a number"),
        ("lang<en", "lang is text; < compares numbers"),
        ("height<=", "has no value"),
        ("720", "'720' is neither a keyword nor a test"),
        ("", "has an empty part"),
        ("best,worst", "exclude each other"),
        ("best,best1", "exclude each other"),
        ("lang=en,best2", "'best2' is unknown: best1 and worst1 take one"),
        ("none,height<=720", "cannot be combined with tests"),
        ("height<=720,480", "'480' is neither a keyword nor a test"),
    ],
)
def test_a_malformed_rule_is_a_usage_error_that_lists_the_attributes(
    rule: str, message: str
) -> None:
    with pytest.raises(UsageError, match="video: ") as caught:
        parse_selection(video=rule)
    assert message in caught.value.message
    assert "samplerate" in str(caught.value.hint)
