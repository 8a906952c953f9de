"""Claims on the bytes of a resource: nothing twice, nothing left out."""

from __future__ import annotations

import random

import pytest

from dashget.common.byterange import ByteRange
from dashget.transfer.run.gaps import Gaps, finished_prefix


def test_gaps_are_the_bytes_between_finished_ranges() -> None:
    gaps = Gaps(100, [ByteRange(50, 59), ByteRange(0, 9), ByteRange(5, 19)])
    assert [gaps.take(1000), gaps.take(1000), gaps.take(1000)] == [(20, 50), (60, 100), None]


@pytest.mark.parametrize(
    "finished", [[ByteRange(0, 99)], [ByteRange(0)], [ByteRange(0, 50), ByteRange(51)]]
)
def test_a_finished_resource_has_no_gap(finished: list[ByteRange]) -> None:
    assert not Gaps(100, finished)


def test_a_small_rest_goes_along() -> None:
    gaps = Gaps(120)
    assert gaps.take(100) == (0, 120)
    gaps = Gaps(130)
    assert gaps.take(100) == (0, 100)


def test_a_claim_is_extended_only_into_a_gap_right_behind_it() -> None:
    gaps = Gaps(100, [ByteRange(30, 39)])
    assert gaps.take(20) == (0, 20)
    assert gaps.extend(20, 50) == 30
    assert gaps.extend(30, 50) is None
    assert gaps.extend(40, 10) == 50


def test_a_returned_claim_joins_its_neighbours() -> None:
    gaps = Gaps(300)
    claims = [gaps.take(100) for _ in range(2)]
    assert claims == [(0, 100), (100, 200)]
    gaps.give_back(150, 200)
    gaps.give_back(30, 100)
    gaps.give_back(100, 100)
    assert gaps.take(1000) == (30, 100)
    assert gaps.take(1000) == (150, 300)


def test_a_late_claim_does_not_begin_at_zero() -> None:
    gaps = Gaps(100)
    assert gaps.take_late(30) == (70, 100)
    assert gaps.take_late(1000) == (1, 70)
    assert gaps.take_late(1000) is None
    assert gaps.take(10) == (0, 1)
    assert Gaps(100, [ByteRange(0, 9)]).take_late(50) == (10, 60)


def test_a_prefix_ends_at_the_first_gap() -> None:
    assert finished_prefix([]) == 0
    assert finished_prefix([ByteRange(5, 9)]) == 0
    assert finished_prefix([ByteRange(10, 19), ByteRange(0, 9), ByteRange(30, 39)]) == 20


@pytest.mark.parametrize("seed", range(20))
def test_every_byte_is_claimed_once_however_it_goes(seed: int) -> None:
    dice = random.Random(seed)
    size = dice.randrange(1, 2000)
    gaps, fetched = Gaps(size), bytearray(size)
    while (claim := gaps.take(dice.randrange(1, 300))) is not None:
        first, end = claim
        reached = dice.randrange(first, end + 1)
        for i in range(first, reached):
            fetched[i] += 1
        gaps.give_back(reached, end)
    assert set(fetched) == {1}


def test_a_gap_is_claimed_with_the_bytes_before_it() -> None:
    gaps = Gaps(100, [ByteRange(10, 29), ByteRange(50, 59)])
    assert gaps.take_after_bytes() == (10, 30, 50)
    gaps.give_back(40, 50)
    assert gaps.take_after_bytes() == (10, 40, 50)
    # What lies before it, up to the beginning of the resource, is missing.
    assert gaps.take_after_bytes() == (10, 60, 100)
    assert gaps.is_only_beginning
    assert gaps.take_after_bytes() is None
    assert gaps.total == 10


def test_all_before_the_first_gap_is_there() -> None:
    gaps = Gaps(100, [ByteRange(0, 29)])
    assert not gaps.is_only_beginning
    assert gaps.take_after_bytes() == (0, 30, 100)
    assert gaps.take_after_bytes() is None
