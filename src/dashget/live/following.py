"""Follow files that may grow: those that have all media of a Representation, or several segments.

Such a file is fetched as it is when it is first named. While its Period is not over, it is looked
at again with each new document, and every half minute; once more when nothing more is to come in
it, and when the recording ends. What is new is added to it. Where that cannot be, because it is
refused, or has other bytes by now, the file stays as it is, and its end is named as missing.

A file that was the same at the last look, and has what is announced, misses nothing if it cannot
be looked at once more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.live.facts import Reason
from dashget.live.listing import Once
from dashget.live.policy import REFUSED, Answer, Patience
from dashget.live.world import FetchMore, Found, MoreEnded, Stage

_PAUSE: Final = 30.0
"""The time between two looks at a file while nothing tells that it has grown."""
_SHORTEST_PAUSE: Final = 5.0
"""The same, however often there is a new document."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
_MOST_TRIES: Final = 8
"""So often a file of which nothing more is to come is asked for, if an answer comes."""
_SILENT_SECONDS: Final = 60.0
"""So long an answer is waited for while the presentation goes on."""


class Trouble(msgspec.Struct, frozen=True):
    """That the end of a file is missing, and why; without a reason it is whole after all."""

    once: Once
    reason: Reason | None


class _File(msgspec.Struct, eq=False):
    """A file that may grow."""

    once: Once
    due: float
    """When it is looked at next."""
    stage: Stage = Stage.HEAD
    turn: int = 0
    looked: float = -math.inf
    """When the last look that told anything began."""
    began: float = -math.inf
    """When this one began."""
    closed: float | None = None
    """Since when nothing more is to come in it."""
    done: bool = False
    """True if it was looked at since then."""
    steady: bool = False
    """True if the last look has found nothing new."""
    size: int = 0
    tries: int = 0
    flying: bool = False
    reason: Reason | None = None
    """Why its end is missing, as was told."""


