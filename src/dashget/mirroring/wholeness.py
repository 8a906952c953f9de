"""Find out which files may have lost their end: those that came without a length.

Some show their end inside. Fragments of ISO base media may do so too, by how long they last, once
their initialization segment is there: so they are looked at when the run is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, Final

from dashget.common.numbers import nearest_float
from dashget.media.inspection import duration, media_timescale, proves_whole, sample_duration
from dashget.mirroring.files import role_of
from dashget.planning.layout import Layout, SafePath
from dashget.planning.tracks import Track
from dashget.store import Mirror

if TYPE_CHECKING:
    from dashget.media.sniff import Read
    from dashget.mirroring.files import PlannedFile
    from dashget.store import PartialFile

_NO_END: Final = "the server told no length, and has no ranges"
_LARGEST_DESCRIPTION: Final = 1 << 24


class Wholeness:
    """The files of a run whose end the server has not told."""

    def __init__(self, store: Mirror) -> None:
        self._store = store
        self._unproved: list[SafePath] = []
        self._doubtful: list[PlannedFile] = []
        self._scales: dict[int, tuple[int | None, int | None]] = {}
        """For each track: timescale, and the default duration of a sample."""

    def add(self, file: PlannedFile, part: PartialFile) -> None:
        """Look at a file that has arrived without a length."""
        proved = None if file.odd else proves_whole(part.read, part.size, role_of(file.planned))
        if file.odd or proved is False:
            self._unproved.append(file.path)
        elif proved is None:
            self._doubtful.append(file)

    def settle(self, layout: Layout | None) -> Iterator[tuple[SafePath, str]]:
        """Yield the files that may have lost their end, each with the reason."""
        for path in self._unproved:
            yield path, _NO_END
        for file in self._doubtful:
            size = self._store.size(file.path)
            if size is None or layout is None:
                continue
            try:
                short = self._shortage(file, size, layout)
            except (OSError, ValueError):
                short = _NO_END
            if short is not None:
                yield file.path, short

    def _shortage(self, file: PlannedFile, size: int, layout: Layout) -> str | None:
        """Return why a file of fragments may have lost its end; None if it has all its time.

        It lacks some if more than half of its last fragment is missing from the manifest's time:
        fragments are about equal, and segments need not be exact.
        """
        planned = file.planned
        segment, scale = planned.segment, planned.segment.timebase.timescale
        timescale, default = self._describe(planned.track, layout)
        with self._store.open(file.path) as stored:
            found = duration(_reader(stored), size, default)
        if found is None or timescale is None or not segment.duration or segment.range is not None:
            return _NO_END
        missing = Fraction(segment.duration, scale) - Fraction(found.total, timescale)
        if 2 * missing <= Fraction(found.last, timescale):
            return None
        lasts = nearest_float(Fraction(found.total, timescale))
        wanted = nearest_float(Fraction(segment.duration, scale))
        return f"{_NO_END}; it has {lasts:.3f} of {wanted:.3f} s"

    def _describe(self, track: Track, layout: Layout) -> tuple[int | None, int | None]:
        known = self._scales.get(id(track))
        if known is None:
            known = self._scales[id(track)] = self._read_description(track, layout)
        return known

    def _read_description(self, track: Track, layout: Layout) -> tuple[int | None, int | None]:
        initialization = track.representation.initialization
        if initialization is None:
            return None, None
        path = layout.path(initialization.address, None, None, None)
        size = self._store.size(path)
        if size is None or size > _LARGEST_DESCRIPTION:
            return None, None
        with self._store.open(path) as stored:
            read = _reader(stored)
            return media_timescale(read, size), sample_duration(read, size)


def _reader(stored: BinaryIO) -> Read:
    def read(offset: int, most: int) -> bytes:
        stored.seek(offset)
        return stored.read(most)

    return read
