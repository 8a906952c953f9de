"""Judge a response by its head: accepted, redirect or failure (RFC 9110, 14 and 15)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.lateregex import late
from dashget.common.numbers import is_digits, read_http_date
from dashget.errors import Retry
from dashget.transfer.http.failure import Failure, bad_body, leads_nowhere, status_failure
from dashget.transfer.http.head import Head, Identity

_MAX_AGE = late(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.ASCII)
_NO_LATER_BEGINNING = late(r"\D*(?:0-\d+(?:/\D*)?)?", re.ASCII)
_USUALLY_SECONDS = 60.0
CHANGED = "the resource has changed"
RETAGGED = "the server has another ETag for the same size and time"
_CODED_HINT = (
    "the server compresses the body despite Accept-Encoding: identity, in a way that cannot be"
    " undone here (gzip and deflate of whole files can); compression must be turned off there for"
    " these files"
)
_NO_FILE: Final = frozenset({202, 207, 208, 226})
"""Statuses of success that come without the file: it is not there yet (202), or they bring a list
of statuses (207 and 208, of WebDAV) or a difference to an earlier version (226)."""
NO_RANGES = "the server ignores byte ranges (200 to a range request)"


class Asked(msgspec.Struct, gc=False):
    """The bytes that one request asks for, in positions of the whole resource at its URL.

    ``whole`` is True if a 200 is accepted too. ``total`` and ``validator`` come from earlier
    responses; they are None if nothing is known, or no earlier bytes are to be kept.
    """

    range: ByteRange | None = None
    whole: bool = True
    total: int | None = None
    validator: str | None = None
    codings: tuple[str, ...] | None = None
    """The content codings of the earlier bytes; None if any will do. Whether what is in the middle
    of a body has the one that is named, nobody can see."""
    identity: Identity | None = None
    """What else is known of the version of which bytes are on disk. Beside a ``validator`` it tells
    if that is of no use; without one, the response has to agree with it."""
    probe: bool = False
    """True for a HEAD, or a GET in its place: only size and validators are wanted."""


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """A good response: its body is the bytes from ``first`` up to ``end`` (exclusive).

    ``end`` is None if only the end of the body tells it; ``total`` is the size of the whole
    resource, if it is known.
    """

    first: int
    end: int | None
    total: int | None


class Redirect(msgspec.Struct, frozen=True, gc=False):
    """A 3xx with its ``Location``, not yet resolved or judged."""

    location: str
    sets_cookie: bool = False
    """True if the same URL may answer differently next time."""
    lasts_seconds: float = _USUALLY_SECONDS
    """The time for which other requests for the same URL may go directly to ``location``."""
    status: int = 302


def judge(
    head: Head, asked: Asked, wall_clock: Callable[[], float], beginning: bytes | None = b""
) -> Accepted | Redirect | Failure:
    """Judge a response by its head. ``wall_clock`` is read only for headers with dates.

    ``beginning`` is what has come of the body; it tells if a content coding is true. None if the
    caller removes the codings that can be removed.
    """
    status = head.status
    if status == 200:
        return _whole(head, asked, beginning)
    if status == 206:
        return _partial(head, asked, beginning)
    if 200 < status < 300 and status not in _NO_FILE:
        return _otherwise_good(head, asked, beginning)
    if status in (301, 302, 303, 307, 308):
        location = head.text("location")
        if location is not None:
            lasts = _lasts_seconds(head, wall_clock)
            return Redirect(location, "set-cookie" in head.fields, lasts, status)
        return leads_nowhere(f"HTTP {status} without a Location", status)
    if status == 416 and asked.probe and head.size_without_range == 0:
        # The resource is empty: a range of it cannot exist.
        return Accepted(0, 0, 0)
    if status == 416 and asked.range is not None:
        # A parallel range is tried again before all of them are given up.
        return Failure("the range is not satisfiable", Retry.AGAIN, status=416, restart=asked.whole)
    after = head.retry_after_seconds(wall_clock)
    return status_failure(status, retry_after_seconds=after)


def _otherwise_good(head: Head, asked: Asked, beginning: bytes | None) -> Accepted | Failure:
    """Judge a status of success that nobody needs: 201, 203, or one that is unknown (RFC 9110, 15).

    204 and 205 mean a file without bytes. They are no answer to a request for its rest.
    """
    if head.status not in (204, 205):
        return _whole(head, asked, beginning)
    if asked.range is not None or not asked.whole:
        return bad_body(f"HTTP {head.status} to a request for a range", status=head.status)
    return Accepted(0, 0, 0)


def _lasts_seconds(head: Head, wall_clock: Callable[[], float]) -> float:
    """Return how long a redirect is valid (RFC 9110, 15.4; RFC 9111, 4.2, 5.2.2 and 5.3).

    Its age is the one that caches report. ``Date`` is ignored: the server's clock may differ from
    ours. A temporary redirect without a lifetime is valid for one request; the ranges of one file
    count as one request for a minute.
    """
    control = head.fields.get("cache-control", "").lower()
    if "no-store" in control or "no-cache" in control:
        return 0.0
    lifetime = _MAX_AGE.search(control)
    if lifetime is not None:
        return max(0.0, float(lifetime[1]) - _age_seconds(head))
    if "expires" in head.fields:
        return _until_expiry(head, wall_clock)
    return math.inf if head.status in (301, 308) else _USUALLY_SECONDS


def _until_expiry(head: Head, wall_clock: Callable[[], float]) -> float:
    """Return how long a response stays fresh by ``Expires``; 0 if the date is invalid."""
    expires, date = read_http_date(head.text("expires")), read_http_date(head.text("date"))
    if expires is None:
        return 0.0
    # Prefer the server's own clock, which may differ from ours.
    now = wall_clock() if date is None else date + _age_seconds(head)
    return max(0.0, expires - now)


def _age_seconds(head: Head) -> float:
    """Return the age of a response in caches; the first of several (RFC 9111, 5.1)."""
    age = head.fields.get("age", "").partition(",")[0].strip()
    return float(age[:9]) if is_digits(age) else 0.0


def _coded(head: Head, asked: Asked, beginning: bytes | None) -> Failure | None:
    if "content-encoding" not in head.fields or asked.probe:
        return None
    # Loaded late: few servers name a coding.
    from dashget.transfer.http.coding import are_decodable, begins_plain

    codings = head.codings
    if not codings:
        return None
    if are_decodable(codings) if beginning is None else begins_plain(codings[-1], beginning):
        return None
    return Failure(
        f"the body is {', '.join(codings)}-encoded despite Accept-Encoding: identity",
        Retry.AGAIN,
        status=head.status,
        hint=_CODED_HINT,
        lasting=True,
    )


def _whole(head: Head, asked: Asked, beginning: bytes | None) -> Accepted | Failure:
    if not asked.whole:
        if _is_retagged(head, asked, head.content_length):
            return Failure(RETAGGED, Retry.AGAIN, status=200)
        if _differs(head, asked, head.content_length):
            return Failure(CHANGED, Retry.AGAIN, status=200, restart=True)
        return Failure(NO_RANGES, Retry.ELSEWHERE, status=200)
    coded = _coded(head, asked, beginning)
    if coded is not None:
        return coded
    size = head.content_length
    if _is_retagged(head, asked, size):
        return Failure(RETAGGED, Retry.AGAIN, status=200)
    if size == 0 and asked.range is not None and asked.range.first:
        return bad_body("an empty body to a request for the rest", status=head.status)
    if size is None and head.announces_too_much:
        return bad_body("the announced length is more than any file has", status=head.status)
    if asked.range is not None and asked.range.first and _is_rest(head, asked, size):
        return bad_body("HTTP 200 to a request for the rest, with the rest alone", status=200)
    return Accepted(0, size, size)


def _is_rest(head: Head, asked: Asked, size: int | None) -> bool:
    """Return True if a 200 seems to bring what a 206 should: scripts forget the status.

    It has a Content-Range, exactly the bytes that are missing, or another length (or none) than
    the same version had before. If it is the whole file after all, a request without range gets it.
    """
    assert asked.range is not None  # noqa: S101 - the caller looks
    if head.content_range is not None:
        return head.content_range[0].first != 0
    if asked.total is None or size == asked.total:
        return False
    if asked.validator is not None:
        return not _differs(head, asked, None)
    return size == asked.total - asked.range.first


def _part_of_all(head: Head) -> Accepted | Failure:
    """Judge a 206 to a request without a range: its beginning is what was asked for.

    What is missing behind its end is asked for. Without a Content-Range that can be read, the size
    is unknown: it may still name a later beginning.
    """
    described, length = head.content_range, head.content_length
    if described is None:
        named = _NO_LATER_BEGINNING.fullmatch(head.fields.get("content-range", ""))
        if named is None or _is_multipart(head) or head.announces_too_much:
            return bad_body("HTTP 206 Partial Content to a request without a range", status=206)
        return Accepted(0, length, None)
    got, total = described
    if got.first != 0 or length not in (None, got.size_bytes):
        return bad_body(f"asked for all bytes, got bytes {got}", status=206)
    return Accepted(0, got.size_bytes, total)


def _is_multipart(head: Head) -> bool:
    return head.fields.get("content-type", "").lower().startswith("multipart/")


def _partial(head: Head, asked: Asked, beginning: bytes | None) -> Accepted | Failure:
    wanted = asked.range
    # Only a beginning tells what is behind a coding, and what follows has the same one or none.
    if wanted is not None and wanted.first:
        goes_on = asked.codings is None or head.codings == asked.codings
        beginning = None if beginning is None and goes_on else b""
    coded = _coded(head, asked, beginning)
    if coded is not None:
        return coded
    if wanted is None:
        return _part_of_all(head)
    described = head.content_range
    if described is None:
        return bad_body("HTTP 206 without a usable Content-Range", status=206)
    got, total = described
    if _is_retagged(head, asked, total):
        return Failure(RETAGGED, Retry.AGAIN, status=206)
    if _differs(head, asked, total):
        return Failure(CHANGED, Retry.AGAIN, status=206, restart=True)
    known = total if total is not None else asked.total
    last = wanted.last
    if known is not None and (last is None or last >= known):
        last = known - 1
    elif last is None:
        # The size is unknown: take the range that the response names.
        last = got.last
    if not _is_usable(got, asked, last, known):
        return bad_body(f"asked for bytes {wanted}, got bytes {got}", status=206)
    length, announced = got.size_bytes, head.content_length
    if announced is not None and announced != length:
        return bad_body(f"Content-Range spans {length} bytes, the body {announced}", status=206)
    return Accepted(got.first, got.first + (length or 0), known)


def _is_usable(got: ByteRange, asked: Asked, last: int | None, known: int | None) -> bool:
    """Return True if a range is the one up to ``last``, its beginning, or the whole resource.

    A server may send less than it was asked for (RFC 9110, 15.3.7), and some send all of it.
    """
    if got.last is None or last is None:
        return False
    if asked.whole and got.first == 0 and got.last + 1 == known:
        return True
    return asked.range is not None and got.first == asked.range.first and got.last <= last


def _differs(head: Head, asked: Asked, total: int | None) -> bool:
    """Return True if a response belongs to another version of the resource than expected."""
    if asked.total is not None and total is not None and total != asked.total:
        return True
    if asked.validator is None:
        return asked.identity is not None and not asked.identity.holds(head)
    name = "etag" if asked.validator.startswith('"') else "last-modified"
    now = head.text(name)
    return now is not None and now != asked.validator


def _is_retagged(head: Head, asked: Asked, total: int | None) -> bool:
    """Return True if a response differs from what was expected in its ETag only."""
    identity = asked.identity
    return (
        identity is not None
        and asked.validator is not None
        and asked.validator.startswith('"')
        and total is not None
        and total == asked.total
        and "etag" in head.fields
        and head.fields["etag"] != asked.validator
        and identity.holds_otherwise(head)
    )
