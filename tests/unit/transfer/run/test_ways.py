"""The ways of a task: what they ask for, and when one becomes another."""

from __future__ import annotations

from typing import Any, cast

import pytest

from dashget.common.byterange import ByteRange
from dashget.transfer.contract import Job, Method, Request, ResumePoint
from dashget.transfer.http.failure import Failure
from dashget.transfer.http.head import Head
from dashget.transfer.run.exchange import PLAIN, Phase
from dashget.transfer.run.task import Landing, Task
from dashget.transfer.run.ways import InOne, InRanges, Look, new_task, open_task, start_over
from tests.support.sinks import RecordingSink

TAG = '"1"'


def opened(point: ResumePoint | None = None, *urls: str) -> Task:
    """Return a task whose sink is open."""
    request = Request(urls or ("http://h/a",))
    task = new_task(Job(request, lambda _: RecordingSink(point)))
    open_task(task, 100)
    return task


class Ended:
    """The part of an exchange that a way looks at in the end."""

    def __init__(self, start: int, position: int, claim: int | None = None) -> None:
        self.start, self.position, self.claim = start, position, claim
        self.end: int | None = None
        self.index = 0
        self.marks_end = True


def ended(start: int, position: int, claim: int | None = None) -> Any:
    return cast("Any", Ended(start, position, claim))


def test_a_new_task_asks_for_everything_in_one_stream() -> None:
    task = opened()
    assert isinstance(task.way, InOne)
    assert task.way.attempt(task, 0) is PLAIN


def test_a_task_continues_what_an_earlier_run_left() -> None:
    task = opened(ResumePoint((ByteRange(0, 49),), 100, TAG))
    attempt = task.way.attempt(task, 0)
    assert attempt is not None
    assert (attempt.first, attempt.asked.validator) == (50, TAG)
    assert str(attempt.asked.range) == "50-"


@pytest.mark.parametrize("validator", [None, 'W/"1"'])
def test_bytes_without_a_strong_validator_are_not_continued(validator: str | None) -> None:
    task = opened(ResumePoint((ByteRange(0, 49),), 100, validator))
    assert task.way.attempt(task, 0) is PLAIN


def test_bytes_of_one_url_are_not_continued_from_another() -> None:
    point = ResumePoint((ByteRange(0, 49),), 100, TAG, "http://h/a")
    task = opened(point, "http://h/a", "http://g/a")
    assert task.way.attempt(task, 1) is PLAIN
    assert task.way.bytes_here() == 0


def test_scattered_bytes_of_an_earlier_run_are_continued_in_ranges() -> None:
    task = opened(ResumePoint((ByteRange(0, 9), ByteRange(50, 99)), 100, TAG))
    assert isinstance(task.way, InRanges)
    assert task.way.bytes_here() == 60
    attempt = task.way.attempt(task, 0)
    assert attempt is not None
    assert (attempt.first, attempt.claim, attempt.asked.whole) == (10, 50, True)


def test_a_server_that_sends_all_of_it_ends_the_ranges() -> None:
    task = opened(ResumePoint((ByteRange(0, 9), ByteRange(50, 99)), 100, TAG))
    task.way.begin(task, Head(200, "1.1", {}), 0)
    assert isinstance(task.way, InOne)
    assert not task.resumed


def test_a_claim_that_broke_is_given_back() -> None:
    task = opened(ResumePoint((ByteRange(0, 9), ByteRange(50, 99)), 100, TAG))
    way = task.way
    assert isinstance(way, InRanges)
    assert way.attempt(task, 0) is not None
    assert way.broken(task, ended(10, 30, 50)) == 20
    assert way.bytes_here() == 80
    assert way.landed(task, ended(30, 30, 30)) is Landing.NEXT_RANGE


def test_a_prefix_grows_by_the_bytes_of_a_broken_attempt_only_once() -> None:
    task = opened()
    task.sink_begun = True
    assert task.way.broken(task, ended(0, 60)) == 60
    assert task.way.broken(task, ended(0, 40)) == 0
    assert task.way.bytes_here() == 60


def test_a_body_of_another_size_than_announced_is_a_failure() -> None:
    task = opened()
    task.size = 100
    assert isinstance(task.way.landed(task, ended(0, 90)), Failure)
    assert task.way.landed(task, ended(0, 100)) is Landing.COMPLETE


def test_a_look_probes_once_if_a_head_tells_no_size() -> None:
    task = new_task(Job(Request(("http://h/a",), Method.HEAD), lambda _: RecordingSink()))
    way = task.way
    assert isinstance(way, Look)
    assert way.landed(task, ended(0, 0)) is Landing.NOTHING
    attempt = way.attempt(task, 0)
    assert attempt is not None
    assert str(attempt.asked.range) == "0-0"
    assert way.landed(task, ended(0, 0)) is Landing.NOTHING
    assert task.phase is Phase.FAILED


def test_a_start_from_zero_keeps_nothing_but_a_look() -> None:
    task = opened(ResumePoint((ByteRange(0, 9), ByteRange(50, 99)), 100, TAG))
    task.restart()
    start_over(task)
    assert (task.phase, task.size, task.validator) == (Phase.OPEN, None, None)
    assert task.way.attempt(task, 0) is PLAIN
    look = new_task(Job(Request(("http://h/a",), Method.HEAD), lambda _: RecordingSink()))
    start_over(look)
    assert isinstance(look.way, Look)
