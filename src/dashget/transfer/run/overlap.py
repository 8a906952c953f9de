"""Go on with bytes on disk whose ETag is of no use: by comparing an overlap.

Edges behind one name may have different ETags for the same bytes; then If-Range brings all of a
file again after each broken connection, and it is never complete. So where size and time stay (or
a digest), the rest is requested without If-Range from a little before the end of what is on disk,
and continues that only if these bytes come again. A resource that has moved is treated alike.

All functions are called with the run's lock held.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import Accepted
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.board import Board
from dashget.transfer.run.exchange import Exchange
from dashget.transfer.run.task import Doubt, Task
from dashget.transfer.run.ways import InRanges


def suspect(task: Task, origin: Origin) -> None:
    """Doubt the ETag of a task whose origin has shown that its ETags are of no use."""
    if origin.retags and task.doubt is Doubt.NONE:
        identity = task.known_identity()
        if identity is not None and identity.has_more_signs:
            task.doubt = Doubt.TAGS


def begin(board: Board, task: Task) -> None:
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


def compare(exchange: Exchange[Task], position: int) -> None:
    """Have the beginning of a body compared with what lies before ``position``.

    Raises OSError if that cannot be read.
    """
    read: Callable[[int, int], bytes] = exchange.task.sink.read  # type: ignore[union-attr]  # only sinks that have it are asked
    known = read(position - exchange.overlap, exchange.overlap)
    if len(known) < exchange.overlap:
        raise FileNotFoundError(errno.ENOENT, "bytes of the part have vanished")
    exchange.compare(known)


def proved(board: Board, exchange: Exchange[Task]) -> None:
    """Record that the bytes that came again are those on disk."""
    task, origin = exchange.task, exchange.origin
    if task.identity is None or exchange.head.validator == task.identity.etag:
        if task.doubt is Doubt.ADDRESS:
            task.doubt = Doubt.NONE
    elif not origin.retags:
        origin.retags = task.doubt is Doubt.TAGS
        if origin.retags:
            board.call(board.hooks.on_retagged, task.job, exchange.url)


def refuted(task: Task) -> None:
    """Record that another ETag did mean other bytes."""
    task.to_drop = task.way.bytes_here(), "the resource has changed"
