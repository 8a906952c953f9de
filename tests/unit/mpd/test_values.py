"""Parsing the values of attributes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashget.mpd import values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT0S", 0),
        ("PT1.5S", Fraction(3, 2)),
        ("PT9.9766667S", Fraction(99766667, 10**7)),
        ("PT0.000000001S", Fraction(1, 10**9)),
        ("PT1H2M3.004S", Fraction(3723004, 1000)),
        ("P1DT1S", 86401),
        ("PT90M", 5400),
        ("-PT2S", -2),
        (" PT2S\n", 2),
        ("PT.5S", Fraction(1, 2)),
        ("PT5.S", 5),
        ("P2D", 172800),
    ],
)
def test_xs_durations_are_exact(text: str, expected: Fraction) -> None:
    assert values.read_duration(text) == (expected, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P1Y", 365 * 86400),
        ("P2M", 60 * 86400),
        ("90", 90),
        ("90s", 90),
        ("12.5", Fraction(25, 2)),
        ("1:02:03.5", Fraction(7447, 2)),
        ("02:03", 123),
        ("1h2m3s", 3723),
        ("1h 30m", 5400),
        ("250ms", Fraction(1, 4)),
        ("PT1.5H", 5400),
        ("PT0.000000001H", Fraction(36, 10**7)),
        ("P1W", 7 * 86400),
        ("PT1,5S", Fraction(3, 2)),
        ("PT1.5E-7S", Fraction(15, 10**8)),
        ("PT2e3S", 2000),
        ("pt5s", 5),
    ],
)
def test_other_durations_are_read_with_a_remark(text: str, expected: Fraction) -> None:
    value, remark = values.read_duration(text)
    assert value == expected
    assert remark is not None


@given(st.text("PTHMS.0123456789", max_size=16).map("PT{}".format))
@example("PT1H2M3.5S")
@example("PT0H1M")
@example("PT1M1H")
@example("PT1H1H")
@example("PT1.S")
@example("PT.S")
@example("PT1.5M")
@example("PT999999999H")
@example("PT999999999999H")
@example("PT0.999999999S")
def test_the_usual_form_is_read_as_by_the_patterns_of_all_forms(text: str) -> None:
    assert outcome(text) == outcome(f"+{text}")


def outcome(text: str) -> object:
    """Return what is read of a duration, without the words of a remark."""
    try:
        value, remark = values.read_duration(text)
    except ValueError:
        return None
    return value, remark is None


@pytest.mark.parametrize("text", ["", "PT", "P", "soon", "PT1X", "1:2:3:4", "--5", "P-1D"])
def test_invalid_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        values.read_duration(text)


def test_a_duration_of_astronomical_size_is_refused() -> None:
    with pytest.raises(ValueError, match="not a duration"):
        values.read_duration("P999999999999999D")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00", 0),
        ("2024-02-29T12:00:00Z", 1709208000),
        ("2024-02-29T12:00:00.123456789Z", Fraction(1709208000123456789, 10**9)),
        ("2024-02-29T14:00:00+02:00", 1709208000),
        ("2024-02-29T07:30:00-04:30", 1709208000),
        ("2024-02-28T24:00:00Z", 1709164800),
    ],
)
def test_date_times_are_exact_and_default_to_utc(text: str, expected: Fraction) -> None:
    assert values.read_date_time(text) == (expected, None)


@pytest.mark.parametrize("text", ["2024-02-29 12:00:00Z", "2024-02-29T12:00Z", "2024-02-29"])
def test_other_date_times_are_read_with_a_remark(text: str) -> None:
    value, remark = values.read_date_time(text)
    assert datetime.fromtimestamp(int(value), UTC).day == 29
    assert remark is not None


@pytest.mark.parametrize("text", ["", "now", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z"])
def test_invalid_date_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        values.read_date_time(text)


@pytest.mark.parametrize("text", ["1/0", "NaN", "INF", "0x10", "1,000", "1..5", "--1", ""])
def test_what_is_no_number_is_not_read_as_one(text: str) -> None:
    for reader in (values.read_ticks, values.read_count, values.read_integer):
        with pytest.raises(ValueError, match="not a number"):
            reader(text)


ODD = (
    "\u0663", "\U0001d7d9", "1_000", "+" + "9" * 5000, "9" * 400 + "." + "9" * 400, "1e999999999",
    "1e-999999999", "-0", "1/" + "0" * 5000, "PT1e999999999S", "PT1e-999999999S", "PT" + "9" * 4000 + "H",
    "P" + "0" * 5000 + "Y", "PT\u0663S", "9999-12-31T24:00:00Z", "9999-12-31T23:59:60Z",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "10000-01-01T00:00:00Z",
    "2024-01-01T00:00:00+99:99", "2024-01-01T00:00:00." + "9" * 5000 + "Z", "TRUE\x85", "\xa05\xa0",
)  # fmt: skip


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("name", [name for name in dir(values) if name.startswith("read_")])
def test_every_text_is_a_value_or_is_refused_at_once(name: str, text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(ValueError):
        value, _ = getattr(values, name)(text)
        assert isinstance(value, (bool, int, Fraction))
    assert time.process_time() - began < 0.5


def test_a_fraction_of_ticks_stays_exact_and_of_a_count_the_whole_part_counts() -> None:
    assert values.read_ticks("1.25")[0] == Fraction(5, 4)
    assert values.read_ticks("2.0")[0] == 2
    assert values.read_ticks("30000/1001")[0] == Fraction(30000, 1001)
    assert values.read_count("2.99")[0] == 2
    assert values.read_count("-0.5")[0] == -1
    assert values.read_count(str(10**30)) == (10**30, None)


def test_a_fraction_for_an_integer_attribute_is_rounded_with_a_remark() -> None:
    value, remark = values.read_integer("2001999.9999999998")
    assert value == 2002000
    assert remark is not None
    assert values.read_integer(" 42 ") == (42, None)


@pytest.mark.parametrize("text", ["30000/1001", " 30000 / 1001 "])
def test_a_frame_rate_is_a_ratio(text: str) -> None:
    assert values.read_rate(text) == (Fraction(30000, 1001), None)


def test_a_decimal_frame_rate_is_read_with_a_remark() -> None:
    assert values.read_rate("25") == (Fraction(25), None)
    value, remark = values.read_rate("29.97")
    assert value == Fraction(2997, 100)
    assert remark is not None


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (values.read_integer, "12a"),
        (values.read_integer, "1_000"),
        (values.read_integer, ""),
        (values.read_number, "1e999"),
        (values.read_number, "NaN"),
        (values.read_rate, "30/0"),
        (values.read_boolean, "yes"),
    ],
)
def test_invalid_values_raise_value_error(reader: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match=r"not|neither|zero"):
        reader(text)


def test_numbers_with_exponents_are_read() -> None:
    for reader in (values.read_number, values.read_ticks, values.read_count, values.read_integer):
        value, remark = reader("1.5e3")
        assert value == 1500
        assert remark is not None
    with pytest.raises(ValueError, match="sensible size"):
        values.read_number("1e101")


def test_booleans_are_read_with_a_remark_on_other_spellings() -> None:
    assert values.read_boolean("true") == (True, None)
    assert values.read_boolean("0") == (False, None)
    value, remark = values.read_boolean("True")
    assert value is True
    assert remark is not None
