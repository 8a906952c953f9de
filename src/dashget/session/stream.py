"""The events of a run as an iterator: the run works in a thread of its own.

The thread puts each event into a channel, and the iterator takes it out. The channel holds a
limited number of events: a consumer that is slower than the run holds the run up. Only readings
of the progress are replaced by the next one while they wait.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from dashget.common.stopping import Stop
from dashget.events import Event, Observer, Progressed

Result = TypeVar("Result", covariant=True)
Work = Callable[[Observer, Stop], Result]
MOST_WAITING: Final = 1000
"""Events that may wait to be taken out."""


class Channel:
    """Carries events from the threads of a run to the consumer."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Event] = deque()
        self._wake = wake
        self._ended = False
        self._abandoned = False
        self.error: BaseException | None = None

    def put(self, event: Event, /) -> None:
        """Add an event, as an observer; wait while too many are waiting."""
        with self._changed:
            waiting = self._waiting
            if waiting and isinstance(event, Progressed) and isinstance(waiting[-1], Progressed):
                waiting[-1] = event
                return
            while len(waiting) >= MOST_WAITING and not self._abandoned:
                self._changed.wait()
            if self._abandoned:
                return
            waiting.append(event)
            self._changed.notify_all()
        self._wake()

    def end(self, error: BaseException | None) -> None:
        """Mark the end of the run, with the error that it raised."""
        with self._changed:
            self._ended = True
            self.error = error
            self._changed.notify_all()
        self._wake()

    def abandon(self) -> None:
        """Drop all events from now on, so that the run never waits for a consumer."""
        with self._changed:
            self._abandoned = True
            self._waiting.clear()
            self._changed.notify_all()

    def take(self, *, wait: bool) -> Event | None:
        """Take the next event out; None at the end of the run, or if none is there to be had."""
        with self._changed:
            while wait and not self._waiting and not self._ended:
                self._changed.wait()
            if not self._waiting:
                return None
            event = self._waiting.popleft()
            self._changed.notify_all()
            return event

    @property
    def exhausted(self) -> bool:
        """True if the run has ended and every event was taken out."""
        with self._changed:
            return self._ended and not self._waiting


def work_in_thread(work: Work[Result], channel: Channel, stop: Stop) -> threading.Thread:
    """Start a thread that does the work, and ends the channel with what the work raised."""

    def target() -> None:
        error: BaseException | None = None
        try:
            work(channel.put, stop)
        except BaseException as raised:  # noqa: BLE001  # the consumer gets it
            error = raised
        channel.end(error)

    thread = threading.Thread(target=target, name="dashget-run", daemon=True)
    thread.start()
    return thread


class EventStream(Iterator[Event], Generic[Result]):
    """An iterator over the events of a run, which works in a thread of its own meanwhile.

    ::

        with show.mirror_events("show") as events:
            for event in events:
                print(event)

    The last event is the result: a ``Summary`` or a ``Report``. An error of the run is raised
    where the next event would come. ``close``, the end of a ``with`` statement, or dropping the
    iterator stops the run in order: unfinished files keep their parts, the record is written.
    A consumer that is slower than the run holds it up, so that memory stays bounded.
    """

    def __init__(self, work: Work[Result]) -> None:
        self._stop = Stop()
        self._channel = Channel()
        self._thread = work_in_thread(work, self._channel, self._stop)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        event = self._channel.take(wait=True)
        if event is not None:
            return event
        error, self._channel.error = self._channel.error, None
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """Stop the run in order, and wait for its end."""
        self._let_go()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        self._stop.request()
        self._channel.abandon()
