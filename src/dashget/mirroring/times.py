"""Compare the decode times of media segments with the times that the manifest gives them.

``verify`` asks for all of a mirror, ``get`` for those tracks of which some segments were off when
they came (see clocks.py): both decide by this. If most segments of a Representation are off by
the same amount, the manifest is odd and the files are fine; so they are in a row that is off by
the same (see rows.py), and if all that are off have one and the same time: then the packager
writes it so. Each is told. A segment that differs from the others is wrong.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from dashget.common.numbers import nearest_float
from dashget.media.inspection import first_decode_time, is_timed, media_timescale
from dashget.media.kind import SegmentKind
from dashget.mirroring.files import role_of
from dashget.mirroring.rows import ends_it, is_alike, is_long, rows_of
from dashget.mpd.presentation import Representation, SingleAddressing
from dashget.planning.layout import Layout
from dashget.planning.plan import PlannedSegment, iter_plan
from dashget.planning.tracks import Track

if TYPE_CHECKING:
    from dashget.media.sniff import Read
    from dashget.store import FileRecord, Mirror

_ALLOWED: Final = Fraction(3, 4)


class _Position(NamedTuple):
    """A Representation of a Period; the same in all versions of the MPD."""

    period: str | None
    start: Fraction
    adaptation_set: int
    representation: str


class _Offset(NamedTuple):
    """How far a segment is off its time, and how far it may be; in seconds."""

    path: str
    off: Fraction
    allowed: Fraction
    ticks: int
    size: int


class OffTime(NamedTuple):
    """What is said about the times of a Representation, or of a segment that has a wrong one."""

    name: str
    """The path of a segment that is wrong; else the name of the Representation."""
    message: str
    is_wrong: bool


class _MediaTime(NamedTuple):
    """The time at which a segment should begin, and how far it may be off."""

    start: Fraction
    allowed: Fraction


class TimeCheck:
    """The times of all segments seen so far. Add them in plan order, then read ``findings``."""

    def __init__(self) -> None:
        self._timescales: dict[str, int | None] = {}
        """The timescale in each initialization segment, by path."""
        self._offsets: dict[_Position, list[_Offset]] = {}

    def add(self, planned: PlannedSegment, read: Read, size: int, layout: Layout) -> None:
        """Look into a file, as far as its time is compared: the initialization segment first."""
        role = role_of(planned)
        if role.kind is SegmentKind.INITIALIZATION:
            self._timescales[planned.path] = media_timescale(read, size)
        elif is_timed(role) and self.knows(planned.track, layout):
            self._add_segment(planned, first_decode_time(read, size), size, layout)

    def _add_segment(
        self, planned: PlannedSegment, ticks: int | None, size: int, layout: Layout
    ) -> None:
        """Remember how far the first decode time of a media segment is off."""
        timescale = self._timescale_of(planned.track, layout)
        expected = _media_time(planned)
        if ticks is None or timescale is None or expected is None:
            return
        offset = Fraction(ticks, timescale) - expected.start
        offsets = self._offsets.setdefault(_position_of(planned.track.representation), [])
        offsets.append(_Offset(planned.path, offset, expected.allowed, ticks, size))

    def knows(self, track: Track, layout: Layout) -> bool:
        """Return True if the initialization segment of a track has told its timescale."""
        return self._timescale_of(track, layout) is not None

    def findings(self) -> Iterator[OffTime]:
        """Yield each segment, and whole Representation, at an unexpected time."""
        for position, offsets in self._offsets.items():
            name = f"Representation {position.representation}"
            common = Fraction(0)
            wrong, rows = _judge(offsets, common)
            most = _common(offsets) if wrong or rows else common
            if most:
                others, left = _judge(offsets, most)
                if len(others) < len(wrong) or (len(others) == len(wrong) and not left):
                    common, wrong, rows = most, others, left
                    seconds = f"{nearest_float(common):+.3f} s"
                    message = f"all segments differ from the manifest's time by {seconds}"
                    yield OffTime(name, message, is_wrong=False)
            if rows:
                yield OffTime(name, _describe(rows, common), is_wrong=False)
            alike = _of_one_time(wrong)
            if alike:
                message = f"{len(alike)} segments, the first {alike[0].path}, have a decode time"
                message += " that others have as well: the packager may write it so"
                yield OffTime(name, message, is_wrong=False)
            for each in wrong:
                if each not in alike:
                    off = f"{nearest_float(each.off - common):+.3f} s"
                    message = f"the media time differs from the manifest's by {off}"
                    yield OffTime(each.path, message, is_wrong=True)

    def _timescale_of(self, track: Track, layout: Layout) -> int | None:
        initialization = track.representation.initialization
        if initialization is None:
            return None
        return self._timescales.get(layout.path(initialization.address, None, None, None))


def _of_one_time(wrong: Sequence[_Offset]) -> list[_Offset]:
    """Return the segments of different sizes that have one decode time."""
    sizes: dict[int, set[int]] = {}
    for each in wrong:
        sizes.setdefault(each.ticks, set()).add(each.size)
    return [each for each in wrong if len(sizes[each.ticks]) > 1]


def _common(offsets: Sequence[_Offset]) -> Fraction:
    """Return by how much most segments are off, if they are off by the same; else 0."""
    common = statistics.median_low(each.off for each in offsets)
    allowed = max(each.allowed for each in offsets)
    agreeing = sum(is_alike(each.off, common, allowed) for each in offsets)
    return common if abs(common) > allowed and 2 * agreeing > len(offsets) else Fraction(0)


def _judge(
    offsets: Sequence[_Offset], common: Fraction
) -> tuple[list[_Offset], list[list[_Offset]]]:
    """Return the segments that are wrong, and the rows that a discontinuity explains."""

    # The last segment may last a moment only: it is as imprecise as the others.
    usual = statistics.median_low(each.allowed for each in offsets)

    def is_off(each: _Offset) -> bool:
        return abs(each.off - common) > max(each.allowed, usual)

    def goes_on(before: _Offset, each: _Offset) -> bool:
        if is_off(before) != is_off(each):
            return False
        return not is_off(each) or is_alike(before.off, each.off, each.allowed)

    wrong: list[_Offset] = []
    explained: list[list[_Offset]] = []
    if not any(map(is_off, offsets)):
        return wrong, explained
    rows = rows_of(offsets, goes_on)
    end = len(rows) - 1
    late = rows[end][-1].off > common
    holds = [
        is_long(len(row)) or (number == end and is_off(row[0]) and ends_it(len(row), late=late))
        for number, row in enumerate(rows)
    ]
    for number, row in enumerate(rows):
        if is_off(row[0]):
            if holds[number]:
                explained.append(row)
            else:
                wrong += row
        elif not holds[number] and 0 < number < end and holds[number - 1] and holds[number + 1]:
            # On time, between two that are one: something else is in its place.
            after = rows[number + 1][0]
            if is_alike(rows[number - 1][-1].off, after.off, after.allowed):
                wrong += row
    return wrong, explained


def _describe(rows: Sequence[Sequence[_Offset]], common: Fraction) -> str:
    first, others = rows[0], rows[1:]
    off = f"{nearest_float(first[0].off - common):+.3f} s"
    text = f"{len(first)} segments in a row, the first {first[0].path}, differ from the manifest's"
    text += f" time by {off}, as after a splice or a reset of the encoder"
    if others:
        text += f"; so do {sum(map(len, others))} in {len(others)} other rows, by their own times"
    return text


def _position_of(representation: Representation) -> _Position:
    period = representation.period
    return _Position(period.id, period.start, representation.adaptation_set, representation.id)


def _media_time(planned: PlannedSegment) -> _MediaTime | None:
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
    return _MediaTime(time, Fraction(segment.duration, scale) * _ALLOWED)


class WrongTime(NamedTuple):
    """A stored segment that has a wrong time."""

    planned: PlannedSegment
    record: FileRecord
    reason: str


def wrong_times(track: Track, layout: Layout, store: Mirror) -> dict[str, WrongTime]:
    """Return the stored segments of a track that have a wrong time, each with what is wrong."""
    check, records = TimeCheck(), store.records()
    for planned in iter_plan((track,), layout):
        if planned.segment.kind is SegmentKind.MEDIA and not check.knows(track, layout):
            break
        record, size = records.get(planned.path), store.size(planned.path)
        if record is None or record.odd or not size:
            continue
        try:
            with store.open(planned.path) as file:

                def read(offset: int, count: int, file: BinaryIO = file) -> bytes:
                    file.seek(offset)
                    return file.read(count)

                check.add(planned, read, size, layout)
        except OSError:
            continue
    reasons = {each.name: each.message for each in check.findings() if each.is_wrong}
    found: dict[str, WrongTime] = {}
    for planned in iter_plan((track,), layout) if reasons else ():
        record = records.get(planned.path) if planned.path in reasons else None
        if record is not None:
            found[planned.path] = WrongTime(planned, record, reasons[planned.path])
    return found
