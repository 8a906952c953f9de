"""Parse the values of an MPD's attributes: numbers, durations, times, rates, booleans.

Every function takes text and returns a value and a remark. The remark is None for text that
follows the schema, else it tells how the text was read. Invalid text raises ValueError. All
results are exact.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Final

from dashget.common.lateregex import late
from dashget.common.numbers import is_digits, nearest_float

if TYPE_CHECKING:
    import isodate

_INTEGER: Final = late(r"[+-]?\d{1,100}", re.ASCII)
_MOST_INTEGER_DIGITS: Final = 100
_DECIMAL: Final = late(r"[+-]?(\d{1,100}(\.\d{0,100})?|\.\d{1,100})", re.ASCII)
_EXPONENT: Final = late(r"[+-]?\d{1,4}", re.ASCII)
_MOST_EXPONENT: Final = 100
_RATIO: Final = late(r"(\d{1,20})\s*/\s*(\d{1,20})", re.ASCII)
_PART: Final = r"(?:\d{1,15}(?:[.,]\d{0,100})?|[.,]\d{1,100})(?:E[+-]?\d{1,3})?"
_DURATION: Final = late(
    rf"(?P<sign>[+-]?)(?P<whole>P(?:({_PART})Y)?(?:({_PART})M)?(?:({_PART})W)?(?:({_PART})D)?"
    rf"(?:T(?:({_PART})H)?(?:({_PART})M)?(?:({_PART})S)?)?)",
    re.ASCII | re.IGNORECASE,
)
_REGULAR: Final = late(
    r"[+-]?P(\d+Y)?(\d+M)?(\d+D)?(T(\d+H)?(\d+M)?((\d+(?:\.\d*)?|\.\d+)S)?)?", re.ASCII
)
"""The forms of xs:duration, and those with an empty part before or after the point."""
_SCALES: Final = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)
_CLOCK: Final = late(r"(?:(\d{1,6}):)?(\d{1,6}):(\d{1,2}(?:\.\d{1,40})?)", re.ASCII)
_UNITS: Final = late(
    r"(?:(\d{1,9}(?:\.\d{1,20})?)d\s*)?(?:(\d{1,9}(?:\.\d{1,20})?)h\s*)?"
    r"(?:(\d{1,9}(?:\.\d{1,20})?)m(?:in)?\s*)?(?:(\d{1,15}(?:\.\d{1,20})?)s\s*)?"
    r"(?:(\d{1,15}(?:\.\d{1,20})?)ms)?",
    re.ASCII | re.IGNORECASE,
)
_DATE_TIME: Final = late(
    r"(\d{4})-(\d\d)-(\d\d)(?:([Tt ])(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,40}))?)?)?"
    r"\s*(Z|z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_LONGEST: Final = 100
_USUAL_DIGITS: Final = 9
_YEAR: Final = timedelta(days=365)
_MONTH: Final = timedelta(days=30)
_LONGEST_SECONDS: Final = 10**15
"""The longest duration that is read: 30 million years."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Remark = str | None


def _is_integer(text: str) -> bool:
    usual = len(text) <= _MOST_INTEGER_DIGITS and is_digits(text)
    return usual or _INTEGER.fullmatch(text) is not None


def read_integer(text: str) -> tuple[int, Remark]:
    """Parse an integer that no segment depends on; a fraction is rounded."""
    if _is_integer(text.strip()):
        return int(text.strip()), None
    value, remark = read_number(text)
    if value.denominator == 1:
        return int(value), remark or f"{text.strip()} is not an integer; read as {int(value)}"
    return round(value), f"{text.strip()} is not an integer; read as {round(value)}"


def read_count(text: str) -> tuple[int, Remark]:
    """Parse a number of things or the number of a thing; of a fraction the whole part counts."""
    stripped = text.strip()
    if _is_integer(stripped):
        return int(stripped), None
    value, remark = read_number(stripped)
    if value.denominator == 1:
        return int(value), remark or f"{stripped} is not an integer; read as {int(value)}"
    return floor(value), f"{stripped} is not an integer; read as {floor(value)}"


