"""What a run knows: jobs, backlog, open tasks, limits, budget, error.

All is called with the run's lock held, unless a method says otherwise; so ``done`` and the hooks
are never called from two threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from dashget.common.oserrors import disk_error
from dashget.transfer.contract import (
    Fetched,
    Hooks,
    Job,
    JobSource,
    Reading,
    Request,
    TransferError,
)
from dashget.transfer.curl.links import Links
from dashget.transfer.curl.slot import Slot
from dashget.transfer.http.guard import Guard
from dashget.transfer.http.origin import Origin, Origins
from dashget.transfer.pacing.concurrency import Concurrency, Pacer
from dashget.transfer.pacing.crawl import Crawl
from dashget.transfer.pacing.pace import LARGE_BYTES, Load, Pace
from dashget.transfer.pacing.shares import Shares
from dashget.transfer.run.backlog import Backlog, Feed
from dashget.transfer.run.divided import Divided, split
from dashget.transfer.run.exchange import Exchange, Phase
from dashget.transfer.run.retry import Bases, Retries
from dashget.transfer.run.task import Task
from dashget.transfer.run.underway import (
    give_up_crawling,
    iter_under_way,
    largest_bytes,
    replace,
    slowest,
)
from dashget.transfer.run.ways import InRanges, new_task, start_over
from dashget.transfer.settings.options import TransferOptions

if TYPE_CHECKING:
    from dashget.transfer.run.outages import Outages

Done = Callable[[Job, Fetched | TransferError], object]

_MICRO_DIGITS = 6
"""Microseconds, as libcurl measures; more digits would only be longer to write down."""
_HELD_BACK_AT_MOST = 2000
"""Tasks that wait for hosts which asked for a pause, while other jobs are still pulled."""
_HELD_AT_MOST = 4 * 1024 * 1024
_LARGE_OVER_TLS = 4 * 1024 * 1024
"""What is decrypted arrives in records of 16 KiB, for each of which a loop needs Python's lock."""


class Shared(msgspec.Struct):
    """What the runs of one engine have in common."""

    options: TransferOptions
    origins: Origins
    bases: Bases
    pacer: Pacer | None
    cookies: Any
    """The cookies of all handles (a pycurl.CurlShare)."""
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    random: Callable[[], float]
    latency_seconds: float | None = None
    """How long the first byte of a response took that came last, connecting included."""


