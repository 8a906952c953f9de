"""Checks: requests of the run's own, by which it learns if a host answers.

A check asks for what has come before, in the same way: a server may refuse HEAD, or ranges, and
nothing else. Only the head of the answer is awaited, there is one attempt, and nobody else is
told of it.
"""

from __future__ import annotations

from dashget.common.byterange import ByteRange
from dashget.transfer.contract import Job, MemorySink, Method, Patience, Request
from dashget.transfer.http.failure import Failure
from dashget.transfer.http.judge import Asked
from dashget.transfer.run.exchange import Attempt, Exchange
from dashget.transfer.run.task import Landing, Task
from dashget.transfer.run.ways import Look

_ONCE = Patience(attempts=1)


class Glance(Look):
    """The head of an answer to a GET is wanted, and no more."""

    __slots__ = ("_attempt",)

    def __init__(self, asked: Asked) -> None:
        self.probes = True
        self._attempt = Attempt(asked)

    def attempt(self, task: Task, index: int) -> Attempt | None:
        """Return the one request there is."""
        return self._attempt

    def landed(self, task: Task, exchange: Exchange[Task]) -> Landing | Failure:
        """Be content with any good answer, also one without a size."""
        return Landing.COMPLETE


def new_check(asks: Request) -> Task:
    """Return the task of a check that repeats a request."""
    request = Request((asks.url,), Method.HEAD, any_coding=True)
    job = Job(request, lambda _: MemorySink(0), patience=_ONCE)
    if asks.method is Method.HEAD:
        return Task(job, Look())
    wanted = asks.range
    first = None if wanted is None else ByteRange(wanted.first, wanted.first)
    return Task(job, Glance(Asked(range=first, probe=True)))
