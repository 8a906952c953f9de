"""A server that mixes what servers in the field do wrong, each family in one of twenty answers.

What a request meets is drawn from the seed, the path, and how often the path was asked for
before, except for bursts of refusals and broken bodies, which strike whatever is asked for then. A
request for a range meets one of the faults of ranges every second time. Whatever is sent in place
of a file has other bytes than it, so that one of them in a mirror shows. All files are below two
bases, ``a/`` and ``b/``; only the first one has wrong indexes.
"""

from __future__ import annotations

import gzip
import random
import re
import struct
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.support.faultserver import Answer, FaultServer, Seen, http_date, refuse

CHANCE = 0.05
"""The chance of each family."""
MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")
_NUMBERED = re.compile(r"((?:\w+/)+)(\d+)\.m4s$")
_RANGE_CHANCE = 0.5
_EDGES = 4
_TO_SIZE = 28
"""From the type of a ``sidx`` to its first size."""
_BURST_EVERY = 1000
_BURST_LENGTH = 40
BURSTS = ("503", "429", "heads")
"""What a host answers to everything for a while, and then no more."""
REFUSALS = (*BURSTS, "404", "403")
"""The same, with refusals that may be the end."""
_GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;"


class Draw(NamedTuple):
    """One request that a fault may strike."""

    dice: random.Random
    body: bytes
    """The whole resource."""
    etag: str
    first: int = 0
    last: int = 0
    """The range that is requested."""
    neighbour: bytes = b""
    """Another segment of the same Representation, if there is one."""
    has_index: bool = False
    """True if the file has an index that may be wrong."""

    @property
    def cut(self) -> int:
        """Somewhere before the end."""
        return self.dice.randrange(max(1, len(self.body)))

    def good(self, **changes: object) -> Answer:
        """Return the true resource, but for ``changes``."""
        fields = {"etag": self.etag, "last_modified": MODIFIED, **changes}
        return Answer(self.body, **fields)  # type: ignore[arg-type]  # fields by name

    def other(self, body: bytes, kind: str, **changes: object) -> Answer:
        """Return something else under 200."""
        headers = (("Content-Type", kind),)
        return Answer(body, headers=headers, ranges=False, **changes)  # type: ignore[arg-type]  # as above

    def misindexed(self) -> Answer:
        """Return the file with a wrong index, if it has one that may be wrong."""
        if not self.has_index:
            return self.good()
        return Answer(misindexed(self.body), etag='"wrong"', last_modified=MODIFIED)

    def with_header(self, name: str, value: str, **changes: object) -> Answer:
        """Return the true resource with a header that does not fit."""
        return self.good(headers=((name, value),), **changes)

    def partial(self, described: str | None, body: bytes, **more: str) -> Answer:
        """Return a 206 with a Content-Range of any kind."""
        headers = [(name.replace("_", "-"), value) for name, value in more.items()]
        if described is not None:
            headers.append(("Content-Range", described))
        fields = {"etag": self.etag, "last_modified": MODIFIED}
        return Answer(body, status=206, headers=tuple(headers), **fields)  # type: ignore[arg-type]  # as above

    @property
    def wanted(self) -> bytes:
        """The bytes of the range."""
        return self.body[self.first : self.last + 1]

    def span(self, first: int, last: int) -> str:
        """Return a Content-Range."""
        return f"bytes {first}-{last}/{len(self.body)}"


def misindexed(body: bytes) -> bytes:
    """Return a file whose index (``sidx``) tells a size that is off by some bytes."""
    changed, at = bytearray(body), body.index(b"sidx") + _TO_SIZE
    struct.pack_into(">I", changed, at, struct.unpack_from(">I", body, at)[0] + 8)
    return bytes(changed)


Kind = Callable[[Draw], Answer]


def _coded(name: str) -> Kind:
    return lambda draw: draw.good(coding=name)


def _refused(status: int) -> Kind:
    return lambda _: refuse(status)


OTHER: dict[str, Kind] = {
    "JSON": lambda draw: draw.other(b'{"error": "token expired"}', "application/json"),
    "XML": lambda draw: draw.other(b"<?xml version='1.0'?><Error/>", "application/xml"),
    "text": lambda draw: draw.other(b"Forbidden", "text/plain"),
    "GIF": lambda draw: draw.other(_GIF, "image/gif"),
    "HTML": lambda draw: draw.other(b"<!DOCTYPE html><title>Sign in</title>", "text/html"),
    "nothing": lambda draw: draw.other(b"", "video/mp4"),
    "nothing without a length": lambda draw: draw.other(b"", "video/mp4", length=None),
    "another segment": lambda draw: draw.other(draw.neighbour or b"", "video/mp4"),
    "wrong index": lambda draw: draw.misindexed(),
    "zeros": lambda draw: draw.other(bytes(len(draw.body)), "video/mp4", etag=draw.etag),
}
"""Something else under 200, as portals and worn-out tokens are answered with."""

