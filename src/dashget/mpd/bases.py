"""Resolve the base URLs of all levels, with their alternatives (5.6)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from dashget.mpd.budget import Budget
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import BaseUrlElement, Offset
from dashget.mpd.presentation import Base
from dashget.mpd.template import escape_markers
from dashget.mpd.urls import resolve_reference

MAX_ALTERNATIVES: Final = 16
"""The maximum of combinations of BaseURLs; four levels of a hundred would be 10^8."""


def extend_bases(
    bases: tuple[Base, ...], elements: tuple[BaseUrlElement, ...], log: IssueLog, budget: Budget
) -> tuple[Base, ...]:
    """Resolve a level's BaseURLs against every alternative of the level above.

    The level is first ordered by ``ordered``. Combinations follow in that order; the upper
    level changes last.
    """
    if not elements:
        return bases
    chosen = ordered(elements)[:MAX_ALTERNATIVES]
    budget.spend(
        3 * sum(len(base.url) + len(element.url) for base in bases for element in chosen),
        "base URLs",
    )
    combined = [_combine(base, element) for base in bases for element in chosen]
    count = len(bases) * len(elements)
    if count > MAX_ALTERNATIVES:
        first = elements[0]
        log.warn(
            f"{count} combinations of base URLs; the first {MAX_ALTERNATIVES} are used",
            first.where,
            first.line,
            "5.6.5",
        )
    return tuple(dict.fromkeys(combined[:MAX_ALTERNATIVES]))


def ordered(elements: Iterable[BaseUrlElement]) -> tuple[BaseUrlElement, ...]:
    """Order a level's alternatives: lower ``dvb:priority`` first, then higher ``dvb:weight``.

    Among equals, document order; but an element that repeats a ``@serviceLocation`` comes after
    those at other locations, because both probably fail together (5.6.5). DVB asks players to
    choose by weight at random; a mirror must be repeatable.
    """
    ranked = sorted(elements, key=lambda e: (_default(e.priority), -_default(e.weight)))
    seen: set[tuple[int, str]] = set()
    keyed = []
    for position, element in enumerate(ranked):
        location = (_default(element.priority), element.service_location or f"\0{position}")
        keyed.append((_default(element.priority), location in seen, position, element))
        seen.add(location)
    keyed.sort(key=lambda row: row[:3])
    return tuple(row[3] for row in keyed)


def add_offsets(first: Fraction | None, second: Offset | None) -> Fraction | None:
    """Add two ``@availabilityTimeOffset``s; None is ``INF``, and so is its sum with any other."""
    if second is None:
        return first
    if first is None or second.seconds is None:
        return None
    return first + second.seconds


def _combine(base: Base, element: BaseUrlElement) -> Base:
    return Base(
        # No text of a base is a field, whatever it looks like.
        url=resolve_reference(base.url, escape_markers(element.url)),
        service_location=element.service_location or base.service_location,
        byte_range=escape_markers(element.byte_range or "") or base.byte_range,
        availability_time_offset=add_offsets(
            base.availability_time_offset, element.availability_time_offset
        ),
    )


def _default(value: int | None) -> int:
    return 1 if value is None else value
