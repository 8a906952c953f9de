"""Resumptions that bring nothing: the bytes on disk must not keep a file from being fetched.

Some servers answer a plain request and no range: with 403 or 500, with a 206 that does not say
which bytes it has, or with those of another range. A file whose connection broke once could never
be completed there. So after two such answers in a row all of it is requested. What is on disk stays
until that is answered with the file.
"""

from __future__ import annotations

from dashget.errors import GONE_STATUSES, Retry
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.failure import Failure, Scope
from dashget.transfer.run.exchange import Exchange
from dashget.transfer.run.task import Task
from dashget.transfer.run.ways import InRanges

IN_VAIN_AT_MOST = 2
_BUSY = frozenset({408, 425, 429})
_FINAL = GONE_STATUSES | {425}


def in_vain(exchange: Exchange[Task], failure: Failure) -> bool:
    """Return True if a request for the rest was answered so that one for all may succeed.

    Not if the server asks for patience, or does not work at all: then the rest is asked for later.
    """
    task = exchange.task
    patience = task.job.patience
    if patience is not None and patience.missing_is_final and failure.status in _FINAL:
        return False
    if task.exchanges and isinstance(task.way, InRanges) and task.way.ranges_work:
        # Others come: this refusal may be temporary.
        return False
    return (
        _is_resumption(exchange)
        # A redirect is an answer, wherever it leads.
        and (failure.status is not None or exchange.hops > 0)
        and failure.status not in _BUSY
        and failure.retry is not Retry.NEVER
        and failure.retry_after_seconds is None
        and failure.scope is Scope.RESOURCE
    )


def is_last_resort(exchange: Exchange[Task], failure: Failure) -> bool:
    """Return True if a file that would be given up may still come as a whole.

    Not if its server was not reached: a later run may go on with what is on disk.
    """
    resumes = _is_resumption(exchange) and came_further(exchange.task)
    if not resumes or failure.retry is not Retry.AGAIN:
        return False
    # The request was sent.
    return bool(exchange.slot.handle.getinfo(pycurl.PRETRANSFER_TIME))


def give_up(task: Task, failure: Failure) -> None:
    """Let a task begin from zero: nothing that is on disk could be continued.

    If that breaks off as well, the rest is asked for but once.
    """
    task.vain = IN_VAIN_AT_MOST - 1
    task.given_up_at = task.furthest
    task.single_stream = True
    task.to_drop = task.way.bytes_here(), f"it cannot be resumed: {failure.message}"
    task.restart()


def came_further(task: Task) -> bool:
    """Return True unless the last beginning from zero came no further than those before it."""
    return task.furthest > task.given_up_at


def _is_resumption(exchange: Exchange[Task]) -> bool:
    asked = exchange.asked.range
    return asked is not None and exchange.start > 0 and exchange.task.request.range is None
