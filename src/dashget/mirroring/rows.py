"""Tell the segments of a splice or an encoder's reset from those that are in the wrong place.

The rule for ``get`` and ``verify`` alike. A segment is off its time by more than three quarters of
its own duration: manifests are imprecise, and one that came in the place of another is off by a
whole one. Segments that follow one another and are off by the same are a row. A long row is a
discontinuity of the presentation, and so is a shorter one that ends it, if it is late: the media
goes on with another clock. A single segment has no such excuse. Units are the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final, TypeVar

_Item = TypeVar("_Item")
_Number = TypeVar("_Number", int, Fraction)

IN_A_ROW: Final = 4
_AT_THE_END: Final = 2


def is_alike(one: _Number, other: _Number, allowed: _Number) -> bool:
    """Return True if two segments are off by the same, as far as manifests are precise."""
    return abs(one - other) <= allowed


def rows_of(items: Iterable[_Item], goes_on: Callable[[_Item, _Item], bool]) -> list[list[_Item]]:
    """Group items in order; ``goes_on`` tells if one is in the row of the one before it."""
    rows: list[list[_Item]] = []
    for item in items:
        if not rows or not goes_on(rows[-1][-1], item):
            rows.append([])
        rows[-1].append(item)
    return rows


def is_long(count: int) -> bool:
    """Return True if so many segments in a row are a discontinuity, wherever they are."""
    return count >= IN_A_ROW


def ends_it(count: int, *, late: bool) -> bool:
    """Return True if so many segments in a row are one where they are the last.

    ``late``: they have later times than the manifest gives, which no other segment has.
    """
    return late and count >= _AT_THE_END
