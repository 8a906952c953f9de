"""Hosts that fail in one way for all: paused, probed now and then, and given up at last.

A ban (429, 503), a name that cannot be resolved, connections that are refused: that is the
host's failure, and costs no file its retries. Road of an outage:

1. *Failures in a row*, without a good answer of the host between them, open one: one of a
   connection, one 429, or three others. Nobody asks the host any more.
2. After a pause one task asks, the *probe*. If it fails, the next pause is longer, up to
   seconds, and another task is the next probe. Any good answer ends the outage.
3. After ``host_patience_seconds`` without one, the host is *given up*: what is left for it fails
   without a request.

401 and 403 are answers, and final for their URL. Many of them in a row, from a host that has
sent files before, lead to a *check*: one byte of the last good file is asked for again. If that
is refused as well, the host refuses everything, and is given up.

With the run's lock held, like the board.
"""

from __future__ import annotations

from collections.abc import Callable

from dashget.errors import Retry
from dashget.transfer.contract import Fetched, Job, MemorySink, Method, Request, TransferError
from dashget.transfer.http.failure import Failure, Scope
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.task import Task
from dashget.transfer.run.ways import new_task, probe_only
from dashget.transfer.settings.options import TransferOptions

_REFUSED = frozenset({401, 403})
_REFUSED_IN_A_ROW = 24
_IN_A_ROW = 3
_PAUSE_SECONDS = 0.5
_PAUSE_AT_MOST_SECONDS = 5.0
"""Sixty requests in the five minutes of the default patience; and as late at most is noticed
that a host answers again."""
_FRESH_URL_HINT = (
    "the URL's token may have run out: give the same command a fresh URL, the same -o, and --moved"
)

_LATER_HINT = "the same command continues later"


class _Row:
    """The failures of one kind, one after the other without a good answer between them."""

    __slots__ = ("answers", "count", "least", "refused", "since", "tasks")

    def __init__(self, origin: Origin, refused: bool, now: float) -> None:
        self.answers = origin.answers
        self.refused = refused
        self.since = now
        self.count = 0
        self.tasks: set[Task] = set()
        self.least = _REFUSED_IN_A_ROW
        """How many refusals lead to a check."""


class Outage:
    """A host that nobody asks at the moment, but for a probe now and then."""

    __slots__ = ("answers", "pauses", "probe_at", "probed_at", "probing_until", "since")

    def __init__(self, origin: Origin, since: float) -> None:
        self.answers = origin.answers
        self.since = since
        self.pauses = 0
        self.probe_at = 0.0
        self.probed_at = since
        """Clock time of the last probe: what was asked before brings no news."""
        self.probing_until = 0.0
        """Clock time until which the answer to a probe is waited for."""


