"""How much a run may store: the limits of the user on one file, and on the mirror as a whole.

Both hold before bytes are stored. A file beyond its limit fails by itself: when a response
announces its size, or else with the first byte that is too many. A file that would make the
mirror too large is cancelled, and ends the run in order: no further file is begun, and those for
which there is room arrive. The room for a file is taken when its size is announced, or piece by
piece where none is, and given back if it does not come.

What was there before the run counts: a mirror that is completed run by run has one size. So do
unfinished files. DashGet's own files, such as the record, do not.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dashget.common.stopping import Bound, Stop
from dashget.events import Outcome
from dashget.mirroring.files import FETCHED
from dashget.planning.layout import reserved_names
from dashget.transfer.contract import ResponseHead, ResumePoint, TooLargeError

if TYPE_CHECKING:
    from dashget.mirroring.files import PlannedFile
    from dashget.store import Mirror, PartialFile

LARGER_HINT: Final = "--max-file-size allows larger files"


class Room:
    """What may still be stored by one run. Safe to use from several threads."""

    def __init__(self, most_of_file: int | None, most_in_all: int | None) -> None:
        self.most_of_file = most_of_file
        self._most = most_in_all
        self._lock = threading.Lock()
        self._used = 0
        self._held: dict[str, int] = {}
        """What is counted of files that are not complete, by path."""
        self._replaced: dict[str, int] = {}
        """The sizes of recorded files that are to be replaced, by path."""
        self._sinks: dict[str, LimitedSink] = {}
        self.refused: set[str] = set()
        """The files for which there was no room."""
        self._store: Mirror
        self._stop: Stop

    def open(self, store: Mirror, stop: Stop) -> None:
        """Count what a claimed mirror holds; ``stop`` is the one of the run."""
        self._store, self._stop = store, stop
        if self._most is not None:
            header = store.header()
            own = frozenset() if header is None else reserved_names(header.manifest)
            paths = (record.path for record in store.records())
            there = sum(store.size(path) or 0 for path in paths if path not in own)
            self._used = there + store.kept()[1]

    @property
    def requested(self) -> bool:
        """True if no further file is to be begun: the mirror is full, or the run was stopped."""
        return bool(self.refused) or self._stop.requested

    def end_if_full(self) -> None:
        """Stop the run if there was no room for a file, now that the others have come."""
        if self.refused:
            self._stop.request(Bound.SIZE)

    def sink(self, file: PlannedFile, part: PartialFile) -> LimitedSink:
        """Return the sink that stands before a part."""
        sink = self._sinks[file.path] = LimitedSink(self, file, part)
        return sink

    def check(self, size: int) -> None:
        """Raise TooLargeError for a file that is announced with more bytes than one may have."""
        if self.most_of_file is not None and size > self.most_of_file:
            told = f"{size:,} bytes are announced; the limit is {self.most_of_file:,}"
            raise TooLargeError(told, LARGER_HINT)

    def know(self, path: str, size: int) -> None:
        """Record how much is here of a file that an earlier run has begun; it is counted."""
        with self._lock:
            self._held.setdefault(path, size)

    def has_part(self, file: PlannedFile) -> bool:
        """Return True if unfinished bytes of a file are on disk."""
        return self._store.has_part(file.path)

    def take(self, file: PlannedFile, size: int) -> None:
        """Take room for so many bytes of a file in all; TooLargeError if there is no more.

        Less than before gives room back.
        """
        if self._most is None:
            return
        path = file.path
        with self._lock:
            if file.local_size is not None and path not in self._replaced:
                recorded = self._store.is_recorded(path)
                self._replaced[path] = file.local_size if recorded else 0
            more = size - self._held.get(path, 0)
            if more > 0 and self._used + more > self._most:
                self.refused.add(path)
                raise TooLargeError("the mirror would be larger than the limit")
            self._held[path] = size
            self._used += more

    def allow(self, file: PlannedFile, size: int) -> None:
        """Have room for so many bytes of a file in all, as they are made of what has come."""
        most = self.most_of_file
        if most is not None and size > most:
            told = f"it becomes more than the limit of {most:,} bytes when it is decoded"
            raise TooLargeError(told, LARGER_HINT)
        self.take(file, size)

    def ended(self, file: PlannedFile, outcome: Outcome, size: int | None) -> None:
        """Count what a file has left behind that has its outcome."""
        path = file.path
        sink = self._sinks.pop(path, None)
        left = 0
        if outcome in FETCHED:
            left = (size or 0) - self._replaced.pop(path, 0)
        elif outcome is Outcome.ADOPTED:
            left = size or 0
        elif sink is not None:
            left = sink.leave()
        with self._lock:
            self._used += left - self._held.pop(path, 0)
            if left and not outcome.complete:
                self._held[path] = left


class LimitedSink:
    """A sink before a part: it refuses what is beyond the limits, and passes on the rest."""

    def __init__(self, room: Room, file: PlannedFile, part: PartialFile) -> None:
        self._room = room
        self._file = file
        self._part = part
        self._known = 0
        """The bytes of an earlier run."""
        self._begun = self._own = False
        """Own: all bytes of the part are of this run."""
        self._over = False
        self._taken = self._end = 0
        """Up to the first position there is room, up to the second one bytes have come."""
        for name in ("park", "reopen"):
            if hasattr(part, name):
                setattr(self, name, getattr(part, name))
        self.scatter = part.scatter
        self.written = part.written
        self.read = part.read

    def resume_point(self) -> ResumePoint | None:
        """Return what is on disk already, which is counted."""
        point = self._part.resume_point()
        if point is not None:
            self._known = sum(span.size_bytes or 0 for span in point.finished)
            self._room.know(self._file.path, self._known)
        return point

    def begin(self, head: ResponseHead, offset: int) -> None:
        """Begin, if what is announced is within the limits; what is here stays otherwise."""
        if head.size is not None:
            self._room.check(head.size)
        size = offset if head.size is None else head.size
        self._room.take(self._file, size)
        self._taken, self._end = size, offset
        self._own = offset == 0 or self._own
        self._begun = True
        self._part.begin(head, offset)

    def write(self, data: bytes, offset: int, /) -> object:
        """Write bytes for which there is room."""
        self._extend(offset + len(data))
        return self._part.write(data, offset)

    def write_pieces(self, pieces: Sequence[bytes], offset: int, /) -> object:
        """Write pieces that follow one another, if there is room for all of them."""
        self._extend(offset + sum(map(len, pieces)))
        at_once = getattr(self._part, "write_pieces", None)
        if at_once is not None:
            return at_once(pieces, offset)
        return self._part.write(b"".join(pieces), offset)

    def leave(self) -> int:
        """Return how many bytes a file that did not come leaves on disk.

        What this run alone has brought of a file that is too large is removed: nobody can
        use it. What an earlier run has brought stays, for a run with a higher limit.
        """
        if not self._begun:
            return self._known
        if self._over and self._own:
            self._part.drop()
            return 0
        return self._end if self._room.has_part(self._file) else 0

    def _extend(self, end: int) -> None:
        """Have room for bytes up to a position."""
        if end > self._taken:
            self._take(end)
        self._end = max(self._end, end)

    def _take(self, end: int) -> None:
        most = self._room.most_of_file
        if most is not None and end > most:
            self._over = True
            raise TooLargeError(f"more than the limit of {most:,} bytes has come", LARGER_HINT)
        self._room.take(self._file, end)
        self._taken = end
