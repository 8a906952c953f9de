"""The head of an HTTP response, as libcurl hands it over: raw lines in, facts out.

Among the facts are signs of the version of a resource other than its ETag. Edges behind one name
may have different ETags for the same bytes. Where the time of the last change, or a digest of the
whole, is the same, another ETag does not mean other bytes; whoever goes on with bytes on disk
compares some of them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from itertools import compress
from operator import ne

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.lateregex import late
from dashget.common.numbers import is_digits, read_digits, read_http_date, strong_date
from dashget.transfer.contract import ResponseHead, ResumePoint

_CONTENT_RANGE = late(r"bytes\s+(\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII)
_NO_RANGE = late(r"bytes\s+\*/(\d{1,19})", re.ASCII)
_CONTROL = late(r"[\x00-\x08\x0a-\x1f\x7f]")
_BLANK = " \t\r\n"
"""What may stand around a value. Other white space of Latin-1 may end a UTF-8 character."""
_STATUS_DIGITS = 3
_LONGEST = 65_536
"""A longer value counts as missing, as it would in a record."""
_CACHE = frozenset({"age", "x-cache", "x-cache-hits", "cf-cache-status", "via"})
_DIGESTS = frozenset(
    {
        *("repr-digest", "content-digest", "digest", "content-md5"),
        *("x-goog-hash", "x-amz-checksum-sha256", "x-ms-blob-content-md5"),
    }
)
_SELDOM = _CACHE | _DIGESTS
_CODING = "content-encoding"
_DESCRIBED = ("etag", "last-modified", "content-type", "date")


class Head(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Status and fields of one response. Names are lower-case; of repeated fields, the last."""

    status: int
    version: str
    fields: dict[str, str]

    @classmethod
    def parse(cls, lines: list[bytes]) -> Head | None:
        """Read the last response head in ``lines``; None if there is none.

        Earlier heads are informational responses or a proxy's answer to CONNECT. Trailers,
        which follow the empty line, are ignored.
        """
        if not lines:
            return None
        if lines[-1] != b"\r\n" or lines.count(b"\r\n") != 1:
            lines = _last_head(lines)
        # The usual case: one head, and nothing behind it.
        first = _status(lines[0])
        if first is None:
            return None
        fields = dict(map(_field, lines[1:-1]))
        if "content-encoding" in fields:
            # Each line may name one, and all of them count.
            codings = [value for name, value in map(_field, lines[1:-1]) if name == _CODING]
            fields[_CODING] = ", ".join(codings)
        return cls(first[0], first[1], fields)

    def text(self, name: str) -> str | None:
        """Return the value of a field; None if it is missing or empty."""
        return self.fields.get(name) or None

    @property
    def content_length(self) -> int | None:
        """The announced length of this body; None if it is missing or invalid.

        Beside a transfer coding it means nothing (RFC 9112, 6.3), but for one that changes nothing.
        """
        fields = self.fields
        if "transfer-encoding" in fields and not self.is_coded_as_nothing:
            return None
        return _length(fields.get("content-length"))

    @property
    def is_coded_as_nothing(self) -> bool:
        """True for the transfer coding ``identity`` of old servers (RFC 2616, 3.6).

        libcurl takes the body to end with the connection then, which may stay open. Browsers take
        the announced length.
        """
        codings = self.fields.get("transfer-encoding")
        return codings is not None and all(
            each.strip().lower() in ("identity", "") for each in codings.split(",")
        )

    def has_hidden_coding(self, lines: list[bytes]) -> bool:
        """Return True if libcurl has not seen the transfer coding, and left it in the body.

        It does not read a name with a blank around it.
        """
        if "transfer-encoding" not in self.fields:
            return False
        names = (line.partition(b":")[0].lower() for line in lines)
        return any(name != name.strip() == b"transfer-encoding" for name in names)

    @property
    def announces_too_much(self) -> bool:
        """True if the announced length is more than any file has."""
        value = self.fields.get("content-length", "")
        return is_digits(value) and _length(value) is None

    @property
    def content_range(self) -> tuple[ByteRange, int | None] | None:
        """``Content-Range`` as range and total size (None for ``*``); None if unusable."""
        match = _CONTENT_RANGE.fullmatch(self.fields.get("content-range", ""))
        if match is None:
            return None
        first, last, total = match.groups()
        if int(last) < int(first) or (total != "*" and int(last) >= int(total)):
            return None
        return ByteRange(int(first), int(last)), None if total == "*" else int(total)

    @property
    def size_without_range(self) -> int | None:
        """The size in the ``Content-Range`` of a 416 (``bytes */7``); None if it is missing."""
        match = _NO_RANGE.fullmatch(self.fields.get("content-range", ""))
        return None if match is None else int(match[1])

    @property
    def codings(self) -> tuple[str, ...]:
        """The content codings of the body, as they were applied, without names that mean none."""
        value = self.fields.get(_CODING)
        if not value:
            return ()
        # Loaded late: few servers name a coding.
        from dashget.transfer.http.coding import codings_of

        return codings_of(value)

    @property
    def is_decodable(self) -> bool:
        """True if DashGet can remove the codings of this body, or if it has none."""
        codings = self.codings
        if not codings:
            return True
        from dashget.transfer.http.coding import are_decodable

        return are_decodable(codings)

    def retry_after_seconds(self, wall_clock: Callable[[], float]) -> float | None:
        """Return the pause that the server asks for (RFC 9110, 10.2.3); None if it asks for none.

        A date counts from the answer's own ``Date``: the server's clock may differ from ours.
        """
        value = self.text("retry-after")
        if value is None:
            return None
        if is_digits(value):
            return float(value[:9])
        when, now = read_http_date(value), read_http_date(self.text("date"))
        return None if when is None else max(0.0, when - (wall_clock() if now is None else now))

    @property
    def validator(self) -> str | None:
        """The value for ``If-Range`` (RFC 9110, 13.1.5): a strong ETag, or a date."""
        etag = self.fields.get("etag")
        if etag and etag.startswith('"'):
            return etag
        modified = self.text("last-modified")
        return None if modified is None else strong_date(modified, self.text("date"))

    @property
    def cache(self) -> tuple[tuple[str, str], ...]:
        """``Age``, ``X-Cache``, ``Via`` and their like, as received."""
        return _selected(self.fields, _CACHE)

    def describe(
        self,
        url: str,
        size: int | None,
        asked: str,
        kept: tuple[tuple[str, str], ...] = (),
        codings: tuple[str, ...] = (),
    ) -> ResponseHead:
        """Return the facts about this response for other packages.

        ``size`` is the size of the resource, ``asked`` the URL before redirects, ``kept`` the
        fields that are kept by choice, and ``codings`` those that the body has in truth.
        """
        fields = self.fields
        etag, modified, kind, date = map(fields.get, _DESCRIBED)
        validator = etag if etag and etag[0] == '"' else self.validator
        if codings and size is None:
            # Coded while it was sent: a range of it may be of the plain bytes.
            validator = None
        cache: tuple[tuple[str, str], ...] = ()
        digests = cache
        if not _SELDOM.isdisjoint(fields):
            cache, digests = self.cache, _selected(fields, _DIGESTS)
        return ResponseHead(
            url,
            self.status,
            self.version,
            size,
            etag or None,
            modified or None,
            validator,
            kind or None,
            cache,
            digests,
            date or None,
            asked,
            kept,
            codings,
        )


