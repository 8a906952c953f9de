"""One thread with one libcurl multi handle: keeps wires busy until the run is over."""

from __future__ import annotations

import contextlib
import time
from operator import attrgetter
from typing import Any

from dashget.transfer.contract import ResponseHead
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.guard import Guard
from dashget.transfer.http.origin import Origin
from dashget.transfer.pacing.concurrency import Pacer
from dashget.transfer.pacing.shares import Shares
from dashget.transfer.run.run import Run, Shared
from dashget.transfer.run.verdict import Verdict, conclude, conclude_stalled, late_failure
from dashget.transfer.run.wire import Wire

_LONGEST_WAIT_SECONDS = 0.1
"""How late a loop may notice what other threads want of it."""
_PIECES_HELD = 1024
"""How many pieces of up to 16 KiB may wait for the rest of resources that have no task yet."""
_UNDER_WAY = attrgetter("under_way")
_STREAMS_IF_SHORT = 16
"""Requests on one connection where descriptors are short: parts need them more."""


class Loop:
    """A multi handle with its connections, which outlive a run."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.options = shared.options
        self.origins = shared.origins
        self.pacer = shared.pacer
        self.wall_clock = shared.wall_clock
        self._alone_seconds = min(self.options.overtake_seconds, self.options.timeout_seconds) / 2
        self.received = 0
        """Body bytes since the loop was made."""
        self.waited_seconds = 0.0
        """How long it has waited for the network since then."""
        self.active: set[Wire] = set()
        self.busy: dict[Origin, int] = {}
        """Requests in flight per origin."""
        self.run: Run
        self.distrusted: dict[Origin, float] = {}
        """Until when requests take new connections to an origin where one has gone silent: with
        HTTP/2 the silent one would be taken again, for all of them."""
        self.guard: Guard | None = None
        """Where requests may not lead; None until the first run."""
        self.idle: list[Wire] = []
        self.streams = self.connections = 1
        """How many requests share a connection where that is possible, and how many connections
        a host is to have."""
        self._settled: set[Wire] = set()
        """Wires whose request was ended since the last look."""
        self._impatient_at = 0.0
        """When the first of those that are alone waits no longer; 0 where none has got anything."""
        self._multi: Any = pycurl.CurlMulti()
        self._share = self._hosts = 0
        self._short = self._wide = False
        self._next_tick = 0.0

    def drive(self, run: Run) -> None:
        """Work on a run until it is over; never raises, the run keeps what went wrong."""
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
                if self.pacer is not None:
                    self._resume(self.pacer)
                self._multi.perform()
                if not self._look():
                    self._wait()
                self._tick()
        except BaseException as error:  # noqa: BLE001  raised again by Engine.run
            run.fail(error)
        finally:
            self._abandon()

    def suits(self, guard: Guard) -> bool:
        """Take up ``guard``; return False if the open connections may be ones that it refuses."""
        if self.guard is not None and self.guard.public != guard.public:
            return False
        self.guard = guard
        return True

    def close(self) -> None:
        """Close all connections."""
        for wire in self.idle:
            wire.handle.close()
        self.idle.clear()
        self._multi.close()

    def _fill(self) -> None:
        run = self.run
        share, hosts = run.share(self), len(self.busy)
        if share != self._share or hosts != self._hosts:
            self._share, self._hosts = share, hosts
            self._short = run.concurrency.allowance.is_short
            self._wide = run.shares.wide
            self._set_connections(run.shares)
        room = share - len(self.active)
        if room > 0:
            asking = run.ask(self, room)
            self.active.update(asking)
            for wire in asking:
                self._multi.add_handle(wire.handle)
        while len(self.active) < share:
            wire = self.idle.pop() if self.idle else Wire(self)
            ready = run.start(wire)
            if ready:
                self._multi.add_handle(wire.handle)
                self.active.add(wire)
                continue
            self.idle.append(wire)
            if ready is None:
                return

    def _set_connections(self, shares: Shares) -> None:
        self.streams, self.connections = shares.streams(self), shares.connections(self)
        kept = most = 0
        if shares.per_host is not None:
            # Those that were opened while this loop drove all transfers are not all kept.
            kept = self.connections * max(1, self._hosts)
        if self._short:
            self.streams = max(self.streams, _STREAMS_IF_SHORT)
            # Those that nobody uses are closed, for others.
            kept = most = max(1, self._share)
        self._multi.setopt(pycurl.M_MAX_CONCURRENT_STREAMS, self.streams)
        self._multi.setopt(pycurl.M_MAXCONNECTS, kept)
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, most)

    def _look(self) -> bool:
        """See what has come, and what has ended; say whether anything has ended."""
        whole: list[tuple[Wire, ResponseHead]] = []
        ended: list[tuple[Wire, int, str]] = []
        multi, active, most = self._multi, self.active, self.run.held_at_most
        self._settled.clear()
        queued = 1
        while queued:
            queued, succeeded, failed = multi.info_read()
            for handle in succeeded:
                wire = handle.wire
                head = None if wire.job is None else wire.whole(most)
                if head is None:
                    ended.append((wire, 0, ""))
                    continue
                if wire.fresh:
                    wire.trust()
                multi.remove_handle(handle)
                active.discard(wire)
                whole.append((wire, head))
            for handle, code, text in failed:
                ended.append((handle.wire, code, text))
        try:
            for wire, _, _ in ended:
                self._enlist(wire)
            self._open_up()
            self._take_in()
            for wire, code, text in ended:
                # Taking in what came may have ended it, and even begun its next request.
                if wire not in self._settled:
                    self._end(wire, conclude(wire, code, text))
        finally:
            if whole:
                self._put(whole)
        return bool(whole or ended)

    def _put(self, whole: list[tuple[Wire, ResponseHead]]) -> None:
        """Hand over what has come whole, while servers work on the next requests already."""
        self.run.vacate(self, whole)
        try:
            self._fill()
            if self.active:
                self._multi.perform()
        finally:
            self.run.put(self, whole)

    def _enlist(self, wire: Wire) -> None:
        """Have a wire that is alone work for a task, which may end it."""
        error = None if wire.job is None else self.run.enlist(wire)
        if error is not None:
            self._end(wire, error)

    def _open_up(self) -> None:
        """Make tasks of what wires that are alone hold, where it is not small or is too much."""
        self._impatient_at = 0.0
        alone = [wire for wire in self.active if wire.job is not None and wire.arrived]
        if not alone:
            return
        held, most, now = 0, self.run.held_at_most, self.shared.clock()
        for wire in alone:
            held += len(wire.arrived)
            if held > _PIECES_HELD or not wire.may_be_whole(most, now):
                self._enlist(wire)
            elif not self._impatient_at or wire.patience < self._impatient_at:
                self._impatient_at = wire.patience

    def _take_in(self) -> None:
        """Have the wires take in what has arrived for them.

        First those whose heads have just come: that one of them has its range may be what
        another, which has come to the end of its own, needs to know.
        """
        arrived = [wire for wire in self.active if wire.arrived and wire.job is None]
        if len(arrived) > 1:
            arrived.sort(key=_UNDER_WAY)
        for wire in arrived:
            try:
                wanted = wire.take_in()
            except BaseException as error:  # noqa: BLE001  sorted out by the run
                self._end(wire, error)
                continue
            if not wanted:
                self._end(wire, conclude(wire, pycurl.E_WRITE_ERROR, ""))

    def _end(self, wire: Wire, verdict: Verdict) -> None:
        self._settled.add(wire)
        self._multi.remove_handle(wire.handle)
        if self.run.settle(wire, verdict):
            self._multi.add_handle(wire.handle)
        else:
            self.active.discard(wire)
            wire.arrived.clear()
            self.idle.append(wire)

    def _wait(self) -> None:
        milliseconds = self._multi.timeout()
        seconds = _LONGEST_WAIT_SECONDS
        if self.pacer is not None and any(wire.paused for wire in self.active):
            seconds = min(seconds, self.pacer.wait_seconds())
        if 0 <= milliseconds < 1000 * seconds:
            seconds = milliseconds / 1000
        if self._impatient_at:
            seconds = min(seconds, max(0.0, self._impatient_at - self.shared.clock()))
        began = self.shared.clock()
        if self._multi.select(seconds) < 0 and seconds:
            # No socket to wait for yet, as while a name is being resolved.
            time.sleep(min(seconds, 0.002))
        self.waited_seconds += self.shared.clock() - began

    def _resume(self, pacer: Pacer) -> None:
        """Let paused transfers go on as far as the rate allows."""
        for wire in list(self.active):
            if wire.paused:
                if pacer.wait_seconds() > 0:
                    return
                wire.paused = False
                # May deliver data at once, and be paused again.
                wire.handle.pause(pycurl.PAUSE_CONT)

    def _tick(self) -> None:
        now = self.shared.clock()
        if now < self._next_tick:
            return
        self._next_tick = now + _LONGEST_WAIT_SECONDS
        limit = self.options.timeout_seconds
        for wire in list(self.active):
            if wire.job is not None:
                # From now on it may be raced, or found to be stalled.
                if now - wire.aimed > self._alone_seconds:
                    self._enlist(wire)
                continue
            if wire.task.halted or wire.dropped:
                self._end(wire, None)
            elif now > wire.task.deadline:
                self._end(wire, late_failure(wire))
            elif wire.stalled(now, limit):
                if wire.shares_connection:
                    self.distrusted[wire.origin] = now + limit
                wire.give_up_connection()
                self._end(wire, conclude_stalled(wire, limit))
                wire.handle.setopt(pycurl.FORBID_REUSE, 0)
        run = self.run
        run.tick(now)
        if self._short is not run.concurrency.allowance.is_short or (
            self._wide is not run.shares.wide
        ):
            # What follows from these is set anew, though the share may be as large as before.
            self._share = -1

    def _abandon(self) -> None:
        for wire in list(self.active):
            with contextlib.suppress(pycurl.error):  # it may not have been added yet
                self._multi.remove_handle(wire.handle)
            if wire.job is not None and self.run.enlist(wire) is None and wire.arrived:
                with contextlib.suppress(Exception):  # what is lost now is fetched again
                    wire.take_in()
            self.run.abandon(wire)
            wire.arrived.clear()
            self.idle.append(wire)
        self.active.clear()