class Outages:
    """The outages of one run."""

    def __init__(
        self,
        options: TransferOptions,
        random: Callable[[], float],
        queue: Callable[[Task], object],
    ) -> None:
        """``queue`` has a task of the run's own, a check, make its request."""
        self._options = options
        self._queue = queue
        self._random = random
        self._rows: dict[Origin, _Row] = {}
        self._out: dict[Origin, Outage] = {}
        self._given_up: dict[Origin, Failure] = {}
        self._check: tuple[Task, Origin, Failure] | None = None

    # Who may ask.

    @property
    def any(self) -> bool:
        """True if there is one, or was until now: False in most runs, which is quick to see."""
        return bool(self._out or self._given_up or self._check)

    def concern(self, origin: Origin) -> bool:
        """Return True if a request to a host is no plain one: not to be made, or a probe."""
        return self._checks(origin) or origin in self._given_up or self._of(origin) is not None

    def holds(self, origin: Origin, now: float) -> bool:
        """Return True if nobody is to ask a host now."""
        if self._checks(origin):
            return True
        outage = self._of(origin)
        return outage is not None and now < max(outage.probe_at, outage.probing_until)

    def keeps_out(self, task: Task, origin: Origin, now: float) -> bool:
        """Return True if a task is not to ask a host now."""
        return self.holds(origin, now) and not self._is_check(task)

    def asks(self, origin: Origin, now: float) -> None:
        """Record a request to a host: in an outage it is the probe."""
        outage = self._of(origin)
        if outage is not None:
            options = self._options
            outage.probed_at = now
            outage.probing_until = now + options.connect_timeout_seconds + options.timeout_seconds

    def given_up(self, origin: Origin) -> Failure | None:
        """Return why a host is not asked any more; None if it is."""
        return self._given_up.get(origin)

    def wait(self, origin: Origin, now: float) -> float:
        """Return how long a host is not asked."""
        outage = self._of(origin)
        return 0.0 if outage is None else max(0.0, outage.probe_at - now)

    # What comes.

    def blames_host(
        self,
        task: Task,
        origin: Origin,
        failure: Failure,
        asked_at: float,
        now: float,
        *,
        silent: bool,
    ) -> bool:
        """Take a failed attempt; return True if it is the host's failure, not the file's.

        ``asked_at`` is the clock time of the attempt; ``silent`` is True if no answer came.
        """
        if origin in self._given_up or self._is_check(task):
            return False
        refused = failure.status in _REFUSED
        if not refused and not _may_be_the_hosts(failure, silent=silent):
            origin.answers += not silent
            return False
        row = self._rows.get(origin)
        if row is None or row.answers != origin.answers or row.refused is not refused:
            row = self._rows[origin] = _Row(origin, refused, now)
        row.count += 1
        if refused:
            self._refused(row, origin, failure)
            return False
        row.tasks.add(task)
        if not self._options.host_patience_seconds or failure.retry is not Retry.AGAIN:
            return False
        if (failure.retry_after_seconds or 0.0) > self._options.retry_after_limit_seconds:
            # It has said when it is to be asked again, and nobody waits for that.
            self._out.pop(origin, None)
            return False
        outage = self._of(origin)
        if outage is None:
            plainly = _is_plainly_the_hosts(task, failure)
            opens = self._opens(row, origin, failure, now, plainly=plainly)
            # Unless it happens to the same file again and again, while others come.
            excused = task.failures <= self._options.retries and failure.status != 429
            return opens and excused
        if asked_at < outage.probed_at:
            return True
        if now - outage.since >= self._options.host_patience_seconds:
            self._give_up(origin, failure, f"no other answer for {now - outage.since:.0f} s")
            return False
        self._pause(outage, origin, now)
        # It may be the file's failure all the same.
        return _is_plainly_the_hosts(task, failure)

    def checked(self, task: Task, result: Fetched | TransferError) -> bool:
        """Take the result of a check; return False if this task is none."""
        if self._check is None or not self._is_check(task):
            return False
        _, origin, failure = self._check
        self._check = None
        row = self._rows.get(origin)
        if isinstance(result, TransferError) and result.status in _REFUSED:
            count = _REFUSED_IN_A_ROW if row is None else row.count
            self._give_up(origin, failure, f"so were {count} files in a row, and one that had come")
        elif row is not None:
            row.least = 2 * max(row.least, row.count)
        return True

    def _is_check(self, task: Task) -> bool:
        return self._check is not None and self._check[0] is task

    def _checks(self, origin: Origin) -> bool:
        return self._check is not None and self._check[1] is origin

    def _of(self, origin: Origin) -> Outage | None:
        outage = self._out.get(origin)
        if outage is not None and outage.answers != origin.answers:
            del self._out[origin]
            return None
        return outage

    def _opens(
        self, row: _Row, origin: Origin, failure: Failure, now: float, *, plainly: bool
    ) -> bool:
        known = origin.answers > 0
        if not known and failure.unreachable:
            if len(row.tasks) >= _IN_A_ROW:
                self._give_up(origin, failure, "it has never answered")
            return False
        enough = known and (plainly or row.count >= _IN_A_ROW)
        if not known:
            enough = len(row.tasks) >= _IN_A_ROW
        if enough:
            outage = self._out[origin] = Outage(origin, row.since)
            outage.probed_at = now
            self._pause(outage, origin, now)
        return enough

    def _pause(self, outage: Outage, origin: Origin, now: float) -> None:
        pause = min(_PAUSE_AT_MOST_SECONDS, _PAUSE_SECONDS * 2.0**outage.pauses)
        outage.pauses += 1
        pause *= 0.75 + 0.5 * self._random()
        left = outage.since + self._options.host_patience_seconds - now
        outage.probe_at = max(now + min(pause, max(0.0, left)), origin.not_before)
        outage.probing_until = 0.0

    def _refused(self, row: _Row, origin: Origin, failure: Failure) -> None:
        if row.count < row.least or origin.good_url is None or self._check is not None:
            return
        request = Request((origin.good_url,), Method.HEAD)
        task = new_task(Job(request, lambda _: MemorySink(0)))
        probe_only(task)
        self._check = task, origin, failure
        self._queue(task)

    def _give_up(self, origin: Origin, failure: Failure, why: str) -> None:
        self._out.pop(origin, None)
        self._given_up[origin] = Failure(
            f"not asked any more: {failure.message}; {why}",
            Retry.ELSEWHERE,
            Scope.BASE,
            status=failure.status,
            hint=_FRESH_URL_HINT if failure.status in _REFUSED else _LATER_HINT,
        )


def _may_be_the_hosts(failure: Failure, *, silent: bool) -> bool:
    status = failure.status
    if status is None:
        return failure.retry is Retry.AGAIN and silent
    return status == 429 or status >= 500


def _is_plainly_the_hosts(task: Task, failure: Failure) -> bool:
    """Return True if a failure is hardly ever that of one file alone."""
    status = failure.status
    return failure.unreachable or status == 429 or (status == 503 and task.sink_begun)