class Board:
    """The state of one run."""

    def __init__(
        self,
        shared: Shared,
        jobs: Iterable[Job] | JobSource,
        done: Done,
        links: tuple[Links, ...],
        guard: Guard | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self.shared = shared
        self.guard = guard or Guard()
        self.hooks = hooks or Hooks()
        self.options = options = shared.options
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.stopping = False
        self.error: BaseException | None = None
        self.links = links
        self.held_at_most = min(_HELD_AT_MOST, options.range_threshold - 1)
        """The largest resource of the fast path."""
        self.feed: Feed | None = None
        """The source of jobs that may wait; None for an iterable."""
        self.jobs: Iterator[Job] | None
        if isinstance(jobs, JobSource):
            self.jobs = self.feed = Feed(jobs, shared.clock)
        else:
            self.jobs = iter(jobs)
        self._done = done
        self.concurrency = Concurrency(options, shared.clock(), shared.latency_seconds)
        self.shares = Shares(options, self.concurrency, links)
        self.retries = Retries(options, shared.bases, shared.random)
        self.backlog = Backlog()
        self.outages: Outages | None = None
        """None until an attempt fails."""
        if self.hooks.given_up:
            self.need_outages()
        self.divided = Divided(options)
        self.open_tasks: dict[Task, None] = {}
        self.active = 0
        """Transfers in flight."""
        self.reported = 0
        """How many jobs have their result."""
        self.sleepers = 0
        """Loops that wait for something to do."""
        self.pace = Pace()
        self._crawl = None if options.speed_limit == 0 else Crawl(options, shared.clock())
        self._load = Load(shared.clock, lambda: sum(each.waited_seconds for each in links))
        self._active_before = 0
        self._received_before = self.received_in_all()

    # Jobs and tasks.

    def is_over(self) -> bool:
        """Return True if nothing is left that a loop could ever be given."""
        return self.stopping or (self.jobs is None and not self.open_tasks and not self.active)

    def next_task(self, links: Links) -> Task | None:
        """Return the task that a loop is to work for next."""
        backlog = self.backlog
        if backlog.count:
            now = self.shared.clock()
            task = backlog.next(now, lambda origin: self._has_room(origin, links))
            if task is not None:
                return task
        stuck = backlog.count - backlog.held
        if stuck < 16 + 4 * self.concurrency.limit and backlog.held < _HELD_BACK_AT_MOST:
            job = self.pull()
            if job is not None:
                return self.new_task(job)
        return self.divided.helped()

    def _has_room(self, origin: Origin, links: Links) -> bool:
        if self.outages is not None and self.outages.holds(origin):
            return False
        return self.shares.has_room(origin, links)

    # For outages.

    def need_outages(self) -> Outages:
        """Return what tells failures of a host from those of its files."""
        if self.outages is None:
            from dashget.transfer.run.outages import Outages

            shared = self.shared
            self.outages = Outages(
                self.options, shared.origins, shared.clock, shared.random, self,
                self.hooks.given_up,
            )  # fmt: skip
        return self.outages

    def check(self, task: Task, until: float) -> None:
        """Have a check make its request at the clock time ``until``."""
        self.backlog.pause(task, until, held=True)

    def warn(self, message: str) -> None:
        """Tell the user of an outage."""
        self.call(self.hooks.on_warning, message)

    def pull(self) -> Job | None:
        """Return the next job; None if there is none."""
        if self.jobs is None:
            return None
        try:
            job = next(self.jobs, None)
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            self.halt(error)
            return None
        if job is None:
            self.ran_dry()
        else:
            self.pulled(1)
        return job

    def ran_dry(self) -> None:
        """Record that no job came: none is left, or the source waits."""
        if self.feed is None or self.feed.ended:
            self.jobs = None

    @property
    def is_dry(self) -> bool:
        """True if no job is left, or none comes at the moment."""
        return self.jobs is None or (
            self.feed is not None and self.feed.waits_until > self.shared.clock()
        )

    def pulled(self, count: int) -> None:
        """Count jobs that were pulled."""
        self.retries.budget.started += count

    def new_task(self, job: Job) -> Task:
        """Open a task for a job."""
        task = new_task(job)
        if job.patience is not None:
            task.take(self.shared.clock())
        self.open_tasks[task] = None
        return task

    def queue(self, job: Job) -> None:
        """Open a task for a job, which waits for a slot."""
        self.backlog.add(self.new_task(job))

    # The end of tasks.

    def succeed(self, task: Task) -> None:
        """Record that a task is complete."""
        if task.asked_at is not None:
            task.seconds = round(self.shared.clock() - task.asked_at, _MICRO_DIGITS)
        self.shared.bases.worked(task)
        task.phase = Phase.DONE

    def release(self, task: Task) -> None:
        """Give a place in flight back, and report the task if its last exchange has ended."""
        self.active -= 1
        if not task.exchanges:
            way = task.way
            if (
                task.phase is Phase.OPEN
                and isinstance(way, InRanges)
                and task.sink_begun
                and not way.gaps
            ):
                self.succeed(task)
            if task.closed:
                self._report(task)
            elif not self.stopping:
                self._go_on(task)
        self.wake_sleepers()

    def _go_on(self, task: Task) -> None:
        """Queue an open task that has no exchange."""
        if task.phase is Phase.RESTARTING:
            self.divided.leave(task)
            start_over(task)
        if not task.end.asking:
            # What all may be here of is finished with the answer, and nothing opens it before.
            try:
                task.park_sink()
            except OSError as error:
                self.halt(disk_error(error))
                return
        if not task.queued:
            self.backlog.add(task)

    def _report(self, task: Task, *, cancelled: bool = False) -> None:
        self.open_tasks.pop(task, None)
        if task.way.in_ranges:
            self.divided.leave(task)
        result = task.result(cancelled=cancelled)
        if self.outages is None or not self.outages.ended(task, result):
            self.report(task.job, result)
            self.all_reported()

    def report(self, job: Job, result: Fetched | TransferError) -> None:
        """Report the result of a job; after those of one moment comes ``all_reported``."""
        self.reported += 1
        try:
            self._done(job, result)
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            self.halt(error)

    def all_reported(self) -> None:
        """Tell that all results of this moment are reported, and wake the loops that wait."""
        self.call(self.hooks.on_reported)
        # As long as there are jobs, no run is over.
        if self.sleepers and (self.jobs is None or self.stopping or self.shares.wide):
            self.wake_sleepers()

    def cancel_open(self) -> None:
        """Report all open tasks as cancelled."""
        for task in tuple(self.open_tasks):
            self._report(task, cancelled=True)

    def wake_sleepers(self) -> None:
        """Wake the loops that wait, if there may be something for them."""
        if self.sleepers and (self.shares.wide or self.is_over()):
            self.changed.notify_all()

    # Measurements.

    def received_in_all(self) -> int:
        """Return the body bytes of all loops, since they were made."""
        return sum(each.received for each in self.links)

    def answered(
        self, origin: Origin, version: str, first_byte: float, seconds: float, slot: Slot
    ) -> None:
        """Record how, and how soon, a host has answered."""
        if self.concurrency.adaptive:
            origin.multiplexes = version >= "2"
            taken = slot.round_trip_seconds()
            if taken is not None:
                origin.round_trip_seconds = min(taken, origin.round_trip_seconds or taken)
            self.concurrency.arrived(first_byte, seconds, origin.round_trip_seconds)
            self.shared.latency_seconds = first_byte

    def saw_at_work(self, exchange: Exchange[Task]) -> None:
        """Note that an origin has sent what it was asked for; a head alone does not tell."""
        task = exchange.task
        if self.outages is None or not self.outages.is_check(task):
            good = task.request
            if exchange.hops or len(task.urls) > 1:
                good = Request((exchange.url,), good.method, good.range)
            exchange.origin.at_work = exchange.origin.good = good

    def landed(self, count: int, size: int, seconds: float) -> None:
        """Record ``count`` complete transfers, with their total size and time."""
        self.pace.ended(count, size, seconds)
        self.widen(self.pace.usual_bytes)

    def widen(self, size: int) -> None:
        """Let all loops take part from now on, if transfers of ``size`` are worth it.

        If nobody asked for several loops, one also has to be never idle.
        """
        if self.shares.wide or size < LARGE_BYTES:
            return
        if self.options.loops is None and (size < self._worth() or not self._load.is_full()):
            return
        self.shares.wide = True
        self.changed.notify_all()

    def _worth(self) -> int:
        """Return how large transfers have to be so that two loops are faster than one."""
        over_tls = any(origin.scheme == "https" for each in self.links for origin in each.busy)
        return _LARGE_OVER_TLS if over_tls else LARGE_BYTES

    def look(self, now: float) -> None:
        """Adapt the limits to what was received, race slow transfers, and give a reading."""
        received = self.received_in_all() - self._received_before
        self.concurrency.observe(now, received, self.active)
        if not self.shares.wide:
            self.widen(largest_bytes(self.open_tasks))
        if self.backlog.blocked:
            # Either reading may have been taken between two requests.
            self.concurrency.settle_at(max(self.active, self._active_before))
        self._active_before = self.active
        if self._crawl is not None and self.open_tasks:
            self._give_up_crawling(self._crawl, now)
        if self.outages is not None and self.jobs is None and not self.open_tasks:
            self.outages.stop()
        if self.is_dry and not self.backlog.is_ready:
            self._overtake(now)
        reading = Reading(
            received,
            self.active,
            self.backlog.waiting,
            self.concurrency.limit,
            tuple(iter_under_way(self.open_tasks)),
        )
        self.call(self.hooks.on_tick, reading)

    def _give_up_crawling(self, crawl: Crawl, now: float) -> None:
        # Of one host the manifest has another origin than the files.
        asked = {(o.scheme, o.host, o.port) for links in self.links for o in links.busy}
        alike = len(asked) == 1
        places = self.active if self.active >= self.concurrency.limit else 0
        open_tasks, pace = self.open_tasks, self.pace
        for slow in give_up_crawling(crawl, open_tasks, now, pace, alike=alike, places=places):
            slow.raced = True
            self.backlog.add(slow.task)

    def _overtake(self, now: float) -> None:
        """Send another transfer after the bytes of the slowest one, if a place is free."""
        if self.active >= self.concurrency.limit:
            return
        slow = slowest(self.open_tasks, self.pace, now, self.options.overtake_seconds)
        if slow is None:
            return
        if slow.task.way.in_ranges:
            if not split(slow) and self._crawl is not None:
                replace(self._crawl, slow, self.pace, now, self.options.overtake_seconds)
            return
        slow.raced = True
        self.backlog.add(slow.task)

    # The end of the run.

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a hook; an error that it raises ends the run."""
        try:
            function(*arguments)
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            self.halt(error)

    def halt(self, error: BaseException) -> None:
        """Stop the run because of ``error``, which is raised at its end."""
        if self.error is None:
            self.error = error
        self.stopping = True
        self.changed.notify_all()

    def stop(self) -> None:
        """Start nothing any more. Takes no lock, so that a signal handler may call it."""
        self.stopping = True
