"""Take the bytes of planned files from the engine, and check them before they get a name.

A server may send something else in place of a file, or other bytes than its own digest says.
Small files that arrive whole are checked before they are stored, all others afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from dashget.common.digests import Digest, find_digest
from dashget.media.glance import glance, glance_at_initialization
from dashget.media.kind import SegmentKind
from dashget.mirroring.files import PlannedFile, Rejection, role_of
from dashget.mirroring.twins import END_BYTES, Twins
from dashget.store import Mirror
from dashget.transfer.contract import Job, ResponseHead, Sink

if TYPE_CHECKING:
    from dashget.media.sniff import Read
    from dashget.mirroring.room import Room
    from dashget.planning.plan import PlannedSegment
    from dashget.store import PartialFile

_MEDIA: Final = SegmentKind.MEDIA
_INITIALIZATION: Final = SegmentKind.INITIALIZATION
OTHER_HINT: Final = (
    "open the URL in a browser: the server or a portal may require a login or a new token;"
    " --accept-odd stores what the server sends"
)
_INDEXES_AT_MOST: Final = 100
"""So many files of a run are asked for again: a packager may never write a right index."""
INVALID_HINT: Final = "--accept-odd stores the file as the server sends it"


class Arrivals:
    """Stores the bytes of planned files. May be called by several threads, for different files."""

    def __init__(
        self,
        store: Mirror,
        checksum: str | None,
        *,
        accept_odd: bool = False,
        room: Room | None = None,
    ) -> None:
        """``accept_odd`` lets something else pass in place of a file; ``room`` has the limits."""
        self._store = store
        self._checksum = checksum
        self.accept_odd = accept_odd
        self.twins = Twins(store)
        """The media segments that may have the same bytes."""
        self.told: Callable[[int], object] | None = None
        """Called for each block of a file that is read for its digest; it may raise."""
        self._room = room
        self._indexes = 0
        """How many files were asked for again for their index."""
        self.described: set[str] = set()
        """The initialization segments that have come."""
        self._timed: dict[int, bool] = {}
        """For each track: True if the times of its media segments may be compared."""
        self._plain: dict[int, bool] = {}
        """For each track: True if its media segments are those of ISO base media."""

    def open(self, job: Job) -> Sink:
        """Return the sink for a file whose bytes arrive in several steps."""
        file: PlannedFile = job.payload
        part = self._store.part(file.path, file.urls[0], checksum=self._checksum)
        file.unfinished = file.part = part
        return part if self._room is None else self._room.sink(file, part)

    def deliver(self, job: Job, head: ResponseHead, pieces: list[bytes]) -> None:
        """Check and store a small file that has arrived whole."""
        file: PlannedFile = job.payload
        file.part = file.unfinished = None
        size = head.size or 0
        if self._room is not None:
            self._room.check(size)
            self._room.take(file, size)
        planned = file.planned
        kind = planned.segment.kind
        if kind is _MEDIA:
            plain = self._plain.get(id(planned.track))
            if plain is None:
                plain = self._learn(planned)
            seen = glance(pieces, size) if plain else None
        else:
            plain = kind is _INITIALIZATION and role_of(planned).is_iso
            seen = glance_at_initialization(pieces, size) if plain else None
        if seen is not None:
            ticks, doubtful = seen.ticks, seen.indexed
            file.ticks = ticks
            if ticks is None and not seen.untimed:
                self._look_closer(file, pieces, size)
        else:
            file.rejection = self._examine(file, _reader(pieces), size)
            if file.rejection is not None:
                return
            file.ticks, doubtful = None, True
            self._look_closer(file, pieces, size)
        if doubtful and len(file.urls) > 1:
            file.rejection = self._doubts_index(file, _reader(pieces), size)
            if file.rejection is not None:
                return
        if head.digests or self._checksum is not None:
            promised = find_digest(head.digests, status=head.status)
            if promised is not None and _digest(promised.algorithm, pieces) != promised.value:
                file.rejection = self._differs(file, promised)
                if file.rejection is not None:
                    return
            if self._checksum is not None:
                file.checksum = _digest(self._checksum, pieces).hex()
        if kind is _MEDIA and pieces:
            self.twins.add(planned, size, pieces[-1][-END_BYTES:])
        file.unfinished = self._store.receive(file.path, file.urls[0], head, pieces)

    def check(self, file: PlannedFile, part: PartialFile) -> Rejection | None:
        """Check a file that has arrived in several steps; return why it is rejected."""
        promised, rejection, file.coded = part.promised, None, None
        if part.codings:
            # Loaded late: few servers send any.
            from dashget.mirroring.codings import uncode

            promised, rejection = uncode(file, part, self.told, self._room)
        as_sent = self.accept_odd and rejection is not None and not rejection.too_large
        if rejection is None or as_sent:
            rejection = self._examine(file, part.read, part.size)
            file.odd = file.odd or as_sent
        if rejection is None and len(file.urls) > 1:
            rejection = self._doubts_index(file, part.read, part.size)
        if rejection is not None:
            return rejection
        if promised is not None and part.digest(promised.algorithm, self.told) != promised.value:
            rejection = self._differs(file, promised)
            if rejection is not None:
                return rejection
        if self._checksum is not None:
            file.checksum = part.digest(self._checksum, self.told).hex()
        file.ticks = self._time_of(file, part.read, part.size)
        if file.planned.segment.kind is _MEDIA:
            end = part.read(max(0, part.size - END_BYTES), END_BYTES)
            self.twins.add(file.planned, part.size, end)
        return None

    def is_odd(self, file: PlannedFile) -> bool:
        """Return True if a file that is in place cannot be what the manifest means, or be read.

        Or if it has its size only, and not its bytes. With ``accept_odd`` it is taken, and marked.
        """
        # Loaded late, here and below: the usual segment needs no closer look.
        from dashget.media.inspection import why_odd
        from dashget.store.reserved import is_only_reserved

        size = self._store.size(file.path)
        if size is None:
            return False
        try:
            with self._store.open(file.path) as stored:

                def read(offset: int, most: int) -> bytes:
                    stored.seek(offset)
                    return stored.read(most)

                odd = why_odd(read, size, role_of(file.planned)) is not None
                if self.accept_odd:
                    file.odd = odd
                    return False
                return odd or is_only_reserved(stored, size)
        except OSError:
            return True

    def find_time(self, file: PlannedFile) -> bool:
        """Look for the time inside a file that is in place; return True if it has one."""
        size = self._store.size(file.path)
        try:
            with self._store.open(file.path) as stored:

                def read(offset: int, most: int) -> bytes:
                    stored.seek(offset)
                    return stored.read(most)

                file.ticks = None if size is None else self._time_of(file, read, size)
        except OSError:
            file.ticks = None
        return file.ticks is not None

    def _look_closer(self, file: PlannedFile, pieces: Sequence[bytes], size: int) -> None:
        """Look for the time of a small file that a glance has not shown."""
        planned = file.planned
        if planned.segment.kind is not _MEDIA or self._timed.get(id(planned.track), True):
            file.ticks = self._time_of(file, _reader(pieces), size)

    def _time_of(self, file: PlannedFile, read: Read, size: int) -> int | None:
        """Return the first decode time of a file, if it is compared with the manifest's."""
        planned = file.planned
        kind = planned.segment.kind
        if kind is _INITIALIZATION:
            self.described.add(file.path)
        if kind is not _MEDIA or file.odd:
            return None
        from dashget.media.inspection import first_decode_time, is_timed

        timed = self._timed.get(id(planned.track))
        if timed is None:
            role = role_of(planned)
            timed = self._timed[id(planned.track)] = role.is_plain_segment or is_timed(role)
        return first_decode_time(read, size) if timed else None

    def _learn(self, planned: PlannedSegment) -> bool:
        """Keep for a track if its media segments are those of ISO base media, and return it."""
        plain = self._plain[id(planned.track)] = role_of(planned).is_plain_segment
        return plain

    def _examine(self, file: PlannedFile, read: Read, size: int) -> Rejection | None:
        """Return why a file is rejected: it is something else than the manifest means."""
        from dashget.media.inspection import why_odd

        file.odd = False
        reason = why_odd(read, size, role_of(file.planned))
        if reason is None:
            return None
        if self.accept_odd:
            file.odd = True
            return None
        hint = OTHER_HINT if reason.startswith("the server sent") else INVALID_HINT
        return Rejection(reason, is_other=True, hint=hint)

    def _differs(self, file: PlannedFile, promised: Digest) -> Rejection | None:
        """Return why a file is rejected: its bytes differ from the checksum that came with them.

        The second time it may be the checksum that is wrong: with ``accept_odd`` they are taken.
        """
        if self.accept_odd and file.rejected:
            file.odd = True
            return None
        reason = f"the {promised.algorithm} of the body differs from that in {promised.header}"
        return Rejection(reason, hint=INVALID_HINT)

    def _doubts_index(self, file: PlannedFile, read: Read, size: int) -> Rejection | None:
        """Return why a file is asked for once more, elsewhere: its ``sidx`` does not fit its boxes.

        The media may be fine without it, so what comes then is taken, and ``verify`` has a note.
        """
        if file.rejected or self.accept_odd or self._indexes >= _INDEXES_AT_MOST:
            return None
        from dashget.media.inspection import check_index

        found = check_index(read, size, role_of(file.planned))
        if not found:
            return None
        self._indexes += 1
        return Rejection(f"the index is invalid: {found[0]}")


def _reader(pieces: Sequence[bytes]) -> Read:
    """Return a function that reads from pieces that follow one another."""
    data = b"".join(pieces)
    return lambda offset, most: data[offset : offset + most]


def _digest(algorithm: str, pieces: Iterable[bytes]) -> bytes:
    import hashlib

    digest = hashlib.new(algorithm)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()
