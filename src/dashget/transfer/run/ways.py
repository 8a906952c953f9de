"""The ways in which a task gets its bytes: in one stream, in parallel ranges, or just a look.

A task begins ``InOne``, or as a ``Look`` for HEAD. A large resource whose first response allows
it goes on ``InRanges`` (see divided.py); one whose server ignores ranges comes back to ``InOne``.
All is called with the run's lock held.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dashget.common.byterange import ByteRange
from dashget.common.url import without_user
from dashget.errors import Retry
from dashget.transfer.contract import Job, MemorySink, Method
from dashget.transfer.http.failure import Failure, bad_body
from dashget.transfer.http.head import Head, Identity
from dashget.transfer.http.judge import NO_RANGES, Accepted, Asked
from dashget.transfer.run.exchange import PLAIN, Attempt, Exchange, Phase
from dashget.transfer.run.task import OVERLAP_BYTES, Doubt, Landing, Taken, Task, Way

if TYPE_CHECKING:
    from dashget.transfer.run.gaps import Gaps

_MUCH_BYTES = 1024 * 1024
"""How much of what is on disk comes again, to be compared."""
_LOOK = Attempt(Asked(probe=True))
_PROBE = Attempt(Asked(range=ByteRange(0, 0), probe=True))


class InOne:
    """One response after the other continues what is here: the first ``prefix`` bytes."""

    __slots__ = ("prefix",)

    in_ranges = False

    def __init__(self, prefix: int = 0) -> None:
        self.prefix = prefix

    def attempt(self, task: Task, index: int) -> Attempt | None:
        """Return the request for the rest, or for the bytes of a slow exchange."""
        wanted = task.request.range
        if task.exchanges:
            slow = next((each for each in task.exchanges if each.raced), None)
            if slow is None or (slow.under_way and (slow.index != index or wanted is not None)):
                return None
            if wanted is None:
                return _overtaking(task, slow.position if slow.under_way else 0)
        same_source = task.source_index == index
        if wanted is not None:
            return self._within(wanted, task.validator if same_source else None)
        if task.end.asking:
            # From the last byte on: that is there, and tells with its Content-Range of any others.
            last = self.prefix - 1
            validator = task.validator if same_source else None
            asked = Asked(range=ByteRange(last), validator=validator, codings=task.codings)
            return Attempt(asked, last)
        if self.prefix and not (same_source and task.goes_on_from(self.prefix)):
            self.prefix = 0
        position = self.prefix
        if position == 0:
            return PLAIN
        if task.size is not None and position >= task.size:
            # All is here but the proof: ask for the last byte, so that a 206 confirms it.
            position = task.size - 1
        if task.doubt is not Doubt.NONE or task.validator is None:
            return _overlapping(task, 0, position)
        asked = Asked(
            range=ByteRange(position),
            total=task.size,
            validator=task.validator,
            codings=task.codings,
            identity=task.known_identity(),
        )
        return Attempt(asked, position)

    def _within(self, wanted: ByteRange, validator: str | None) -> Attempt:
        """Return the request for what is left of a range that a job asks for."""
        if validator is None:
            self.prefix = 0
        rest = ByteRange(wanted.first + self.prefix, wanted.last)
        return Attempt(
            Asked(range=rest, whole=False, validator=validator if self.prefix else None),
            self.prefix,
        )

    def accept(self, task: Task, exchange: Exchange[Task], head: Head, accepted: Accepted) -> Taken:
        """Take a response that goes on here, races another, or tells of the body's end."""
        if any(each is not exchange and each.under_way for each in task.exchanges):
            exchange.dropped = not _same_version(task, head, accepted, exchange.index)
            return Taken.RACES
        end = task.end
        if end.asking:
            if self._has_its_end(task, head, accepted):
                return Taken.COMPLETES
            if head.status == 206 and (
                task.validator is None or task.source_index != exchange.index
            ):
                # It may continue another version than the one that is here.
                task.restart()
                return Taken.UNWANTED
            if head.status == 200 and task.may_restart():
                # Another version, whose end may be as uncertain; again and again at most thrice.
                end.renewed()
        return Taken.FIRST

    def _has_its_end(self, task: Task, head: Head, accepted: Accepted) -> bool:
        """Take the answer to the question for the body's end; return True if all is here.

        False: more is there, or another version; the response is taken like any other.
        """
        # A Content-Range without a total says how far it reaches, at least.
        size = accepted.end if head.status == 206 and accepted.total is None else accepted.total
        task.end.answered(size)
        if size is not None:
            return size == self.prefix
        return head.status == 200 and head.validator == task.validator

    def begin(self, task: Task, head: Head, position: int) -> None:
        """Keep the bytes before ``position``; the response brings those after it."""
        # What lies behind the first byte of this response is dropped or overwritten.
        self.prefix = position
        task.resumed = task.resumed and position > 0

    def landed(self, task: Task, exchange: Exchange[Task]) -> Landing | Failure:
        """Take a body that has ended, and ask for its end if that is uncertain."""
        position, end = exchange.position, task.end
        if self._is_less(task, exchange):
            self.prefix = position
            came_further, task.furthest = position > task.furthest, max(position, task.furthest)
            if task.gets_nowhere(exchange):
                return bad_body("the server sends a few bytes at a time", status=206)
            if came_further:
                task.got_on(exchange)
            return Landing.AGAIN
        if task.size is not None and position != task.size:
            return bad_body(f"{position} of {task.size} bytes have reached the disk")
        told = end.told
        if task.size is None and end.contradicts(position):
            return bad_body(f"it ended after {position} of {told} bytes")
        self.prefix = position
        if not _may_lack_its_end(task, exchange):
            return Landing.COMPLETE
        if not position and not end.empty_known:
            # No last byte could be asked for: the same once more, for all of it.
            end.empty_known = True
            return Landing.AGAIN
        if position and not end.known:
            end.ask()
            # One that was to overtake this one: no longer needed, and asked after its end.
            for other in task.exchanges:
                other.dropped = True
            return Landing.AGAIN
        return Landing.COMPLETE

    def _is_less(self, task: Task, exchange: Exchange[Task]) -> bool:
        """Return True if a server has sent less than it was asked for, and said so."""
        position = exchange.position
        return (
            task.size is not None
            and exchange.start < position < task.size
            and position == exchange.end
            and task.validator is not None
        )

    def broken(self, task: Task, exchange: Exchange[Task]) -> int:
        """Keep the bytes that continue the prefix."""
        position = exchange.position
        # What came before, and came again, brings nothing forward.
        progress = max(0, min(position - exchange.start, position - task.furthest))
        task.furthest = max(task.furthest, position)
        if position > exchange.start and task.sink_begun and exchange.start <= self.prefix:
            self.prefix = max(self.prefix, position)
        return progress

    def bytes_here(self, exchange: Exchange[Task] | None = None) -> int:
        """Return the length of the prefix."""
        return self.prefix

    @property
    def holds_much(self) -> bool:
        """True if the prefix is long."""
        return self.prefix >= _MUCH_BYTES

    def may_race(self, task: Task) -> bool:
        """Return True if the slow exchange is the only one, and of a range has brought nothing."""
        if len(task.exchanges) != 1:
            return False
        return task.request.range is None or not task.exchanges[0].under_way


