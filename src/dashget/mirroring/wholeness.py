"""Find out which files may have lost their end: those that came without a length.

Some show their end inside. Fragments of ISO base media may do so too, by how long they last, once
their initialization segment is there. One that lacks some of its time is asked for once more,
elsewhere first, when all others have had their turn; the longer of the two is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, Final

from dashget.common.numbers import nearest_float
from dashget.media.inspection import (
    check_index,
    duration,
    media_timescale,
    proves_whole,
    sample_duration,
)
from dashget.mirroring.files import role_of
from dashget.planning.layout import Layout, SafePath
from dashget.planning.tracks import Track
from dashget.store import Mirror

if TYPE_CHECKING:
    from dashget.media.sniff import Read
    from dashget.mirroring.files import PlannedFile
    from dashget.store import PartialFile
    from dashget.transfer.contract import Fetched

_NO_END: Final = "the server told no length, and has no ranges"
_LARGEST_DESCRIPTION: Final = 1 << 24


class Wholeness:
    """The files of a run whose end the server has not told."""

    def __init__(self, store: Mirror) -> None:
        self._store = store
        self._unproved: dict[SafePath, str] = {}
        self._doubtful: set[PlannedFile] = set()
        self._waiting: list[tuple[PlannedFile, Fetched]] = []
        self._scales: dict[int, tuple[int | None, int | None]] = {}
        """For each track: timescale, and the default duration of a sample."""

    def add(self, file: PlannedFile, part: PartialFile, layout: Layout | None) -> None:
        """Look at a file that has arrived without a length."""
        role = role_of(file.planned)
        proved = None if file.odd else proves_whole(part.read, part.size, role)
        if file.odd or proved is False:
            self._unproved[file.path] = _NO_END
        elif proved is None and not self._clear(file, part.read, part.size, layout):
            self._doubtful.add(file)

    def doubts(self, file: PlannedFile) -> bool:
        """Return True if a file may be asked for once more when all others have come."""
        return file.first is None and file in self._doubtful

    def waits(self, file: PlannedFile, fetched: Fetched) -> bool:
        """Return True if a stored file may be asked for once more: it has no outcome yet."""
        if not self.doubts(file):
            return False
        self._doubtful.discard(file)
        self._waiting.append((file, fetched))
        return True

    def decide(self, layout: Layout | None) -> Iterator[tuple[PlannedFile, Fetched, str | None]]:
        """Yield the files that waited, each with the reason why it lacks some of its time.

        None for one that is whole as far as it tells.
        """
        waiting, self._waiting = self._waiting, []
        for file, fetched in waiting:
            short = None
            try:
                size = self._store.size(file.path)
                if size is not None and layout is not None:
                    with self._store.open(file.path) as stored:
                        short = self._shortage(file, _reader(stored), size, layout)
            except (OSError, ValueError):
                short = _NO_END
            if short is not None:
                self._unproved[file.path] = short
            yield file, fetched, None if short == _NO_END else short

    def settle(self) -> Iterator[tuple[SafePath, str]]:
        """Yield the files that may have lost their end, each with the reason."""
        yield from self._unproved.items()

    def forget(self, file: PlannedFile) -> None:
        """Doubt a file no longer: a longer one has come in its place, and is looked at itself."""
        self._unproved.pop(file.path, None)

    def came_again(self, file: PlannedFile) -> None:
        """Add to the doubt about a file that no longer one has come."""
        if file.path in self._unproved:
            self._unproved[file.path] += ", and no more when it was asked for again"

    def _clear(self, file: PlannedFile, read: Read, size: int, layout: Layout | None) -> bool:
        """Return True if a file is not asked for again; what is to be said of it is kept."""
        if layout is None:
            return False
        initialization = file.planned.track.representation.initialization
        if initialization is not None and id(file.planned.track) not in self._scales:
            path = layout.path(initialization.address, None, None, None)
            if self._store.size(path) is None:
                return False
        try:
            short = self._shortage(file, read, size, layout)
        except (OSError, ValueError):
            short = _NO_END
        if short is None or short == _NO_END or file.first is not None:
            if short is not None:
                self._unproved[file.path] = short
            return True
        return False

    def _shortage(self, file: PlannedFile, read: Read, size: int, layout: Layout) -> str | None:
        """Return why a file of fragments may have lost its end; None if it has all its time.

        It lacks some if more than half of its last fragment is missing from the manifest's time:
        fragments are about equal, and segments need not be exact.
        """
        planned = file.planned
        for problem in check_index(read, size, role_of(planned)):
            return f"{_NO_END}; {problem}"
        segment, scale = planned.segment, planned.segment.timebase.timescale
        timescale, default = self._describe(planned.track, layout)
        found = duration(read, size, default)
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
