"""Format numbers for people. No other module does."""

from __future__ import annotations

from fractions import Fraction

from dashget.common.numbers import nearest_float


def size(count: int | float) -> str:
    """Format a number of bytes in decimal units, three significant digits: ``1.43 GB``."""
    return _scaled(nearest_float(count), ("B", "kB", "MB", "GB", "TB", "PB"))


def rate(bytes_per_second: float) -> str:
    """Format a transfer rate: ``34.1 MB/s``."""
    return f"{size(bytes_per_second)}/s"


def bitrate(bits_per_second: int) -> str:
    """Format a bandwidth in bits, as in the MPD: ``4.50 Mb/s``."""
    return _scaled(nearest_float(bits_per_second), ("b/s", "kb/s", "Mb/s", "Gb/s"))


def duration(seconds: float | Fraction) -> str:
    """Format a time span: ``0.42 s``, ``42.1 s``, ``3:07``, ``1:02:03``."""
    value = nearest_float(seconds)
    if value < 59.95:
        return f"{value:.2f} s" if value < 9.995 else f"{value:.1f} s"
    whole = round(value)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percent(share: float | None, *, complete: bool, guessed: bool = False) -> str:
    """Format a share with four characters; 100% only if ``complete``, ``~45%`` if ``guessed``.

    An unknown share is no text at all.
    """
    if complete:
        return "100%"
    if share is None:
        return ""
    return f"{'~' if guessed else ''}{min(int(share * 100), 99)}%".rjust(4)


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Format a number with its noun: ``1 file``, ``1,204 files``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _scaled(value: float, units: tuple[str, ...]) -> str:
    steps = 0
    while value >= (1000 if steps == 0 else 999.5) and steps < len(units) - 1:
        value /= 1000
        steps += 1
    return f"{_three_digits(value) if steps else int(value)} {units[steps]}"


def _three_digits(value: float) -> str:
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
