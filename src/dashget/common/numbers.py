"""Read numbers, times and dates that strangers wrote: every text gives a value or None.

Python's own readers accept more than is meant (digits of all scripts, ``1_000``) and raise more
than one expects: for ``²``, which ``isdigit`` calls a digit, and for numbers of more than 4,300
digits. So nothing else reads numbers from a manifest, a server or a record (a test checks that).
Dates are those of HTTP headers (RFC 9110, 5.6.7).
"""

from __future__ import annotations

import datetime
import math
import sys
from fractions import Fraction
from typing import Final

MOST_DIGITS: Final = 19
"""Digits of the largest size in bytes, and of the largest signed integer of 64 bits."""
_MONTH_NAMES: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_MONTHS: Final = {_MONTH_NAMES[at : at + 3]: 1 + at // 4 for at in range(0, len(_MONTH_NAMES), 4)}
_EPOCH: Final = datetime.date(1970, 1, 1).toordinal()
_LONGEST_DATE: Final = 100
_LONGEST_ZONE: Final = 86400
_USUAL_LENGTH: Final = len("Sun, 06 Nov 1994 08:49:37 GMT")


def is_digits(text: str) -> bool:
    """Return True if a text consists of the digits 0 to 9, and has some."""
    return text.isascii() and text.isdigit()


def read_digits(text: str, most: int = MOST_DIGITS) -> int | None:
    """Return a number of at most so many decimal digits; None for any other text."""
    return int(text) if len(text) <= most and text.isascii() and text.isdigit() else None


def nearest_float(value: Fraction | float) -> float:
    """Return the float next to an exact number; one that is too large becomes the largest."""
    try:
        return float(value)
    except OverflowError:
        return sys.float_info.max if value > 0 else -sys.float_info.max


def utc_of(seconds: Fraction) -> datetime.datetime | None:
    """Return the time so many seconds after 1970; None outside of the years 1 to 9999."""
    try:
        return datetime.datetime.fromtimestamp(nearest_float(seconds), datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def shown_time(seconds: float) -> str:
    """Return the day and time of seconds since 1970, in UTC; a word for one of no calendar."""
    time = utc_of(Fraction(seconds)) if math.isfinite(seconds) else None
    return "at no known time" if time is None else f"{time:%Y-%m-%d %H:%M:%S}"


def read_time(text: str) -> datetime.datetime | None:
    """Return an ISO 8601 time, without a zone in UTC; None for any other text.

    What is outside of the years 1 to 9999 in UTC is no time either.
    """
    try:
        time = datetime.datetime.fromisoformat(text)
        if time.tzinfo is None:
            return time.replace(tzinfo=datetime.UTC)
        return time if time.astimezone(datetime.UTC) else None
    except (ValueError, OverflowError):
        return None


def strong_date(modified: str | None, date: str | None) -> str | None:
    """Return a ``Last-Modified`` if it tells one version from another; else None.

    It does if the response is at least a second younger (RFC 9110, 8.8.2.2).
    """
    changed, sent = read_http_date(modified), read_http_date(date)
    return modified if changed is not None and sent is not None and sent > changed else None


def read_http_date(text: str | None) -> int | None:
    """Return an HTTP date as seconds since 1970; None if it is missing or invalid."""
    if not text:
        return None
    usual = _read_usual(text) if len(text) == _USUAL_LENGTH and text.endswith(" GMT") else None
    return _read_any(text) if usual is None else usual


def _read_usual(text: str) -> int | None:
    """Read the preferred form, which nearly all servers send; None for any other text."""
    month = _MONTHS.get(text[8:11])
    digits = text[5:7] + text[12:16] + text[17:19] + text[20:22] + text[23:25]
    if month is None or not is_digits(digits):
        return None
    day, year, hour = int(digits[:2]), int(digits[2:6]), int(digits[6:8])
    minute, second = int(digits[8:10]), int(digits[10:])
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        days = datetime.date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def _read_any(text: str) -> int | None:
    # Loaded late: it takes long, and few responses need it.
    from email.utils import parsedate_tz

    if len(text) > _LONGEST_DATE:
        return None
    try:
        fields = parsedate_tz(text)
        if fields is None:
            return None
        moment = datetime.datetime(*fields[:6], tzinfo=datetime.UTC)
        zone = fields[9] or 0
    except (ValueError, ArithmeticError, LookupError, TypeError):
        # What the parser raises for odd texts depends on the version of Python.
        return None
    return int(moment.timestamp()) - zone if abs(zone) < _LONGEST_ZONE else None
