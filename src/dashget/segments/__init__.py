"""Segment lists: what a resolved Representation makes a client ask for, in exact arithmetic.

``address(representation)`` gives a ``SegmentIndex``, lazy and of flat memory however many
segments there are. One module per addressing mode: ``template`` and ``timeline``
(SegmentTemplate), ``list`` (SegmentList), ``base`` (SegmentBase and bare BaseURL),
``window`` (what a dynamic presentation has available).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from dashget.mpd.presentation import Representation
from dashget.mpd.template import Address
from dashget.segments.segment import Segment

__all__ = ["SegmentIndex", "address"]


class SegmentIndex(Protocol):
    """The segments of one Representation in one Period."""

    def addresses(self) -> Iterator[Address]:
        """Every distinct ``Address`` object that iteration will yield, lazily."""

    def __iter__(self) -> Iterator[Segment]:
        """Initialization, index and bitstream switching first, then media in order."""

    def count(self) -> int | None:
        """How many media segments there are; computed, never by reading an endless list."""


def address(representation: Representation, *, limit: int | None = None) -> SegmentIndex:
    """Give the segments of a Representation; more than ``limit`` of them is an MPDError.

    Dynamic presentations: the window of ``resolve(..., now=...)`` is in the Representation.
    """
    raise NotImplementedError
