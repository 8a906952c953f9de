"""Segments: the list of segments of a resolved Representation, in exact arithmetic. No I/O.

The road: ``address(representation)`` returns a ``SegmentIndex``, which yields the segments lazily
and needs little memory for any number of them. Each addressing mode has a module: ``template``
and ``timeline`` (SegmentTemplate), ``segmentlist`` (SegmentList), ``base`` (SegmentBase and bare
BaseURL). ``index`` computes which segments of a dynamic presentation are available,
``subsegments`` reads the index of a single file, ``listing`` has the public function.

Words: a *segment* is one request that a Representation needs: its kind, address, byte range and
time. It is *explicit* if the manifest lists it, *derived* if it follows from a duration. A *run*
is a number of equal segments in a row, as one ``S`` element describes them.
"""

from __future__ import annotations

from msgspec.structs import replace

from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import ListAddressing, Representation, TemplateAddressing
from dashget.segments.index import SegmentIndex
from dashget.segments.segment import Segment, TimeBase

__all__ = ["Segment", "SegmentIndex", "SegmentKind", "TimeBase", "address"]


def address(representation: Representation, *, limit: int | None = None) -> SegmentIndex:
    """Return the segments of a Representation, as a lazy index.

    Of a dynamic presentation these are the segments available at the time given to
    ``resolve``. Iterating over more than ``limit`` media segments raises UnsupportedMPDError.
    """
    index = _index(representation, limit)
    if representation.spares:
        index.spares = tuple(
            _index(replace(representation, addressing=spare, spares=()), limit)
            for spare in representation.spares
        )
    return index


def _index(representation: Representation, limit: int | None) -> SegmentIndex:
    # Most presentations have one kind of index: the modules of the others are not loaded.
    addressing = representation.addressing
    if isinstance(addressing, TemplateAddressing):
        if addressing.timeline is not None:
            from dashget.segments.timeline import TimelineIndex

            return TimelineIndex(representation, addressing, addressing.timeline, limit)
        from dashget.segments.template import DurationIndex

        return DurationIndex(representation, addressing, limit)
    if isinstance(addressing, ListAddressing):
        from dashget.segments.segmentlist import ListIndex

        return ListIndex(representation, addressing, limit)
    from dashget.segments.base import SingleIndex

    return SingleIndex(representation, addressing, limit)
