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
    "text", ["lang=en", "lang==en", "lang===en", "lang====en", "id!==a", "id=a=b,=c", "id= a ,best"]
)
def test_a_rule_that_is_written_down_is_the_same_when_it_is_read(text: str) -> None:
    rule = parse_rule(text)
    assert parse_rule(str(rule)) == rule


@pytest.mark.parametrize(
    ("field", "rule", "meant"),
    [
        ("video", "720p", "height<=720,best"),
        ("video", "1080", "height<=1080,best"),
        ("audio", "en", "lang=en"),
        ("text", "pt-BR", "lang=pt-BR"),
    ],
)
def test_a_bare_height_or_language_gets_its_test_as_hint(field: str, rule: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_rule(rule, field)
    assert (caught.value.hint or "").startswith(f"did you mean {meant}? ")


def test_attributes_have_the_names_that_people_type() -> None:
    assert parse_rule("bitrate<2M,resolution<=720,acodec=mp4a") == parse_rule(
        "bandwidth<2M,height<=720,codecs=mp4a"
    )


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


@pytest.mark.parametrize(
    "rules",
    [
        {"video": "id=a" + ",b" * 200_000},
        {"audio": "id=a" + "&id=b" * 1_000},
        {"text": "id=" + "*a" * 40_000},
        {"period": ",".join(["0"] * 200_000)},
    ],
)
def test_a_selection_longer_than_any_is_a_usage_error_at_once(rules: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="are more than 1,000 and 65,536") as caught:
        parse_selection(**rules)
    assert len(caught.value.message) < 200


def test_a_selection_of_a_thousand_values_is_read() -> None:
    rule = parse_rule("id=" + ",".join(f"v{number}*" for number in range(1_000)))
    assert len(rule.tests[0].values) == 1_000
