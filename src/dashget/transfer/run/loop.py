"""One thread with one libcurl multi handle: keeps slots busy until the run is over.

Two loops drive a run of large files; with small ones, the first drives all of them::

        Engine.run                        calling thread: waits
            |
            +-- Loop 1 -- multi handle -- slots (easy handles) -- connections
            |      |
            |      +---- Run (one lock): jobs, backlog, limits, reports
            |      |
            +-- Loop 2 -- multi handle -- slots (easy handles) -- connections
                   idle until ``Shares.wide``: transfers are large, and loop 1 never waits

No loop uses the other's connections or slots. Bytes go from a slot to a sink without the lock.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from dashget.transfer.contract import ResponseHead
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.curl.links import Links
from dashget.transfer.curl.slot import Slot
from dashget.transfer.pacing.concurrency import Pacer
from dashget.transfer.pacing.crawl import patience_seconds
from dashget.transfer.pacing.shares import Shares
from dashget.transfer.run.board import Shared
from dashget.transfer.run.exchange import Exchange, Phase, Step
from dashget.transfer.run.run import Run
from dashget.transfer.run.task import Task
from dashget.transfer.run.verdict import (
    Verdict,
    conclude,
    conclude_given_up,
    conclude_late,
    conclude_overlong,
    conclude_stalled,
)

_LONGEST_WAIT_SECONDS = 0.1
"""How late a loop may notice what other threads want of it."""
_PIECES_HELD = 1024
"""How many pieces of up to 16 KiB may wait for the rest of files that have no task yet."""
_HEAD_TIMEOUTS = 2
"""How many times ``timeout_seconds`` may pass from a request to the end of its answer's head."""
_STREAMS_IF_SHORT = 16
"""Requests on one connection if descriptors are short: parts need them more."""


