"""Hosts that fail in one way for every file: paused, checked now and then, given up at last.

A ban (429, 503), a name that cannot be resolved, connections that are refused: that is the
host's failure, and costs no file its retries. So are bodies that break off at once, file after
file, although their heads came. Road of an outage:

1. *Failures in a row* of three different files (up to eight with many in flight; two, if there is
   no connection), without a good answer of the host between them, open one: nobody asks the host
   any more. The last files that are left have their own retries.
2. After a moment the last file that came from there is asked for again, by a *check*. If it
   comes, the failures are those of the files after all, and count as such. If it does not, the
   outage is *confirmed*: the files of the row get their attempts back, and the checks go on,
   ever more seldom. Any good answer ends the outage.
3. After ``host_patience_seconds`` the host is *given up*: what is left for it fails without a
   request.

Two more kinds of hosts are given up, after one check:

- one that refuses file after file (401, 403) after others had come: if what had come is refused as
  well, nothing else will come;
- one that cannot be reached and never could, while another host answers: the network works.

With the run's lock held, like the board.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dashget.errors import Retry
from dashget.transfer.contract import Fetched, Request, TransferError
from dashget.transfer.http.failure import Failure, Scope, is_trouble
from dashget.transfer.http.origin import Origin, Origins
from dashget.transfer.run.checks import has_enough, new_check
from dashget.transfer.run.task import Silence, Task
from dashget.transfer.settings.options import TransferOptions

_REFUSED = frozenset({401, 402, 403, 451})
_REFUSED_IN_A_ROW = 24
_FILES_IN_A_ROW = 3
_FILES_IN_A_ROW_AT_MOST = 8
"""Among many transfers in flight, three failures in a row are chance where one in four fails."""
_USUALLY_IN_FLIGHT = 8
_UNREACHED_IN_A_ROW = 2
"""That there is no connection is never the fault of a file."""
_FILES_KNOWN = 64
"""How many files of a row are remembered, to get their attempts back."""
_OVERLOADED = frozenset({429, 502, 503, 504})
_PAUSE_SECONDS = 0.2
_PAUSE_AT_MOST_SECONDS = 5.0
"""Sixty requests in the five minutes of the default patience; and as late at most is noticed
that a host answers again."""
_STICKS_SECONDS = 10.0
"""How long a file, most of which has come from a host, waits for it rather than ask another."""
_FRESH_URL_HINT = (
    "the token in the URL may have run out: give the same command a fresh URL, the same -o, and"
    " --moved"
)
_LOGIN_HINT = "the login or the token may have run out: renew it, and run the same command again"
_LATER_HINT = "run the same command again later; it fetches only what is missing"


class Desk(Protocol):
    """What outages need of the board."""

    def check(self, task: Task, until: float) -> None:
        """Have a check make its request at the clock time ``until``."""

    def warn(self, message: str) -> None:
        """Tell the user of an outage."""


class _Row:
    """Failures of one kind, one after the other without a good answer between them."""

    __slots__ = ("at_work", "count", "least", "since", "tries")

    def __init__(self, at_work: object) -> None:
        self.at_work = at_work
        self.since: float | None = None
        """Clock time when it first led to an outage."""
        self.count = 0
        self.least = 0
        """How many failures lead to a check, at least."""
        self.tries: dict[tuple[Task, int], int] = {}
        """Attempts by file and URL."""

    @property
    def files(self) -> int:
        """How many files have failed."""
        return len({task for task, _ in self.tries})


class _Outage:
    """A host that only checks ask at the moment."""

    __slots__ = ("asks", "at_work", "bodies", "confirmed", "failure", "pauses", "refused", "row",
                 "since", "task", "unknown", "until")  # fmt: skip

    def __init__(
        self, row: _Row, since: float, failure: Failure, asks: Request, *, unknown: bool
    ) -> None:
        self.row = row
        self.at_work = row.at_work
        self.since = since
        self.failure = failure
        self.asks = asks
        """What its checks ask for."""
        self.refused = _is_refusal(failure)
        self.bodies = False
        """True if heads come, and no bodies: the checks await one."""
        self.unknown = unknown
        """True if another host is asked, to learn if the network works."""
        self.confirmed = False
        self.pauses = 0
        self.task: Task | None = None
        """The check under way."""
        self.until = 0.0
        """Clock time of the next check."""


class Outages:
    """The outages of one run."""

    def __init__(
        self,
        options: TransferOptions,
        origins: Origins,
        clock: Callable[[], float],
        random: Callable[[], float],
        desk: Desk,
        given_up: dict[str, Failure] | None = None,
    ) -> None:
        """``given_up`` has the hosts that an earlier round gave up, and keeps those of this one."""
        measured = options.in_flight == "auto"
        half = (_USUALLY_IN_FLIGHT if measured else options.most_in_flight) // 2
        self._files_in_a_row = max(_FILES_IN_A_ROW, min(half, _FILES_IN_A_ROW_AT_MOST))
        self._patience = options.host_patience_seconds
        self._longest_wait = options.retry_after_limit_seconds
        self._patient_at_start = bool(options.retries)
        self._origins = origins
        self._clock = clock
        self._random = random
        self._desk = desk
        self._rows: dict[tuple[Origin, bool], _Row] = {}
        self._out: dict[Origin, _Outage] = {}
        self._given_up: dict[str, Failure] = {} if given_up is None else given_up
        self._checks: dict[Task, Origin] = {}
        self._told: set[Origin] = set()

    # Who may ask.

    def holds(self, origin: Origin) -> bool:
        """Return True if nobody but a check is to ask a host now."""
        return self._of(origin) is not None

    def concern(self, origin: Origin) -> bool:
        """Return True if a request to a host is not to be made now, or ever."""
        return origin.key in self._given_up or self.holds(origin)

    def keeps_out(self, task: Task, origin: Origin) -> bool:
        """Return True if a task is not to ask a host now."""
        return self.holds(origin) and task not in self._checks

    def given_up(self, origin: Origin) -> Failure | None:
        """Return why a host is not asked any more; None if it is."""
        return self._given_up.get(origin.key)

    def lasts(self, origin: Origin) -> bool:
        """Return True if an outage lasts longer than a file waits that could go elsewhere."""
        outage = self._of(origin)
        return outage is not None and self._clock() - outage.since >= _STICKS_SECONDS

    def wait(self, origin: Origin, now: float) -> float:
        """Return how long a host is not asked."""
        outage = self._of(origin)
        return 0.0 if outage is None else max(0.0, outage.until - now)

    def is_check(self, task: Task) -> bool:
        """Return True if a task is a check."""
        return task in self._checks

    def stop(self) -> None:
        """End all checks: no file waits for what they bring."""
        for origin, outage in tuple(self._out.items()):
            self._end(origin, outage)

    # What comes.

    def never_answered(self, origin: Origin, failure: Failure) -> bool:
        """Return True if nobody was ever there: what is said at once, without a retry."""
        return failure.unreachable and origin.at_work is None and not self._patient_at_start

    def blames(
        self, task: Task, index: int, asks: Request, origin: Origin, failure: Failure,
        silence: Silence,
    ) -> bool:  # fmt: skip
        """Take a failed attempt; return True if it is the host's failure, not the file's.

        ``asks`` is the request, ``index`` that of its URL among the task's; ``silence`` tells what
        of an answer did not come.
        """
        silent = silence is not Silence.NONE
        if task in self._checks or origin.key in self._given_up:
            return False
        if origin.at_work is None and not silent:
            origin.at_work = failure
        refused = _is_refusal(failure)
        if not refused and not _may_be_the_hosts(failure, silent=silent):
            if not silent:
                origin.at_work = failure
            return False
        outage = self._of(origin)
        wait = max(failure.retry_after_seconds or 0.0, origin.not_before - self._clock())
        if not refused and wait > self._longest_wait:
            # It has said when it is to be asked again, and nobody waits for that.
            if outage is not None:
                self._end(origin, outage)
            return False
        if outage is not None and outage.refused is refused:
            # It was asked before.
            return not refused
        row = self._row(origin, refused)
        row.count += 1
        if refused:
            if row.count >= row.least and origin.good is not None and outage is None:
                self._open(row, origin, failure, origin.good)
            return False
        if not self._patience or outage is not None:
            return False
        if len(row.tries) < _FILES_KNOWN:
            row.tries[task, index] = row.tries.get((task, index), 0) + 1
        if self.never_answered(origin, failure):
            return self._ask_another_host(row, origin, failure)
        least = _UNREACHED_IN_A_ROW if failure.unreachable else self._files_in_a_row
        if row.count < max(least, row.least) or row.files < least:
            return False
        if origin.good is None and not (failure.status is None or _is_overload(failure)):
            # Nothing can be asked for that had come.
            return False
        bodies = silence is Silence.BODY
        if bodies and origin.good is None:
            return False
        self._open(row, origin, failure, origin.good or asks, bodies=bodies)
        # This attempt was not counted yet.
        row.tries.pop((task, index), None)
        return True

    def ended(self, task: Task, result: Fetched | TransferError) -> bool:
        """Take the result of a check; return False if this task is none."""
        origin = self._checks.pop(task, None)
        if origin is None:
            return False
        outage = self._of(origin)
        if outage is None or outage.task is not task:
            return True
        outage.task = None
        if isinstance(result, TransferError) and result.cancelled:
            return True
        answers = _answers(task, result, refused=outage.refused, bodies=outage.bodies)
        failure = outage.failure
        if outage.unknown and answers and not outage.confirmed:
            self._give_up(origin, failure, failure.message)
        elif outage.refused and not answers:
            count = f"{outage.row.count} files in a row, and one that had come"
            what = f"{_name(origin)} refuses every file: {failure.message}; {count}"
            self._give_up(origin, failure, what)
        elif answers:
            outage.row.least = 2 * outage.row.count
            del self._out[origin]
        else:
            self._goes_on(origin, outage)
        return True

    # Rows and outages.

    def _row(self, origin: Origin, refused: bool) -> _Row:
        row = self._rows.get((origin, refused))
        if row is None or row.at_work is not origin.at_work:
            row = self._rows[origin, refused] = _Row(origin.at_work)
            row.least = _REFUSED_IN_A_ROW if refused else 0
        return row

    def _of(self, origin: Origin) -> _Outage | None:
        outage = self._out.get(origin)
        if outage is None or outage.at_work is origin.at_work:
            return outage
        # A good answer has come.
        self._end(origin, outage)
        return None

    def _end(self, origin: Origin, outage: _Outage) -> None:
        """End an outage. Its check stays known: it may be about to report its result."""
        del self._out[origin]
        if outage.task is not None:
            outage.task.give_up()

    def _open(
        self, row: _Row, origin: Origin, failure: Failure, asks: Request, *,
        unknown: bool = False, bodies: bool = False,
    ) -> None:  # fmt: skip
        if row.since is None:
            row.since = self._clock()
        outage = self._out[origin] = _Outage(row, row.since, failure, asks, unknown=unknown)
        outage.bodies = bodies
        self._check(origin, outage)

    def _ask_another_host(self, row: _Row, origin: Origin, failure: Failure) -> bool:
        """Learn if the network works, where a host cannot be reached that never could.

        False if no other host has answered: then each file fails, and the third one is the last.
        """
        good = self._origins.good_elsewhere(origin)
        if good is not None:
            row.tries.clear()
            self._open(row, origin, failure, good, unknown=True)
            return True
        if row.files >= _FILES_IN_A_ROW:
            self._give_up(origin, failure, failure.message)
        return False

    def _check(self, origin: Origin, outage: _Outage) -> None:
        now = self._clock()
        pause = 0.0
        if outage.confirmed or not (outage.refused or outage.unknown):
            pause = min(_PAUSE_AT_MOST_SECONDS, _PAUSE_SECONDS * 2.0**outage.pauses)
            pause *= 0.75 + 0.5 * self._random()
            left = outage.since + self._patience - now
            pause = min(pause, max(0.0, left))
        outage.pauses += 1
        outage.until = max(now + pause, origin.not_before)
        outage.task = new_check(outage.asks, body=outage.bodies)
        self._checks[outage.task] = origin
        self._desk.check(outage.task, outage.until)

    def _goes_on(self, origin: Origin, outage: _Outage) -> None:
        """Confirm an outage, and check again later; give the host up if that took too long."""
        seconds = self._clock() - outage.since
        failure = outage.failure
        if seconds >= self._patience:
            what = f"has failed for every file for {seconds:.0f} s"
            self._give_up(origin, failure, f"{_name(origin)} {what}: {failure.message}")
            return
        if origin.not_before - self._clock() > self._longest_wait:
            # Nobody waits for that: its files fail, and say so.
            del self._out[origin]
            return
        if not outage.confirmed:
            self._confirm(origin, outage)
        self._check(origin, outage)

    def _confirm(self, origin: Origin, outage: _Outage) -> None:
        outage.confirmed = True
        for (task, index), tries in outage.row.tries.items():
            task.tries[index] = max(0, task.tries[index] - tries)
        outage.row.tries.clear()
        if origin not in self._told:
            self._told.add(origin)
            self._desk.warn(
                f"{_name(origin)} fails for every file ({outage.failure.message}); it is asked"
                f" again now and then, for up to {self._patience:.0f} s"
            )

    def _give_up(self, origin: Origin, failure: Failure, message: str) -> None:
        self._out.pop(origin, None)
        hint = failure.hint
        if _is_refusal(failure):
            hint = _LOGIN_HINT if failure.status == 401 else _FRESH_URL_HINT
        elif origin.at_work is not None:
            hint = _LATER_HINT
        self._given_up[origin.key] = Failure(
            message, Retry.ELSEWHERE, Scope.BASE, status=failure.status, hint=hint
        )


def _may_be_the_hosts(failure: Failure, *, silent: bool) -> bool:
    if failure.retry is not Retry.AGAIN:
        return False
    return silent if failure.status is None else failure.is_trouble


def _is_refusal(failure: Failure) -> bool:
    return failure.status in _REFUSED and not failure.is_trouble


def _is_overload(failure: Failure) -> bool:
    return failure.status in _OVERLOADED or failure.retry_after_seconds is not None


def _answers(task: Task, result: Fetched | TransferError, *, refused: bool, bodies: bool) -> bool:
    """Return True if a check has shown that its host is at work."""
    if isinstance(result, Fetched) or (task.head is not None and not bodies):
        return True
    if task.head is not None:
        return has_enough(task)
    status = result.status
    if status is None:
        return False
    trouble = is_trouble(status, result.retry_after_seconds)
    return status not in _REFUSED if refused and not trouble else not trouble


def _name(origin: Origin) -> str:
    name = origin.key.partition("://")[2]
    return name.removesuffix(":443" if origin.scheme == "https" else ":80")
