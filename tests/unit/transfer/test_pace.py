"""What finished transfers bring in the mean, and when they count as large."""

from __future__ import annotations

import pytest

from dashget.transfer.pace import Pace

KIB, MIB = 1024, 1024 * 1024


def test_small_files_are_not_large_however_many_they_are() -> None:
    pace = Pace()
    assert not any(pace.ended(8, 8 * 48 * KIB, 0.08) for _ in range(1000))


def test_large_files_are_known_after_the_first_few_mebibytes() -> None:
    pace = Pace()
    assert [pace.ended(1, MIB, 0.1) for _ in range(3)] == [False, True, True]


def test_the_mean_counts_and_not_the_last_file() -> None:
    pace = Pace()
    pace.ended(1000, 1000 * KIB, 1.0)
    assert not pace.ended(1, 20 * MIB, 1.0)


def test_nothing_at_all_is_not_large_and_has_no_rate() -> None:
    pace = Pace()
    assert not pace.ended(0, 0, 0.0)
    assert pace._rate == 0.0


def test_several_at_once_weigh_as_much_as_one_after_the_other() -> None:
    singly, together = Pace(), Pace()
    for pace in (singly, together):
        pace.ended(1, MIB, 1.0)
    for _ in range(5):
        singly.ended(1, 2 * MIB, 1.0)
    together.ended(5, 10 * MIB, 5.0)
    assert together._rate == pytest.approx(singly._rate)
    assert MIB < together._rate < 2 * MIB


def test_what_is_too_small_to_tell_anything_leaves_the_rate_alone() -> None:
    pace = Pace()
    pace.ended(1, MIB, 1.0)
    pace.ended(10, 10 * KIB, 10.0)
    assert pace._rate == MIB