class HeadReader:
    """Reads the heads of similar responses one after the other, such as those of one server.

    A small file costs little more than its head: what has not changed since the last one is not
    read again. Between the files of a server that is all but its length, times and ETag.
    """

    __slots__ = ("_head", "_lines")

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._head: Head | None = None
        """What the lines say, if each has a name of its own; else None."""

    def read(self, lines: list[bytes]) -> Head | None:
        """Do as ``Head.parse``."""
        known = self._head
        if known is not None:
            if lines == self._lines:
                return known
            head = self._renewed(known, lines)
            if head is not None:
                return head
        head = Head.parse(lines)
        self._head = None
        if head is not None and lines[-1] == b"\r\n" and len(head.fields) == len(lines) - 2:
            self._head, self._lines = head, lines[:]
        return head

    def _renewed(self, known: Head, lines: list[bytes]) -> Head | None:
        """Read the lines that have changed; None if more has changed than the values of fields."""
        before = self._lines
        if len(lines) != len(before) or lines[0] != before[0] or lines[-1] != before[-1]:
            return None
        changed = [*map(ne, lines, before)]
        fields = dict(map(_field, compress(lines, changed)))
        # An empty line has an empty name.
        if "" in fields or [*fields] != [_field(each)[0] for each in compress(before, changed)]:
            return None
        self._lines = lines[:]
        self._head = head = Head(known.status, known.version, known.fields | fields)
        return head


