"""Formatting numbers for people."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashget.cli.printers import text


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (12_345, "12.3 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (1_430_000_000, "1.43 GB"),
        (5e18, "5000 PB"),
    ],
)
def test_sizes_have_three_digits(count: float, words: str) -> None:
    assert text.size(count) == words


def test_bandwidths_are_bits() -> None:
    assert text.bitrate(128_000) == "128 kb/s"
    assert text.bitrate(4_500_000) == "4.50 Mb/s"


def test_rates_are_bytes() -> None:
    assert text.rate(34_100_000) == "34.1 MB/s"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.42, "0.42 s"),
        (42.06, "42.1 s"),
        (59.96, "1:00"),
        (187, "3:07"),
        (3723, "1:02:03"),
        (Fraction(1, 3), "0.33 s"),
    ],
)
def test_time_spans(seconds: float, words: str) -> None:
    assert text.duration(seconds) == words


def test_a_number_agrees_with_its_noun() -> None:
    assert text.count(1, "file") == "1 file"
    assert text.count(1204, "file") == "1,204 files"
    assert text.count(2, "entry", "entries") == "2 entries"