class InRanges:
    """Several exchanges claim ranges of the gaps; all other bytes are here, or claimed."""

    __slots__ = ("_range_size", "_total", "gaps", "ranges_work")

    in_ranges = True

    def __init__(self, size: int, gaps: Gaps, range_size: int) -> None:
        self._total = size
        self.gaps = gaps
        self._range_size = range_size
        self.ranges_work = False
        """True if the server has answered a range of this resource with 206."""

    def attempt(self, task: Task, index: int) -> Attempt | None:
        """Claim a range; None if there is none, or if it has to come from another URL."""
        if task.source_index not in (None, index):
            # Of another URL: no validator says that it has the same bytes.
            if not task.exchanges:
                task.restart()
            return None
        if not task.sink_begun and task.exchanges:
            return None
        if task.doubt is not Doubt.NONE:
            if task.exchanges:
                return None
            found = self.gaps.take_after_bytes()
            if found is not None:
                return _overlapping(task, *found)
        # A sink that is told to begin at zero drops everything; there is something to keep.
        claim = self.gaps.take if task.sink_begun else self.gaps.take_late
        claimed = claim(self._range_size)
        if claimed is None:
            if not task.sink_begun:
                task.restart()
            return None
        first, end = claimed
        asked = Asked(
            range=ByteRange(first, end - 1),
            whole=not task.sink_begun,
            total=task.size,
            validator=task.validator,
            codings=task.codings,
            identity=task.known_identity(),
        )
        return Attempt(asked, first, end)

    def extend(self, position: int) -> int | None:
        """Claim what follows ``position``; None if somebody has, or has claimed, that."""
        return self.gaps.extend(position, self._range_size)

    def accept(self, task: Task, exchange: Exchange[Task], head: Head, accepted: Accepted) -> Taken:
        """Take one more range, or the first response of this run."""
        if not task.sink_begun:
            return Taken.FIRST
        task.reopen_sink()
        self.ranges_work = True
        return Taken.JOINS

    def begin(self, task: Task, head: Head, position: int) -> None:
        """Go on with what an earlier run left, or in one stream if a server sends all of it."""
        if head.status == 200 or position == 0:
            task.way = InOne()
            task.way.begin(task, head, position)
        else:
            self.ranges_work = True

    def landed(self, task: Task, exchange: Exchange[Task]) -> Landing | Failure:
        """Give back the rest of the claim, and go on while there are gaps."""
        less = exchange.claim is not None and exchange.position < exchange.claim
        if less and task.gets_nowhere(exchange):
            return bad_body(NO_RANGES, status=206)
        self._give_back(exchange)
        if exchange.position > exchange.start:
            task.got_on(exchange)
        return Landing.NEXT_RANGE if self.gaps and task.phase is Phase.OPEN else Landing.NOTHING

    def broken(self, task: Task, exchange: Exchange[Task]) -> int:
        """Give back the rest of the claim."""
        self._give_back(exchange)
        return max(0, exchange.position - exchange.start)

    def _give_back(self, exchange: Exchange[Task]) -> None:
        if exchange.claim is not None:
            self.gaps.give_back(exchange.position, exchange.claim)

    def bytes_here(self, exchange: Exchange[Task] | None = None) -> int:
        """Return the bytes that are neither missing nor claimed by ``exchange``."""
        asked = 0
        if exchange is not None and exchange.claim is not None:
            asked = max(0, exchange.claim - exchange.position)
        return self._total - self.gaps.total - asked

    @property
    def holds_much(self) -> bool:
        """True: only large resources come in ranges."""
        return True

    def may_race(self, task: Task) -> bool:
        """Return True: half of a slow claim can be taken by another."""
        return True


