"""Keep the newest hours or bytes of a recording: the oldest files go, over all tracks.

The order is: who needs the files is told (the local MPD leaves them out), the record says that they
go, then they go, and at last the record is written anew without their lines. So a kill at any
moment leaves some files that the record does not know any more, and that go the next time, and
never a record of files that are gone.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

import msgspec

from dashget.errors import StoreError
from dashget.events import Observer, SegmentsExpired, Warned
from dashget.live.facts import ExpiredFact, FileFact, LineFact, SegmentFact
from dashget.live.line import Line
from dashget.live.options import Wishes
from dashget.live.retention import Batch, Kept, Oldest
from dashget.live.snapshot import facts_of
from dashget.planning.layout import CONTROL_DIRECTORY, local_manifest_name
from dashget.recording import checkpoint
from dashget.recording.facts import encode_fact, fact_of, read_lines, write_fact
from dashget.recording.ledger import Ledger
from dashget.store import Mirror
from dashget.store.failures import OutsideError
from dashget.store.record import encode_line
from dashget.store.soundness import UNREADABLE

_STEP: Final = 1024
_LONGEST_DELAY: Final = 60.0
_SHARE: Final = 100
"""Files go when there is a hundredth too much: a minute's worth of them at most."""
_AT_ONCE: Final = 64
"""So many files are removed while nothing else can be stored."""
_LEAST_DEAD: Final = 1 << 20
"""The record is written anew if so many bytes of it, and half of it, are of no use any more."""
_BESIDE_SHARE: Final = 2
"""What lies beside the files of the presentation takes half of the bytes that are kept at most: so
very small ones are not all removed for a record of them."""
_BESIDE_SECONDS: Final = 10.0
"""So often its size is looked at."""
_RESERVE: Final = 1 << 26
_RESERVE_SHARE: Final = 16
"""So much of the disk stays free: a sixteenth, 64 MiB at most."""


