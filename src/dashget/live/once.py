"""Files that are known by their names alone: initialization segments, and those of a list."""

from __future__ import annotations

import heapq
import math
from itertools import islice
from typing import Final

from dashget.live.listing import Once
from dashget.live.policy import MOST_BARRED, MOST_TRIES, Answer, Patience

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 10.0
_GONE: Final = 410
_GONE_WEIGHT: Final = 10
"""A file that its server calls gone for good is asked for three times."""
LEAST_LISTED: Final = 20_000


class OnceFiles:
    """Brings each file once. Times are monotonic."""

    def __init__(self) -> None:
        self.here: set[str] = set()
        """The files that are here, but for those of lists."""
        self.listed: dict[str, None] = {}
        """The files of lists that came last. A list that slides never names the others again."""
        self.most_listed = LEAST_LISTED
        self.lost: dict[str, int] = {}
        """The files that never came, with the last status."""
        self.flying = 0
        self._known: dict[str, Once] = {}
        self._tries: dict[str, int] = {}
        self._first: dict[str, float] = {}
        self.patience: Patience | None = None
        """How long is asked for what is missing: the presentation is over. None: it is not."""
        self._silent: dict[str, int] = {}
        """How often in a row no answer came."""
        self._due: list[tuple[float, str]] = []
        self._behind: dict[str, list[str]] = {}
        """Files that wait for another one, by its path: their initialization segment goes first."""

    def has(self, path: str) -> bool:
        """Return True if a file is here, and is not forgotten."""
        return path in self.here or path in self.listed

    def add(self, path: str, *, listed: bool) -> None:
        """Remember that a file is here."""
        if not listed:
            self.here.add(path)
            return
        self.listed[path] = None
        if len(self.listed) > 1.1 * self.most_listed:
            for old in tuple(islice(self.listed, len(self.listed) - self.most_listed)):
                del self.listed[old]

    def expect(self, listed: int) -> None:
        """Remember twice as many files of lists as a document has."""
        self.most_listed = max(LEAST_LISTED, 2 * listed)

    def announce(self, path: str, once: Once, now: float) -> None:
        """Take a file that a document names; its newest addresses are used."""
        if self.has(path) or path in self.lost:
            return
        if path not in self._known and once.behind in self._known:
            self._behind.setdefault(once.behind, []).append(path)
        elif path not in self._known:
            heapq.heappush(self._due, (now, path))
        self._known[path] = once

    def take(self, now: float) -> tuple[str, Once] | None:
        """Return the next file that is due."""
        if not self._due or self._due[0][0] > now:
            return None
        _, path = heapq.heappop(self._due)
        self.flying += 1
        self._first.setdefault(path, now)
        return path, self._known[path]

    def answer(self, path: str, answer: Answer, now: float) -> bool:
        """Take an answer; return True if it was the last one for the file."""
        self.flying -= 1
        if answer.here:
            self.add(path, listed=bool(self._known[path].line))
        else:
            if not (answer.is_origins or answer.ours):
                self._silent.pop(path, None)
                weight = _GONE_WEIGHT if answer.status == _GONE else 1
                if answer.barred:
                    weight = MOST_TRIES // MOST_BARRED
                self._tries[path] = self._tries.get(path, 0) + weight
            else:
                self._silent[path] = self._silent.get(path, 0) + 1
            tries = self._tries.get(path, 0)
            over = self.patience is not None and self.patience.is_over(
                answer, self._first.get(path, now), now
            )
            if tries < MOST_TRIES and not over:
                doubled = min(max(tries, self._silent.get(path, 0)) - 1, 10)
                pause = min(_FIRST_PAUSE * 2.0 ** max(doubled, 0), _LONGEST_PAUSE)
                heapq.heappush(self._due, (now + max(pause, answer.retry_after or 0.0), path))
                return False
            self.lost[path] = answer.status
        self._known.pop(path, None)
        self._tries.pop(path, None)
        self._first.pop(path, None)
        self._silent.pop(path, None)
        for behind in self._behind.pop(path, ()):
            heapq.heappush(self._due, (now, behind))
        return True

    @property
    def waiting(self) -> int:
        """How many files are still to come."""
        return len(self._known)

    @property
    def waiting_media(self) -> int:
        """How many of these are files of lists, or single ones."""
        return sum(1 for once in self._known.values() if once.line)

    @property
    def next_at(self) -> float:
        """The time at which the next one is due."""
        return self._due[0][0] if self._due else math.inf
