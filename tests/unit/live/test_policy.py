"""What an answer means for a segment: the rows of the table in ``live.policy``."""

from __future__ import annotations

import math

import msgspec
import pytest

from dashget.live.facts import Reason
from dashget.live.policy import MOST_TRIES, Answer, Case, Turn, judge

EDGE = Case(now=100.2, promised=100.0, until=140.0, length=2.0, lag=0.0, tries=1)


def case(**changes: float | None) -> Case:
    return msgspec.structs.replace(EDGE, **changes)


def test_a_segment_is_here() -> None:
    assert judge(Answer(200, here=True), EDGE).turn is Turn.HERE


@pytest.mark.parametrize("status", [404, 425])
def test_at_the_edge_it_comes_later(status: int) -> None:
    pauses = [judge(Answer(status), case(tries=tries)).pause for tries in (1, 2, 3, 4)]
    assert pauses == [0.5, 1.0, 2.0, 2.0]


def test_before_its_time_it_is_asked_for_at_its_time() -> None:
    verdict = judge(Answer(404), case(now=90.0))
    assert (verdict.turn, verdict.pause) == (Turn.AGAIN, 10.0)


def test_in_the_window_pauses_double() -> None:
    pauses = [judge(Answer(404), case(now=120.0, tries=tries)).pause for tries in (1, 2, 3, 4, 5)]
    assert pauses == [1.0, 2.0, 4.0, 4.0, 4.0]


@pytest.mark.parametrize("status", [404, 410])
def test_past_the_window_it_is_lost(status: int) -> None:
    verdict = judge(Answer(status), case(now=141.0))
    assert (verdict.turn, verdict.reason) == (Turn.LOST, Reason.LEFT_WINDOW)


def test_what_grows_is_asked_for_when_it_may_be_complete() -> None:
    growing = Answer(200, growing=1.5, size=100)
    assert not growing.is_origins
    for now in (100.2, 141.0):
        verdict = judge(growing, case(now=now))
        assert (verdict.turn, verdict.pause) == (Turn.AGAIN, 1.5)
    assert judge(growing, case(now=141.0, tries=MOST_TRIES)).turn is Turn.LOST


def test_gone_inside_the_window_is_asked_at_every_address() -> None:
    assert judge(Answer(410), case(addresses=2, tries=3)).turn is Turn.AGAIN
    assert judge(Answer(410), case(addresses=2, tries=4)).turn is Turn.LOST


def test_refused_means_a_fresh_manifest_and_in_the_end_a_loss() -> None:
    assert judge(Answer(403), case(refused=1)).turn is Turn.REFRESH
    verdict = judge(Answer(403), case(refused=6))
    assert (verdict.turn, verdict.reason) == (Turn.LOST, Reason.REFUSED)


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503, 504])
def test_the_origins_trouble_is_no_segments_fault(status: int) -> None:
    assert Answer(status).is_origins
    assert judge(Answer(status), case(tries=MOST_TRIES)).turn is Turn.AGAIN
    verdict = judge(Answer(status), case(now=141.0))
    assert (verdict.turn, verdict.reason) == (Turn.LOST, Reason.OUTAGE)


def test_retry_after_is_obeyed() -> None:
    assert judge(Answer(503, retry_after=7.0), EDGE).pause == 7.0


def test_something_else_is_odd_in_the_end() -> None:
    assert judge(Answer(200, odd=True), EDGE).turn is Turn.AGAIN
    verdict = judge(Answer(200, odd=True), case(now=141.0))
    assert (verdict.turn, verdict.reason) == (Turn.LOST, Reason.ODD)


def test_tries_are_limited_and_spread_over_the_window() -> None:
    now, tries = 100.0, 0
    while True:
        tries += 1
        verdict = judge(Answer(404), case(now=now, until=math.inf, tries=tries))
        if verdict.turn is Turn.LOST:
            break
        now += verdict.pause
    assert tries == MOST_TRIES
    assert now - 100.0 > 600


@pytest.mark.parametrize(
    ("depth", "seconds"), [(math.inf, 60.0), (14_400.0, 60.0), (10.0, 10.0), (0.1, 0.1)]
)
@pytest.mark.parametrize("length", [0.2, 2.0, 10.0])
@pytest.mark.parametrize("answer", [Answer(404), Answer(410), Answer(200, odd=True), Answer(403)])
def test_after_the_end_what_is_missing_is_asked_for_a_while_with_growing_pauses(
    answer: Answer, length: float, depth: float, seconds: float
) -> None:
    begun = now = 500.0
    tries, pauses = 0, []
    while True:
        tries += 1
        asked = case(
            now=now, until=math.inf, length=length, tries=tries, refused=tries, last=now - begun,
            depth=depth,
        )  # fmt: skip
        verdict = judge(answer, asked)
        if verdict.turn is Turn.LOST:
            break
        pauses.append(verdict.pause)
        now += verdict.pause
    assert tries <= 13
    assert now - begun <= seconds + (20 if answer.status == 403 else 1)
    if answer.status == 404:
        assert now - begun >= seconds
        assert pauses[:-1] == sorted(pauses[:-1])


@pytest.mark.parametrize(("depth", "seconds"), [(10.0, 600.0), (7200.0, 7200.0), (math.inf, 600.0)])
def test_after_the_end_a_silent_origin_is_waited_for_no_longer_than_its_window(
    depth: float, seconds: float
) -> None:
    for last, turn in ((seconds - 1, Turn.AGAIN), (seconds + 1, Turn.LOST)):
        asked = case(now=9_000.0, until=math.inf, last=last, depth=depth)
        assert judge(Answer(), asked).turn is turn


def test_what_dashget_does_not_ask_for_is_named_so_and_is_no_outage() -> None:
    barred = Answer(barred=True, problem="h.example is at the private address 10.0.0.7")
    assert not barred.is_origins
    assert judge(barred, EDGE).turn is Turn.AGAIN
    for changes in ({"tries": 2}, {"now": 141.0}):
        verdict = judge(barred, case(**changes))
        assert (verdict.turn, verdict.reason) == (Turn.LOST, Reason.NOT_ALLOWED)