class Look:
    """Only size and validators are wanted: HEAD, or a range of one byte if that is refused."""

    __slots__ = ("probes",)

    in_ranges = False

    def __init__(self) -> None:
        self.probes = False
        """True if HEAD was refused, and a range of one byte is requested instead."""

    def attempt(self, task: Task, index: int) -> Attempt | None:
        """Return the request for the head."""
        return _PROBE if self.probes else _LOOK

    def accept(self, task: Task, exchange: Exchange[Task], head: Head, accepted: Accepted) -> Taken:
        """Take what the head says."""
        return Taken.FIRST

    def begin(self, task: Task, head: Head, position: int) -> None:
        """Expect no body."""

    def landed(self, task: Task, exchange: Exchange[Task]) -> Landing | Failure:
        """Be content with the expected size, and probe if there is none or another."""
        expected = task.request.expects
        if task.size is not None and (
            self.probes or task.size == expected or (task.size and expected is None)
        ):
            return Landing.COMPLETE
        if self.probes:
            task.failure = Failure("the server does not tell the size", Retry.ELSEWHERE)
            task.give_up()
        else:
            self.probes = True
        return Landing.NOTHING

    def broken(self, task: Task, exchange: Exchange[Task]) -> int:
        """Keep nothing."""
        return 0

    def bytes_here(self, exchange: Exchange[Task] | None = None) -> int:
        """Return 0: no bytes are wanted."""
        return 0

    @property
    def holds_much(self) -> bool:
        """False: no bytes are wanted."""
        return False

    def may_race(self, task: Task) -> bool:
        """Return False: nothing is slow about a head."""
        return False


