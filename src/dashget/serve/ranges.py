"""Read the ``Range`` header of a request (RFC 9110, 14.1 and 14.2). No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from dashget.common.byterange import ByteRange
from dashget.common.lateregex import late
from dashget.common.numbers import read_digits

_SET: Final = late(r"\s*bytes\s*=(.*)", re.IGNORECASE)
_INTEGERS: Final = late(r"([0-9]+)-([0-9]*)")
_SUFFIX: Final = late(r"-([0-9]+)")
_BEYOND: Final = 1 << 64
_MOST_RANGES: Final = 64
"""A request for more is answered with the whole file, as for one without ranges."""


def read_ranges(text: str, size: int) -> tuple[ByteRange, ...] | None:
    """Return the ranges of a file of ``size`` bytes that a header asks for, as closed ranges.

    None if the header has to be ignored: another unit, an invalid range, too many. Empty if no
    range can be satisfied. Ranges that overlap or touch become one.
    """
    match = _SET.fullmatch(text)
    if match is None:
        return None
    parts = [part.strip(" \t") for part in match[1].split(",")]
    parts = [part for part in parts if part]
    if not 0 < len(parts) <= _MOST_RANGES:
        return None
    found = [_read(part, size) for part in parts]
    if None in found:
        return None
    return _joined([span for spans in found for span in spans or ()])


def _read(part: str, size: int) -> tuple[ByteRange, ...] | None:
    """Return one range; none if it cannot be satisfied, None if it is invalid."""
    suffix = _SUFFIX.fullmatch(part)
    if suffix is not None:
        count = min(_number(suffix[1]), size)
        return (ByteRange(size - count, size - 1),) if count else ()
    match = _INTEGERS.fullmatch(part)
    if match is None:
        return None
    first = _number(match[1])
    last = _number(match[2]) if match[2] else None
    if last is not None and last < first:
        return None
    if first >= size:
        return ()
    return (ByteRange(first, size - 1 if last is None else min(last, size - 1)),)


def _number(digits: str) -> int:
    """Read a number; one that is larger than all files stands for all of these."""
    value = read_digits(digits.lstrip("0") or "0")
    return _BEYOND if value is None else value


def _joined(spans: Sequence[ByteRange]) -> tuple[ByteRange, ...]:
    """Join ranges that overlap or touch; keep the given order if none do."""
    joined = tuple(_iter_joined(sorted(spans)))
    return tuple(spans) if len(joined) == len(spans) else joined


def _iter_joined(spans: Sequence[ByteRange]) -> Iterator[ByteRange]:
    current: ByteRange | None = None
    for span in spans:
        if current is None or current.last is None or span.last is None:
            current = span
        elif span.first <= current.last + 1:
            current = ByteRange(current.first, max(current.last, span.last))
        else:
            yield current
            current = span
    if current is not None:
        yield current
