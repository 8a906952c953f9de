"""Runs and spans: what is known of a line, in little memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashget.live.spans import Run, Runs, Spans

POSITIONS = st.lists(st.integers(0, 40), unique=True, max_size=30)


def test_segments_that_follow_one_another_are_one_run() -> None:
    runs = Runs()
    for k in (0, 1, 3, 2):
        runs.add(Run(k * 10, 10, 1, k))
    assert list(runs) == [Run(0, 10, 4, 0)]


def test_a_week_of_equal_segments_is_one_run() -> None:
    runs = Runs()
    for k in range(302_400):
        runs.add(Run(k * 10, 10, 1, k))
    assert len(runs) == 1
    assert runs.count == 302_400


def test_a_segment_of_another_duration_is_a_run_of_its_own() -> None:
    runs = Runs()
    runs.add(Run(0, 10, 2, 0))
    runs.add(Run(20, 9, 1, 2))
    assert list(runs) == [Run(0, 10, 2, 0), Run(20, 9, 1, 2)]


def test_times_may_be_of_any_size() -> None:
    runs = Runs()
    runs.add(Run(0, 10, 2, 0))
    runs.add(Run(2**64, 10, 1, 2**65))
    assert list(runs) == [Run(0, 10, 2, 0), Run(2**64, 10, 1, 2**65)]
    assert runs.take(2**64) == Run(2**64, 10, 1, 2**65)
    assert runs.take(10) == Run(10, 10, 1, 1)
    assert list(runs) == [Run(0, 10, 1, 0)]


def test_what_lies_before_a_moment_is_known_as_a_whole() -> None:
    spans = Spans()
    spans.fill(5, 2)
    assert list(spans) == []
    for begin, end in ((0, 10), (20, 30), (50, 60), (65, 70)):
        spans.add(begin, end)
    spans.fill(0, 2)
    assert list(spans) == [(0, 10), (20, 30), (50, 60), (65, 70)]
    spans.fill(40, 2)
    assert list(spans) == [(0, 40), (50, 60), (65, 70)]
    spans.fill(49, 2)
    assert list(spans) == [(0, 60), (65, 70)]
    spans.fill(80, 2)
    assert list(spans) == [(0, 80)]


def test_what_lies_before_a_moment_can_be_forgotten() -> None:
    spans = Spans()
    for begin, end in ((0, 10), (20, 30), (50, 60)):
        spans.add(begin, end)
    spans.cut(25)
    assert list(spans) == [(25, 30), (50, 60)]
    spans.cut(30)
    assert list(spans) == [(50, 60)]
    spans.cut(99)
    assert list(spans) == []


@given(POSITIONS, POSITIONS)
def test_taking_leaves_the_others(added: list[int], taken: list[int]) -> None:
    runs = Runs()
    for k in added:
        runs.add(Run(k * 10, 10, 1, k))
    for k in taken:
        one = runs.take(k * 10)
        assert (one is not None) == (k in added)
    left = sorted(set(added) - set(taken))
    assert [run.number + i for run in runs for i in range(run.count)] == left
    assert runs.count == len(left)


@given(POSITIONS, st.integers(0, 420))
def test_taking_before_and_from_a_time_divides_them(added: list[int], time: int) -> None:
    before, after = Runs(), Runs()
    for k in added:
        before.add(Run(k * 10, 10, 1, k))
        after.add(Run(k * 10, 10, 1, k))
    taken = before.take_before(time)
    assert sorted(r.number + i for r in taken for i in range(r.count)) == [
        k for k in sorted(added) if k * 10 < time
    ]
    assert before.count == sum(1 for k in added if k * 10 >= time)
    taken = after.take_from(time)
    assert sorted(r.number + i for r in taken for i in range(r.count)) == [
        k for k in sorted(added) if k * 10 >= time
    ]


@given(POSITIONS, st.integers(0, 40), st.integers(1, 30))
def test_missing_is_what_is_not_known(known: list[int], first: int, count: int) -> None:
    spans = Spans()
    for k in known:
        spans.add(k * 10, k * 10 + 10)
    missing = [
        part.number + i
        for part in spans.missing(Run(first * 10, 10, count, first))
        for i in range(part.count)
    ]
    assert missing == [k for k in range(first, first + count) if k not in known]


def test_a_segment_that_is_listed_a_little_earlier_again_is_known() -> None:
    spans = Spans()
    spans.add(0, 1000, slack=50)
    assert list(spans.missing(Run(896, 104, 2))) == [Run(1000, 104, 1, 1)]


def test_small_gaps_are_closed_and_large_ones_stay() -> None:
    spans = Spans()
    spans.add(0, 100, slack=5)
    spans.add(103, 200, slack=5)
    spans.add(300, 400, slack=5)
    assert list(spans) == [(0, 200), (300, 400)]
    spans.add(150, 320)
    assert list(spans) == [(0, 400)]
