"""Cut a segment into the parts of a sequence (5.3.9.7).

The parts share the number and the ``$Time$`` of their sequence; ``$SubNumber$`` counts them from
0 on. Each is ``duration / parts`` long, which need not be whole ticks: so each part has a time
base of its own, in which the time of the sequence is where the part begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from dashget.segments.segment import TimeBase

_SHARED_PARTS: Final = 256
"""The most parts that are remembered; a hostile ``@k`` may be any number."""
_SHARED_DURATIONS: Final = 16


class Cutter:
    """Cuts the segments of one Representation; remembers how it cut those of the last durations."""

    def __init__(self, timebase: TimeBase) -> None:
        self._timebase = timebase
        self._known: dict[tuple[int, int], tuple[tuple[TimeBase, int], ...]] = {}

    def cut(self, duration: int, parts: int) -> tuple[tuple[TimeBase, int], ...] | None:
        """Return the time base and the ticks of each part; None if they are too many to keep."""
        if parts > _SHARED_PARTS:
            return None
        found = self._known.get((duration, parts))
        if found is None:
            if len(self._known) >= _SHARED_DURATIONS:
                self._known.clear()
            found = self._known[duration, parts] = tuple(self.iter_cut(duration, parts))
        return found

    def iter_cut(self, duration: int, parts: int) -> Iterator[tuple[TimeBase, int]]:
        """Yield the time base and the ticks of each part; the ticks add up to ``duration``."""
        scale, origin = self._timebase.timescale, self._timebase.origin
        if parts == 1:
            yield self._timebase, duration
            return
        for j in range(parts):
            begin = Fraction(duration * j, parts * scale)
            ticks = duration * (j + 1) // parts - duration * j // parts
            yield TimeBase(scale, origin + begin), ticks
