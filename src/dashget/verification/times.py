"""Compare the decode times of media segments with the times that the manifest gives them.

The tolerance is half a segment or half a second, whichever is more. If most segments of a
Representation are off by the same amount, the manifest is odd and the files are fine: that is
one note. A segment that differs from the others is an error.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from fractions import Fraction
from typing import Final, NamedTuple

from dashget.common.numbers import nearest_float
from dashget.media.inspection import MediaTime
from dashget.mpd.presentation import Representation, SingleAddressing
from dashget.planning.layout import Layout
from dashget.planning.plan import PlannedSegment
from dashget.planning.tracks import Track
from dashget.verification.findings import Finding, Problem, note

_HALF: Final = Fraction(1, 2)


class _Position(NamedTuple):
    """A Representation of a Period; the same in all versions of the MPD."""

    period: str | None
    start: Fraction
    adaptation_set: int
    representation: str


class TimeCheck:
    """The times of all segments seen so far. Add them in plan order, then read ``findings``."""

    def __init__(self) -> None:
        self._timescales: dict[str, int | None] = {}
        """The timescale in each initialization segment, by path."""
        self._offsets: dict[_Position, list[tuple[str, Fraction, Fraction]]] = {}
        """Path, difference from the manifest's time, and tolerance of each segment."""

    def add_initialization(self, path: str, timescale: int | None) -> None:
        """Remember the timescale of an initialization segment."""
        self._timescales[path] = timescale

    def add_segment(self, planned: PlannedSegment, ticks: int | None, layout: Layout) -> None:
        """Remember how far the first decode time of a media segment is off."""
        timescale = self._timescale_of(planned.track, layout)
        expected = _media_time(planned)
        if ticks is None or timescale is None or expected is None:
            return
        offset = Fraction(ticks, timescale) - expected.start
        offsets = self._offsets.setdefault(_position_of(planned.track.representation), [])
        offsets.append((planned.path, offset, expected.tolerance))

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each segment, or whole Representation, at an unexpected time."""
        for position, offsets in self._offsets.items():
            common = statistics.median_low(offset for _, offset, _ in offsets)
            tolerance = max(tolerance for _, _, tolerance in offsets)
            agreeing = sum(abs(offset - common) <= tolerance for _, offset, _ in offsets)
            if abs(common) > tolerance and 2 * agreeing > len(offsets):
                seconds = f"{nearest_float(common):+.3f} s"
                message = f"all segments differ from the manifest's time by {seconds}"
                yield note(f"Representation {position.representation}", Problem.TIME, message)
            else:
                common = Fraction(0)
            for path, offset, allowed in offsets:
                off = offset - common
                if abs(off) > allowed:
                    message = (
                        f"the media time differs from the manifest's by {nearest_float(off):+.3f} s"
                    )
                    yield Finding(path, Problem.TIME, message)

    def _timescale_of(self, track: Track, layout: Layout) -> int | None:
        initialization = track.representation.initialization
        if initialization is None:
            return None
        return self._timescales.get(layout.path(initialization.address, None, None, None))


def _position_of(representation: Representation) -> _Position:
    period = representation.period
    return _Position(period.id, period.start, representation.adaptation_set, representation.id)


def _media_time(planned: PlannedSegment) -> MediaTime | None:
    """Return the media time that the manifest gives a segment, in seconds.

    Where durations are counted rather than listed, time begins at
    ``@presentationTimeOffset`` (5.3.9.2.2).
    """
    segment, addressing = planned.segment, planned.track.representation.addressing
    start, scale = segment.start, segment.timebase.timescale
    if start is None or segment.duration is None or isinstance(addressing, SingleAddressing):
        return None
    offset = Fraction(addressing.presentation_time_offset, scale)
    time = start - planned.track.representation.period.start + offset
    return MediaTime(time, max(Fraction(segment.duration, scale) * _HALF, _HALF))
