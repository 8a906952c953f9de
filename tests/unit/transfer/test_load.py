"""Whether a run has more to compute than one loop can."""

from __future__ import annotations

import pytest

from dashget.transfer.load import Load


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "spent", "full"),
    [
        (1.0, 1.0, True), (1.0, 0.95, True), (1.0, 0.85, False), (1.0, 0.0, False),
        # Two threads at once, or a clock of the processor that is coarser than the other.
        (0.5, 0.9, True),
        (0.02, 0.02, True), (0.019, 0.019, False), (0.0, 0.0, False),
    ],
)  # fmt: skip
def test_it_is_full_when_no_time_is_left(seconds: float, spent: float, full: bool) -> None:
    clock, processor = Clock(), Clock()
    clock.now = processor.now = 0.0
    load = Load(clock, processor)
    clock.now, processor.now = seconds, spent
    assert load.is_full() is full


def test_each_answer_is_about_the_time_since_the_last_one() -> None:
    clock, processor = Clock(), Clock()
    load = Load(clock, processor)
    answers = []
    for seconds, spent in ((100.0, 5.0), (0.1, 0.1), (0.1, 0.0)):
        clock.now += seconds
        processor.now += spent
        answers.append(load.is_full())
    assert answers == [False, True, False]


def test_asking_too_soon_does_not_begin_anew() -> None:
    clock, processor = Clock(), Clock()
    load = Load(clock, processor)
    answers = []
    for _ in range(5):
        clock.now += 0.0045
        processor.now += 0.0045
        answers.append(load.is_full())
    assert answers == [False] * 4 + [True]