CUT: dict[str, Kind] = {
    "closed": lambda draw: draw.good(cut=draw.cut),
    "closed after the head": lambda draw: draw.good(cut=0),
    "reset after the head": lambda draw: draw.good(cut=0, cut_by="reset"),
    "reset": lambda draw: draw.good(cut=draw.cut, cut_by="reset"),
    "closed, without a length": lambda draw: draw.good(length=None, cut=draw.cut),
    "closed, without a length or ranges": lambda draw: draw.good(
        length=None, ranges=False, cut=draw.cut
    ),
    "last chunk missing": lambda draw: draw.good(chunked=True, unterminated=True),
    "chunks of a part": lambda draw: Answer(
        draw.body[: draw.cut], etag=draw.etag, last_modified=MODIFIED, chunked=True
    ),
    "length of a part": lambda draw: Answer(
        draw.body[: draw.cut], etag=draw.etag, last_modified=MODIFIED
    ),
    "no answer": lambda _: Answer(drop="close"),
    "length too large": lambda draw: draw.good(length=100),
}
"""Bodies that are not whole."""

HEADER: dict[str, Kind] = {
    **{
        f"coding {name}": _coded(name)
        for name in ("UTF-8", "aws-chunked", "binary", "none", "gzip", "deflate", "br")
    },
    "true gzip": lambda draw: Answer(
        gzip.compress(draw.body, 1), etag=draw.etag, last_modified=MODIFIED, coding="gzip"
    ),
    "206 with all": lambda draw: draw.partial(draw.span(0, len(draw.body) - 1), draw.body),
    "206 with the beginning": lambda draw: draw.partial(
        draw.span(0, len(draw.body) // 2), draw.body[: len(draw.body) // 2 + 1]
    ),
    "206 with the end": lambda draw: draw.partial(
        draw.span(len(draw.body) // 2, len(draw.body) - 1), draw.body[len(draw.body) // 2 :]
    ),
    "206 without Content-Range": lambda draw: draw.partial(None, draw.body),
    "206 of a part without Content-Range": lambda draw: draw.partial(
        None, draw.body[: len(draw.body) // 2]
    ),
    "length beside chunks": lambda draw: draw.with_header(
        "Content-Length", str(len(draw.body)), chunked=True
    ),
    "wrong length beside chunks": lambda draw: draw.with_header(
        "Content-Length", str(len(draw.body) // 2), chunked=True
    ),
    "length of 20 digits": lambda draw: Answer(
        raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" + draw.body[:3]
    ),
    "length of 19 digits": lambda draw: Answer(
        raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n" + draw.body[:3]
    ),
}
"""Headers that do not mean what they say."""

BUSY: dict[str, Kind] = {
    "429": lambda _: refuse(429),
    "503": lambda _: refuse(503),
    "503 with a time": lambda _: refuse(503, Retry_After="0"),
    "429 with a date": lambda _: refuse(429, Retry_After=http_date(time.time())),
    "500": lambda _: refuse(500),
    "502": lambda _: refuse(502),
    "404 for a moment": lambda _: refuse(404),
    "403 for a moment": lambda _: refuse(403),
}
"""Refusals that pass."""

SLOW: dict[str, Kind] = {
    "crawls": lambda draw: draw.good(drip=(1 + len(draw.body) // 8, 0.05)),
    "crawls, and breaks": lambda draw: draw.good(
        drip=(1 + len(draw.body) // 8, 0.05), cut=draw.cut
    ),
}
"""Connections that are slow."""

RANGE: dict[str, Kind] = {
    "all as 206": lambda draw: draw.partial(draw.span(0, len(draw.body) - 1), draw.body),
    "short 206": lambda draw: draw.partial(
        draw.span(draw.first, (draw.first + draw.last) // 2),
        draw.body[draw.first : (draw.first + draw.last) // 2 + 1],
    ),
    "no Content-Range": lambda draw: draw.partial(None, draw.wanted),
    "all, no Content-Range": lambda draw: draw.partial(None, draw.body),
    "malformed Content-Range": lambda draw: draw.partial("bytes from here on", draw.wanted),
    "shifted Content-Range": lambda draw: draw.partial(
        draw.span(draw.first + 1, draw.last), draw.body[draw.first + 1 : draw.last + 1]
    ),
    "multipart": lambda draw: draw.partial(
        None,
        b"--x\r\nContent-Range: %s\r\n\r\n" % draw.span(draw.first, draw.last).encode()
        + draw.wanted
        + b"\r\n--x--\r\n",
        Content_Type="multipart/byteranges; boundary=x",
    ),
    "wrong total": lambda draw: draw.good(total_shift=3),
    "no total": lambda draw: draw.good(total_known=False),
    "200 to a range": lambda draw: draw.good(ranges=False),
    "416": lambda draw: Answer(
        status=416, headers=(("Content-Range", f"bytes */{len(draw.body)}"),)
    ),
    "cut": lambda draw: draw.good(cut=1),
    **{str(status): _refused(status) for status in (403, 400, 500, 501)},
}
"""What is answered to a range."""

FAMILIES = {"other": OTHER, "cut": CUT, "header": HEADER, "busy": BUSY, "slow": SLOW}
EVERYTHING = frozenset(
    f"{family}: {kind}" for family, kinds in {**FAMILIES, "range": RANGE}.items() for kind in kinds
)


class Mixture(FaultServer):
    """A server of files. Every third one has another ETag at each of four edges."""

    def __init__(
        self, files: Mapping[str, bytes], seed: int, bursts: tuple[str, ...] = BURSTS
    ) -> None:
        super().__init__()
        self.files = files
        self._bursts = bursts
        self.calm = False
        """True if all answers are right."""
        self.drawn: Counter[str] = Counter()
        """Number of requests that met each fault."""
        self.met: dict[str, list[str]] = {}
        """What the requests for each file have met, in order."""
        self._seed = seed
        self._turns: Counter[str] = Counter()
        self._count = 0

    def _choose(self, seen: Seen) -> Answer:
        name = re.sub(r"^/(b/)?", lambda found: "a/" if found[1] else "", seen.path)
        body = self.files.get(name)
        if body is None:
            return refuse(404)
        if name.endswith(".mpd"):
            # S3 does it for everyone.
            return Answer(gzip.compress(body), coding="gzip")
        turn = self._turns[seen.path]
        self._turns[seen.path] += 1
        dice = random.Random(f"{self._seed} {seen.path} {turn}")
        number = zlib.crc32(name.encode())
        edge = dice.randrange(_EDGES) if number % 3 == 0 else 0
        match = _RANGE.match(seen.headers.get("range", ""))
        first, last = 0, len(body) - 1
        if match is not None:
            first, last = int(match[1]), min(last, int(match[2] or last))
        beside = self._beside(name)
        etag = f'"{number:x}-{edge}"'
        indexed = match is None and seen.path.startswith("/a/") and name.endswith(".m4s")
        draw = Draw(dice, body, etag, first, last, beside, indexed)
        kind = None if self.calm else self._draw(dice, ranged=match is not None, body=body)
        self.met.setdefault(name, []).append(f"{kind or 'nothing'}, {seen.headers.get('range')}")
        if kind is None:
            return draw.good()
        self.drawn[kind] += 1
        family, _, named = kind.partition(": ")
        if family == "burst":
            return draw.good(cut=0) if named == "heads" else refuse(int(named))
        return {**FAMILIES, "range": RANGE}[family][named](draw)

    def _beside(self, name: str) -> bytes:
        """Return the segment after one, or the one before it; nothing for other files."""
        match = _NUMBERED.match(name)
        if match is None:
            return b""
        near = (f"{match[1]}{int(match[2]) + step}.m4s" for step in (1, -1))
        return next((self.files[path] for path in near if path in self.files), b"")

    def _draw(self, dice: random.Random, *, ranged: bool, body: bytes) -> str | None:
        self._count += 1
        if self._count % _BURST_EVERY > _BURST_EVERY - _BURST_LENGTH:
            return f"burst: {self._bursts[self._count // _BURST_EVERY % len(self._bursts)]}"
        if ranged and dice.random() < _RANGE_CHANCE:
            return f"range: {dice.choice(tuple(RANGE))}"
        throw = dice.random()
        for place, (family, kinds) in enumerate(FAMILIES.items()):
            if CHANCE * place <= throw < CHANCE * (place + 1):
                return f"{family}: {dice.choice(tuple(kinds))}"
        return None
