"""Resumptions that need more than a range: those in vain, and those without a validator.

The bytes on disk must not keep a file from being fetched. Some servers answer a plain request and
no range: with 403 or 500, with a 206 that does not say which bytes it has, or with those of another
range. A file whose connection broke once could never be completed there. So after two such answers
in a row all of it is requested. What is on disk stays until that is answered with the file. The
same, once the tries are used up, where each answer breaks off after a few bytes.

Nor must an ETag that is of no use. Edges behind one name may have different ETags for the same
bytes; then If-Range brings all of a file again after each broken connection, and it is never
complete. So where size and time stay (or a digest), the rest is requested without If-Range from a
little before the end of what is on disk, and continues that only if these bytes come again. A
resource that has moved is treated alike. So is one whose ETag and time both change, or the time
alone, once those of an earlier answer come back: a file that is replaced does not do that. And one
of which nothing tells the version (``Task.goes_on_from``), in the run in which its bytes came.

All functions are called with the run's lock held.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from dashget.errors import GONE_STATUSES, Retry
from dashget.transfer.contract import ResponseHead
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.failure import BUSY_STATUSES, Failure, Scope
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import Accepted
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.board import Board
from dashget.transfer.run.exchange import Exchange
from dashget.transfer.run.task import Doubt, Task
from dashget.transfer.run.ways import InRanges

IN_VAIN_AT_MOST = 2
_SLIGHT_BYTES = 64 * 1024
_SLIGHT_BYTES_IF_MUCH = 10_000
"""A connection that breaks by chance brings more: it sends so much at once."""
_SOME_BYTES, _MUCH_BYTES = 1 << 20, 1 << 26
_REQUESTS, _REQUESTS_IF_SOME = 50, 200
"""So many requests for the rest are too many."""
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
        and failure.status not in BUSY_STATUSES
        and failure.retry is not Retry.NEVER
        and failure.retry_after_seconds is None
        and failure.scope is Scope.RESOURCE
    )


def is_last_resort(exchange: Exchange[Task], failure: Failure, progress: int) -> bool:
    """Return True if a file that would be given up may still come as a whole.

    Not if its server was not reached: a later run may go on with what is on disk. Nor if its rest
    comes, in pieces that are worth the requests: ``progress`` has the new bytes of the last one.
    Nor if it is this program that has ended a connection which crawls: all of it crawls as well.
    """
    if exchange.crawls is not None:
        return False
    resumes = _is_resumption(exchange) and came_further(exchange.task)
    if not resumes or failure.retry is not Retry.AGAIN or not _is_slight(exchange, progress):
        return False
    # The request was sent.
    return bool(exchange.slot.handle.getinfo(pycurl.PRETRANSFER_TIME))


def _is_slight(exchange: Exchange[Task], progress: int) -> bool:
    """Return True if the rest of a file never comes at this rate, or hardly.

    Where much is on disk, it has to be much slower than where nobody minds to fetch that again.
    """
    task = exchange.task
    if not progress:
        return True
    here = task.way.bytes_here()
    least = _SLIGHT_BYTES if here < _MUCH_BYTES else _SLIGHT_BYTES_IF_MUCH
    requests = _REQUESTS if here < _SOME_BYTES else _REQUESTS_IF_SOME
    missing = least * requests if task.size is None else task.size - here
    return progress < least and progress * requests < missing


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


def suspect(task: Task, origin: Origin) -> None:
    """Doubt what tells the version of a task, as its origin has shown that it is of no use."""
    if task.doubt is Doubt.NONE:
        identity = task.known_identity()
        if identity is not None and origin.wavers:
            task.doubt = Doubt.SIGNS
        elif identity is not None and identity.has_more_signs:
            task.doubt = Doubt.TAGS


def note_signs(task: Task, before: ResponseHead, now: ResponseHead) -> None:
    """Take up what a response says that begins a task anew; doubt all of it if it comes back."""
    was = before.etag, before.last_modified, before.size
    says = now.etag, now.last_modified, now.size
    if was != says:
        task.former |= {was}
        task.wavers = task.wavers or says in task.former
    if task.wavers and task.is_comparable:
        task.doubt = Doubt.SIGNS


def doubt_tags(board: Board, task: Task) -> None:
    """Doubt the ETag of a task from now on: another came, and all else is the same."""
    board.divided.leave(task)
    way = task.way
    if task.doubt is Doubt.TAGS and isinstance(way, InRanges) and way.gaps.is_only_beginning:
        task.to_drop = way.bytes_here(), "no bytes before the gap could be compared"
        task.restart()
    task.doubt = Doubt.TAGS


def overlaps(exchange: Exchange[Task], head: Head, accepted: Accepted) -> bool:
    """Return True if a response begins with the bytes that were asked for again."""
    wanted = exchange.asked.range
    return (
        exchange.overlap > 0
        and head.status == 206
        and wanted is not None
        and accepted.first == wanted.first
    )


def compare_overlap(exchange: Exchange[Task], position: int) -> None:
    """Have the beginning of a body compared with what lies before ``position``.

    Raises OSError if that cannot be read.
    """
    read: Callable[[int, int], bytes] = exchange.task.sink.read  # type: ignore[union-attr]  # only sinks that have it are asked
    known = read(position - exchange.overlap, exchange.overlap)
    if len(known) < exchange.overlap:
        raise FileNotFoundError(errno.ENOENT, "bytes of the part have vanished")
    exchange.compare(known)


def prove_overlap(board: Board, exchange: Exchange[Task]) -> None:
    """Record that the bytes that came again are those on disk."""
    task, origin = exchange.task, exchange.origin
    identity = task.known_identity()
    if identity is None or exchange.head.validator == identity.etag:
        if task.doubt is Doubt.ADDRESS:
            task.doubt = Doubt.NONE
    elif not origin.retags:
        origin.wavers = task.doubt is Doubt.SIGNS
        origin.retags = origin.wavers or task.doubt is Doubt.TAGS
        if origin.retags:
            board.call(board.hooks.on_retagged, task.job, exchange.url)


def refute_overlap(task: Task) -> None:
    """Record that another ETag did mean other bytes."""
    task.to_drop = task.way.bytes_here(), "the resource has changed"
