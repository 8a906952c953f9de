"""Outages of hosts: what a check brings that is no longer awaited."""

from __future__ import annotations

import random

import pytest

from dashget.errors import Retry
from dashget.transfer.contract import Job, MemorySink, Request, TransferError
from dashget.transfer.http.failure import Failure
from dashget.transfer.http.origin import Origin, Origins
from dashget.transfer.run.outages import Outages
from dashget.transfer.run.task import Silence, Task
from dashget.transfer.run.ways import InOne
from dashget.transfer.settings.options import TransferOptions

BUSY = Failure("HTTP 503 Service Unavailable", Retry.AGAIN, status=503)
HOST = "http://origin.example"


class Desk:
    def __init__(self) -> None:
        self.checks: list[Task] = []

    def check(self, task: Task, until: float) -> None:
        self.checks.append(task)

    def warn(self, message: str) -> None:
        raise AssertionError(message)


def outage() -> tuple[Outages, Origin, Task]:
    """Return a host of which eight files in a row have failed, and its check."""
    options, desk = TransferOptions(), Desk()
    origins = Origins(options)
    outages = Outages(options, origins, lambda: 0.0, random.Random(1).random, desk)
    origin = origins.of(f"{HOST}/")
    asks = Request((f"{HOST}/good",))
    origin.at_work = origin.good = asks
    for number in range(8):
        request = Request((f"{HOST}/{number}",))
        task = Task(Job(request, lambda _: MemorySink(0)), InOne())
        outages.blames(task, 0, request, origin, BUSY, Silence.NONE)
    assert outages.holds(origin)
    (check,) = desk.checks
    return outages, origin, check


@pytest.mark.parametrize("noticed", [False, True], ids=["by its own end", "before"])
def test_a_check_of_an_outage_that_a_good_answer_ended_is_still_a_check(noticed: bool) -> None:
    outages, origin, check = outage()
    origin.at_work = Request((f"{HOST}/another",))
    if noticed:
        assert not outages.holds(origin)
    failure = TransferError("HTTP 503", retry=Retry.AGAIN, url=f"{HOST}/good", status=503)
    assert outages.ended(check, failure)
    assert not outages.holds(origin)
