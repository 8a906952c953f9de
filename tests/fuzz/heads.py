"""Targets for servers: the heads of responses, their judgement, redirects and checksums."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.digests import find_digest, stated_digests
from dashget.common.numbers import read_http_date, strong_date
from dashget.common.url import Url, http_origin
from dashget.store.record import FileRecord, encode_line, parse_record
from dashget.transfer.http.coding import begins_plain
from dashget.transfer.http.failure import Failure
from dashget.transfer.http.head import Head, Identity
from dashget.transfer.http.judge import Accepted, Asked, Redirect, judge
from dashget.transfer.http.keptfields import kept_fields
from dashget.transfer.http.origin import Origins, sendable
from dashget.transfer.settings.options import TransferOptions
from tests.fuzz.target import some

_URL = "https://h.example/a/x.m4s?t=1"
_RANGE = re.compile(r"bytes[ \t]+([0-9]+)-([0-9]+)/([0-9]+|\*)")
_MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"
_BEGINNINGS = (b"", b"\x1f\x8b\x08", b"\0\0\0\x18ftyp", None)
_WANTED = ("x-a", "set-cookie", "etag")


def run_head(data: bytes) -> None:
    """Read and judge the head of a response to requests of all kinds."""
    lines = [line + b"\r\n" for line in data.split(b"\n")]
    head = Head.parse(lines)
    for name, value in kept_fields(lines, _WANTED):
        assert name in _WANTED
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", value)
    if head is None:
        return
    assert 0 <= head.status <= 999
    msgspec.json.encode(head.describe("http://h/", 1, "http://h/", head.cache))
    _check_recorded(head)
    after = head.retry_after_seconds(lambda: 0.0)
    assert after is None or (math.isfinite(after) and after >= 0)
    assert (head.content_length or 0) >= 0
    for asked in some(_asked(), data, 4):
        for beginning in some(_BEGINNINGS, data):
            _check_judgement(judge(head, asked, lambda: 0.0, beginning), head, asked)


def run_digests(data: bytes) -> None:
    """Read checksums and dates of a response."""
    lines = data.decode("latin-1").split("\n")
    pairs = [(name, value) for name, _, value in (line.partition(":") for line in lines)]
    for status in (200, 206):
        digest = find_digest(pairs, status=status)
        assert digest is None or digest.algorithm in ("sha256", "sha512", "md5")
    for found in stated_digests(pairs, lines[0]).values():
        assert found
    for text in lines:
        seconds = read_http_date(text)
        assert seconds is None or abs(seconds) < 10**12
        strong_date(text, lines[-1])
        begins_plain(text, b"\x1f\x8b")


def head_seeds() -> Sequence[bytes]:
    """Return the heads of usual and unusual responses."""
    return (
        b"HTTP/1.1 200 OK\nContent-Length: 100\nETag: \"e\"\nLast-Modified: Mon, 02 Nov 2026 10:00:00 GMT\n"
        b"Date: Tue, 03 Nov 2026 10:00:00 GMT\n",
        b"HTTP/1.1 206 Partial Content\nContent-Range: bytes 0-9/100\nContent-Length: 10\nETag: \"e\"\n",
        b"HTTP/2 206\ncontent-range: bytes 10-19/100\ncontent-length: 10\n",
        b"HTTP/1.1 206 x\nContent-Range: bytes 10-99/100\nContent-Type: multipart/byteranges; boundary=a\n",
        b"HTTP/1.1 302 Found\nLocation: https://g.example/b?c=d\nSet-Cookie: a=b\nCache-Control: max-age=60\nAge: 7\n",
        b"HTTP/1.1 301 x\nLocation: //g.example:8443/../a b\nExpires: Tue, 03 Nov 2026 10:00:00 GMT\n",
        b"HTTP/1.1 416 x\nContent-Range: bytes */0\n",
        b"HTTP/1.1 503 Busy\nRetry-After: 120\n", b"HTTP/1.1 429 x\nRetry-After: Tue, 03 Nov 2026 10:00:00 GMT\n",
        b"HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Encoding: gzip\nTransfer-Encoding: chunked\nX-A: b\n c\n",
        b"HTTP/1.0 200\nRepr-Digest: sha-256=:AAAA:\nDigest: md5=AA\nx-goog-hash: md5=AA\nVia: 1.1 v\n",
    )  # fmt: skip


def digest_seeds() -> Sequence[bytes]:
    """Return headers with checksums, by each standard."""
    sha, md5 = b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", b"1B2M2Y8AsgTpgAmY7PhCfg=="
    return (
        b'"d41d8cd98f00b204e9800998ecf8427e"\nrepr-digest:sha-256=:'
        + sha
        + b":, md5=:"
        + md5
        + b":",
        b"digest:SHA-256=" + sha + b",md5=" + md5 + b"\ncontent-md5:" + md5,
        b"x-amz-checksum-sha256:" + sha + b"\nx-goog-hash:md5=" + md5 + b",crc32c=AAAAAA==",
        b"Sun, 06 Nov 1994 08:49:37 GMT\nSunday, 06-Nov-94 08:49:37 GMT\nSun Nov  6 08:49:37 1994",
    )


HEAD_WORDS = tuple(
    b"Content-Length:|Content-Range:|Location:|Retry-After:|Content-Encoding:|ETag:|Last-Modified:|Date:|Age:|"
    b"Cache-Control:|Expires:|Set-Cookie:|Transfer-Encoding:|Content-Type:|X-A:|HTTP/1.1|HTTP/2|HTTP/3|200|206|301|307|"
    b"308|304|401|403|404|416|429|500|503|999|bytes|0-9/100|10-19/100|10-99/*|*/0|0-99/100|gzip|br|identity|aws-chunked|"
    b'deflate, gzip|chunked|no-store|max-age=5|W/|"e"|sha-256=|md5=|:AAAA:|'.split(b"|")
)


@lru_cache(maxsize=1)
def _asked() -> tuple[Asked, ...]:
    identity = Identity('"e"', _MODIFIED)
    span, end = ByteRange(10, 19), ByteRange(10)
    return (
        Asked(), Asked(probe=True), Asked(span, whole=False), Asked(end, whole=False),
        Asked(span), Asked(end), Asked(ByteRange(0, 9), probe=True),
        Asked(span, whole=False, total=100, validator='"e"', identity=identity),
        Asked(end, whole=True, total=100, validator=_MODIFIED),
        Asked(end, whole=True, total=50, identity=identity),
    )  # fmt: skip


def _check_recorded(head: Head) -> None:
    """Check that the line about a file is believed when it is read back."""
    shown = head.describe("http://h/", 1, "http://h/", head.cache)
    record = FileRecord(
        "a", "http://h/", 1,
        etag=shown.etag, last_modified=shown.last_modified, cache=dict(shown.cache),
    )  # fmt: skip
    assert parse_record(encode_line(record)) == record


def _check_judgement(verdict: Accepted | Redirect | Failure, head: Head, asked: Asked) -> None:
    if isinstance(verdict, Accepted):
        _check_accepted(verdict, head, asked)
    elif isinstance(verdict, Redirect):
        assert math.isinf(verdict.lasts_seconds) or verdict.lasts_seconds >= 0
        target = _origins().redirect(_URL, verdict.location)
        if not isinstance(target, Failure):
            assert http_origin(Url.parse(target))[0] == "https"
            sent = sendable(target, None)
            assert sent.isascii()
            assert not re.search(r"[\x00-\x20\x7f]", sent), sent
    else:
        after = verdict.retry_after_seconds
        assert verdict.message
        assert after is None or (math.isfinite(after) and after >= 0)


def _check_accepted(verdict: Accepted, head: Head, asked: Asked) -> None:
    """Check that an accepted response has the bytes that it is taken for, by its own words."""
    first, end, total = verdict.first, verdict.end, verdict.total
    assert first >= 0
    assert end is None or end >= first
    assert end is None or total is None or total >= end
    if head.status != 206 and 200 <= head.status < 300:
        # Any other success has all of the resource, too (RFC 9110, 15).
        assert first == 0
        assert asked.whole
        return
    if head.status == 416:
        assert asked.probe
        assert end == 0
        return
    assert head.status == 206
    match = _RANGE.fullmatch(head.fields.get("content-range", ""))
    if match is None:
        assert asked.range is None
        return
    assert (first, end) == (int(match[1]), int(match[2]) + 1)
    if match[3] != "*":
        assert total == int(match[3])
        assert end is not None
        assert end <= int(match[3])
    wanted = asked.range or ByteRange(0)
    if asked.whole and first == 0 and end == total:
        return
    assert first == wanted.first
    assert wanted.last is None or end is None or end <= wanted.last + 1


@lru_cache(maxsize=1)
def _origins() -> Origins:
    return Origins(TransferOptions())
