"""Read numbers, times and dates that strangers wrote: every text gives a value or None.

Python's own readers accept more than is meant (digits of all scripts, ``1_000``) and raise more
than one expects: for ``²``, which ``isdigit`` calls a digit, and for numbers of more than 4,300
digits. So nothing else reads numbers from a manifest, a server or a record (a test checks that).
"""

from __future__ import annotations

import datetime
import sys
from fractions import Fraction
from typing import Final

MOST_DIGITS: Final = 19
"""Digits of the largest size in bytes, and of the largest signed integer of 64 bits."""


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
