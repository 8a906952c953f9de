"""Large resources in parallel ranges: who claims which bytes.

The first transfer of a large resource asks for all of it. Where the answer allows it, the
resource becomes *scattered*: that transfer claims one range after the other, and others
take the ranges that it has not come to. Until one of them has been answered with 206, the
first one may take their claims back.

All functions are called with the run's lock held.
"""

from __future__ import annotations

from collections.abc import Iterable

from dashget.common.byterange import ByteRange
from dashget.transfer.contract import Sink
from dashget.transfer.http.head import Head
from dashget.transfer.run.gaps import Gaps
from dashget.transfer.run.task import UNMARKED, Task
from dashget.transfer.run.wire import Wire
from dashget.transfer.settings.options import TransferOptions

_LEAST_SPLIT_BYTES = 256 * 1024


class Pieces:
    """The scattered tasks of a run."""

    __slots__ = ("_options", "_tasks")

    def __init__(self, options: TransferOptions) -> None:
        self._options = options
        self._tasks: list[Task] = []

    def helped(self) -> Task | None:
        """Return a task that another transfer would bring forward."""
        for task in self._tasks:
            if task.queued or task.halted:
                continue
            if task.gaps and task.wires and (task.proven or task.wires < 2):
                return task
        return None

    def leave(self, task: Task) -> None:
        """Give a task no further transfers."""
        if task in self._tasks:
            self._tasks.remove(task)

    def claim(self, task: Task, gaps: Gaps) -> tuple[int, int] | None:
        """Claim the bytes of one request, ``[first, end)``; None if there are none to claim."""
        if task.began:
            return gaps.take(self._options.range_size)
        # A sink that is told to begin at zero drops everything; there is something to keep.
        return gaps.take_late(self._options.range_size)

    def scatter(self, task: Task, wire: Wire, head: Head, position: int, *, alone: bool) -> None:
        """Scatter a resource whose first response begins at ``position``, if that is possible.

        ``alone`` says that there will never be another transfer to help.
        """
        size, sink, options = task.size, task.sink, self._options
        if task.gaps is None:
            wire.claim = None
            if (
                size is None
                or size - position < options.range_threshold
                or task.validator is None
                or task.request.range is not None
                or task.in_one
                or alone
                or head.fields.get("accept-ranges") == "none"
            ):
                return
        if sink is not None:
            self._scatter(task, sink)
        if task.gaps is None and size is not None:
            task.gaps = Gaps(size, [ByteRange(0, position - 1)] if position else ())
            wire.claim = task.gaps.extend(position, options.range_size)
        self._tasks.append(task)

    def _scatter(self, task: Task, sink: Sink) -> None:
        """Prepare a sink for ranges; where it cannot, the next response begins it anew."""
        try:
            sink.scatter()
        except BaseException:
            task.began = False
            raise

    def extend(self, wire: Wire, wires: Iterable[Wire]) -> bool:
        """Let a wire that has filled its claim go on where nobody else is."""
        task, gaps = wire.task, wire.task.gaps
        if gaps is None:
            return False
        claim = gaps.extend(wire.position, self._options.range_size)
        if claim is None and not task.proven and wire.asked.range is None:
            _take_back(task, gaps, wire, wires)
            claim = gaps.extend(wire.position, self._options.range_size)
        if claim is None:
            return False
        wire.claim = claim
        return True

    def split(self, wire: Wire) -> bool:
        """Take the second half of what a slow wire has claimed; False if that is too little."""
        gaps = wire.task.gaps
        if gaps is None or wire.claim is None or not wire.task.proven:
            return False
        left = wire.claim - wire.position
        if left < 2 * _LEAST_SPLIT_BYTES:
            return False
        end = wire.claim
        wire.shorten(end - left // 2)
        gaps.give_back(end - left // 2, end)
        return True


def note(wire: Wire) -> None:
    """Tell the store which bytes of a scattered resource have come since it was last told.

    May raise what the sink raises.
    """
    sink = wire.task.sink
    if wire.mark == UNMARKED or wire.position <= wire.noted or sink is None:
        return
    first, wire.noted = wire.noted, wire.position
    sink.written(ByteRange(first, wire.position - 1))


def _take_back(task: Task, gaps: Gaps, keep: Wire, wires: Iterable[Wire]) -> None:
    """Take claims back from wires whose ranges the server has not answered yet."""
    for wire in wires:
        if wire.task is task and wire is not keep and wire.claim is not None:
            gaps.give_back(wire.position, wire.claim)
            wire.claim = None
            wire.dropped = True