def new_task(job: Job) -> Task:
    """Return the task of a job of which nothing is here yet."""
    return Task(job, Look() if job.request.method is Method.HEAD else InOne())


def open_task(task: Task, range_size: int) -> None:
    """Open the sink of a task, and take over what an earlier run left. May raise OSError."""
    if task.request.method is Method.HEAD:
        return
    task.open_sink()
    point = None if task.sink is None else task.sink.resume_point()
    if point is None or task.request.range is not None:
        return
    if point.validator is None or point.validator.startswith("W/"):
        return
    source = task.urls[0] if point.source is None else _asked_url(task.urls, point.source)
    if source is None:
        return
    from dashget.transfer.run.gaps import Gaps, finished_prefix

    prefix = finished_prefix(point.finished)
    scattered = any(done.first > prefix for done in point.finished)
    if not prefix and not scattered:
        return
    if task.is_comparable:
        task.identity = Identity.of_point(point)
    if point.moved:
        if task.identity is None:
            return
        task.doubt = Doubt.ADDRESS
    task.size, task.validator, task.resumed = point.size, point.validator, True
    task.codings = point.codings
    task.source_index = task.urls.index(source)
    way: Way = InOne(prefix)
    if scattered and point.size is not None:
        gaps = Gaps(point.size, point.finished)
        way = InRanges(point.size, gaps, range_size) if gaps else InOne(point.size)
    task.way = way


def _asked_url(urls: Sequence[str], source: str) -> str | None:
    """Return the URL that bytes came from, which is stored without user and password."""
    return source if source in urls else next((u for u in urls if without_user(u) == source), None)


def start_over(task: Task) -> None:
    """Give up what is on disk: the next response starts from zero."""
    if not isinstance(task.way, Look):
        task.way = InOne()
    task.phase = Phase.OPEN
    task.validator = task.identity = None
    task.codings = ()
    task.doubt = Doubt.NONE
    task.size = None
    task.source_index = None
    task.redirected = None
    task.resumed = task.sink_begun = False
    task.end.dropped()


def _overtaking(task: Task, position: int) -> Attempt:
    """Return the request of a transfer that is to overtake one which is at ``position``."""
    if position == 0 or task.size is None or task.validator is None or task.single_stream:
        return PLAIN
    wanted, codings = ByteRange(position), task.codings
    asked = Asked(wanted, whole=False, total=task.size, validator=task.validator, codings=codings)
    return Attempt(asked, position)


def _overlapping(task: Task, begin: int, first: int, end: int | None = None) -> Attempt:
    """Return the request for the bytes from ``first`` on, and for some of those before it.

    What lies between ``begin`` and ``first`` is on disk. ``end`` is that of a claim.
    """
    overlap = min(OVERLAP_BYTES, first - begin)
    asked = Asked(
        range=ByteRange(first - overlap, None if end is None else end - 1),
        whole=end is None or not task.sink_begun,
        total=task.size,
        codings=task.codings,
        identity=None if task.doubt is Doubt.SIGNS else task.known_identity(),
    )
    return Attempt(asked, first, end, overlap)


def _same_version(task: Task, head: Head, accepted: Accepted, index: int) -> bool:
    """Return True if a response surely has the bytes of the one that another exchange brings."""
    return (
        task.validator is not None
        and task.source_index == index
        and head.validator == task.validator
        and accepted.total == task.size
    )


def _may_lack_its_end(task: Task, exchange: Exchange[Task]) -> bool:
    """Return True if a body that ended well may be incomplete: nothing marks its end.

    Not asked of a resource that is only read into memory: a manifest shows by itself that its
    end is missing, as does whatever is coded.
    """
    return (
        task.size is None
        and not (task.head is not None and task.head.codings)
        and task.request.range is None
        and not isinstance(task.sink, MemorySink)
        and not exchange.marks_end
    )
