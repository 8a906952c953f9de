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
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import cycle
from typing import Any, NamedTuple, Protocol

from tests.support.faultserver import Answer, FaultServer, Seen, http_date, redirect, refuse
from tests.support.h2server import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    INTERNAL_ERROR,
    NO_ERROR,
    REFUSED_STREAM,
    H2Server,
    Step,
    as_step,
)

CHANCE = 0.15
ETAG = '"now"'

_ELSEWHERE = "/again"
"""A path below this one is the same resource, where redirects lead."""
_ROUND = "/round"
"""A path below this one leads back to where one came from."""
_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")
_GARBAGE = b"\xde\xad\xbe\xef" * 16


class Host(Protocol):
    """A server in a storm."""

    other: Host
    """One with the same files; redirects may lead there."""
    plain: str
    """URL of a server without TLS, to which a redirect from https must not lead."""

    def url(self, path: str, /) -> str:
        """Return the absolute URL of a path."""
        ...


class Draw(NamedTuple):
    """One request that a fault may strike."""

    dice: random.Random
    body: bytes
    """The whole resource."""
    length: int
    """Number of bytes that the request asks for."""
    server: Host
    path: str
    turn: int
    """Number of earlier requests for the path."""

    @property
    def cut(self) -> int:
        """Somewhere before the end."""
        return self.dice.randrange(max(1, self.length))

    @property
    def pause(self) -> int:
        """Seconds to ask a client to wait: a moment, seldom a whole second."""
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
"""Faults of any request."""

WHOLE: dict[str, Kind] = {
    "long body": lambda draw: draw.good(extra=_GARBAGE),
    "gzip": lambda draw: Answer(gzip.compress(draw.body, 1), etag=ETAG, coding="gzip"),
    "changed": lambda draw: draw.old(cut=draw.cut),
}
"""Faults of a request for a whole resource."""

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
"""Faults of a request for a range."""

GONE = "404 then 200"
GOOD_RANGE = "correct 206"
ASTRAY: dict[str, Kind] = {
    "redirect loop": lambda draw: redirect(_ROUND + draw.path, draw.moved),
}
"""Permanent failures of a URL: used only where there is another one."""
TLS_ASTRAY: dict[str, Kind] = {
    "redirect from https to http": lambda draw: redirect(draw.server.plain + draw.path, draw.moved),
}
TLS: dict[str, Kind] = {
    "closed inside a record": lambda draw: draw.good(cut=draw.cut, cut_by="record"),
    "damaged record": lambda draw: draw.good(cut=draw.cut, cut_by="damage"),
    "ended without close_notify": lambda draw: draw.good(
        length=None, cut=draw.cut, cut_by="vanish"
    ),
}
HANDSHAKES = {f"handshake: {how}": how for how in ("close", "reset", "alert")}
"""Faults of a TLS connection before any request."""
_FRAGILE = 40
"""Number of files that always break off at first and then meet a fault of ranges, so that
no such kind is left out: how many ranges are asked for depends on the client."""
_DOOMED = (2, 4, 6)
"""Connections of each server that meet these for sure."""

Break = Callable[[Draw], dict[str, Any]]
STREAMS: dict[str, Break] = {
    "REFUSED_STREAM": lambda _: {"reset": REFUSED_STREAM, "head": False},
    "INTERNAL_ERROR at once": lambda _: {"reset": INTERNAL_ERROR, "head": False},
    "CANCEL at once": lambda _: {"reset": CANCEL, "head": False},
    "REFUSED_STREAM in the middle": lambda draw: {"reset": REFUSED_STREAM, "upto": draw.cut},
    "INTERNAL_ERROR in the middle": lambda draw: {"reset": INTERNAL_ERROR, "upto": draw.cut},
    "CANCEL in the middle": lambda draw: {"reset": CANCEL, "upto": draw.cut, "length": None},
    # libcurl takes it for the end of a body whose length nobody has told.
    "NO_ERROR in the middle": lambda draw: {"reset": NO_ERROR, "upto": draw.cut},
    "GOAWAY before the request": lambda _: {"goaway": NO_ERROR, "disowned": True},
    "GOAWAY before the answer": lambda _: {"goaway": NO_ERROR, "leaving": True},
    "GOAWAY instead of the answer": lambda _: {"goaway": ENHANCE_YOUR_CALM, "head": False},
    "GOAWAY in the middle": lambda draw: {"goaway": INTERNAL_ERROR, "upto": draw.cut},
    "connection closed in the middle": lambda draw: {"upto": draw.cut, "length": None},
}
"""Ways of HTTP/2 to break off the right answer. Without a length, nothing but that
tells that it is not whole."""

CLOSES = frozenset(
    ("closed after the answer", "closed before the answer", "long body", *TLS, *STREAMS)
)
"""Faults that close a connection in use, or refuse a stream."""

_OF_WHOLE = (*ANY, *WHOLE, *("short body", "reset") * 10)
"""Kinds, some of them more than once: bodies that break off are what makes clients ask for ranges."""
_OF_RANGE = (*ANY, *tuple(RANGE) * 6)


