"""When to try again, and where: backoff, the budget of a run, bases that are left alone."""

from __future__ import annotations

from collections.abc import Callable

from dashget.transfer.options import TransferOptions

_LEFT_ALONE_SECONDS = 30.0
_LEFT_ALONE_LIMIT_SECONDS = 300.0
_STRIKES = 3


def backoff_seconds(failures: int, options: TransferOptions, random: Callable[[], float]) -> float:
    """Return the pause after the ``failures``-th failure in a row: full jitter, with a ceiling.

    Full jitter spreads clients that failed together over the whole interval, so that they
    do not come back together.
    """
    ceiling = options.backoff_seconds * 2.0 ** min(failures - 1, 30)
    return random() * min(ceiling, options.backoff_limit_seconds)


class Budget:
    """How many retries a whole run may make, so that a dead server ends it."""

    __slots__ = ("_fixed", "started", "used")

    def __init__(self, fixed: int | None) -> None:
        self._fixed = fixed
        self.started = 0
        self.used = 0

    def spend(self) -> bool:
        """Take one retry out; False when there is none left."""
        allowed = self._fixed if self._fixed is not None else 200 + self.started // 2
        if self.used >= allowed:
            return False
        self.used += 1
        return True


class Bases:
    """Which service locations fail, and how long they are left alone.

    A base is known by the beginning of its URLs, up to where the alternatives of a
    resource are the same. One that cannot be reached is left alone at once, one that
    lacks resources which others have after three in a row.
    """

    __slots__ = ("_bad",)

    def __init__(self) -> None:
        self._bad: dict[str, _Strikes] = {}

    def failed(self, base: str, now: float, *, unreachable: bool) -> None:
        """Count a failure that was final for a URL under ``base``."""
        strikes = self._bad.setdefault(base, _Strikes())
        strikes.count += _STRIKES if unreachable else 1
        if strikes.count >= _STRIKES and now >= strikes.until:
            strikes.pause = min(_LEFT_ALONE_LIMIT_SECONDS, 2 * strikes.pause)
            strikes.until = now + strikes.pause

    def worked(self, base: str) -> None:
        """Forget what was held against a base."""
        if self._bad:
            self._bad.pop(base, None)

    def left_alone(self, base: str, now: float) -> bool:
        """Say whether others are to be tried before this one."""
        strikes = self._bad.get(base)
        return strikes is not None and now < strikes.until

    @property
    def spotless(self) -> bool:
        """Whether nothing is held against any base: the usual case, and a cheap question."""
        return not self._bad


class _Strikes:
    __slots__ = ("count", "pause", "until")

    def __init__(self) -> None:
        self.count = 0
        self.pause = _LEFT_ALONE_SECONDS / 2
        self.until = 0.0


def bases_of(urls: tuple[str, ...]) -> tuple[str, ...]:
    """Return the base of each alternative: what is left without their common ending."""
    shortest = min(map(len, urls))
    common = 0
    first = urls[0]
    while common < shortest and all(url[-1 - common] == first[-1 - common] for url in urls):
        common += 1
    return tuple(url[: len(url) - common] for url in urls)
