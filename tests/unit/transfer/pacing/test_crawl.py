"""Which connections crawl, on a clock that moves by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from dashget.transfer.pacing.crawl import Course, Crawl, patience_seconds
from dashget.transfer.settings.options import TransferOptions

KB = 1000


class Stream:
    """A connection that brings ``rate`` bytes a second, or what a function of its age says."""

    def __init__(
        self,
        rate: float | Callable[[float], float],
        *,
        origin: str = "h",
        task: object = None,
        asked_at: float = 0.0,
    ) -> None:
        self.rate = rate
        self.origin = origin
        self.task = task or self
        self.asked_at = asked_at
        self.received = 0
        self.held_back = False
        self.course: Course | None = None
        self._exact = 0.0

    def bring(self, now: float, seconds: float) -> None:
        rate = self.rate(now - self.asked_at) if callable(self.rate) else self.rate
        self._exact += rate * seconds
        self.received = int(self._exact)


class Hour:
    """A clock with connections, of which those that crawl are replaced by ``successor``."""

    def __init__(
        self,
        streams: Sequence[Stream],
        *,
        successor: Callable[[float, Stream], Stream] | None = None,
        finished_rate: float = 0.0,
        **options: float,
    ) -> None:
        self.now = 0.0
        self.streams = list(streams)
        self.replaced: list[tuple[int, Stream]] = []
        self._crawl = Crawl(TransferOptions(**options), 0.0)  # type: ignore[arg-type]  # numbers
        self._successor = successor
        self._finished_rate = finished_rate
        self._finished = 0.0
        self.finishing = bool(finished_rate)
        """True while one transfer a second ends."""

    def go_on(self, seconds: float, *, step: float = 0.1) -> list[int]:
        """Let time go by; return the seconds at which connections were replaced."""
        before = len(self.replaced)
        for _ in range(round(seconds / step)):
            self.now += step
            for stream in self.streams:
                stream.bring(self.now, step)
            self._finished += step if self.finishing else 0.0
            self._crawl.look(self.now, self.streams, int(self._finished))
            found = self._crawl.behind_others(
                self.now, self.streams, self._finished_rate, lambda *_: True
            )
            for stream, _ in found:
                self._replace(stream)
        return [when for when, _ in self.replaced[before:]]

    def _replace(self, stream: Stream) -> None:
        self.replaced.append((round(self.now), stream))
        self.streams.remove(stream)
        if self._successor is not None:
            following = self._successor(self.now, stream)
            following.origin, following.task = stream.origin, stream.task
            self.streams.append(following)


def same(now: float, stream: Stream) -> Stream:
    return Stream(stream.rate, asked_at=now)


def fast(now: float, stream: Stream) -> Stream:
    return Stream(1000 * KB, asked_at=now)


def test_one_below_a_tenth_of_another_is_replaced_after_ten_seconds() -> None:
    assert Hour([Stream(20 * KB), Stream(500 * KB)]).go_on(30) == [10]


@pytest.mark.parametrize("rate", [60, 200, 500, 4000])
def test_one_that_is_only_slower_is_left_alone(rate: int) -> None:
    assert Hour([Stream(rate * KB), Stream(500 * KB)]).go_on(60) == []


def test_all_that_crawl_beside_one_that_runs_are_replaced() -> None:
    hour = Hour([*(Stream(20 * KB) for _ in range(3)), Stream(900 * KB)], successor=fast)
    assert hour.go_on(60) == [10, 10, 10]


def test_a_link_that_was_always_slow_is_no_reason() -> None:
    assert Hour([Stream(20 * KB) for _ in range(4)]).go_on(600) == []


def test_nor_is_a_host_that_is_slower_than_another() -> None:
    streams = [Stream(20 * KB, origin="a"), Stream(15 * KB, origin="a"), Stream(9e6, origin="b")]
    assert Hour(streams).go_on(600) == []


def test_a_silent_one_is_replaced_before_the_timeout() -> None:
    assert Hour([Stream(0), Stream(500 * KB)]).go_on(20) == [10]


def test_transfers_that_have_just_ended_run_as_well() -> None:
    assert Hour([Stream(20 * KB)], finished_rate=400 * KB).go_on(20) == [10]


def test_one_that_stays_slow_is_replaced_more_and_more_seldom() -> None:
    hour = Hour([Stream(20 * KB), Stream(500 * KB)], successor=same)
    assert hour.go_on(1000) == [10, 30, 70, 150, 310, 470, 630, 790, 950]


def test_one_that_runs_for_a_while_each_time_is_replaced_each_time() -> None:
    def tires(age: float) -> float:
        return 500 * KB if age < 5 else 10 * KB

    hour = Hour([Stream(tires), Stream(500 * KB)], successor=same)
    assert len(hour.go_on(160)) == 10


def test_when_all_crawl_that_ran_before_one_is_replaced_to_find_out() -> None:
    def falls(age: float) -> float:
        return 500 * KB if age < 20 else 10 * KB

    hour = Hour([Stream(falls) for _ in range(4)], successor=same)
    hour._successor = lambda now, _: Stream(10 * KB, asked_at=now)
    # The window is empty of better times after ten seconds; 20 to judge, then 40, 80, ...
    whens = hour.go_on(1000)
    assert whens[0] in (29, 30, 31)
    assert len(whens) <= 7
    assert [b - a for a, b in itertools.pairwise(whens)][:3] == [40, 80, 160]


def test_and_the_others_follow_if_that_one_runs() -> None:
    def falls(age: float) -> float:
        return 500 * KB if age < 20 else 10 * KB

    hour = Hour([Stream(falls) for _ in range(4)], successor=fast)
    whens = hour.go_on(100)
    assert len(whens) == 4
    assert whens[-1] - whens[0] <= 2


@pytest.mark.parametrize("ended", [20, 2])
def test_so_they_do_if_all_that_ran_before_was_short(ended: int) -> None:
    """Files that come at once were never looked at; those that crawl now fill every place."""
    hour = Hour([], successor=fast, finished_rate=500 * KB)
    hour.go_on(ended)
    hour.finishing = False
    hour.streams = [Stream(1 * KB, asked_at=ended) for _ in range(4)]
    assert len(hour.go_on(100)) == (4 if ended == 20 else 0)


def test_what_a_limited_rate_holds_back_is_not_slow() -> None:
    held, other = Stream(20 * KB), Stream(500 * KB)
    held.held_back = True
    assert Hour([held, other]).go_on(60) == []


def test_a_halted_program_takes_nobody_for_slow() -> None:
    hour = Hour([Stream(500 * KB), Stream(500 * KB)])
    hour.go_on(15)
    hour.now += 3600
    assert hour.go_on(15) == []


def test_below_the_users_limit_for_the_users_time() -> None:
    crawl = Crawl(TransferOptions(speed_limit=1000, speed_time_seconds=5), 0.0)
    slow, quick, young = Stream(990), Stream(1010), Stream(10, asked_at=6.0)
    found = []
    for tick in range(1, 101):
        for each in (slow, quick, young):
            each.bring(tick / 10, 0.1 * (tick / 10 >= each.asked_at))
        crawl.look(tick / 10, [each for each in (slow, quick, young) if each.received], 0)
        found.append(crawl.below(1000, [slow, quick, young]))
    assert found[48] == []
    assert found[50] == [slow]
    assert found[99] == [slow]


def test_a_burst_of_long_ago_does_not_count_for_ever() -> None:
    crawl = Crawl(TransferOptions(speed_limit=50 * KB), 0.0)
    stream = Stream(lambda age: 5000 * KB if age < 1 else 10 * KB)
    below = []
    for tick in range(1, 400):
        stream.bring(tick / 10, 0.1)
        crawl.look(tick / 10, [stream], 0)
        if crawl.below(50 * KB, [stream]):
            below.append(tick / 10)
    assert 30 <= below[0] <= 36


@pytest.mark.parametrize(
    ("limit", "time", "seconds"), [(None, None, 10), (None, 4, 4), (1000, None, 30), (1000, 7, 7)]
)
def test_the_time_is_curls_with_a_limit(
    limit: int | None, time: float | None, seconds: float
) -> None:
    options = TransferOptions(speed_limit=limit, speed_time_seconds=time)
    assert patience_seconds(options) == seconds
