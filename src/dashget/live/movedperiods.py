"""Periods without an id whose start moves from document to document: they stay the same ones.

Their segments tell: those that are in two documents are of one Period, wherever that starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import msgspec

from dashget.live.listing import Listing, Version


class _Stretch(msgspec.Struct, frozen=True):
    """The segments of a line in a Period: axis times."""

    begin: int
    end: int | None
    """None: they follow from a duration, so that their begin alone tells them."""
    first: Fraction
    """Where its Period was first."""


class MovedPeriods:
    """Remembers where each Period without an id was first. Starts are server times."""

    def __init__(self) -> None:
        self._stretches: dict[str, list[_Stretch]] = {}
        """Of the lines of the last document."""
        self._first: dict[Fraction, Fraction] = {}
        """By where it starts in the last document."""

    def first(self, start: Fraction) -> Fraction:
        """Return where the Period was first that starts at a time in the newest document."""
        return self._first.get(start, start)

    def follow(self, version: Version) -> None:
        """Take a newer document."""
        listings = [each for each in version.listings if _has_no_id(each)]
        starts = {each.period_start for each in listings}
        stays = {first for start, first in self._first.items() if start in starts}
        first = {start: self._first[start] for start in starts if start in self._first}
        for listing in listings:
            if listing.period_start not in first:
                for stretch in _meeting(self._stretches.get(listing.key, ()), listing):
                    if stretch.first not in stays:
                        first[listing.period_start] = stretch.first
        self._first = {start: first.get(start, start) for start in starts}
        self._stretches = {}
        for listing in listings:
            begin, end = _extent(listing)
            stretch = _Stretch(begin, end, self._first[listing.period_start])
            self._stretches.setdefault(listing.key, []).append(stretch)


def _has_no_id(listing: Listing) -> bool:
    made_of = listing.representation
    has_segments = bool(listing.rows or listing.step)
    return has_segments and made_of is not None and made_of.period.id is None


def _extent(listing: Listing) -> tuple[int, int | None]:
    if listing.rows:
        return listing.rows[0].time, listing.rows[-1].end
    return listing.begin, None


def _meeting(known: Iterable[_Stretch], listing: Listing) -> Iterator[_Stretch]:
    """Yield the stretches that have segments of a listing."""
    begin, end = _extent(listing)
    for each in known:
        if each.end is None or end is None:
            if each.begin == begin and each.end == end:
                yield each
        elif each.begin < end and begin < each.end:
            yield each
