"""What finished transfers bring in the mean, and when they count as large."""

from __future__ import annotations

import pytest

from dashget.transfer.pacing.pace import LARGE_BYTES, Pace

KIB, MIB = 1024, 1024 * 1024


def test_many_small_files_are_still_small() -> None:
    pace = Pace()
    for _ in range(1000):
        pace.ended(8, 8 * 48 * KIB, 0.08)
    assert pace.usual_bytes == 48 * KIB < LARGE_BYTES


def test_how_large_files_are_is_known_after_the_first_mebibyte() -> None:
    pace = Pace()
    usual = []
    for _ in range(3):
        pace.ended(1, MIB, 0.1)
        usual.append(pace.usual_bytes)
    assert usual == [0, MIB, MIB]


def test_the_mean_counts_and_not_the_last_file() -> None:
    pace = Pace()
    pace.ended(999, 999 * KIB, 1.0)
    pace.ended(1, 20 * MIB, 1.0)
    assert pace.usual_bytes == (999 * KIB + 20 * MIB) // 1000


def test_without_bytes_there_is_no_size_and_no_rate() -> None:
    pace = Pace()
    pace.ended(0, 0, 0.0)
    assert (pace.usual_bytes, pace.rate) == (0, 0.0)


def test_several_at_once_weigh_as_much_as_one_after_the_other() -> None:
    singly, together = Pace(), Pace()
    for pace in (singly, together):
        pace.ended(1, MIB, 1.0)
    for _ in range(5):
        singly.ended(1, 2 * MIB, 1.0)
    together.ended(5, 10 * MIB, 5.0)
    assert together.rate == pytest.approx(singly.rate)
    assert MIB < together.rate < 2 * MIB


def test_tiny_files_do_not_change_the_rate() -> None:
    pace = Pace()
    pace.ended(1, MIB, 1.0)
    pace.ended(10, 10 * KIB, 10.0)
    assert pace.rate == MIB
