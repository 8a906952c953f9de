"""What follows a failed attempt."""

from __future__ import annotations

import pytest

from dashget.errors import Retry
from dashget.transfer.contract import Job, MemorySink, Request
from dashget.transfer.http.failure import Failure, Scope, status_failure
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.retry import Again, Bases, Budget, Retries, backoff_seconds
from dashget.transfer.run.task import Task, bases_of
from dashget.transfer.run.ways import new_task
from dashget.transfer.settings.options import TransferOptions

OPTIONS = TransferOptions(retries=3, backoff_seconds=1.0, backoff_limit_seconds=8.0)
AGAIN = Failure("reset", Retry.AGAIN)
GONE = status_failure(404)
REFUSED = Failure("connection refused", Retry.AGAIN, Scope.BASE)


def task(*urls: str) -> Task:
    return new_task(Job(Request(urls), lambda _: MemorySink(0)))


def origin() -> Origin:
    return Origin("http", "h", 80)


def retries(bases: Bases | None = None) -> Retries:
    return Retries(OPTIONS, bases or Bases(), lambda: 1.0)


def test_pauses_double_up_to_a_ceiling_with_full_jitter() -> None:
    longest = [backoff_seconds(n, OPTIONS, lambda: 1.0) for n in range(1, 6)]
    assert longest == [1.0, 2.0, 4.0, 8.0, 8.0]
    assert backoff_seconds(3, OPTIONS, lambda: 0.0) == 0.0
    assert backoff_seconds(10_000, OPTIONS, lambda: 0.5) == 4.0


def test_one_url_has_its_attempts() -> None:
    one, rules = task("http://h/a"), retries()
    steps = [rules.after(one, 0, origin(), AGAIN, 0, 0.0) for _ in range(4)]
    assert steps == [Again(0, 1.0), Again(0, 2.0), Again(0, 4.0), None]


def test_a_final_failure_is_final() -> None:
    assert retries().after(task("http://h/a"), 0, origin(), GONE, 0, 0.0) is None


def test_alternatives_take_turns_after_two_attempts() -> None:
    two, rules = task("http://h/a", "http://g/a"), retries()
    order, index = [], 0
    while (step := rules.after(two, index, origin(), AGAIN, 0, 0.0)) is not None:
        index = step.index
        order.append(index)
    assert order == [0, 1, 1, 0, 0, 1, 1]


def test_no_alternative_is_tried_after_a_failure_that_holds_for_all() -> None:
    never = Failure("proxy", Retry.NEVER)
    assert retries().after(task("http://h/a", "http://g/a"), 0, origin(), never, 0, 0.0) is None


def test_progress_is_not_counted_against_a_url() -> None:
    one, rules = task("http://h/a"), retries()
    one.validator = '"1"'
    for _ in range(20):
        assert rules.after(one, 0, origin(), AGAIN, 1_000_000, 0.0) == Again(0, 1.0)
    assert one.failures == 20


def test_retry_after_holds_its_origin_back() -> None:
    one, rules, place = task("http://h/a"), retries(), origin()
    busy = status_failure(503, retry_after_seconds=40.0)
    assert rules.after(one, 0, place, busy, 0, 100.0) == Again(0, 40.0)
    assert place.not_before == 140.0


def test_a_budget_runs_out() -> None:
    fixed = Budget(2)
    assert [fixed.spend() for _ in range(3)] == [True, True, False]
    grown = Budget(None)
    grown.started = 100
    assert sum(grown.spend() for _ in range(1000)) == 250


def test_a_base_that_cannot_be_reached_gets_longer_and_longer_penalties() -> None:
    bases = Bases()
    bases.failed("http://h", 0.0, unreachable=True)
    assert bases.has_penalty("http://h", 29.0)
    assert not bases.has_penalty("http://h", 31.0)
    bases.failed("http://h", 31.0, unreachable=True)
    assert bases.has_penalty("http://h", 80.0)
    assert not bases.has_penalty("http://h", 100.0)
    assert not bases.has_penalty("http://g", 0.0)


def test_success_removes_a_penalty() -> None:
    bases = Bases()
    bases.failed("http://h", 0.0, unreachable=True)
    done = task("http://h/a", "http://g/a")
    done.source_index = 0
    bases.worked(done)
    assert bases.no_penalties


@pytest.mark.parametrize(
    ("urls", "wanted"),
    [
        (("http://a/x/1.m4s", "http://b/x/1.m4s"), ("http://a", "http://b")),
        (("http://a/one/1.m4s", "http://a/two/1.m4s"), ("http://a/one", "http://a/two")),
        (("http://a/1", "http://a/1"), ("", "")),
    ],
)
def test_bases_are_the_beginnings_in_which_alternatives_differ(
    urls: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    assert bases_of(urls) == wanted


def test_a_base_with_a_penalty_is_tried_last() -> None:
    bases = Bases()
    rules = retries(bases)
    bases.failed("http://h", 0.0, unreachable=True)
    both = task("http://h/a", "http://g/a")
    assert rules.choose(both, 1.0) == 1
    both.exhausted.add(1)
    assert rules.choose(both, 1.0) == 0
