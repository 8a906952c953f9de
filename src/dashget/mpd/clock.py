"""Find the wall-clock time of a dynamic presentation by its UTCTiming elements (5.8.4.11).

Nothing is fetched here: a source either contains the time, or has the URL to fetch.
"""

from __future__ import annotations

import enum
import re
from fractions import Fraction
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.numbers import read_http_date
from dashget.errors import Issue
from dashget.mpd.model import MPD
from dashget.mpd.urls import resolve_reference
from dashget.mpd.values import read_date_time


class ClockMethod(enum.Enum):
    """How a UTCTiming gives the time; the value is that part of the scheme."""

    DIRECT = "direct"
    """In the MPD itself, as of the moment when it was fetched."""
    HTTP_HEAD = "http-head"
    """In the Date header of the answer to a HEAD request."""
    HTTP_ISO = "http-iso"
    """In a body, as an ISO 8601 time."""
    HTTP_XSDATE = "http-xsdate"
    """In a body, as an xs:dateTime."""


class ClockSource(msgspec.Struct, frozen=True):
    """One way to get the time: ``time`` itself (seconds since 1970), or the URL to fetch."""

    method: ClockMethod
    urls: tuple[str, ...] = ()
    time: Fraction | None = None


_SCHEME: Final = late(r"urn:mpeg:dash:utc:([a-z-]+):20\d\d", re.IGNORECASE)


def clock_sources(mpd: MPD, url: str) -> tuple[tuple[ClockSource, ...], tuple[Issue, ...]]:
    """Return the usable sources in document order, and a sentence about each ignored one.

    Relative URLs are resolved against ``url``, that of the MPD.
    """
    sources: list[ClockSource] = []
    notes: list[Issue] = []
    for timing in mpd.utc_timings:
        match = _SCHEME.fullmatch(timing.scheme)
        name = match[1].lower() if match else timing.scheme
        methods = {method.value: method for method in ClockMethod}
        if name not in methods:
            notes.append(
                Issue(f"UTCTiming {name!r} is ignored", timing.where, timing.line, "5.8.4.11")
            )
        elif methods[name] is ClockMethod.DIRECT:
            try:
                time, _ = read_date_time(timing.value)
            except ValueError as err:
                notes.append(Issue(f"UTCTiming: {err}", timing.where, timing.line, "5.8.4.11"))
            else:
                sources.append(ClockSource(ClockMethod.DIRECT, time=time))
        else:
            urls = tuple(resolve_reference(url, part) for part in timing.value.split())
            sources.append(ClockSource(methods[name], urls))
    return tuple(sources), tuple(notes)


def read_clock(method: ClockMethod, body: bytes, date_header: str | None) -> Fraction:
    """Parse the time in an answer; raise ValueError if it contains none."""
    if method is ClockMethod.HTTP_HEAD:
        return read_date_header(date_header or "")
    text = body[:200].decode("utf-8-sig", "replace").strip().strip('"')
    return read_date_time(text)[0]


def read_date_header(text: str) -> Fraction:
    """Return a ``Date`` header as seconds since 1970; ValueError if it is invalid."""
    seconds = read_http_date(text)
    if seconds is None:
        raise ValueError(f"not an HTTP date: {text[:80]!r}")
    return Fraction(seconds)