class Keeper:
    """Removes the oldest files of one recording. Thread-safe."""

    def __init__(
        self,
        store: Mirror,
        ledger: Ledger,
        wishes: Wishes,
        writing: threading.Lock,
        observer: Observer,
        before: Callable[[float], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``before`` is called with a server time before any file goes that begins earlier.

        What still names these files has to be written anew, or to be removed, when it returns.
        """
        self._store = store
        self._ledger = ledger
        self._wishes = wishes
        self._writing = writing
        self._observer = observer
        self._before = before
        self._guard = threading.Lock()
        self._oldest = Oldest(self._read_on)
        self._at = 0
        """Up to where the record was read for files that may go."""
        self._lines: dict[int, Line] = {}
        self._others: dict[str, bytes] = {}
        """The lines of the record about files that stay."""
        self._warned = False
        self._clock = clock
        self._looked_at = -math.inf
        self._bytes_beside = 0

    def run(self, server: float) -> float | None:
        """Remove what is too old or too much; return the time before which nothing is kept."""
        with self._guard:
            self._ledger.advance()
            expired: float | None = None
            if self._has_too_much(server):
                while (batch := self._choose(server)) is not None:
                    expired = self._remove(batch)
                self._shorten()
            return expired

    def make_room(self) -> float | None:
        """Remove the oldest files since the disk is full; None if there are none."""
        with self._guard:
            self._ledger.advance()
            batch = self._oldest.take(-math.inf, max(self._reserve, 1))
            return None if batch is None else self._remove(batch)

    def _has_too_much(self, server: float) -> bool:
        """Return True if files have to go. They go some at a time, and then a few more of them."""
        keep = self._wishes.keep_seconds
        first = self._oldest.first
        if first is None:
            return False
        delay = min(_LONGEST_DELAY, keep / _SHARE)
        horizon = max(server - keep - delay, self._ledger.state.expired)
        return first.begin < horizon or self._lacking(0) > 0

    def _choose(self, server: float) -> Batch | None:
        horizon = max(server - self._wishes.keep_seconds, self._ledger.state.expired)
        return self._oldest.take(horizon, self._lacking(1))

    def _lacking(self, more: int) -> int:
        """Return how many bytes have to go; with ``more`` a little more than these."""
        most, lacking = self._wishes.keep_bytes, 0
        if most is not None:
            held = self._ledger.state.held + min(self._beside(), most // _BESIDE_SHARE)
            lacking = held - most + more * most // _SHARE
        room = self._store.room()
        if room is not None:
            reserve = self._reserve
            lacking = max(lacking, reserve - room[0] + more * reserve // 4)
        return lacking

    def _beside(self) -> int:
        """Return the bytes of the record, of all manifests, and of what else is DashGet's own."""
        now = self._clock()
        if now - self._looked_at >= _BESIDE_SECONDS:
            self._looked_at = now
            sizes = [file.size_bytes for file in self._store.place.iter_files(CONTROL_DIRECTORY)]
            name = self._ledger.manifest
            sizes += [self._store.size(name), self._store.size(local_manifest_name(name))]
            self._bytes_beside = sum(size or 0 for size in sizes)
        return self._bytes_beside

    @property
    def _reserve(self) -> int:
        room = self._store.room()
        return _RESERVE if room is None else min(_RESERVE, room[1] // _RESERVE_SHARE)

    def _remove(self, batch: Batch) -> float:
        state = self._ledger.state
        new = [file for file in batch.files if file.begin >= state.expired]
        if new:
            self._before(batch.before)
            fact = ExpiredFact(batch.before, sum(file.size for file in new))
            with self._writing:
                self._note(fact)
            self._ledger.advance()
            self._observer(SegmentsExpired(fact.expired, len(new), fact.bytes))
        files = iter(batch.files)
        while some := tuple(islice(files, _AT_ONCE)):
            with self._writing:
                for file in some:
                    self._delete(file)
        return max(batch.before, state.expired)

    def _note(self, fact: ExpiredFact) -> None:
        try:
            write_fact(self._store, fact)
        except StoreError as error:
            if not error.is_full:
                raise
            # The checkpoint gives way: it is of use, but not needed.
            self._store.write(checkpoint.PLACE, b"")
            write_fact(self._store, fact)

    def _delete(self, file: Kept) -> None:
        try:
            self._store.delete(file.path)
        except StoreError as error:
            if not isinstance(error.__cause__, OutsideError):
                raise
            if not self._warned:
                self._warned = True
                self._observer(Warned(error.message))

    def _read_on(self) -> bool:
        """Read a part of the record for files that may go."""
        begin = self._at
        for end, line in islice(read_lines(self._store, begin), _STEP):
            self._at = end
            with contextlib.suppress(*UNREADABLE):
                self._take(line)
        return self._at > begin

    def _take(self, text: bytes) -> None:
        fact = fact_of(text, "")
        if isinstance(fact, LineFact):
            self._lines.setdefault(fact.line, _line_of(fact))
        elif isinstance(fact, SegmentFact):
            path, line = _path_of(text), self._lines.get(fact.line)
            if line is None or not line.is_timed:
                self._others[path] = text
            else:
                self._oldest.add(Kept(line.wall(fact.t), path, fact.size, text))
        elif isinstance(fact, FileFact):
            begins = fact.begins
            if begins is None:
                self._others[fact.path] = text
            else:
                self._oldest.add(Kept(begins, fact.path, fact.more or fact.size, text))

    def _shorten(self) -> None:
        """Write the record anew if half of it is of no use any more."""
        if self._at < _LEAST_DEAD or self._at < self._ledger.end - self._at:
            return
        kept = sum(len(file.line) for file in self._oldest)
        if kept > self._at // 2:
            return
        with self._writing:
            self._ledger.advance()
            head = list(self._head())
            size = sum(map(len, head))
            if not self._store.rewrite_record(head, self._at):
                return
            by, self._at = size - self._at, size
        self._ledger.moved(by)

    def _head(self) -> Iterator[bytes]:
        """Yield the lines that stand for all up to where the record was read."""
        header = self._store.header()
        if header is not None:
            yield encode_line(header)
        for fact in facts_of(self._ledger.state):
            yield encode_fact(fact)
        yield from self._others.values()
        for file in self._oldest:
            yield file.line


class _Path(msgspec.Struct):
    path: str


_path_in: Final = msgspec.json.Decoder(_Path).decode


def _path_of(text: bytes) -> str:
    return _path_in(text).path


def _line_of(fact: LineFact) -> Line:
    """Return a line that tells the times of its segments."""
    line = Line(fact.line, fact.key, fact.generation, None)
    line.zero, line.scale = fact.origin, fact.scale
    return line
