"""Large resources in parallel ranges: who claims which bytes.

The first transfer of a large resource asks for all of it. If the response allows it, the
resource is *divided*: that transfer claims one range after the other, and others take the
ranges that it has not come to. Until one of them has been answered with 206, the first one may
take their claims back.

All functions are called with the run's lock held.
"""

from __future__ import annotations

from dashget.common.byterange import ByteRange
from dashget.transfer.http.head import Head
from dashget.transfer.run.exchange import Exchange, Phase
from dashget.transfer.run.task import Doubt, Task
from dashget.transfer.run.ways import InRanges
from dashget.transfer.settings.options import TransferOptions

_LEAST_SPLIT_BYTES = 256 * 1024


class Divided:
    """The divided tasks of a run."""

    __slots__ = ("_options", "_tasks")

    def __init__(self, options: TransferOptions) -> None:
        self._options = options
        self._tasks: list[Task] = []

    def helped(self) -> Task | None:
        """Return a task that another transfer would bring forward."""
        for task in self._tasks:
            way = task.way
            if task.queued or task.phase is not Phase.OPEN or not isinstance(way, InRanges):
                continue
            if task.doubt is not Doubt.NONE:
                # What comes first is compared with what is on disk.
                continue
            count = len(task.exchanges)
            if way.gaps and count and (way.ranges_work or count < 2):
                return task
        return None

    def leave(self, task: Task) -> None:
        """Give a task no further transfers."""
        if task in self._tasks:
            self._tasks.remove(task)

    def divide(
        self, task: Task, exchange: Exchange[Task], head: Head, position: int, *, alone: bool
    ) -> None:
        """Divide a resource whose first response begins at ``position``, if that is possible.

        ``alone`` is True if there will never be another transfer to help.
        """
        way, size = task.way, task.size
        if not isinstance(way, InRanges):
            exchange.claim = None
            if size is None or alone or not self._may_be_divided(task, size - position, head):
                return
            _scatter(task)
            from dashget.transfer.run.gaps import Gaps

            gaps = Gaps(size, [ByteRange(0, position - 1)] if position else ())
            task.way = way = InRanges(size, gaps, self._options.range_size)
            way.ranges_work = head.status == 206 and position > 0
            exchange.claim = way.extend(position)
        else:
            _scatter(task)
        self._tasks.append(task)

    def _may_be_divided(self, task: Task, rest: int, head: Head) -> bool:
        return (
            rest >= self._options.range_threshold
            and task.validator is not None
            and task.request.range is None
            and not task.single_stream
            and task.doubt is Doubt.NONE
            # Only the beginning of a body tells if a coding is true.
            and not head.codings
            and head.fields.get("accept-ranges") != "none"
        )


def _scatter(task: Task) -> None:
    """Prepare a sink for ranges; if it cannot, the next response begins it anew."""
    if task.sink is None:
        return
    try:
        task.sink.scatter()
    except BaseException:
        task.sink_begun = False
        raise


def extend(exchange: Exchange[Task]) -> bool:
    """Let an exchange that has filled its claim go on if nobody else has the next bytes."""
    way = exchange.task.way
    if not isinstance(way, InRanges):
        return False
    claim = way.extend(exchange.position)
    if claim is None and not way.ranges_work and exchange.asked.range is None:
        _take_back(way, exchange)
        claim = way.extend(exchange.position)
    if claim is None:
        return False
    exchange.extend(claim)
    return True


def split(exchange: Exchange[Task]) -> bool:
    """Give the second half of a slow claim back; return False if that is too little."""
    way = exchange.task.way
    if not isinstance(way, InRanges) or exchange.claim is None or not way.ranges_work:
        return False
    left = exchange.claim - exchange.position
    if left < 2 * _LEAST_SPLIT_BYTES:
        return False
    end = exchange.claim
    exchange.shorten(end - left // 2)
    way.gaps.give_back(end - left // 2, end)
    return True


def note(exchange: Exchange[Task]) -> None:
    """Tell the sink which bytes of a divided resource have come since it was last told.

    May raise what the sink raises.
    """
    sink = exchange.task.sink
    if not exchange.notes or exchange.position <= exchange.noted or sink is None:
        return
    first, exchange.noted = exchange.noted, exchange.position
    sink.written(ByteRange(first, exchange.position - 1))


def _take_back(way: InRanges, keep: Exchange[Task]) -> None:
    """Take claims back from exchanges whose ranges the server has not answered yet."""
    for other in keep.task.exchanges:
        if other is not keep and other.claim is not None:
            way.gaps.give_back(other.position, other.claim)
            other.claim = None
            other.dropped = True
