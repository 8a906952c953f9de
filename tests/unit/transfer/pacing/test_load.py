"""Whether a loop never waits for the network."""

from __future__ import annotations

import pytest

from dashget.transfer.pacing.pace import Load


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "waited", "full"),
    [
        (1.0, 0.0, True), (1.0, 0.05, True), (1.0, 0.15, False), (1.0, 1.0, False),
        (0.02, 0.0, True), (0.019, 0.0, False), (0.0, 0.0, False),
    ],
)  # fmt: skip
def test_it_is_full_when_there_is_hardly_any_time_to_wait(
    seconds: float, waited: float, full: bool
) -> None:
    clock, waits = Clock(), Clock()
    load = Load(clock, waits)
    clock.now, waits.now = seconds, waited
    assert load.is_full() is full


def test_each_answer_is_about_the_time_since_the_last_one() -> None:
    clock, waits = Clock(), Clock()
    clock.now, waits.now = 1000.0, 500.0
    load = Load(clock, waits)
    answers = []
    for seconds, waited in ((100.0, 90.0), (0.1, 0.0), (0.1, 0.1)):
        clock.now += seconds
        waits.now += waited
        answers.append(load.is_full())
    assert answers == [False, True, False]


def test_asking_too_soon_does_not_begin_anew() -> None:
    clock, waits = Clock(), Clock()
    load = Load(clock, waits)
    answers = []
    for _ in range(5):
        clock.now += 0.0045
        answers.append(load.is_full())
    assert answers == [False] * 4 + [True]
