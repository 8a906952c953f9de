"""The fast path: a small file that arrives at once needs no task.

A request for a whole file of which nothing is on disk starts without a ``Task``. If the complete
body arrives within a moment of its first byte, it is delivered directly. Anything else - a head
that is not a plain 200, a body that takes longer, an error, the end of the run - makes a task of
it (``Run.promote``), as if it had been one from the start. Beside the system calls there is
nothing in most runs that takes more time than this module: it does for each file with as little
Python as can be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import msgspec

from dashget.transfer.contract import Job, ResponseHead
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.curl.links import Links
from dashget.transfer.curl.slot import Slot
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.board import Board

Whole = Sequence[tuple[Slot, ResponseHead]]
"""Slots whose complete bodies have arrived, with their heads."""


def ask(
    board: Board, links: Links, idle: list[Slot], new_slot: Callable[[], Slot], most: int
) -> list[Slot]:
    """Have up to ``most`` idle slots of a loop request the next files; return these slots.

    With the run's lock held. Ends early at a job that takes a task, which is then queued.
    """
    now = board.shared.clock()
    busy = links.busy
    # Another loop may still have more than its share of a number that was lowered.
    most = max(0, min(most, board.concurrency.limit - board.active))
    pulled, started = 0, []
    origin: Origin | None = None
    near, room = "", 0
    no_penalties, tells = board.shared.bases.no_penalties, board.hooks.wants_starts
    try:
        for job in islice(board.jobs or (), most):
            pulled += 1
            urls = job.request.urls
            url = urls[0]
            if not room or not url.startswith(near):
                origin, near, room = _look_up(board, url, links, now)
            if (
                not origin
                or not room
                or not job.deliver
                or job.patience
                or (len(urls) > 1 and not no_penalties)
            ):
                # No slot of the fast path looks at the time that its job has.
                board.queue(job)
                break
            slot = idle.pop() if idle else _make(board, job, new_slot)
            try:
                slot.ask(job, url, origin, now)
            except (pycurl.error, ValueError, TypeError):
                idle.append(slot)
                board.queue(job)
                break
            busy[origin] = busy.get(origin, 0) + 1
            started.append(slot)
            room -= 1
            if tells:
                board.call(board.hooks.on_started, job, 0)
                if board.stopping:
                    break
        else:
            if pulled < most:
                board.ran_dry()
    except BaseException as error:  # noqa: BLE001  raised again by Engine.run
        board.halt(error)
    board.pulled(pulled)
    board.active += len(started)
    return started


def _make(board: Board, job: Job, new_slot: Callable[[], Slot]) -> Slot:
    try:
        return new_slot()
    except BaseException:
        # The run ends with this, and is to tell also of the job that was for it.
        board.queue(job)
        raise


def _look_up(board: Board, url: str, links: Links, now: float) -> tuple[Origin | None, str, int]:
    """Return the origin of a URL, how its URLs begin, and how many may be requested now."""
    origin = board.shared.origins.of(url)
    end = url.find("/", 8) + 1
    if not isinstance(origin, Origin) or not end:
        return None, "", 0
    near = url[:end]
    if origin.not_before > now or board.guard.refusal(origin) is not None:
        return origin, near, 0
    if board.outages is not None and board.outages.concern(origin):
        return origin, near, 0
    return origin, near, board.shares.room(origin, links)


def free_places(board: Board, links: Links, whole: Whole) -> None:
    """Let other transfers take the places of some that are over, before they are delivered.

    With the run's lock held.
    """
    seen: Origin | None = None
    for slot, _ in whole:
        origin = slot.origin
        links.busy[origin] -= 1
        if origin is not seen:
            # One of many that came in the same moment tells as much as all of them.
            seen, job = origin, slot.job
            origin.at_work = origin.good = None if job is None else job.request
    board.active -= len(whole)
    forecast = board.shares.forecast
    if forecast.targets:
        for slot, _ in whole:
            forecast.answered(slot.origin)


def deliver(
    board: Board, links: Links, idle: list[Slot], whole: Whole
) -> list[tuple[Slot, BaseException]]:
    """Deliver files whose complete bodies have arrived, and report them.

    Takes the run's lock for the reports only. Returns the slots whose files could not be
    delivered, with the errors; the others are idle again.
    """
    lock, adaptive = board.lock, board.concurrency.adaptive
    times = board.hooks.wants_timings
    failed = []
    count = total = 0
    spent = 0.0
    for slot, head in whole:
        job: Any = slot.job
        try:
            job.deliver(job, head, slot.arrived)
        except BaseException as error:  # noqa: BLE001  sorted out by the run
            links.received += head.size or 0
            failed.append((slot, error))
            continue
        fetched = slot.fetched(head)
        if times:
            fetched = msgspec.structs.replace(fetched, timing=slot.timing())
        seconds = fetched.seconds
        with lock:
            board.report(job, fetched)
            if adaptive:
                first_byte = fetched.first_byte_seconds or 0.0
                board.answered(slot.origin, head.http_version, first_byte, seconds, slot)
        count += 1
        total += fetched.size
        spent += seconds
        slot.job = None
        slot.arrived.clear()
        idle.append(slot)
    links.received += total
    with lock:
        board.all_reported()
        board.landed(count, total, spent)
    return failed
