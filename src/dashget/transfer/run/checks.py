"""Checks: requests of the run's own, by which it learns if a host answers.

A check asks for what has come before, in the same way: a server may refuse HEAD, or ranges, and
nothing else. Only the head of the answer is awaited, or its body as far as 64 KiB where bodies
are what does not come; there is one attempt, and nobody else is told of it.
"""

from __future__ import annotations

from dashget.common.byterange import ByteRange
from dashget.transfer.contract import Job, MemorySink, Method, Patience, Request, ResponseHead
from dashget.transfer.http.failure import Failure
from dashget.transfer.http.judge import Asked
from dashget.transfer.run.exchange import Attempt, Exchange
from dashget.transfer.run.task import Landing, Task
from dashget.transfer.run.ways import InOne, Look

_ENOUGH_BYTES = 1 << 16
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


class Beginning(MemorySink):
    """Takes the beginning of a body, and ends the transfer when it has come."""

    def __init__(self) -> None:
        super().__init__(_ENOUGH_BYTES)

    def begin(self, head: ResponseHead, offset: int) -> None:
        """Take a body of any size."""


def new_check(asks: Request, *, body: bool = False) -> Task:
    """Return the task of a check that repeats a request; with ``body``, also for what follows."""
    if body:
        whole = Request((asks.url,), Method.GET, asks.range)
        task = Task(Job(whole, lambda _: Beginning(), patience=_ONCE), InOne())
        task.single_stream = True
        return task
    request = Request((asks.url,), Method.HEAD)
    job = Job(request, lambda _: MemorySink(0), patience=_ONCE)
    if asks.method is Method.HEAD:
        return Task(job, Look())
    wanted = asks.range
    first = None if wanted is None else ByteRange(wanted.first, wanted.first)
    return Task(job, Glance(Asked(range=first, probe=True)))


def has_enough(task: Task) -> bool:
    """Return True if the beginning that a check awaits has come."""
    return task.received >= _ENOUGH_BYTES
