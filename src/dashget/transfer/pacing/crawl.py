"""Tell which connections crawl: below the user's limit, or while others to the same host run.

With ``speed_limit`` a connection crawls that has brought less than that, on average, for
``speed_time_seconds``, as with ``--speed-limit`` and ``--speed-time`` of curl.

Without it, one crawls that has brought less than a tenth of what another connection to its host
brings. It is replaced, and nothing counts as failed. A host that is slow as a whole gives no such
reason, since nobody runs there. If connections ran before and all of them crawl now, one is
replaced to find out: where its successor runs, the others crawl beside it. A replacement in vain
doubles the time until the next one: for its resource, and for a host where nobody runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Protocol, TypeVar

from dashget.transfer.settings.options import TransferOptions

LIMIT_SECONDS = 30.0
"""The time below ``speed_limit``, unless the options name another; as with curl."""
OTHERS_SECONDS = 10.0
"""The time below a tenth of what others bring, unless the options name another."""
_SHARE = 0.1
_MARKS = 8
_DOUBLED_AT_MOST = 4
_FINISHED_TO_TELL = 3
_HALTED_SECONDS = 2.0
"""If nobody has looked for so long, the program was halted, and its connections with it."""


class Moving(Protocol):
    """What is looked at of one request and its response."""

    course: Course | None

    @property
    def held_back(self) -> bool:
        """True if it waits here, and not for its server."""

    @property
    def origin(self) -> Hashable:
        """The host that is asked."""

    @property
    def task(self) -> Hashable:
        """What the request is for; others may follow for the same."""

    @property
    def asked_at(self) -> float:
        """Clock time of the request."""

    @property
    def received(self) -> int:
        """The bytes of its body so far."""


MovingT = TypeVar("MovingT", bound=Moving)


def patience_seconds(options: TransferOptions) -> float:
    """Return how long a connection has to be too slow."""
    usual = OTHERS_SECONDS if options.speed_limit is None else LIMIT_SECONDS
    return options.speed_time_seconds or usual


class Course:
    """How much had come at some moments of the last seconds."""

    __slots__ = ("_marks", "fastest", "rate", "seconds")

    def __init__(self, since: float) -> None:
        self._marks = deque([(since, 0)])
        self.rate = 0.0
        """The bytes a second in the time that is looked at."""
        self.seconds = 0.0
        """How long that time is."""
        self.fastest = 0.0
        """The most bytes a second between two of the moments."""

    def look(self, now: float, received: int, most_seconds: float) -> None:
        """Take up how much has come, and forget what is longer ago than ``most_seconds``."""
        marks = self._marks
        then, before = marks[-1]
        if received < before:
            # Another response of the same attempt, after a redirect.
            self.restart(now, received)
            return
        if now - then >= most_seconds / _MARKS:
            self.fastest = max(self.fastest, (received - before) / (now - then))
            marks.append((now, received))
            while now - marks[1][0] >= most_seconds:
                marks.popleft()
        then, before = marks[0]
        self.seconds = now - then
        self.rate = (received - before) / self.seconds if self.seconds > 0 else 0.0

    def restart(self, now: float, received: int) -> None:
        """Begin anew: what came before tells nothing."""
        self._marks = deque([(now, received)])
        self.rate = self.seconds = 0.0


class _Replaced:
    """The replacements for one resource, or at one host."""

    __slots__ = ("doubled", "judged", "last")

    def __init__(self) -> None:
        self.last = 0.0
        """Clock time of the last one."""
        self.doubled = 0
        """How often in a row they were in vain."""
        self.judged = True
        """True if it is known whether the last one was."""


class Crawl:
    """Finds the connections of a run that crawl. To be called about ten times a second."""

    __slots__ = ("_count", "_fastest", "_finished", "_looked_at", "_replaced", "limit", "seconds")

    def __init__(self, options: TransferOptions, now: float) -> None:
        self.limit = options.speed_limit
        self.seconds = patience_seconds(options)
        self._fastest: dict[Hashable, float] = {}
        """The most bytes a second that a connection to each host has brought for a while."""
        self._replaced: dict[Hashable, _Replaced] = {}
        """By resource, and by host for times when nobody runs there."""
        self._finished = Course(now)
        self._count = 0
        self._looked_at = now

    def look(self, now: float, moving: Iterable[Moving], finished: int) -> None:
        """Take up how far each request has come, and that ``finished`` transfers have ended.

        One that the user's rate holds back begins anew.
        """
        halted = now - self._looked_at > max(_HALTED_SECONDS, self.seconds / _MARKS)
        self._looked_at = now
        self._finished.look(now, finished, self.seconds)
        self._count = finished
        for each in moving:
            course = each.course
            if course is None:
                course = each.course = Course(each.asked_at)
            if halted or each.held_back:
                course.restart(now, each.received)
            course.look(now, each.received, self.seconds)
            if course.fastest > self._fastest.get(each.origin, 0.0):
                self._fastest[each.origin] = course.fastest

    def below(self, limit: float, moving: Iterable[MovingT]) -> list[MovingT]:
        """Return those that have brought less than ``limit`` bytes a second for long enough."""
        return [
            each
            for each in moving
            if (course := each.course) is not None
            and course.seconds >= self.seconds
            and course.rate < limit
        ]

    def behind_others(
        self,
        now: float,
        moving: Sequence[MovingT],
        finished_rate: float,
        gains: Callable[[MovingT, float], bool],
    ) -> list[tuple[MovingT, float]]:
        """Return those that are to be replaced now, with what others bring.

        ``finished_rate`` is what the usual transfer brought of those that have ended, or 0;
        ``gains`` tells if one would gain time that brought so much. Short transfers come too
        quickly to be looked at: what they brought shows how their host ran before.
        """
        ran_before = finished_rate if self._count >= _FINISHED_TO_TELL else 0.0
        if self._finished.rate * self._finished.seconds < _FINISHED_TO_TELL:
            finished_rate = 0.0
        running: dict[Hashable, float] = {}
        for each in moving:
            rate = 0.0 if each.course is None else each.course.rate
            running[each.origin] = max(running.get(each.origin, finished_rate), rate)
        found = []
        for each in moving:
            course, beside = each.course, running[each.origin]
            if course is None or course.seconds < self.seconds:
                continue
            usual = max(beside, ran_before, self._fastest.get(each.origin, 0.0))
            if course.rate < _SHARE * usual and gains(each, usual):
                alone = course.rate >= _SHARE * beside
                if self._is_time(now, each, usual, alone=alone):
                    found.append((each, usual))
        return found

    def may_replace(self, now: float, each: Moving, usual: float, seconds: float) -> bool:
        """Return True, and count it, if a slow one may be replaced that is needed soon."""
        return self._is_allowed(each.task, now, each, usual, seconds)

    def _is_time(self, now: float, each: Moving, usual: float, *, alone: bool) -> bool:
        """Return True if one that crawls is replaced now; ``alone``: nobody runs beside it."""
        if not alone:
            return self._is_allowed(each.task, now, each, usual, self.seconds)
        # Long enough to judge the last one first.
        return self._is_allowed(each.origin, now, each, usual, 2 * self.seconds, always=True)

    def _is_allowed(
        self,
        key: Hashable,
        now: float,
        each: Moving,
        usual: float,
        seconds: float,
        *,
        always: bool = False,
    ) -> bool:
        """Return True, and count it, unless the last replacement is not long ago.

        After one in vain that is ``seconds``, doubled each time; ``always``: also after others.
        """
        earlier = self._replaced.get(key)
        if earlier is None:
            earlier = self._replaced[key] = _Replaced()
        else:
            _judge(earlier, each, usual)
            wait = seconds * 2.0**earlier.doubled if earlier.doubled or always else 0.0
            if now < earlier.last + wait:
                return False
        earlier.last = now
        earlier.judged = False
        return True


def _judge(earlier: _Replaced, each: Moving, usual: float) -> None:
    """Judge the last replacement by one that was asked for since, and crawls."""
    if each.asked_at < earlier.last or each.course is None:
        return
    if each.course.fastest >= _SHARE * usual:
        earlier.doubled = 0
    elif not earlier.judged:
        earlier.judged = True
        earlier.doubled = min(_DOUBLED_AT_MOST, earlier.doubled + 1)
