"""What a task tells of itself."""

from __future__ import annotations

from dashget.transfer.contract import Job, Request
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import Accepted
from dashget.transfer.run.task import Task
from dashget.transfer.settings.options import TransferOptions
from tests.support.sinks import RecordingSink

HEAD = Head(200, "1.1", {"content-length": "100"})


def test_a_task_that_ended_without_a_reason_is_no_cancelled_one() -> None:
    task = Task(Job(Request(("http://h/a",)), lambda _: RecordingSink()))
    task.open(TransferOptions())
    task.wires = 1
    task.accept(HEAD, Accepted(0, 100, 100), "http://h/a", 0)
    result = task.result()
    assert isinstance(result, Exception)
    assert not result.cancelled


def test_a_sink_is_begun_with_the_first_answer() -> None:
    sink = RecordingSink()
    task = Task(Job(Request(("http://h/a",)), lambda _: sink))
    task.open(TransferOptions())
    assert sink.begun == []
    task.accept(HEAD, Accepted(0, 100, 100), "http://h/a", 0)
    assert [(head.size, offset) for head, offset in sink.begun] == [(100, 0)]