class Weather:
    """State that the servers of one presentation share: its files, and the faults drawn.

    Files of ``gone`` may be missing when they are asked for the first time, or, where
    ``astray`` says that they have another URL, lead nowhere. ``tls`` and ``streams`` say
    whether TLS and HTTP/2 are spoken, and so may fail.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        seed: int,
        *,
        gone: frozenset[str] = frozenset(),
        astray: bool = False,
        tls: bool = False,
        streams: bool = False,
    ) -> None:
        self.files = files
        self.gone = gone
        self.calm = False
        """True if all answers are right."""
        self.missing: set[str] = set()
        """Files that are not there at all."""
        self.looping: set[str] = set()
        """Files at which all redirects lead in a circle."""
        self.drawn: Counter[str] = Counter()
        """Number of requests that met each fault."""
        self._seed = seed
        final = (GONE, *(ASTRAY if astray else ()), *(TLS_ASTRAY if astray and tls else ()))
        self._final = final
        self._wire = (*(TLS if tls else ()), *(STREAMS if streams else ()))
        self._handshakes = tuple(HANDSHAKES if tls else ())
        fragile = [f"/{name}" for name, data in files.items() if len(data) > 5_000]
        self._fragile = dict(zip(fragile[:: len(fragile) // _FRAGILE + 1], cycle(RANGE)))
        self._turns: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def kinds(self) -> frozenset[str]:
        """Names of the faults that this weather has."""
        always = (*ANY, *WHOLE, *RANGE, GOOD_RANGE)
        return frozenset((*always, *self._final, *self._wire, *self._handshakes))

    def choose(self, server: Host, seen: Seen) -> tuple[str | None, Draw | None]:
        """Return what a request meets, and what that is made of; no Draw for what is not there."""
        name = seen.path.replace(_ELSEWHERE, "").removeprefix("/")
        body = self.files.get(name)
        if body is None or name in self.missing or name in self.looping:
            return None, None
        length = _length(seen, len(body))
        with self._lock:
            turn = self._turns[seen.path]
            self._turns[seen.path] += 1
            dice = random.Random(f"{self._seed} {seen.path} {turn}")
            kind = None if self.calm else self._draw(dice, seen.path, turn, length)
            if kind is not None or length is not None:
                self.drawn[kind or GOOD_RANGE] += 1
        return kind, Draw(dice, body, length or len(body), server, seen.path, turn)

    def answer(self, server: Host, seen: Seen) -> Answer:
        """Return what a request gets, where it meets nothing that only HTTP/2 knows."""
        kind, draw = self.choose(server, seen)
        return self.answer_to(kind, draw, seen)

    def answer_to(self, kind: str | None, draw: Draw | None, seen: Seen) -> Answer:
        """Return the answer to a request that has met something."""
        if seen.path.startswith(_ROUND):
            return redirect(seen.path.removeprefix(_ROUND))
        if seen.path.removeprefix("/") in self.looping:
            return redirect(_ROUND + seen.path)
        if draw is None:
            return refuse(404)
        return draw.good() if kind is None else _KINDS[kind](draw)

    def handshake(self, place: int, number: int) -> str | None:
        """Return how the handshake of a server's connection fails; None: it does not."""
        if self.calm or not self._handshakes:
            return None
        dice = random.Random(f"{self._seed} handshake {place} {number}")
        kind = dice.choice(self._handshakes) if dice.random() < CHANCE else None
        if number in _DOOMED:
            # However few connections there are, each kind is met.
            kind = self._handshakes[_DOOMED.index(number)]
        if kind is None:
            return None
        with self._lock:
            self.drawn[kind] += 1
        return HANDSHAKES[kind]

    def _draw(self, dice: random.Random, path: str, turn: int, length: int | None) -> str | None:
        fragile = self._fragile.get(path)
        if fragile is not None and turn == 0:
            return "short body"
        if fragile is not None and turn == 1 and length is not None:
            return fragile
        if dice.random() >= CHANCE:
            return None
        kinds = _OF_WHOLE if length is None else _OF_RANGE
        kinds += self._wire
        if turn == 0 and path.removeprefix("/") in self.gone:
            # One such fault at most, so that the file is to be had at another URL or later.
            kinds += self._final * 2
        return dice.choice(kinds)


_KINDS: dict[str, Kind] = {
    **ANY, **WHOLE, **RANGE, **ASTRAY, **TLS_ASTRAY, **TLS, GONE: lambda _: refuse(404)
}  # fmt: skip


class Storm(FaultServer):
    """A server of HTTP/1.1 in a certain weather."""

    def __init__(
        self, weather: Weather, place: int = 0, *, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(tls=tls)
        self.weather = weather
        self._place = place
        self.other: Host = self
        self.plain = ""

    def _choose(self, seen: Seen) -> Answer:
        return self.weather.answer(self, seen)

    def _choose_handshake(self, number: int) -> str | None:
        return self.weather.handshake(self._place, number)


class H2Storm(H2Server):
    """A server of HTTP/2 in a certain weather."""

    def __init__(self, weather: Weather, place: int = 0, *, tls: ssl.SSLContext) -> None:
        super().__init__(tls)
        self.weather = weather
        self._place = place
        self.other: Host = self
        self.plain = ""

    def _choose(self, seen: Seen) -> Step:
        kind, draw = self.weather.choose(self, seen)
        if kind in STREAMS and draw is not None:
            return replace(as_step(draw.good(), seen), **STREAMS[kind](draw))
        return as_step(self.weather.answer_to(kind, draw, seen), seen)

    def _choose_handshake(self, number: int) -> str | None:
        return self.weather.handshake(self._place, number)


def _length(seen: Seen, size: int) -> int | None:
    """Return how many bytes a range that is asked for has; None where all is asked for."""
    match = _RANGE.match(seen.headers.get("range", ""))
    if match is None:
        return None
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    return max(0, last + 1 - int(match[1]))
