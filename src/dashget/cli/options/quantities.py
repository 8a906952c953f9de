"""Read sizes, rates and durations as people write them."""

from __future__ import annotations

from typing import Final

from dashget.common.lateregex import late
from dashget.errors import UsageError

_SIZE: Final = late(r"(\d+)(?:\.(\d+))?\s*([kKmMgGtT]?)(i?)(?:[bB](?:/s)?)?")
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_LONGEST: Final = 20
_NUMBER: Final = r"(\d+(?:\.\d+)?)"
_DURATIONS: Final = (
    late(rf"(?:{_NUMBER}d)? *(?:{_NUMBER}h)? *(?:{_NUMBER}m(?:in)?)? *(?:{_NUMBER}s)?"),
    late(rf"p(?:{_NUMBER}d)?(?:t(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?)?"),
    late(r"()(\d+):([0-5]\d):([0-5]\d(?:\.\d+)?)"),
    late(r"()()(\d+):([0-5]\d(?:\.\d+)?)"),
    late(rf"()()(){_NUMBER}"),
)
"""Days, hours, minutes and seconds: with units, as in ISO 8601, as on a clock, and seconds only."""
_SECONDS: Final = (86_400, 3_600, 60, 1)


def parse_size(text: str, option: str) -> int:
    """Return the bytes of a size such as 500k, 2M or 1.5GiB; raise UsageError."""
    return _bytes(text, option, "size", "write it as 500M, 20G or 4GiB")


def parse_rate(text: str, option: str) -> int:
    """Return the bytes a second of a rate such as 500k or 2MB/s; raise UsageError."""
    return _bytes(text, option, "rate", "write it as 500k or 2M")


def parse_duration(text: str, option: str) -> float:
    """Return the seconds of a duration: a number, 2h, 1h30m, 1:30:00, PT45S; raise UsageError."""
    written = text.strip().lower() if text.isascii() and len(text) <= _LONGEST else ""
    for form in _DURATIONS:
        match = form.fullmatch(written)
        if match is not None and any(match.groups()):
            parts = zip(match.groups(), _SECONDS, strict=True)
            return sum(float(part) * each for part, each in parts if part)
    hint = "write it as 45s, 90m, 2h30m, 1:30:00 or PT2H"
    raise UsageError(f"{option}: not a valid duration: {text[:_LONGEST]!r}", hint=hint)


def parse_moment(text: str, option: str, others: str = "") -> float:
    """Return a time of day in seconds since 1970; raise UsageError, with ``others`` in the hint."""
    from dashget.common.numbers import read_time

    moment = read_time(text)
    if moment is None:
        hint = f"write it as 2026-01-31T12:00:00Z{others}"
        raise UsageError(f"{option}: not a valid time: {text[:40]!r}", hint=hint)
    return moment.timestamp()


def parse_begin(text: str) -> tuple[float | None, float | None]:
    """Return the time of ``--from`` in seconds since 1970, or how many seconds back it is.

    Both are None for all that is there.
    """
    word = text.strip().lower()
    if word == "window":
        return None, None
    if word == "now":
        return None, 0.0
    if word.startswith("-"):
        return None, parse_duration(word[1:], "--from")
    return parse_moment(text, "--from", ", or say window, now or -10m"), None


def _bytes(text: str, option: str, kind: str, hint: str) -> int:
    match = _SIZE.fullmatch(text.strip()) if text.isascii() and len(text) <= _LONGEST else None
    if match is None:
        raise UsageError(f"{option}: not a valid {kind}: {text[:_LONGEST]!r}", hint=hint)
    decimals = match[2] or ""
    unit: int = (1024 if match[4] else 1000) ** _POWERS[match[3].lower()]
    below: int = 10 ** len(decimals)
    return int(match[1] + decimals) * unit // below
