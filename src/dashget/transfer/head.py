"""The head of an HTTP response, as libcurl hands it over: raw lines in, facts out."""

from __future__ import annotations

import datetime
import re
from email.utils import parsedate

from dashget.byterange import ByteRange
from dashget.transfer.request import ResponseHead

_CONTENT_RANGE = re.compile(rb"bytes\s+(\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII)
_CACHE = frozenset({b"age", b"x-cache", b"x-cache-hits", b"cf-cache-status", b"via"})
_DIGESTS = frozenset({b"repr-digest", b"content-digest", b"digest", b"content-md5"})


class Head:
    """Status and fields of one response. Names are lower-case; of repeated fields, the last."""

    __slots__ = ("fields", "status", "version")

    def __init__(self, status: int, version: str, fields: dict[bytes, bytes]) -> None:
        self.status = status
        self.version = version
        self.fields = fields

    @classmethod
    def parse(cls, lines: list[bytes]) -> Head | None:
        """Read the last response head in ``lines``; None where there is none.

        Earlier ones are informational responses or a proxy's answer to CONNECT. What
        follows the empty line are trailers, which are ignored.
        """
        start = len(lines) - 1
        while start >= 0 and not lines[start].startswith(b"HTTP/"):
            start -= 1
        if start < 0:
            return None
        version, _, rest = lines[start].partition(b" ")
        try:
            status = int(rest[:3])
        except ValueError:
            return None
        fields: dict[bytes, bytes] = {}
        for line in lines[start + 1 :]:
            name, colon, value = line.partition(b":")
            if not colon:
                break
            fields[name.lower()] = value.strip()
        return cls(status, version[5:].decode("latin-1"), fields)

    def text(self, name: bytes) -> str | None:
        """Return a field's value as text; None where it is absent or empty."""
        value = self.fields.get(name)
        return value.decode("latin-1") if value else None

    @property
    def content_length(self) -> int | None:
        """The announced length of this body. None where it is absent or not a number."""
        value = self.fields.get(b"content-length")
        return int(value) if value is not None and value.isdigit() else None

    @property
    def content_range(self) -> tuple[ByteRange, int | None] | None:
        """``Content-Range`` as range and total size (None for ``*``); None if unusable."""
        match = _CONTENT_RANGE.fullmatch(self.fields.get(b"content-range", b""))
        if match is None:
            return None
        first, last, total = match.groups()
        if int(last) < int(first) or (total != b"*" and int(last) >= int(total)):
            return None
        return ByteRange(int(first), int(last)), None if total == b"*" else int(total)

    @property
    def encoding(self) -> str | None:
        """The content coding that the body has, if it has one."""
        value = self.text(b"content-encoding")
        return None if value is None or value.lower() == "identity" else value

    @property
    def validator(self) -> str | None:
        """What is fit for ``If-Range`` (RFC 9110, 13.1.5): a strong ETag, or a date."""
        etag = self.text(b"etag")
        if etag is not None:
            return etag if etag.startswith('"') else None
        modified = self.text(b"last-modified")
        if modified is None:
            return None
        date, changed = http_date(self.text(b"date")), http_date(modified)
        # RFC 9110, 8.8.2.2: strong only where the resource has been left alone for a second.
        return modified if date is not None and changed is not None and date > changed else None

    def describe(self, url: str, size: int | None) -> ResponseHead:
        """Return what others may know of this response; ``size`` is the resource's."""
        fields = self.fields
        return ResponseHead(
            url,
            self.status,
            self.version,
            size,
            self.text(b"etag"),
            self.text(b"last-modified"),
            self.validator,
            self.text(b"content-type"),
            () if _CACHE.isdisjoint(fields) else _selected(fields, _CACHE),
            () if _DIGESTS.isdisjoint(fields) else _selected(fields, _DIGESTS),
            self.text(b"date"),
        )


def http_date(text: str | None) -> int | None:
    """Read an HTTP date as seconds since 1970; None where it is none (RFC 9110, 5.6.7)."""
    fields = parsedate(text) if text else None
    if fields is None:
        return None
    try:
        return int(datetime.datetime(*fields[:6], tzinfo=datetime.UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Read ``Retry-After`` in either form; ``now`` is the wall clock (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:9])
    when = http_date(value)
    return None if when is None else max(0.0, when - now)


def _selected(fields: dict[bytes, bytes], names: frozenset[bytes]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode(), fields[name].decode("latin-1")) for name in sorted(names & fields.keys())
    )
