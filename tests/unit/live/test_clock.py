"""The server's time: learnt from samples, forward at once, never back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.live.clock import Kind, Sample, ServerClock


def sample(
    time: float, at: float, kind: Kind = Kind.UTC, trip: float = 0.0, coarse: float = 0.0
) -> Sample:
    return Sample(kind, time, at - trip / 2, at + trip / 2, coarse)


def test_without_a_sample_it_is_this_computers_time() -> None:
    clock = ServerClock(1000.0, 5.0)
    assert clock.at(7.0) == 1002.0
    assert clock.when(1002.0) == 7.0


def test_the_first_sample_sets_it() -> None:
    clock = ServerClock(1000.0, 0.0)
    assert clock.observe(sample(990.0, 0.0))
    assert clock.at(0.0) == 990.0


def test_half_of_the_round_trip_is_taken_off() -> None:
    clock = ServerClock(0.0, 0.0)
    clock.observe(Sample(Kind.UTC, 100.0, 0.0, 2.0))
    assert clock.at(1.0) == 100.0
    assert clock.uncertainty == 1.0


def test_a_later_sample_moves_it_forward_at_once_and_back_slowly() -> None:
    clock = ServerClock(100.0, 0.0)
    clock.observe(sample(100.0, 0.0))
    clock.observe(sample(115.0, 10.0))
    assert clock.at(10.0) == 115.0
    clock.observe(sample(117.0, 20.0))
    assert clock.at(20.0) == 125.0
    assert clock.at(24.0) == 127.0
    assert clock.at(36.0) == 133.0
    assert clock.at(40.0) == 137.0


def test_a_date_does_not_replace_what_utctiming_told() -> None:
    clock = ServerClock(0.0, 0.0)
    clock.observe(sample(100.0, 0.0))
    assert not clock.observe(sample(500.0, 1.0, Kind.DATE, coarse=1.0))
    assert clock.at(1.0) == 101.0


def test_a_slow_answer_does_not_replace_a_fast_one() -> None:
    clock = ServerClock(0.0, 0.0)
    clock.observe(sample(100.0, 0.0, trip=0.1))
    assert not clock.observe(sample(103.0, 1.0, trip=4.0))
    assert clock.at(1.0) == 101.0


def test_a_document_proves_a_clock_slow_that_no_server_has_told() -> None:
    clock = ServerClock(100.0, 0.0)
    assert clock.prove(130.0, 0.0)
    assert clock.at(0.0) == 130.0
    assert not clock.prove(120.0, 0.0)
    clock.observe(sample(100.0, 1.0))
    assert not clock.prove(200.0, 1.0)


def test_a_time_that_may_be_far_off_is_asked_for_again_soon() -> None:
    clock = ServerClock(1000.0, 0.0)
    clock.observe(sample(1000.0, 0.0, trip=8.0))
    assert not clock.due_again(9.0)
    assert clock.due_again(15.0)
    clock.observe(sample(1016.0, 16.0))
    assert not clock.due_again(500.0)


def test_a_time_that_is_doubted_is_asked_for_again_but_not_all_the_time() -> None:
    clock = ServerClock(1000.0, 0.0)
    clock.observe(sample(1000.0, 0.0))
    clock.doubt()
    assert not clock.due_again(5.0)
    assert clock.due_again(11.0)
    clock.observe(sample(1030.0, 11.0))
    assert clock.at(11.0) == 1030.0
    clock.doubt()
    assert not clock.due_again(12.0)
    assert clock.due_again(22.0)
    clock.asked(22.0)
    clock.doubt()
    assert not clock.due_again(23.0), "no answer has come, and it was asked just now"


@given(
    st.lists(
        st.tuples(st.floats(0.1, 20), st.floats(-30, 30), st.sampled_from([0.0, 0.2, 3.0])),
        min_size=1,
        max_size=12,
    )
)
def test_it_never_goes_back_and_can_be_inverted(steps: list[tuple[float, float, float]]) -> None:
    clock = ServerClock(1000.0, 0.0)
    now, shown = 0.0, None
    for pause, error, trip in steps:
        now += pause
        before = clock.at(now)
        if shown is not None:
            assert before >= shown - 1e-6
        clock.observe(sample(1000.0 + now + error, now, trip=trip))
        if shown is not None:
            assert clock.at(now) >= shown - 1e-6
        shown = clock.at(now)
        for ahead in (0.0, 0.5, 3.0, 100.0):
            assert clock.when(clock.at(now + ahead)) == pytest.approx(now + ahead, abs=1e-3)