def read_ticks(text: str) -> tuple[int | Fraction, Remark]:
    """Parse a number of ticks. Packagers with float ticks write fractions, which stay exact."""
    stripped = text.strip()
    if _is_integer(stripped):
        return int(stripped), None
    ratio = _RATIO.fullmatch(stripped)
    if ratio is not None and int(ratio[2]):
        value, remark = Fraction(int(ratio[1]), int(ratio[2])), None
    else:
        value, remark = read_number(stripped)
    if value.denominator == 1:
        return int(value), remark or f"{stripped} is not an integer; read as {int(value)}"
    return value, f"{stripped} is not an integer; used as the exact fraction"


def read_number(text: str) -> tuple[Fraction, Remark]:
    """Parse a decimal number exactly; exponents are accepted with a remark."""
    stripped = text.strip()
    if _DECIMAL.fullmatch(stripped):
        return Fraction(stripped), None
    mantissa, mark, exponent = stripped.lower().partition("e")
    if mark and _DECIMAL.fullmatch(mantissa) and _EXPONENT.fullmatch(exponent):
        if abs(int(exponent)) > _MOST_EXPONENT:
            raise ValueError(f"not a number of sensible size: {text!r}")
        return Fraction(stripped), f"{stripped} is written with an exponent"
    raise ValueError(f"not a number: {text!r}")


def read_rate(text: str) -> tuple[Fraction, Remark]:
    """Parse ``@frameRate``: ``25`` or ``30000/1001``; a decimal is read exactly."""
    match = _RATIO.fullmatch(text.strip())
    if match:
        if int(match[2]) == 0:
            raise ValueError(f"a rate with a zero denominator: {text!r}")
        return Fraction(int(match[1]), int(match[2])), None
    value, remark = read_number(text)
    if remark is None and value.denominator != 1:
        remark = f"{text.strip()} is neither an integer nor a ratio; read as a decimal"
    return value, remark


def read_boolean(text: str) -> tuple[bool, Remark]:
    """Parse xs:boolean; upper case is accepted with a remark."""
    stripped = text.strip()
    if stripped in ("true", "1"):
        return True, None
    if stripped in ("false", "0"):
        return False, None
    if stripped.lower() in ("true", "false"):
        return stripped.lower() == "true", f"{stripped!r} is read as {stripped.lower()}"
    raise ValueError(f"neither true nor false: {text!r}")


def read_duration(text: str) -> tuple[Fraction, Remark]:
    """Parse xs:duration into seconds; other common forms are accepted with a remark.

    A year is read as 365 days and a month as 30: the standard gives them no length.
    """
    stripped = text.strip()
    usual = _usual_seconds(stripped)
    if usual is not None:
        return usual, None
    match = _DURATION.fullmatch(stripped)
    if match and stripped[-1] not in "PT" and _REGULAR.fullmatch(stripped):
        return _iso_seconds(match), _calendar_remark(match["whole"])
    try:
        value = parse_duration(stripped)
    except ValueError:
        value = _seconds_with_exponent(stripped)
    return value, f"{stripped!r} is not an xs:duration; read as {nearest_float(value):g} s"


def _seconds_with_exponent(text: str) -> Fraction:
    try:
        value = read_number(text)[0]
    except ValueError:
        value = None
    if value is None or abs(value) > _LONGEST_SECONDS:
        raise ValueError(f"not a duration: {text!r}")
    return value


