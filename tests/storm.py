"""A server in whose weather every request has a chance to meet a fault.

What a request meets is drawn from the seed, the path, and how often the path was asked
for before: threads and clocks have no say in it. The kinds are the ones that real servers,
caches and networks show. Bytes that belong to no answer are always wrong bytes, so that
one of them in a file shows.
"""

from __future__ import annotations

import gzip
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.faultserver import Answer, FaultServer, Seen, http_date, redirect, refuse

CHANCE = 0.15
ETAG = '"now"'

_ELSEWHERE = "/again"
"""A path below this one is the same resource, where redirects lead."""
_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")
_GARBAGE = b"\xde\xad\xbe\xef" * 16


class Draw(NamedTuple):
    """What a kind of fault is made of."""

    dice: random.Random
    body: bytes
    """The whole resource."""
    length: int
    """How many bytes of it the request is for."""
    server: Storm
    path: str
    turn: int
    """How often the path was asked for before."""

    @property
    def cut(self) -> int:
        """Somewhere before the end."""
        return self.dice.randrange(max(1, self.length))

    @property
    def pause(self) -> int:
        """How many seconds to ask a client to wait: a moment, seldom a whole second."""
        return 1 if self.dice.random() < 0.1 else 0

    @property
    def busy(self) -> int:
        """A status that says so."""
        return self.dice.choice((429, 503))

    @property
    def moved(self) -> int:
        """A status that says so."""
        return self.dice.choice((301, 302, 303, 307, 308))

    def good(self, **changes: object) -> Answer:
        """Return the true resource, but for ``changes``."""
        return Answer(self.body, etag=ETAG, **changes)  # type: ignore[arg-type]  # fields by name

    def old(self, **changes: object) -> Answer:
        """Return a version that nobody wants any more, of the same size."""
        etag = f'"{self.path} {self.turn}"'
        return Answer(self.body[::-1], etag=etag, **changes)  # type: ignore[arg-type]  # as above


Kind = Callable[[Draw], Answer]

ANY: dict[str, Kind] = {
    "short body": lambda draw: draw.good(cut=draw.cut),
    "chunked": lambda draw: draw.good(chunked=True),
    "no length": lambda draw: draw.good(length=None),
    "weak ETag": lambda draw: Answer(draw.body, etag=f"W/{ETAG}", cut=draw.cut),
    "Retry-After in seconds": lambda draw: refuse(draw.busy, Retry_After=str(draw.pause)),
    "Retry-After as a date": lambda draw: refuse(
        draw.busy, Retry_After=http_date(time.time() + draw.pause)
    ),
    "redirect to the same host": lambda draw: redirect(_ELSEWHERE + draw.path, draw.moved),
    "redirect to another host": lambda draw: redirect(
        draw.server.other.url(_ELSEWHERE + draw.path), draw.moved
    ),
    "slow drip": lambda draw: draw.good(drip=(1 + draw.length // 4, 0.01)),
    "reset": lambda draw: draw.good(cut=draw.cut, cut_by="reset"),
    "closed after the answer": lambda draw: draw.good(then_close=True),
    "closed before the answer": lambda draw: Answer(drop="close"),
}
"""What any request may meet."""

WHOLE: dict[str, Kind] = {
    "long body": lambda draw: draw.good(extra=_GARBAGE),
    "gzip": lambda draw: Answer(gzip.compress(draw.body, 1), etag=ETAG, coding="gzip"),
    "changed": lambda draw: draw.old(cut=draw.cut),
}
"""What a request for everything may meet."""

RANGE: dict[str, Kind] = {
    "200 to a range": lambda draw: draw.good(ranges=False),
    "416": lambda draw: Answer(
        status=416, headers=(("Content-Range", f"bytes */{len(draw.body)}"),)
    ),
    "wrong Content-Range": lambda draw: draw.good(range_shift=1),
    "wrong total": lambda draw: draw.good(total_shift=3),
    "long range": lambda draw: draw.good(swell=_GARBAGE, chunked=True),
    "gzip range": lambda draw: draw.good(coding="gzip"),
    "changed before a range": lambda draw: draw.old(if_range=False),
}
"""What a request for a range may meet."""

GONE = "404 then 200"
GOOD_RANGE = "correct 206"
KINDS: dict[str, Kind] = {**ANY, **WHOLE, **RANGE, GONE: lambda _: refuse(404)}
CLOSES = ("closed after the answer", "closed before the answer", "long body")
"""What closes a connection that a client may have counted on."""

_OF_WHOLE = (*ANY, *WHOLE, *("short body", "reset") * 10)
"""Kinds, some of them more than once: bodies that break off are what makes clients ask for ranges."""
_OF_RANGE = (*ANY, *tuple(RANGE) * 6)


class Weather:
    """What the servers of one presentation have in common: its files, and what is drawn.

    Files of ``gone`` may be missing when they are asked for the first time.
    """

    def __init__(
        self, files: Mapping[str, bytes], seed: int, *, gone: frozenset[str] = frozenset()
    ) -> None:
        self.files = files
        self.gone = gone
        self.calm = False
        """Whether all answers are right."""
        self.missing: set[str] = set()
        """Files that are not there at all."""
        self.drawn: Counter[str] = Counter()
        """How many requests met what."""
        self._seed = seed
        self._turns: Counter[str] = Counter()
        self._lock = threading.Lock()

    def choose(self, server: Storm, seen: Seen) -> Answer:
        """Return what a request meets."""
        name = seen.path.replace(_ELSEWHERE, "").removeprefix("/")
        body = self.files.get(name)
        if body is None or name in self.missing:
            return refuse(404)
        length = _length(seen, len(body))
        with self._lock:
            turn = self._turns[seen.path]
            self._turns[seen.path] += 1
            dice = random.Random(f"{self._seed} {seen.path} {turn}")
            kind = None if self.calm else self._draw(dice, seen.path, turn, length)
            if kind is not None or length is not None:
                self.drawn[kind or GOOD_RANGE] += 1
        draw = Draw(dice, body, length or len(body), server, seen.path, turn)
        return draw.good() if kind is None else KINDS[kind](draw)

    def _draw(self, dice: random.Random, path: str, turn: int, length: int | None) -> str | None:
        if dice.random() >= CHANCE:
            return None
        kinds = _OF_WHOLE if length is None else _OF_RANGE
        if turn == 0 and path.removeprefix("/") in self.gone:
            kinds = (*kinds, *(GONE,) * 2)
        return dice.choice(kinds)


class Storm(FaultServer):
    """A server in a certain weather. ``other`` has the same files; redirects may lead there."""

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self.weather = weather
        self.other: Storm = self

    def _choose(self, seen: Seen) -> Answer:
        return self.weather.choose(self, seen)


def _length(seen: Seen, size: int) -> int | None:
    """Return how many bytes a range that is asked for has; None where all is asked for."""
    match = _RANGE.match(seen.headers.get("range", ""))
    if match is None:
        return None
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    return max(0, last + 1 - int(match[1]))
