"""Which of the tasks that wait goes on first."""

from __future__ import annotations

from dashget.transfer.contract import Job, MemorySink, Request
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.backlog import Backlog
from dashget.transfer.run.task import Task
from dashget.transfer.run.ways import new_task

HOST, FULL = Origin("http", "a", 80), Origin("http", "b", 80)


def task() -> Task:
    return new_task(Job(Request(("http://a/",)), lambda _: MemorySink(1)))


def test_a_redirected_task_goes_before_others_for_the_same_host() -> None:
    backlog = Backlog()
    direct, redirected, later = task(), task(), task()
    backlog.block(direct, HOST)
    backlog.block(redirected, HOST, redirected=True)
    backlog.block(later, HOST, redirected=True)
    assert (backlog.count, backlog.blocked, backlog.waiting) == (3, 3, 3)
    assert [backlog.next(0.0, lambda _: True) for _ in range(4)] == [
        redirected,
        later,
        direct,
        None,
    ]
    assert (backlog.count, backlog.blocked, redirected.queued) == (0, 0, 0)


def test_a_task_redirected_to_a_full_host_holds_no_other_up() -> None:
    backlog = Backlog()
    redirected, direct = task(), task()
    backlog.block(redirected, FULL, redirected=True)
    backlog.block(direct, HOST)
    assert backlog.next(0.0, lambda origin: origin is HOST) is direct
    assert backlog.next(0.0, lambda origin: origin is HOST) is None
