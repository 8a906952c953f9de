"""Decide when and where to try again: backoff, the budget of a run, bases with penalties."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from dashget.errors import GONE_STATUSES, Retry
from dashget.transfer.http.failure import Failure, Scope
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.task import Task, bases_of
from dashget.transfer.settings.options import TransferOptions

_PENALTY_SECONDS = 30.0
_PENALTY_LIMIT_SECONDS = 300.0
_STRIKES = 3
_RETRIES = 5
"""On each URL, if the options give no number."""
_MISSING = GONE_STATUSES | {425}


def backoff_seconds(failures: int, options: TransferOptions, random: Callable[[], float]) -> float:
    """Return the pause after the ``failures``-th failure in a row: full jitter, with a ceiling.

    Full jitter spreads clients that failed together over the whole interval, so that they
    do not come back together.
    """
    ceiling = options.backoff_seconds * 2.0 ** min(failures - 1, 30)
    return random() * min(ceiling, options.backoff_limit_seconds)


class Budget:
    """The retries that a whole run may make, so that a dead server ends it."""

    __slots__ = ("_fixed", "started", "used")

    def __init__(self, fixed: int | None) -> None:
        self._fixed = fixed
        self.started = 0
        self.used = 0

    def spend(self) -> bool:
        """Take one retry; return False if none is left."""
        allowed = self._fixed if self._fixed is not None else 200 + self.started // 2
        if self.used >= allowed:
            return False
        self.used += 1
        return True


class Bases:
    """The BaseURLs that failed, and the time until which others go first.

    A base is the beginning of its URLs, up to the ending that the alternatives of a resource
    have in common. One that cannot be reached gets a penalty at once, one that lacks resources
    after three in a row.
    """

    __slots__ = ("_bad",)

    def __init__(self) -> None:
        self._bad: dict[str, _Strikes] = {}

    def failed(self, base: str, now: float, *, unreachable: bool) -> None:
        """Count a failure that was final for a URL under ``base``."""
        strikes = self._bad.setdefault(base, _Strikes())
        strikes.count += _STRIKES if unreachable else 1
        if strikes.count >= _STRIKES and now >= strikes.until:
            strikes.pause = min(_PENALTY_LIMIT_SECONDS, 2 * strikes.pause)
            strikes.until = now + strikes.pause

    def worked(self, task: Task) -> None:
        """Remove the penalty of the base that a task came from."""
        if self._bad and len(task.urls) > 1 and task.source_index is not None:
            self._bad.pop(bases_of(task.urls)[task.source_index], None)

    def has_penalty(self, base: str, now: float) -> bool:
        """Return True if others are to be tried before this one."""
        strikes = self._bad.get(base)
        return strikes is not None and now < strikes.until

    @property
    def no_penalties(self) -> bool:
        """True if no base has a penalty: the usual case, and quick to see."""
        return not self._bad


class _Strikes:
    __slots__ = ("count", "pause", "until")

    def __init__(self) -> None:
        self.count = 0
        self.pause = _PENALTY_SECONDS / 2
        self.until = 0.0


class Again(msgspec.Struct, frozen=True):
    """Another attempt: the index of the task's URL, and the pause before it."""

    index: int
    delay_seconds: float


class Retries:
    """Decides what follows a failed attempt, in one run."""

    def __init__(self, options: TransferOptions, bases: Bases, random: Callable[[], float]) -> None:
        self._options = options
        self._most = _RETRIES if options.retries is None else options.retries
        self._bases = bases
        self._random = random
        self.budget = Budget(options.run_retries)

    def choose(
        self,
        task: Task,
        now: float,
        held_back: Callable[[str, float], bool] | None = None,
        out: Callable[[str], bool] | None = None,
    ) -> int | None:
        """Return the index of the URL to try next; None if all attempts are used up.

        Each is tried twice before the next one has its turn, so that one failing base does not
        hold everything up. URLs whose origin is ``held_back``, or whose base has a penalty, come
        last. So does the one that much has come from, if its host is ``out`` for long.
        """
        most, tries = self._most, task.tries
        if task.most_tries is not None:
            most = task.most_tries - 1
        if len(tries) == 1:
            return None if task.exhausted or tries[0] > most else 0
        left = [i for i in range(len(tries)) if i not in task.exhausted and tries[i] <= most]
        if not left:
            return None
        source = task.source_index
        if task.sticks_to_source and source in left and not (out and out(task.urls[source])):
            return source
        base = () if self._bases.no_penalties else bases_of(task.urls)

        def rank(i: int) -> tuple[bool, bool, int, int]:
            held = held_back is not None and held_back(task.urls[i], now)
            return held, bool(base) and self._bases.has_penalty(base[i], now), tries[i] // 2, i

        return min(left, key=rank)

    def after(
        self, task: Task, index: int, origin: Origin, failure: Failure, progress: int, now: float
    ) -> Again | None:
        """Count a failed attempt on URL ``index``; return the next one, or None if there is none.

        ``origin`` is the one that failed (the request may have been redirected); ``progress``
        counts the new bytes of the attempt.
        """
        failure = self._hold_back(origin, failure, now)
        patience = task.job.patience
        if patience is not None and patience.missing_is_final and failure.status in _MISSING:
            failure = msgspec.structs.replace(failure, retry=Retry.NEVER)
        task.failed(failure, index, progress)
        if len(task.urls) > 1 and (failure.scope is Scope.BASE or failure.retry is Retry.ELSEWHERE):
            base = bases_of(task.urls)[index]
            self._bases.failed(base, now, unreachable=failure.scope is Scope.BASE)
        following = self.choose(task, now)
        if following is None or not self.budget.spend():
            return None
        delay = 0.0
        if following == index or task.tries[following]:
            delay = backoff_seconds(max(1, task.tries[following]), self._options, self._random)
        if following == index:
            delay = max(delay, self._wait(origin, now))
        return None if now + delay >= task.deadline else Again(following, delay)

    def pause(self, failures: int) -> float:
        """Return the pause after the ``failures``-th failure in a row."""
        return backoff_seconds(failures, self._options, self._random)

    def question(self, task: Task, origin: Origin, failure: Failure, now: float) -> float | None:
        """Return the pause before a body's end is asked for again; None if the server has answered.

        A temporary failure is not an answer: a server that broke a body off is in trouble.
        """
        failure = self._hold_back(origin, failure, now)
        if failure.retry is not Retry.AGAIN or 200 <= (failure.status or 0) < 400:
            return None
        task.end.failures += 1
        if task.end.failures > self._most or not self.budget.spend():
            return None
        pause = backoff_seconds(task.end.failures, self._options, self._random)
        return max(pause, self._wait(origin, now))

    def obey(self, origin: Origin, failure: Failure, now: float) -> None:
        """Obey a ``Retry-After``."""
        self._hold_back(origin, failure, now)

    def _wait(self, origin: Origin, now: float) -> float:
        """Return the pause that an origin asked for; 0 if it is longer than the options allow."""
        wait = origin.not_before - now
        return wait if wait <= self._options.retry_after_limit_seconds else 0.0

    def _hold_back(self, origin: Origin, failure: Failure, now: float) -> Failure:
        """Obey a ``Retry-After``, which holds back all requests to that origin."""
        after = failure.retry_after_seconds
        if after is None:
            return failure
        origin.not_before = max(origin.not_before, now + after)
        if after <= self._options.retry_after_limit_seconds:
            return failure
        text = f"{failure.message}, to be asked again in {after:.0f} s"
        return msgspec.structs.replace(failure, retry=Retry.ELSEWHERE, message=text)
