"""Compare the decode time of each media segment that arrives with the manifest's.

All is integers, and cheap: every segment of a run passes here. Who is a *suspect*, more than three
quarters of a segment off its time, is judged later; see rows.py and misplaced.py.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, BinaryIO, Final

from dashget.mirroring.files import PlannedFile
from dashget.mpd.presentation import SingleAddressing
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track
from dashget.store import Mirror

if TYPE_CHECKING:
    from dashget.planning.plan import PlannedSegment

_LARGEST_DESCRIPTION: Final = 1 << 20
_LOOKED_AT: Final = 16
_REMEMBERED: Final = 10_000
_read_size: Final = struct.Struct(">I").unpack_from


class Clock:
    """How the decode times of one track follow from the manifest's.

    In units of ``1 / (timescale * media_timescale)`` seconds a segment is off by
    ``ticks * timescale - (time + base) * media_timescale``.
    """

    __slots__ = ("base", "came", "common", "in_place", "media_timescale", "timescale")

    def __init__(self, timescale: int, base: int, media_timescale: int) -> None:
        self.timescale = timescale
        self.base = base
        self.media_timescale = media_timescale
        self.common = 0
        """By how much all segments are off, where the manifest is odd."""
        self.in_place = 0
        """How many segments had their time."""
        self.came: list[int] = []
        """The manifest's times of the first of them."""

    def off(self, file: PlannedFile) -> int:
        """Return by how much a segment is off."""
        time = (file.planned.segment.time or 0) + self.base
        return (file.ticks or 0) * self.timescale - time * self.media_timescale - self.common

    def tolerance(self, file: PlannedFile) -> int:
        """Return by how much a segment may be off."""
        return 3 * (file.planned.segment.duration or 0) * self.media_timescale // 4


class Clocks:
    """The clocks of one run's tracks."""

    def __init__(self, store: Mirror) -> None:
        self.layout: Layout | None = None
        """Where the files of the run are."""
        self.doubtful: dict[int, Track] = {}
        """The tracks of which some segments were off, or that have no clock."""
        self._store = store
        self._clocks: dict[int, Clock | None] = {}

    def of(self, track: Track) -> Clock | None:
        """Return the clock of a track; None if there is none, or not yet."""
        return self._clocks.get(id(track))

    def is_to_come(self, track: Track) -> bool:
        """Return True if the initialization segment has not come that tells a track's clock."""
        return id(track) not in self._clocks

    def is_suspect(self, file: PlannedFile) -> bool:
        """Return True if a segment is off its time, or if that cannot be told yet."""
        planned = file.planned
        known = id(planned.track)
        if known not in self._clocks and not self._learn(file):
            return True
        clock = self._clocks[known]
        if clock is None or planned.segment.time is None or not planned.segment.duration:
            return False
        if abs(clock.off(file)) > clock.tolerance(file):
            return True
        clock.in_place += 1
        if clock.in_place <= _REMEMBERED:
            clock.came.append(planned.segment.time)
        return False

    def doubt_described(self, tracks: Iterable[Track], described: Collection[str]) -> None:
        """Doubt tracks whose initialization segment has come after some of their segments."""
        layout = self.layout
        if layout is None or not described:
            return
        for track in tracks:
            initialization, clock = track.representation.initialization, self.of(track)
            if initialization is None or (clock and clock.in_place >= track.index.count()):
                continue
            if layout.path(initialization.address, None, None, None) in described:
                self.doubtful[id(track)] = track

    def doubt_beside(self, tracks: Iterable[Track]) -> None:
        """Doubt tracks to which files have come beside others, if one of those is off its time.

        Those just before and after a file that came are looked at, as many as a row may have that
        is in doubt; and some of all: where many are off, one that is on time may be wrong.
        """
        layout = self.layout
        for track in tracks:
            clock, count = self.of(track), track.index.count()
            if layout is None or clock is None or not 0 < clock.in_place < count:
                continue
            # Loaded late: most runs find no file.
            from dashget.mirroring.beside import those_beside

            remembered = clock.came if clock.in_place <= _REMEMBERED else None
            for planned in those_beside(track, layout, remembered, _LOOKED_AT):
                ticks = stored_time(self._store, planned)
                beside = PlannedFile(planned, planned.path, (), ticks=ticks)
                if ticks is not None and abs(clock.off(beside)) > clock.tolerance(beside):
                    self.doubtful[id(track)] = track
                    break

    def _timescale_inside(self, stored: BinaryIO, path: str) -> int | None:
        """Read the boxes one by one, where the usual look finds no timescale."""
        from dashget.media.inspection import media_timescale

        def read(offset: int, most: int) -> bytes:
            stored.seek(offset)
            return stored.read(most)

        return media_timescale(read, self._store.size(path) or 0)

    def _learn(self, file: PlannedFile) -> bool:
        """Make the clock of a track; return False if its initialization segment has not come."""
        planned = file.planned
        representation, timebase = planned.track.representation, planned.segment.timebase
        initialization, addressing = representation.initialization, representation.addressing
        if (
            self.layout is None
            or initialization is None
            or isinstance(addressing, SingleAddressing)
        ):
            self._clocks[id(planned.track)] = None
            return True
        path = self.layout.path(initialization.address, None, None, None)
        if self._store.size(path) is None:
            return False
        scale = None
        if initialization.range is None:
            with self._store.open(path) as stored:
                scale = _media_timescale(stored.read(_LARGEST_DESCRIPTION))
                if scale is None:
                    scale = self._timescale_inside(stored, path)
        base = (timebase.origin - representation.period.start) * timebase.timescale
        base += addressing.presentation_time_offset
        usable = scale is not None and base.denominator == 1
        made = Clock(timebase.timescale, base.numerator, scale) if usable and scale else None
        if made is None:
            self.doubtful[id(planned.track)] = planned.track
        self._clocks[id(planned.track)] = made
        return True


def stored_time(store: Mirror, planned: PlannedSegment) -> int | None:
    """Return the first decode time of a segment that is stored."""
    from dashget.media.inspection import first_decode_time

    size = store.size(planned.path)
    if size is None:
        return None
    with store.open(planned.path) as stored:

        def read(offset: int, most: int) -> bytes:
            stored.seek(offset)
            return stored.read(most)

        return first_decode_time(read, size)


def _media_timescale(data: bytes) -> int | None:
    """Return the timescale (``mdhd``) of an initialization segment; None if its tracks differ.

    A segment does not say at its beginning which of them comes first.
    """
    scales: set[int] = set()
    at = data.find(b"mdhd", 4)
    while at >= 0:
        if at + 28 > len(data):
            return None
        size, version = _read_size(data, at - 4)[0], data[at + 4]
        if (size, version) not in ((32, 0), (44, 1)):
            return None
        scales.add(_read_size(data, at + (24 if version else 16))[0])
        at = data.find(b"mdhd", at + size)
    return (scales.pop() or None) if len(scales) == 1 else None
