"""Sizes, rates and durations: each way in which people write them has one value, exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.cli.options.quantities import parse_duration, parse_rate, parse_size
from dashget.errors import UsageError

DURATIONS = [
    ("45", 45), ("45s", 45), ("0.5", 0.5), ("2.5s", 2.5), ("90m", 5400), ("90min", 5400),
    ("2h", 7200), ("2H", 7200), ("1h30m", 5400), ("1h 30m", 5400), (" 2h ", 7200),
    ("1h30m15s", 5415), ("1d", 86400), ("1d12h", 129600), ("1.5h", 5400), ("PT45S", 45),
    ("pt45s", 45), ("PT2H", 7200), ("PT1H30M", 5400), ("P1D", 86400), ("P1DT1H", 90000),
    ("PT0.5S", 0.5), ("1:30:00", 5400), ("0:45", 45), ("90:00", 5400), ("00:00:07.5", 7.5),
    ("100:00:00", 360000),
]  # fmt: skip
NO_DURATIONS = [
    "", " ", "h", "s", "2x", "-5", "+5", "1h30", "30 1h", "m5", "PT", "P", "P2H", "PT1D", "45sm",
    "1:2", "1:2:3", "1:60", "1:75:00", "1:30:00:00", "::", "1e3", "nan", "inf", "٣", "1٫5", "2h!",
    "1,5h", "1.h", ".5", "9" * 21, "1_000",
]  # fmt: skip
SIZES = [
    ("0", 0), ("1", 1), ("500k", 500_000), ("500K", 500_000), ("2M", 2_000_000), ("2MB", 2_000_000),
    ("1.5G", 1_500_000_000), ("4GiB", 4 << 30), ("4Gi", 4 << 30), ("1KiB", 1024), ("3T", 3 * 10**12),
    ("2 TiB", 2 << 40), ("0.1k", 100), ("9007199254740993", 9_007_199_254_740_993), ("7b", 7),
    ("1.1234567k", 1123),
]  # fmt: skip
NO_SIZES = [
    "", "k", "-1", "1e6", "1kk", "1,5M", "1.M", ".5M", "1P", "one", "1 M B", "٣", "nan", "1_000",
    "9" * 21,
]  # fmt: skip


@pytest.mark.parametrize(("written", "seconds"), DURATIONS)
def test_a_duration_is_read(written: str, seconds: float) -> None:
    assert parse_duration(written, "--max-time") == seconds


@pytest.mark.parametrize("written", NO_DURATIONS)
def test_anything_else_is_no_duration(written: str) -> None:
    with pytest.raises(UsageError, match=r"^--max-time: not a valid duration: "):
        parse_duration(written, "--max-time")


@pytest.mark.parametrize(("written", "size"), SIZES)
def test_a_size_is_read(written: str, size: int) -> None:
    assert parse_size(written, "--max-file-size") == size
    assert parse_rate(written, "--limit-rate") == size


@pytest.mark.parametrize("written", NO_SIZES)
def test_anything_else_is_no_size(written: str) -> None:
    with pytest.raises(UsageError, match=r"^--max-file-size: not a valid size: "):
        parse_size(written, "--max-file-size")


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_the_same_time_in_four_forms_is_the_same(hours: int, minutes: int, seconds: int) -> None:
    total = 3600 * hours + 60 * minutes + seconds
    forms = (
        f"{hours}:{minutes:02}:{seconds:02}",
        f"{hours}h{minutes}m{seconds}s",
        f"PT{hours}H{minutes}M{seconds}S",
        str(total),
    )
    assert [parse_duration(form, "") for form in forms] == [total] * 4


@given(st.text(max_size=25))
def test_every_text_has_a_value_or_a_sentence(written: str) -> None:
    for parse in (parse_duration, parse_size, parse_rate):
        try:
            read, said = parse(written, "--option"), "--option: not a valid value"
        except UsageError as error:
            read, said = 0, error.message
        assert read >= 0
        assert said.startswith("--option: not a valid ")
