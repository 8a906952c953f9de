"""Tell if a fact of a record is one that a recorder could have written.

A recording may be from somebody else, who writes what they like: paths that lead elsewhere, times
of no calendar, fractions whose numbers take minutes to work out. Each such line counts as damaged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.live.facts import (
    CoverageFact,
    EventFact,
    Fact,
    FileFact,
    HeldFact,
    LateFact,
    LineFact,
    LossFact,
    NamedFact,
    SegmentFact,
    ShortFact,
    StretchFact,
)
from dashget.live.names import MOST_DIGITS, Series
from dashget.planning.layout import is_safe_path

_MOST: Final = 2**62
_MOST_SECONDS: Final = 253_402_300_800.0
"""The first second of the year 10000."""
_LEAST_SECONDS: Final = -62_135_596_800.0
"""The first of the year 1."""
_FRACTION: Final = late(r"-?[0-9]{1,40}(?:/[1-9][0-9]{0,39})?")
_MOST_NAMES: Final = 4_000_000
"""So many files are in one line of names at most: a week has 600,000 of a second each."""
_RUN: Final = 4
"""A run of segments in a summary: begin, duration, how many, the number of the first."""


def is_sound(fact: Fact) -> bool:
    """Return True if all values of a fact are in their range."""
    if isinstance(fact, SegmentFact):
        # The usual one: a week has millions.
        return fact.d > 0 and -_MOST < fact.t < _MOST > fact.d and 0 <= fact.size < _MOST
    return all(map(_is_sound_value, msgspec.structs.astuple(fact))) and _is_sound_kind(fact)


def _is_sound_value(value: object) -> bool:
    if isinstance(value, float):
        return _LEAST_SECONDS <= value < _MOST_SECONDS
    if isinstance(value, int):
        return -_MOST < value < _MOST
    if isinstance(value, tuple):
        return all(map(_is_sound_value, value))
    if isinstance(value, dict):
        return all(map(_is_sound_value, value.values()))
    return True


def _is_sound_kind(fact: Fact) -> bool:
    if isinstance(fact, LineFact):
        return fact.scale > 0
    if isinstance(fact, StretchFact):
        exact = _FRACTION.fullmatch(fact.start) and _FRACTION.fullmatch(fact.origin)
        return bool(exact) and fact.parts > 0
    if isinstance(fact, LateFact):
        return bool(_FRACTION.fullmatch(fact.by))
    if isinstance(fact, EventFact):
        ticks = (fact.t, fact.offset, fact.d or 0, fact.scale - 1)
        return bool(_FRACTION.fullmatch(fact.start)) and min(ticks) >= 0
    if isinstance(fact, LossFact):
        return _are_runs((fact.t, fact.d, fact.count, fact.n))
    if isinstance(fact, CoverageFact):
        spans = (fact.known, fact.holes, fact.shown)
        runs = (fact.recorded, fact.withdrawn, *fact.missing.values())
        return all(map(_are_spans, spans)) and all(map(_are_runs, runs)) and fact.expired >= 0
    if isinstance(fact, FileFact):
        return min(fact.size, fact.d, fact.n, fact.scale, fact.more) >= 0
    if isinstance(fact, ShortFact):
        return fact.n >= 0
    if isinstance(fact, NamedFact):
        return _are_named(fact)
    if isinstance(fact, HeldFact):
        paths = (*fact.here, *fact.listed, *fact.grown)
        return min(fact.held, *fact.grown.values(), 0) >= 0 and all(map(is_safe_path, paths))
    return True


def _are_named(fact: NamedFact) -> bool:
    """Return True for rows of names that are safe, and are not too many to be written out."""
    for before, width, after in fact.series:
        name = Series(before, width, after).name(1) if 0 <= width <= MOST_DIGITS else ""
        if not is_safe_path(name):
            return False
    names = len(fact.series)
    for n, t, d, scale, _, name_, number, count, step in fact.rows:
        last = number + step * (count - 1)
        if min(n, d, scale - 1, name_, number, last, count - 1) < 0 or name_ >= names:
            return False
        if abs(t or 0) + d * count >= _MOST or last >= _MOST:
            return False
    numbers = [n for each in fact.missing.values() for n in each] + [each[0] for each in fact.cut]
    if min(fact.expired, *numbers, 0) < 0:
        return False
    return sum(row[7] for row in fact.rows) <= _MOST_NAMES


def _are_spans(values: tuple[int, ...]) -> bool:
    pairs = zip(values[::2], values[1::2], strict=False)
    return len(values) % 2 == 0 and all(begin < end for begin, end in pairs)


def _are_runs(values: tuple[int, ...]) -> bool:
    """Return True for runs of segments that have a duration, a number, and an end."""
    if len(values) % _RUN:
        return False
    runs: Iterable[tuple[int, ...]] = zip(*(values[at::_RUN] for at in range(_RUN)), strict=True)
    return all(d > 0 and count > 0 and abs(t) + d * count < _MOST for t, d, count, _ in runs)
