"""The result of a task, and the start of its sink."""

from __future__ import annotations

from dashget.transfer.contract import Job, Request
from dashget.transfer.engine import Engine
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import Accepted
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.consequences import decide
from dashget.transfer.run.exchange import PLAIN, Exchange, Phase, Step
from dashget.transfer.run.run import Run
from dashget.transfer.run.task import Task
from dashget.transfer.run.ways import new_task, open_task
from dashget.transfer.settings.options import TransferOptions
from tests.support.sinks import RecordingSink

HEAD = Head(200, "1.1", {"content-length": "100"})


def accepted(task: Task) -> None:
    """Have a task accept a response of 100 bytes."""
    with Engine(TransferOptions()) as engine:
        loop = engine._free[0]
        run = Run(engine._shared, iter(()), lambda *_: None, (loop.links,))
        exchange = Exchange(task, loop._new_slot(), 0, PLAIN, 0.0, lambda: 0.0)
        exchange.url, exchange.origin = "http://h/a", Origin("http", "h", 80)
        exchange.head, exchange.accepted = HEAD, Accepted(0, 100, 100)
        task.exchanges.append(exchange)
        assert decide(run, exchange, Step.ACCEPT)


def test_a_task_that_ended_without_a_reason_is_not_a_cancelled_one() -> None:
    task = new_task(Job(Request(("http://h/a",)), lambda _: RecordingSink()))
    open_task(task, 1)
    accepted(task)
    result = task.result()
    assert isinstance(result, Exception)
    assert not result.cancelled


def test_a_sink_is_begun_with_the_first_answer() -> None:
    sink = RecordingSink()
    task = new_task(Job(Request(("http://h/a",)), lambda _: sink))
    open_task(task, 1)
    assert sink.begun == []
    accepted(task)
    assert [(head.size, offset) for head, offset in sink.begun] == [(100, 0)]


def test_a_task_that_is_done_does_not_fail_or_restart_any_more() -> None:
    task = new_task(Job(Request(("http://h/a",)), lambda _: RecordingSink()))
    task.phase = Phase.DONE
    task.give_up()
    task.restart()
    assert task.phase is Phase.DONE
    assert task.closed
