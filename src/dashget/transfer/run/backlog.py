"""What waits to be done: the jobs of a source that may run dry and go on later, and the tasks
that are open and have no exchange at the moment, with what they wait for."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator

from dashget.transfer.contract import Job, JobSource, Wait
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.task import Task


class Feed:
    """Iterates over the jobs of a source, and ends while there is none.

    All but ``wake`` is called with the run's lock held.
    """

    __slots__ = ("_clock", "_source", "_wakes", "ended", "waits_until")

    def __init__(self, source: JobSource, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._wakes = 0
        self.ended = False
        """True after the last job."""
        self.waits_until = 0.0
        """Clock time before which the source is not asked."""

    def __iter__(self) -> Iterator[Job]:
        return self

    def __next__(self) -> Job:
        """Return the next job; StopIteration if there is none at the moment."""
        now = self._clock()
        if self.ended or now < self.waits_until:
            raise StopIteration
        wakes = self._wakes
        answer = self._source.next(now)
        if answer is None:
            self.ended = True
        elif isinstance(answer, Wait):
            self.waits_until = answer.until
            if self._wakes != wakes:
                # Woken while it decided to wait.
                self.waits_until = 0.0
        else:
            return answer
        raise StopIteration

    def wake(self) -> None:
        """Have the source asked at once. Takes no lock; may be called by any thread."""
        self._wakes += 1
        self.waits_until = 0.0

    def seconds_left(self, now: float) -> float | None:
        """Return how long the source waits; None if it does not, or for ever."""
        left = self.waits_until - now
        return left if 0 < left < math.inf else None


class Backlog:
    """Tasks that go on at once, after a pause, or when their host has room."""

    __slots__ = (
        "_blocked", "_out", "_paused", "_ready", "_redirected", "_sequence", "count", "held",
    )  # fmt: skip

    def __init__(self) -> None:
        self._ready: deque[Task] = deque()
        self._paused: list[tuple[float, int, Task, bool]] = []
        self._blocked: dict[Origin, deque[Task]] = {}
        self._redirected: dict[Origin, deque[Task]] = {}
        self._out: dict[Origin, deque[Task]] = {}
        self._sequence = 0
        self.count = 0
        """How many tasks are in it."""
        self.held = 0
        """How many of them wait for a host that asked for a pause, or that fails for every file."""

    def add(self, task: Task) -> None:
        """Let a task go on as soon as a slot is free."""
        task.queued += 1
        self.count += 1
        self._ready.append(task)

    def pause(self, task: Task, until: float, *, held: bool = False) -> None:
        """Let a task go on at the clock time ``until``; ``held``: its host asked for it."""
        task.queued += 1
        self.count += 1
        self.held += held
        self._sequence += 1
        heapq.heappush(self._paused, (until, self._sequence, task, held))

    def block(self, task: Task, origin: Origin, *, redirected: bool = False) -> None:
        """Let a task go on when there is room for another connection to ``origin``.

        One that was ``redirected`` there goes before others: redirects grow old.
        """
        task.queued += 1
        self.count += 1
        waiting = self._redirected if redirected else self._blocked
        waiting.setdefault(origin, deque()).append(task)

    def hold(self, task: Task, origin: Origin) -> None:
        """Let a task go on when ``origin`` is asked again after an outage."""
        task.queued += 1
        self.count += 1
        self.held += 1
        self._out.setdefault(origin, deque()).append(task)

    def next(self, now: float, has_room: Callable[[Origin], bool]) -> Task | None:
        """Remove and return the task that goes on first, if there is one."""
        while (task := self._first(now, has_room)) is not None:
            task.queued -= 1
            self.count -= 1
            if not task.closed:
                return task
        return None

    def _first(self, now: float, has_room: Callable[[Origin], bool]) -> Task | None:
        for waiting in (self._redirected, self._blocked):
            for origin, blocked in waiting.items():
                if blocked and has_room(origin):
                    return blocked.popleft()
        if self._out:
            for origin, blocked in self._out.items():
                if blocked and has_room(origin):
                    self.held -= 1
                    return blocked.popleft()
        if self._ready:
            return self._ready.popleft()
        if self._paused and self._paused[0][0] <= now:
            _, _, task, held = heapq.heappop(self._paused)
            self.held -= held
            return task
        return None

    @property
    def is_ready(self) -> bool:
        """True if a task could go on at once."""
        return bool(self._ready)

    @property
    def waiting(self) -> int:
        """How many tasks pause, or wait for room."""
        return len(self._paused) + self.blocked + sum(map(len, self._out.values()))

    @property
    def blocked(self) -> int:
        """How many tasks wait for room at their host."""
        return sum(map(len, self._redirected.values())) + sum(map(len, self._blocked.values()))