def parse_duration(text: str) -> Fraction:
    """Parse another common form of a duration: ``90``, ``1h2m3s``, ``1:02:03.5``, ``PT90S``."""
    stripped = text.strip()
    if _DECIMAL.fullmatch(stripped):
        return Fraction(stripped)
    match = _CLOCK.fullmatch(stripped)
    if match:
        hours, minutes, seconds = match.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + Fraction(seconds)
    match = _UNITS.fullmatch(stripped)
    if match and stripped:
        scales = (Fraction(86400), Fraction(3600), Fraction(60), Fraction(1), Fraction(1, 1000))
        parts = zip(match.groups(), scales, strict=True)
        return sum((Fraction(part) * scale for part, scale in parts if part), Fraction(0))
    match = _DURATION.fullmatch(stripped)
    if match and stripped[-1] not in "PT":
        return _iso_seconds(match)
    if len(stripped) > _LONGEST or not any(character.isdigit() for character in stripped):
        raise ValueError(f"not a duration: {text!r}")
    # Loaded late: it takes longer than reading most manifests, and few have such forms.
    import isodate

    try:
        value = _timedelta_seconds(isodate.parse_duration(stripped.upper()))
    except (isodate.ISO8601Error, ValueError, ArithmeticError, LookupError, TypeError):
        # What isodate raises depends on its version and on what it does with the parts.
        raise ValueError(f"not a duration: {text!r}") from None
    if abs(value) > _LONGEST_SECONDS:
        raise ValueError(f"not a duration: {text!r}")
    return value


def read_date_time(text: str) -> tuple[Fraction, Remark]:
    """Parse xs:dateTime into seconds since 1970, UTC; without a zone it is UTC (5.3.1.2)."""
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a date and time: {text!r}")
    year, month, day, separator, hour, minute, second, digits, zone = match.groups()
    hours = int(hour or 0)
    try:
        base = datetime(int(year), int(month), int(day), tzinfo=UTC)
    except ValueError as err:
        raise ValueError(f"not a date and time: {text!r} ({err})") from None
    if hours > 24 or int(minute or 0) > 59 or int(second or 0) > 60:
        raise ValueError(f"not a date and time: {text!r}")
    seconds = (base - _EPOCH).days * 86400 + hours * 3600
    seconds += int(minute or 0) * 60 + int(second or 0) - _zone_seconds(zone)
    value = Fraction(seconds) + (Fraction(int(digits), 10 ** len(digits)) if digits else 0)
    regular = (
        separator == "T" and second is not None and (zone is None or zone in "Z" or ":" in zone)
    )
    return (
        value,
        None if regular else f"{text.strip()!r} is not an xs:dateTime; read as a similar form",
    )


def _usual_seconds(text: str) -> Fraction | None:
    """Read the form of most manifests, as ``PT1H2M3.5S``; None for all others.

    Without the patterns of all forms, whose compilation takes longer than most manifests.
    """
    rest = text[2:]
    if not (text.startswith("PT") and rest and text.isascii()):
        return None
    value = Fraction(0)
    for unit, seconds in (("H", 3600), ("M", 60), ("S", 1)):
        number, mark, after = rest.partition(unit)
        if not mark:
            continue
        whole, point, digits = number.partition(".")
        if not whole.isdigit() or max(len(whole), len(digits)) > _USUAL_DIGITS:
            return None
        if point and (unit != "S" or not digits.isdigit()):
            return None
        value += Fraction(int(whole + digits) * seconds, 10 ** len(digits))
        rest = after
    return None if rest else value


def _iso_seconds(match: re.Match[str]) -> Fraction:
    """Add up the parts exactly; isodate would round fractions to microseconds."""
    value = Fraction(0)
    for part, seconds in zip(match.groups()[2:], _SCALES, strict=True):
        if part:
            value += Fraction(part.replace(",", ".")) * seconds
    if value > _LONGEST_SECONDS:
        raise ValueError(f"not a duration: {match[0]!r}")
    return -value if match["sign"] == "-" else value


def _timedelta_seconds(value: timedelta | isodate.Duration) -> Fraction:
    if not isinstance(value, timedelta):
        value = value.tdelta + int(value.years) * _YEAR + int(value.months) * _MONTH
    return Fraction(value // timedelta(microseconds=1), 10**6)


def _calendar_remark(whole: str) -> Remark:
    date = whole.partition("T")[0]
    if len(date) > 1 and any(int(number) for number in re.findall(r"(\d+)[YM]", date)):
        return f"{whole}: years and months have no fixed length; read as 365 and 30 days"
    return None


def _zone_seconds(zone: str | None) -> int:
    if zone is None or zone in "Zz":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return -minutes * 60 if zone[0] == "-" else minutes * 60