class Loop:
    """A multi handle with its connections, which outlive a run."""

    def __init__(self, shared: Shared) -> None:
        self.links = Links()
        self._shared = shared
        self._options = options = shared.options
        self._clock = shared.clock
        self._pacer = shared.pacer
        patience = min(options.overtake_seconds, options.timeout_seconds, patience_seconds(options))
        self._promotes_after_seconds = patience / 2
        self.active: dict[Slot, Exchange[Task] | None] = {}
        """Slots in use, with their exchanges; None on the fast path."""
        self.idle: list[Slot] = []
        self._slots: dict[Any, Slot] = {}
        """Every slot by its handle."""
        self.run: Run
        self._settled: set[Slot] = set()
        """Slots whose request was ended since the last look."""
        self._impatient_at = 0.0
        """Clock time when the first slot of the fast path waits no longer; 0 if none waits."""
        self._multi: Any = pycurl.CurlMulti()
        self._share = self._hosts = 0
        self._short = self._wide = False
        self.next_tick = 0.0
        """Clock time of the next look at each request; it moves while libcurl returns."""
        self.calling = False
        """True while libcurl is at work."""
        self.overlong_seconds = 0.0
        """How long a call of libcurl had taken when sockets were shut to end it; else 0."""

    def drive(self, run: Run) -> None:
        """Work on a run until it is over; never raises, the run keeps the error."""
        self.run = run
        try:
            while not run.stopping:
                self._fill()
                if not self.active:
                    if run.over():
                        break
                    run.wait(_LONGEST_WAIT_SECONDS)
                    self._tick()
                    continue
                if self._pacer is not None:
                    self._resume(self._pacer)
                self.calling = True
                self._multi.perform()
                self.calling = False
                if not self._look():
                    self._wait()
                self._tick()
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            run.fail(error)
        finally:
            self.calling = False
            self._abandon()

    def close(self) -> None:
        """Close all connections."""
        for slot in self.idle:
            slot.handle.close()
        self.idle.clear()
        self._slots.clear()
        self._multi.close()

    # New requests.

    def _fill(self) -> None:
        run, links = self.run, self.links
        share, hosts = run.shares.of(links), len(links.busy)
        if share != self._share or hosts != self._hosts:
            self._share, self._hosts = share, hosts
            self._short = run.concurrency.allowance.is_short
            self._wide = run.shares.wide
            self._set_connections(run.shares)
        room = share - len(self.active)
        if room > 0:
            asking = run.ask(links, self.idle, self._new_slot, room)
            # All of them first: whatever fails now, none is forgotten.
            self.active.update(dict.fromkeys(asking))
            for slot in asking:
                self._multi.add_handle(slot.handle)
        while len(self.active) < share:
            slot = self.idle.pop() if self.idle else self._new_slot()
            started = run.start(slot)
            if isinstance(started, Exchange):
                self._multi.add_handle(slot.handle)
                self.active[slot] = started
                continue
            self.idle.append(slot)
            if not started:
                return

    def _new_slot(self) -> Slot:
        take_tokens = None if self._pacer is None else self._pacer.take
        slot = Slot(self.links, self._options, self._shared.cookies, take_tokens)
        self._slots[slot.handle] = slot
        return slot

    def _set_connections(self, shares: Shares) -> None:
        links = self.links
        links.streams, links.connections = shares.streams(links), shares.connections(links)
        kept = most = 0
        if shares.per_host is not None:
            # Those that were opened while this loop drove all transfers are not all kept.
            kept = shares.kept(links) * max(1, self._hosts)
        if self._short:
            links.streams = max(links.streams, _STREAMS_IF_SHORT)
            # Those that nobody uses are closed, for others.
            kept = most = max(1, self._share)
        self._multi.setopt(pycurl.M_MAX_CONCURRENT_STREAMS, links.streams)
        self._multi.setopt(pycurl.M_MAXCONNECTS, kept)
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, most)

    # What has come.

    def _look(self) -> bool:
        """Take in what has come, and settle what has ended; return True if anything has ended."""
        whole: list[tuple[Slot, ResponseHead]] = []
        ended: list[tuple[Slot, int, str]] = []
        multi, active, most = self._multi, self.active, self.run.held_at_most
        slots = self._slots
        self._settled.clear()
        queued = 1
        while queued:
            queued, succeeded, failed = multi.info_read()
            for handle in succeeded:
                slot = slots[handle]
                head = None if slot.job is None else slot.whole(most)
                if head is None:
                    ended.append((slot, 0, ""))
                    continue
                if slot.fresh:
                    slot.answered()
                multi.remove_handle(handle)
                del active[slot]
                whole.append((slot, head))
            for handle, code, text in failed:
                ended.append((slots[handle], code, text))
        try:
            for slot, _, _ in ended:
                self._promote(slot)
            self._promote_impatient()
            self._take_in()
            for slot, code, text in ended:
                # Taking in what came may have ended it, and even begun its next request.
                exchange = active.get(slot)
                if slot not in self._settled and exchange is not None:
                    self._end(exchange, self._conclude(exchange, code, text))
            if ended:
                self.overlong_seconds = 0.0
        finally:
            if whole:
                self._deliver(whole)
        return bool(whole or ended)

    def _deliver(self, whole: list[tuple[Slot, ResponseHead]]) -> None:
        """Deliver complete files, while servers work on the next requests already."""
        self.run.free_places(self.links, whole)
        try:
            self._fill()
            if self.active:
                self.calling = True
                self._multi.perform()
                self.calling = False
        finally:
            self.run.deliver(self.links, self.idle, whole)

    def _promote(self, slot: Slot) -> None:
        """Have a slot of the fast path work for a task, which may end its request."""
        if slot.job is None:
            return
        exchange, error = self.run.promote(slot)
        self.active[slot] = exchange
        if error is not None:
            self._end(exchange, error)

    def _promote_impatient(self) -> None:
        """Make tasks of files on the fast path that are not small, or take too long or much."""
        self._impatient_at = 0.0
        waiting = [slot for slot in self.active if slot.job is not None and slot.arrived]
        if not waiting:
            return
        held, most, now = 0, self.run.held_at_most, self._clock()
        for slot in waiting:
            held += len(slot.arrived)
            if held > _PIECES_HELD or not slot.may_be_whole(most, now):
                self._promote(slot)
            elif not self._impatient_at or slot.patience_ends < self._impatient_at:
                self._impatient_at = slot.patience_ends

    def _take_in(self) -> None:
        """Have the exchanges take in what has arrived for them.

        First those whose heads have just come: that one of them has its range may be what
        another, which has come to the end of its own, needs to know.
        """
        arrived = [
            exchange
            for slot, exchange in self.active.items()
            if exchange is not None and slot.arrived
        ]
        if len(arrived) > 1:
            arrived.sort(key=_is_under_way)
        for exchange in arrived:
            try:
                step = exchange.take_in()
                wanted = step is _MORE or self.run.go_on(exchange, step)
            except BaseException as error:  # noqa: BLE001  sorted out by the run
                self._end(exchange, error)
                continue
            if not wanted:
                self._end(exchange, conclude(exchange, pycurl.E_WRITE_ERROR, ""))

    def _conclude(self, exchange: Exchange[Task], code: int, text: str) -> Verdict:
        if code and self.overlong_seconds:
            return conclude_overlong(exchange, self.overlong_seconds)
        if code == 0 and exchange.awaits_head:
            # What became of one address does not matter if another one has answered.
            exchange.slot.error = exchange.slot.refusal = None
            if exchange.has_head:
                try:
                    self.run.go_on(exchange, exchange.take_in())
                except Exception as error:  # noqa: BLE001  the sink's, handled with the others
                    return error
        return conclude(exchange, code, text)

    def _end(self, exchange: Exchange[Task], verdict: Verdict) -> None:
        slot = exchange.slot
        self._settled.add(slot)
        self._multi.remove_handle(slot.handle)
        following = self.run.settle(exchange, verdict)
        if following is not exchange:
            exchange.task.spent_seconds += self._clock() - exchange.asked_at
        if following is not None:
            self.active[slot] = following
            self._multi.add_handle(slot.handle)
        else:
            del self.active[slot]
            slot.arrived.clear()
            self.idle.append(slot)

    # Waiting.

    def _wait(self) -> None:
        milliseconds = self._multi.timeout()
        seconds = _LONGEST_WAIT_SECONDS
        if self._pacer is not None and any(slot.paused for slot in self.active):
            seconds = min(seconds, self._pacer.wait_seconds())
        if 0 <= milliseconds < 1000 * seconds:
            seconds = milliseconds / 1000
        if self._impatient_at:
            seconds = min(seconds, max(0.0, self._impatient_at - self._clock()))
        feed = self.run.feed
        if feed is not None and len(self.active) < self._share:
            seconds = min(seconds, feed.seconds_left(self._clock()) or seconds)
        began = self._clock()
        if self._multi.select(seconds) < 0 and seconds:
            # No socket to wait for yet, as while a name is being resolved.
            time.sleep(min(seconds, 0.002))
        self.links.waited_seconds += self._clock() - began

    def _resume(self, pacer: Pacer) -> None:
        """Let paused transfers go on as far as the rate allows."""
        for slot in list(self.active):
            if slot.paused:
                if pacer.wait_seconds() > 0:
                    return
                slot.resume()

    def _tick(self) -> None:
        now = self._clock()
        if now < self.next_tick:
            return
        self.next_tick = now + _LONGEST_WAIT_SECONDS
        for slot, exchange in list(self.active.items()):
            if exchange is not None:
                self._look_after(exchange, now)
            elif now - slot.asked_at > self._promotes_after_seconds or slot.is_over:
                # From now on it may be raced, or found to be over, to be stalled or to crawl.
                self._promote(slot)
        run = self.run
        run.tick(now)
        if self._short is not run.concurrency.allowance.is_short or (
            self._wide is not run.shares.wide
        ):
            # What follows from these is set anew, though the share may be as large as before.
            self._share = -1

    def _look_after(self, exchange: Exchange[Task], now: float) -> None:
        """End a request that nobody needs any more, or that has stalled, or crawls."""
        task, limit = exchange.task, self._options.timeout_seconds
        if task.phase is not Phase.OPEN or exchange.dropped:
            self._end(exchange, None)
        elif exchange.awaits_head and exchange.slot.is_over:
            self._end(exchange, self._conclude(exchange, 0, ""))
        elif (late := task.is_late(now, exchange.asked_at)) is not None:
            self._end(exchange, late)
        elif exchange.awaits_answer(now, _HEAD_TIMEOUTS * limit):
            verdict = conclude_late(exchange, _HEAD_TIMEOUTS * limit)
            self._end_with_connection(exchange, verdict, now)
        elif exchange.stalled(now, limit):
            self._end_with_connection(exchange, conclude_stalled(exchange, limit), now)
        elif exchange.crawls is not None:
            self._end_with_connection(exchange, conclude_given_up(exchange, exchange.crawls), now)

    def _end_with_connection(self, exchange: Exchange[Task], verdict: Verdict, now: float) -> None:
        """End a request, and have the next ones take another connection than its own."""
        slot = exchange.slot
        if slot.shares_connection:
            self.links.distrusted[exchange.origin] = now + self._options.timeout_seconds
        slot.close_connection()
        self._end(exchange, verdict)
        slot.keep_connection()

    def _abandon(self) -> None:
        for slot, active in list(self.active.items()):
            with contextlib.suppress(pycurl.error):  # it may not have been added yet
                self._multi.remove_handle(slot.handle)
            exchange = active
            if exchange is None:
                exchange, error = self.run.promote(slot)
                if error is None and slot.arrived:
                    with contextlib.suppress(Exception):  # what is lost now is fetched again
                        self.run.go_on(exchange, exchange.take_in())
            self.run.abandon(exchange)
            slot.arrived.clear()
            self.idle.append(slot)
        self.active.clear()


_MORE = Step.MORE


def _is_under_way(exchange: Exchange[Task]) -> bool:
    return exchange.under_way