class Following:
    """Decides when files are looked at again. Times are monotonic."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self.flying = 0
        self.patience: Patience | None = None
        """How long is asked for what is missing: the presentation is over. None: it is not."""

    def see(self, path: str, once: Once, now: float, *, here: bool, resumed: bool) -> None:
        """Take a file that a document names; with ``resumed`` it may be long that it came."""
        if not once.in_one:
            return
        file = self._files.get(path)
        if file is None:
            if not once.grows and not (here and resumed):
                return
            file = self._files[path] = _File(once, now if here else math.inf)
        least = max(file.once.least, once.least)
        file.once = msgspec.structs.replace(once, least=least)
        if not once.grows:
            self._close(file, now)
            return
        file.closed, file.done = None, False
        if math.isfinite(file.due):
            file.due = min(file.due, max(now, file.looked + _SHORTEST_PAUSE))

    def came(self, path: str, now: float) -> None:
        """Take that a file is here."""
        file = self._files.get(path)
        if file is not None:
            file.looked = now
            file.due = now + _SHORTEST_PAUSE if file.closed is None else now

    def drop(self, path: str) -> None:
        """Take that a file never came, or is removed."""
        self._files.pop(path, None)

    def close_others(self, named: set[str], now: float) -> None:
        """Take that a document names no other files than these."""
        for path, file in tuple(self._files.items()):
            if path not in named:
                self._close(file, now)
                if file.done and file.reason is None:
                    del self._files[path]

    def close(self, now: float) -> None:
        """Take that no more is wanted than what is there now."""
        for file in self._files.values():
            self._close(file, now)
            file.closed = min(file.closed or now, now - _SHORTEST_PAUSE)

    def look_last(self, now: float) -> None:
        """Have each file looked at that was not looked at for some seconds: the recording ends."""
        for file in self._files.values():
            if math.isfinite(file.due) or file.done:
                file.closed = now - _SHORTEST_PAUSE
                file.done = now - file.looked < _SHORTEST_PAUSE and file.steady
                file.due, file.tries = now, 0

    def _close(self, file: _File, now: float) -> None:
        if file.closed is None:
            file.closed, file.tries = now, 0
            if math.isfinite(file.due):
                file.due = now

    def take(self, now: float) -> FetchMore | None:
        """Return a look that is due."""
        for path, file in self._files.items():
            if file.flying or file.done or file.due > now:
                continue
            if file.stage is Stage.WHOLE and file.closed is None:
                continue
            if file.stage is not Stage.TAIL:
                file.began = now
            file.flying = True
            self.flying += 1
            last = file.closed is not None
            return FetchMore(file.once, path, file.stage, file.turn, last=last)
        return None

    def answer(self, report: MoreEnded, now: float) -> Trouble | None:
        """Take how a look ended; return what is new about the end of its file."""
        self.flying -= 1
        file = self._files.get(report.errand.path)
        if file is None:
            return None
        file.flying, file.size = False, report.size or file.size
        found = report.found
        if found is Found.FAILED:
            return self._failed(file, report.answer, now)
        file.tries = 0
        if found in (Found.SOUND, Found.MORE):
            file.stage, file.due = Stage.TAIL, now
            file.steady = file.steady and found is Found.SOUND
            return None
        if found is Found.NO_RANGES:
            file.stage, file.due, file.steady = Stage.WHOLE, now, False
            return None
        file.stage = Stage.HEAD
        file.steady = report.fact is None and found is not Found.REPLACED
        file.looked = file.began
        short = file.size < file.once.least
        file.due = now + (_SHORTEST_PAUSE if short else _PAUSE)
        if file.closed is not None:
            # What has come just now may not be the last: servers are late.
            late = file.looked >= file.closed + _SHORTEST_PAUSE
            file.done = late or (file.steady and file.looked >= file.closed)
            file.due = now if file.looked < file.closed else now + _SHORTEST_PAUSE
        if found is Found.REPLACED:
            return self._tell(file, Reason.REPLACED)
        return self._tell(file, Reason.NOT_THERE if short and file.done else None)

    def _failed(self, file: _File, answer: Answer, now: float) -> Trouble | None:
        file.tries += 1
        file.turn += 1
        file.stage = Stage.WHOLE if file.stage is Stage.WHOLE else Stage.HEAD
        if file.closed is None:
            file.due = now + max(_PAUSE, answer.retry_after or 0.0)
            certain = answer.barred or answer.status in REFUSED
            return self._tell(file, reason_of(answer)) if certain and not file.steady else None
        pause = min(_FIRST_PAUSE * 2.0 ** min(file.tries - 1, 10), _LONGEST_PAUSE)
        file.due = now + max(pause, answer.retry_after or 0.0)
        if not self._is_over(file, answer, now):
            return None
        file.done = True
        reason = reason_of(answer)
        return self._tell(file, file.reason if self._misses_nothing(file) else reason)

    def _is_over(self, file: _File, answer: Answer, now: float) -> bool:
        """Return True if a file of which nothing more is to come is not asked for any more."""
        since = now if file.closed is None else file.closed
        if not answer.is_origins:
            return file.tries >= _MOST_TRIES
        if self.patience is not None:
            return self.patience.is_over(answer, since, now)
        return now - since > _SILENT_SECONDS

    def _misses_nothing(self, file: _File) -> bool:
        return file.steady and file.size >= file.once.least

    def _tell(self, file: _File, reason: Reason | None) -> Trouble | None:
        if reason is file.reason:
            return None
        file.reason = reason
        return Trouble(file.once, reason)

    def finish(self) -> Iterator[Trouble]:
        """Yield of which files the end is missing: the recording has ended."""
        for file in self._files.values():
            if not math.isfinite(file.due):
                continue
            reason = file.reason
            if reason is None and not file.done and not self._misses_nothing(file):
                reason = Reason.PENDING
            if reason is not None:
                yield Trouble(file.once, reason)

    @property
    def waiting(self) -> int:
        """How many files are still to be looked at, of which nothing more is to come."""
        return sum(
            file.closed is not None and not file.done and math.isfinite(file.due)
            for file in self._files.values()
        )

    @property
    def next_at(self) -> float:
        """The time at which the next look is due."""
        return min(
            (
                file.due
                for file in self._files.values()
                if not (file.flying or file.done)
                and (file.stage is not Stage.WHOLE or file.closed is not None)
            ),
            default=math.inf,
        )


def reason_of(answer: Answer) -> Reason:
    """Return why the end of a file is missing, by the last answer."""
    if answer.ours:
        return Reason.PENDING
    if answer.barred:
        return Reason.NOT_ALLOWED
    if answer.is_origins:
        return Reason.OUTAGE
    if answer.odd:
        return Reason.ODD
    return Reason.REFUSED if answer.status in REFUSED else Reason.NOT_THERE
