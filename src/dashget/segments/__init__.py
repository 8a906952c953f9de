"""Segment lists: what a resolved Representation makes a client ask for, in exact arithmetic.

``address(representation)`` gives a ``SegmentIndex``, lazy and of flat memory however many
segments there are. One module per addressing mode: ``template`` and ``timeline``
(SegmentTemplate), ``list`` (SegmentList), ``base`` (SegmentBase and bare BaseURL),
``window`` (what a dynamic presentation has available).
"""

from __future__ import annotations

from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import ListAddressing, Representation, TemplateAddressing
from dashget.segments.base import SingleIndex
from dashget.segments.index import SegmentIndex
from dashget.segments.segment import Segment, TimeBase
from dashget.segments.segmentlist import ListIndex
from dashget.segments.template import DurationIndex
from dashget.segments.timeline import TimelineIndex

__all__ = ["Segment", "SegmentIndex", "SegmentKind", "TimeBase", "address"]


def address(representation: Representation, *, limit: int | None = None) -> SegmentIndex:
    """Give the segments of a Representation, lazily.

    In a dynamic presentation these are the ones available at the ``now`` that ``resolve``
    was given. With a ``limit``, more media segments than that raise UnsupportedMPDError when
    they are iterated.
    """
    addressing = representation.addressing
    if isinstance(addressing, TemplateAddressing):
        if addressing.timeline is not None:
            return TimelineIndex(representation, addressing, addressing.timeline, limit)
        return DurationIndex(representation, addressing, limit)
    if isinstance(addressing, ListAddressing):
        return ListIndex(representation, addressing, limit)
    return SingleIndex(representation, addressing, limit)
