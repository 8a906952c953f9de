"""One run of the engine as its loops call it: a ``Board`` whose methods take the lock.

The bytes go past the lock; all decisions are made with it held, by the functions of ``fastpath``
(the fast path), ``aim`` (the next request) and ``consequences`` (what follows).
"""

from __future__ import annotations

from collections.abc import Callable

from dashget.transfer.curl.links import Links
from dashget.transfer.curl.slot import Slot
from dashget.transfer.run import consequences, fastpath
from dashget.transfer.run.board import Board
from dashget.transfer.run.exchange import PLAIN, Exchange, Step
from dashget.transfer.run.task import Task
from dashget.transfer.run.verdict import Verdict
from dashget.transfer.run.ways import open_task

_TICK_SECONDS = 0.1


class Run(Board):
    """The face of a board for loops, which are threads."""

    _next_tick = 0.0

    # The end.

    def over(self) -> bool:
        """Return True if nothing is left that a loop could ever be given, and wake the others."""
        with self.lock:
            over = self.is_over()
            if over:
                # That no job is left may have been found only after the last report.
                self.changed.notify_all()
            return over

    def wait(self, seconds: float) -> None:
        """Sleep until something has changed, or for ``seconds``."""
        with self.changed:
            if not self.is_over():
                self.sleepers += 1
                self.changed.wait(self._seconds_to_sleep(seconds))
                self.sleepers -= 1

    def _seconds_to_sleep(self, seconds: float) -> float:
        left = None if self.feed is None else self.feed.seconds_left(self.shared.clock())
        return seconds if left is None else min(seconds, left)

    def wake(self) -> None:
        """Have a source that waits asked at once, by a loop that sleeps if possible.

        May be called by any thread, also with the lock held: by ``done``, a hook, or the source.
        """
        if self.feed is None:
            return
        self.feed.wake()
        # Whoever has the lock may be the caller. A loop that is not woken here looks by itself.
        if self.lock.acquire(blocking=False):
            try:
                self.changed.notify_all()
            finally:
                self.lock.release()

    def fail(self, error: BaseException) -> None:
        """Stop the run because of ``error``, which is raised at its end."""
        with self.lock:
            self.halt(error)

    def finish(self) -> None:
        """Report everything still open as cancelled; for after the loops have ended."""
        with self.lock:
            self.cancel_open()

    # The fast path.

    def ask(
        self, links: Links, idle: list[Slot], new_slot: Callable[[], Slot], most: int
    ) -> list[Slot]:
        """Have up to ``most`` idle slots request small files; return these slots."""
        with self.lock:
            if self.stopping or self.jobs is None or self.backlog.count:
                return []
            return fastpath.ask(self, links, idle, new_slot, most)

    def free_places(self, links: Links, whole: fastpath.Whole) -> None:
        """Let other transfers take the places of complete ones, before they are delivered."""
        with self.lock:
            fastpath.free_places(self, links, whole)

    def deliver(self, links: Links, idle: list[Slot], whole: fastpath.Whole) -> None:
        """Deliver files whose complete bodies have arrived, and report them."""
        for slot, error in fastpath.deliver(self, links, idle, whole):
            exchange, opening = self.promote(slot)
            with self.lock:
                task = exchange.task
                task.exchanges.remove(exchange)
                task.received += sum(map(len, slot.arrived))
                # Its place among the transfers is another's already.
                consequences.broke(self, task, opening or error)
                self.active += 1
                self.release(task)
            slot.arrived.clear()
            idle.append(slot)

    def promote(self, slot: Slot) -> tuple[Exchange[Task], BaseException | None]:
        """Make a task of the job of a slot; return its exchange, and the error of its sink."""
        with self.lock:
            job = slot.job
            assert job is not None  # noqa: S101  the loop promotes slots of the fast path only
            slot.job = None
            task = self.new_task(job)
            task.requests = 1
            task.ask_first(slot.asked_at)
            wall_clock = self.shared.wall_clock
            exchange = Exchange(task, slot, 0, PLAIN, slot.asked_at, wall_clock)
            exchange.url, exchange.origin = slot.url, slot.origin
            exchange.reset(slot.asked_at)
            if slot.lines:
                exchange.note_first_byte()
            task.exchanges.append(exchange)
            try:
                open_task(task, self.options.range_size)
            except BaseException as error:  # noqa: BLE001  sorted out by consequences.broke
                return exchange, error
            return exchange, None

    # The path of tasks.

    def start(self, slot: Slot) -> Exchange[Task] | bool:
        """Prepare the next request on an idle slot.

        True if there is a task which cannot go on just now, and another may; False if there is
        nothing to do.
        """
        with self.lock:
            if self.stopping or self.active >= self.concurrency.limit:
                return False
            task = self.next_task(slot.links)
            if task is None:
                return False
            self.active += 1
            helping = bool(task.exchanges or task.queued)
            exchange = None
            if task.sink is not None or self._open(task):
                exchange = consequences.next_exchange(self, task, slot)
            if exchange is None:
                self.release(task)
                return not helping
            return exchange

    def _open(self, task: Task) -> bool:
        try:
            open_task(task, self.options.range_size)
        except BaseException as error:  # noqa: BLE001  sorted out by consequences.broke
            consequences.broke(self, task, error)
            return False
        return True

    def go_on(self, exchange: Exchange[Task], step: Step) -> bool:
        """Do what a step of an exchange asks for, until it has taken in all that has arrived.

        False if nothing more of the response is wanted. May raise what the sink raises.
        """
        while step is not Step.MORE:
            if step is Step.ENOUGH:
                return False
            with self.lock:
                wanted = consequences.decide(self, exchange, step)
            if not wanted or step is Step.NOTE:
                # Nothing has arrived since the bytes that were noted.
                return wanted
            step = exchange.take_in()
        return True

    def settle(self, exchange: Exchange[Task], verdict: Verdict) -> Exchange[Task] | None:
        """Draw the consequences of a request's end; return the next exchange on its slot."""
        with self.lock:
            task = exchange.task
            self._leave(exchange)
            following = consequences.settle(self, exchange, verdict)
            if following is None:
                self.release(task)
            return following

    def abandon(self, exchange: Exchange[Task]) -> None:
        """Let go of an exchange whose request was broken off because the run stops."""
        with self.lock:
            self._leave(exchange)
            consequences.give_back(self, exchange)
            self.release(exchange.task)

    def _leave(self, exchange: Exchange[Task]) -> None:
        task = exchange.task
        task.exchanges.remove(exchange)
        exchange.slot.links.busy[exchange.origin] -= 1
        task.received += exchange.received
        if self.stopping:
            task.cut_off = True

    # From time to time.

    def tick(self, now: float) -> None:
        """Look after limits and slow transfers ten times a second, however often it is called."""
        with self.lock:
            if now >= self._next_tick:
                self._next_tick = now + _TICK_SECONDS
                self.look(now)