def _selected(fields: dict[str, str], names: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, fields[name]) for name in sorted(names & fields.keys()))


def _last_head(lines: list[bytes]) -> list[bytes]:
    """Return the last head in ``lines``, with the empty line at its end or one in its place."""
    start = len(lines) - 1
    while start > 0 and lines[start][:5] != b"HTTP/":
        start -= 1
    last = lines[start:]
    for empty in (b"\r\n", b"\n"):
        if empty in last:
            return last[: last.index(empty) + 1]
    return [*last, b""]


# From one response to the next, most lines are the same.


@functools.lru_cache(maxsize=64)
def _status(line: bytes) -> tuple[int, str] | None:
    version, _, rest = line.partition(b" ")
    status, behind = rest[:_STATUS_DIGITS], rest[_STATUS_DIGITS : _STATUS_DIGITS + 1]
    if version[:5] != b"HTTP/" or len(status) != _STATUS_DIGITS or not status.isdigit():
        return None
    if behind.isdigit():
        return None
    return int(status), version[5:].decode("latin-1")


@functools.lru_cache(maxsize=64)
def _length(value: str | None) -> int | None:
    if value is None:
        return None
    if "," in value:
        # A list of the same number is that number (RFC 9110, 8.6).
        first, *others = (each.strip() for each in value.split(","))
        value = first if all(each == first for each in others) else ""
    return read_digits(value)


@functools.lru_cache(maxsize=128)
def _field(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    value = value.strip(_BLANK)
    if not value.isprintable():
        # They are invalid, and as blanks they do no harm (RFC 9110, 5.5).
        value = _CONTROL.sub(" ", value)
    if len(value) > _LONGEST:
        value = ""
    return name.strip(_BLANK).lower(), value


_OF_ALL = ("repr-digest", "digest")


class Identity(msgspec.Struct, frozen=True):
    """What the response said under which the bytes on disk came."""

    etag: str | None
    modified: str | None = None
    """``Last-Modified``, if it tells one version from another."""
    digests: frozenset[tuple[str, str]] = frozenset()
    """Headers with a digest of the whole resource."""

    @classmethod
    def of_head(cls, head: ResponseHead) -> Identity:
        """Return the identity that a response told."""
        digests = frozenset(pair for pair in head.digests if pair[0] in _OF_ALL)
        return cls(head.validator, strong_date(head.last_modified, head.date), digests)

    @classmethod
    def of_point(cls, point: ResumePoint) -> Identity:
        """Return the identity of what an earlier run left."""
        return cls(point.validator, strong_date(point.last_modified, point.date))

    @property
    def has_more_signs(self) -> bool:
        """True if there are other signs than the ETag."""
        return self.modified is not None or bool(self.digests)

    def holds(self, head: Head) -> bool:
        """Return True if a response may have the same version: by its ETag, or otherwise."""
        return head.validator == self.etag or self.holds_otherwise(head)

    def holds_otherwise(self, head: Head) -> bool:
        """Return True if a digest of the whole, or else the time, is the same."""
        fields = head.fields
        stated = {name: value for name, value in self.digests if name in fields}
        if stated:
            return all(fields[name] == value for name, value in stated.items())
        return self.modified is not None and fields.get("last-modified") == self.modified
