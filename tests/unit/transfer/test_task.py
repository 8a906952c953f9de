"""When a resource may be kept until it is whole."""

from __future__ import annotations

import pytest

from dashget.transfer.head import Head
from dashget.transfer.judge import Accepted
from dashget.transfer.options import TransferOptions
from dashget.transfer.request import Job, Request
from dashget.transfer.task import Task
from tests.sinks import RecordingSink, WholeRecordingSink

HEAD = Head(200, "1.1", {"content-length": "100"})


def accepted(
    sink: RecordingSink, *, size: int | None = 100, wires: int = 1, queued: int = 0
) -> Task:
    """Return a task that has just accepted a response."""
    task = Task(Job(Request(("http://h/a",)), lambda: sink))
    task.open(TransferOptions())
    task.wires, task.queued = wires, queued
    task.accept(HEAD, Accepted(0, size, size), "http://h/a", 0, held_at_most=100)
    return task


def test_a_small_resource_with_one_transfer_is_held() -> None:
    sink = WholeRecordingSink()
    assert accepted(sink).held
    assert sink.begun == []


@pytest.mark.parametrize(
    "circumstances", [{"size": 101}, {"size": None}, {"wires": 2}, {"queued": 1}], ids=str
)
def test_others_are_begun_at_once(circumstances: dict[str, int | None]) -> None:
    """A task in the backlog may get a second transfer, which knows nothing of what is held."""
    sink = WholeRecordingSink()
    assert not accepted(sink, **circumstances).held  # type: ignore[arg-type]  # by name
    assert len(sink.begun) == 1


def test_a_sink_that_takes_nothing_in_one_go_is_begun() -> None:
    sink = RecordingSink()
    assert not accepted(sink).held
    assert len(sink.begun) == 1


def test_a_task_that_ended_without_a_reason_is_no_cancelled_one() -> None:
    result = accepted(WholeRecordingSink()).result()
    assert isinstance(result, Exception)
    assert not result.cancelled
