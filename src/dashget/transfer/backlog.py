"""Tasks that are open and have no wire at the moment, and why not."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from dashget.transfer.origin import Origin
from dashget.transfer.task import Task


class Backlog:
    """Tasks to go on with: at once, after a pause, or when their host has room."""

    __slots__ = ("_blocked", "_paused", "_ready", "_sequence")

    def __init__(self) -> None:
        self._ready: deque[Task] = deque()
        self._paused: list[tuple[float, int, Task]] = []
        self._blocked: dict[Origin, deque[Task]] = {}
        self._sequence = 0

    def add(self, task: Task) -> None:
        """Let a task go on as soon as there is a wire for it."""
        self._ready.append(task)

    def pause(self, task: Task, until: float) -> None:
        """Let a task go on at the clock time ``until``."""
        self._sequence += 1
        heapq.heappush(self._paused, (until, self._sequence, task))

    def block(self, task: Task, origin: Origin) -> None:
        """Let a task go on when there is room for another connection to ``origin``."""
        self._blocked.setdefault(origin, deque()).append(task)

    def next(self, now: float, has_room: Callable[[Origin], bool]) -> Task | None:
        """Take out the task that is to go on first, if there is one."""
        for origin, blocked in self._blocked.items():
            if blocked and has_room(origin):
                return blocked.popleft()
        while self._ready:
            task = self._ready.popleft()
            if not task.closed:
                return task
        while self._paused and self._paused[0][0] <= now:
            task = heapq.heappop(self._paused)[2]
            if not task.closed:
                return task
        return None

    @property
    def waiting(self) -> int:
        """How many tasks pause, or wait for room."""
        return len(self._paused) + self.blocked

    @property
    def blocked(self) -> int:
        """How many tasks wait for room at their host."""
        return sum(map(len, self._blocked.values()))

    def __len__(self) -> int:
        return len(self._ready) + self.waiting
