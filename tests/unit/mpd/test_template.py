"""URL templates (ISO/IEC 23009-1, 5.3.9.4.4)."""

from __future__ import annotations

import pytest

from dashget.mpd.markers import COUNT, is_marker
from dashget.mpd.template import (
    MAX_WIDTH,
    Field,
    FieldName,
    UrlPattern,
    escape_markers,
    parse_template,
)


def expand(
    text: str,
    *,
    representation_id: str = "v1",
    bandwidth: int | None = 500,
    number: int | None = 7,
    time: int | None = 9000,
    sub_number: int | None = 2,
) -> str:
    template, _ = parse_template(text)
    marked = template.marked(representation_id, bandwidth)
    return UrlPattern.from_marked(marked, template.fields).expand(number, time, sub_number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$RepresentationID$/$Number$.m4s", "v1/7.m4s"),
        ("$Number%05d$", "00007"),
        ("$Number%01d$", "7"),
        ("$Time$", "9000"),
        ("$Time%012d$", "000000009000"),
        ("$Bandwidth$-$Bandwidth%06d$", "500-000500"),
        ("$Number$-$SubNumber%02d$", "7-02"),
        ("$Number%x$", "7"),
        ("$Time%X$", "2328"),
        ("$Time%08x$", "00002328"),
        ("$Time%o$", "21450"),
        ("$Number%d$", "7"),
        ("$Number$$Number$", "77"),
        ("plain.mp4", "plain.mp4"),
        ("", ""),
    ],
)
def test_identifiers_are_replaced_with_their_values_and_widths(text: str, expected: str) -> None:
    assert expand(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a$$b", "a$b"),
        ("$$Number$$", "$Number$"),
        ("$$$Number$", "$7"),
        ("$$$$", "$$"),
    ],
)
def test_two_dollar_signs_stand_for_one(text: str, expected: str) -> None:
    assert expand(text) == expected


@pytest.mark.parametrize(
    "text", ["$foo$.m4s", "$number$.m4s", "price$5.m4s", "{id}.m4s", "$Number%5z$", "100%$"]
)
def test_text_that_is_not_an_identifier_stays_literal(text: str) -> None:
    assert expand(text) == text


def test_an_unknown_identifier_gets_one_remark() -> None:
    _, remarks = parse_template("$foo$/$bar$/$Number$.m4s")
    assert remarks == ("$foo$ is not a template identifier; kept as literal text",)


def test_braces_are_literal_text_with_a_remark() -> None:
    _, remarks = parse_template("{bitrate}/$Number$.m4s")
    assert len(remarks) == 1


def test_a_regular_template_has_no_remarks() -> None:
    _, remarks = parse_template("$RepresentationID$/$Number%05d$$$.m4s")
    assert remarks == ()


def test_an_identifier_is_never_expanded_again() -> None:
    assert expand("$RepresentationID$/$Number$", representation_id="$Number$") == "$Number$/7"
    assert expand("$RepresentationID$-$Time$", representation_id="%d") == "%d-9000"


def test_percent_signs_in_literals_stay() -> None:
    assert expand("a%20b/$Number$%2F$Time$") == "a%20b/7%2F9000"


def test_a_width_on_the_representation_id_is_ignored() -> None:
    _, remarks = parse_template("$RepresentationID%05d$")
    assert expand("$RepresentationID%05d$") == "v1"
    assert len(remarks) == 1


def test_a_width_without_a_leading_zero_pads_with_zeros() -> None:
    _, remarks = parse_template("$Number%5d$")
    assert expand("$Number%5d$") == "00007"
    assert len(remarks) == 1


def test_a_huge_width_is_limited() -> None:
    assert len(expand("$Number%0999999999d$")) == MAX_WIDTH


def test_private_use_characters_in_a_template_are_not_read_as_markers() -> None:
    assert expand("\ue000/$Number$") == "%EE%80%80/7"
    assert expand("$RepresentationID$/$Number$", representation_id="\ue000") == "%EE%80%80/7"
    assert escape_markers("\ue001é") == "%EE%80%81é"


def test_there_are_enough_markers_for_the_longest_template() -> None:
    names = ("Number", "Time", "SubNumber")
    widths = ("", *(f"%0{width}{radix}" for width in range(MAX_WIDTH + 2) for radix in "dxXoiu"))
    source = "-".join(f"${name}{width}$" for name in names for width in widths)
    template, _ = parse_template(source)
    assert 3 * 65 * 4 == len(template.fields) <= COUNT
    assert all(map(is_marker, set(template.marked("v", None)) - {"-"}))
    pattern = UrlPattern.from_marked(template.marked("v", None), template.fields)
    assert pattern.expand(1, 1, 1).count("-") == source.count("-")


def test_the_canonical_text_shows_the_fields() -> None:
    template, _ = parse_template("a$$b/$Number%05d$-$Time%x$.m4s")
    pattern = UrlPattern.from_marked(template.marked("v", 1), template.fields)
    assert pattern.text == "a$$b/$Number%05d$-$Time%x$.m4s"


def test_another_text_can_be_built_from_the_same_fields() -> None:
    fields = (Field(FieldName.NUMBER, 3), Field(FieldName.TIME))
    path = UrlPattern.from_marked("dir/\ue001/seg-\ue000.m4s", fields)
    assert path.expand(4, 80, None) == "dir/80/seg-004.m4s"


def test_patterns_are_equal_by_text_and_fields() -> None:
    one = UrlPattern("a\ue000", (Field(FieldName.NUMBER),))
    assert one == UrlPattern("a\ue000", (Field(FieldName.NUMBER),))
    assert hash(one) == hash(UrlPattern("a\ue000", (Field(FieldName.NUMBER),)))
    assert one != UrlPattern("a\ue000", (Field(FieldName.TIME),))
    assert UrlPattern.literal("http://h/x").expand(None, None, None) == "http://h/x"


def test_big_numbers_expand_in_full() -> None:
    assert expand("$Time$", time=2**63) == "9223372036854775808"
