"""A mirror: the presentation that a place holds, its finished files, and its record.

The order of every file is: all bytes stored, length checked, final name, record line. A final
name is a promise; a crash between name and record costs one HEAD request of the next run. The
lines of files that get their names in the same moment are written together.
"""

from __future__ import annotations

import errno
import functools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

import msgspec

from dashget.common.compactmap import RECENT_AT_MOST, CompactMap
from dashget.common.numbers import read_http_date
from dashget.common.oserrors import is_disk_failure
from dashget.errors import StoreError
from dashget.planning.layout import CONTROL_DIRECTORY, LEAST_NAME_BYTES, reserved_names
from dashget.store.failures import OccupiedError, as_store_error
from dashget.store.local import LocalDirectory
from dashget.store.possession import Presence, check_kind, check_manifest, check_source, differs
from dashget.store.record import (
    RECORD_VERSION,
    FailureRecord,
    FileRecord,
    Header,
    LiveRun,
    encode_clean,
    encode_line,
    read_failures,
    read_first_header,
    read_header,
    read_live_runs,
    read_sizes,
    url_key,
    without_secrets,
)
from dashget.store.recordclock import RecordClock
from dashget.store.recorded import PendingFiles, RecordedFiles
from dashget.transfer.contract import ResponseHead

if TYPE_CHECKING:
    from dashget.store.backend import Backend, PartialFile, Parts, StoredFile, Unfinished
    from dashget.store.packedrecord import Packing
    from dashget.store.searched import SearchedRecord

_BLOCK: Final = 1 << 18
_Done = TypeVar("_Done")
_DOCUMENT_BYTES: Final = 1 << 28
"""The largest file that is read whole: an MPD, a remote element, a list of checksums."""
_NAMES_AT_MOST: Final = 10_000
"""A folder with more names than these is asked about each of them: memory stays flat."""


class Mirror:
    """The mirror of one presentation. Use as a context manager; ``claim`` it once.

    ``clock`` returns the current time for the record, in seconds since 1970. All methods raise
    StoreError if the place, not the single file, is the problem. A ``read_only`` mirror changes
    nothing; it can be looked at, and planned for.
    """

    receive: Callable[[str, str, ResponseHead, Sequence[bytes]], Unfinished]
    """Store a whole file, from a URL, with the head and the pieces of the response.

    Set by ``claim``: that of the place itself, as every small file takes this road. ``finish``
    gives the file its name. Only for files of which nothing is there, not even a part. If the
    process is killed before ``finish``, the file is missing.
    """

    def __init__(
        self,
        place: Backend,
        *,
        read_only: bool = False,
        keep_times: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """With ``keep_times`` each recorded file gets the modification time of its record."""
        self.place = place
        self.name = place.name
        """The name of the place in messages."""
        self.is_blank = False
        """True if the place was empty when it was claimed, so that no file can be there."""
        self._read_only = read_only
        self._keep_times = keep_times and not read_only
        self._now = clock
        self._clock = RecordClock(clock)
        self.now = self._clock.now
        """Return the time for a record: RFC 3339, UTC, whole seconds."""
        self._claimed = False
        self._moved = False
        """True if the user says that the presentation is the same one under a new address."""
        self._parts: Parts
        self._open_parts: Parts | None = None
        self._pending = PendingFiles()
        self._there: dict[str, frozenset[str] | None] = {}
        """The case-folded names in a folder when it was first asked about; None if too many."""
        self._files = RecordedFiles(place.open_record)
        self._unwritten: list[FileRecord] = []
        """What ``write_lines`` writes: without user and password of its URLs."""
        self._unjudged: set[str] = set()
        """The files recorded as unjudged that this run judges; see ``note_judged``."""
        self._left_unjudged: set[str] = set()
        """Those that an earlier run has left, and that were not asked about yet."""
        self._append = place.append

    @classmethod
    def at(
        cls,
        root: Path,
        *,
        fsync: bool = False,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> Mirror:
        """Return the mirror in a local directory, which may be missing."""
        return cls(LocalDirectory(root, fsync=fsync), read_only=read_only, clock=clock)

    # The whole mirror.

    def claim(self, header: Header, *, moved: bool = False, only: str | None = None) -> None:
        """Take possession for the presentation that ``header`` describes.

        A missing place is made. One that holds another presentation is refused, unless
        ``moved`` says that it is the same one under a new address. If the source does not
        tell presentations apart, ``only`` is the SHA-256 that the recorded MPD has to have.
        A read-only mirror is only compared with the header.
        """
        if self._read_only:
            with self.as_store_error():
                self._check_header(header, moved=moved, only=only)
            return
        with self.as_store_error():
            self.is_blank = self.place.is_blank()
            self.place.claim(self.now())
            self._claimed = True
        try:
            self._open(header, moved=moved, only=only)
        except BaseException:
            self._release()
            raise

    def search_only(self) -> None:
        """Hold nothing about the recorded files in memory: they are many, and seldom asked for."""
        from dashget.store.searched import SearchedRecord

        self.__dict__["_recorded"] = SearchedRecord(self.place.open_record)

    def close(self, *, sync: bool = True) -> None:
        """Give the place back; finished files and their records stay.

        With ``sync`` unfinished files, too, survive a restart of the system. Raises StoreError
        if the place tells only now that it did not store everything. Closing again does nothing.
        """
        from contextlib import ExitStack

        with self.as_store_error(), ExitStack() as stack:
            stack.callback(self._release)
            if self._open_parts is not None:
                parts, self._open_parts = self._open_parts, None
                stack.callback(parts.close, sync=sync)
            self._files.close()
            self.write_lines()

    def __enter__(self) -> Mirror:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # After a second Ctrl-C there is no time to sync.
        self.close(sync=kind is None or issubclass(kind, Exception))

    def check_present(self) -> None:
        """Raise StoreError if the place has vanished since it was claimed."""
        self.place.check_present()

    def header(self) -> Header | None:
        """Return the valid header of the record; None if there is none. Needs no ``claim``."""
        with self.as_store_error():
            return read_header(self.place.open_record, f"the record of {self.name}")

    def known_header(self, hint: str) -> Header:
        """Return the header of the record; raise StoreError with the hint if there is none."""
        try:
            header = self.header()
        except StoreError as error:
            if isinstance(error.__cause__, NotADirectoryError):
                raise StoreError(f"{self.name} is a file, and no directory", hint=hint) from error
            raise
        if header is not None:
            return header
        if self.place.is_blank():
            raise StoreError(f"{self.name} is missing or empty", hint=f"check its name; {hint}")
        raise StoreError(
            f"{self.name} is not a mirror made by DashGet: it has no readable record", hint=hint
        )

    def first_header(self) -> Header | None:
        """Return the header in the first line of the record, which is soon found."""
        with self.as_store_error():
            return read_first_header(self.place.open_record)

    def name_bytes(self) -> int:
        """Return the longest name that files of this mirror may have, in bytes.

        A mirror keeps its names when it is copied to another file system. Needs no ``claim``.
        Raises StoreError for a place that does not take the names of DashGet's own files.
        """
        with self.as_store_error():
            most = self.place.name_bytes
            known = read_first_header(self.place.open_record)
        if most < LEAST_NAME_BYTES:
            raise StoreError(
                f"cannot use {self.name}: its file system takes names of {most} bytes at most,"
                f" {LEAST_NAME_BYTES} are needed",
                hint="choose a directory on another file system with -o",
            )
        return min(most, known.name_bytes or most) if known is not None else most

    def stamp(self) -> str:
        """Return the current time to the microsecond, fit for a file name."""
        return self._clock.stamp()

    # Looking at files.

    def presence(self, path: str, url: str) -> Presence:
        """Return the state of a file that belongs to a URL. Makes no request."""
        return self.look(path, url)[0]

    def look(self, path: str, url: str) -> tuple[Presence, int | None]:
        """Return the state of a file that belongs to a URL, and its size if it is there."""
        try:
            size = self.place.stat(path)
        except IsADirectoryError:
            return Presence.BLOCKED, None
        if size is None:
            return Presence.MISSING, None
        recorded = self._recorded.get(path)
        if recorded is None or recorded[0] != size:
            return Presence.UNRECORDED, size
        return (Presence.COMPLETE if recorded[1] == url_key(url) else Presence.MOVED), size

    def occupant(self, path: str) -> str | None:
        """Return what has a name, such as "a named pipe"; None for a file or nothing."""
        try:
            self.place.stat(path)
        except IsADirectoryError as error:
            return error.kind if isinstance(error, OccupiedError) else "a directory"
        return None

    def is_new(self, path: str) -> bool:
        """Return True if nothing of a file was there when its folder was first asked about.

        Neither under its final name, in whatever case, nor in the record, nor as a part. Asks
        the place once for each folder, whereas ``presence`` asks for each file.
        """
        folder, _, name = path.rpartition("/")
        try:
            there = self._there[folder]
        except KeyError:
            there = self._there[folder] = self._names_in(folder)
        if self._recorded.contains(path):
            return False
        if there is None:
            return False
        # Some file systems take several spellings of the same letters for one name.
        if there and (name.casefold() in there or not path.isascii()):
            return False
        return not self.has_part(path)

    def size(self, path: str) -> int | None:
        """Return the size of a file in the mirror; None if there is no regular file."""
        try:
            return self.place.stat(path)
        except OSError:
            return None

    def has_folder(self, folder: str) -> bool:
        """Return True if a folder has any files; the empty one is the root of the mirror."""
        return self.place.names(folder, 0) != frozenset()

    def is_same(self, path: str, other: str | None) -> bool:
        """Return True if two paths in the mirror lead to one and the same file."""
        return other is not None and self.place.is_same(path, other)

    def iter_files(self) -> Iterator[StoredFile]:
        """Yield every file of the mirror, except DashGet's own."""
        return self.place.iter_files()

    def open(self, path: str) -> BinaryIO:
        """Open a file of the mirror to read it; OSError if it is missing or not a regular file."""
        return self.place.open(path)

    def read(self, path: str, most: int = _DOCUMENT_BYTES) -> bytes:
        """Return the content of a document; OSError if it cannot be read or is too large."""
        size = self.size(path)
        if size is not None and size > max(most, _DOCUMENT_BYTES):
            raise OSError(errno.EFBIG, f"{size:,} bytes, which is no document's size", path)
        with self.open(path) as file:
            return file.read()

    def digest(self, path: str, algorithm: str, told: Callable[[int], object] | None = None) -> str:
        """Return the checksum of a file, in hexadecimal digits; OSError if it cannot be read.

        ``told`` gets the number of bytes of each block that was read.
        """
        return self.digests(path, (algorithm,), told)[algorithm].hex()

    def digests(
        self,
        path: str,
        algorithms: Iterable[str],
        told: Callable[[int], object] | None = None,
    ) -> dict[str, bytes]:
        """Return the checksums of a file by algorithm; see ``digest``."""
        from dashget.store.hashing import digests_of

        with self.open(path) as file:
            return digests_of(file, algorithms, told)

    # The record.

    def records(self) -> RecordedFiles:
        """Return the record of every file, as far as it has been written."""
        self.write_lines()
        self._files.refresh()
        return self._files

    def is_recorded(self, path: str) -> bool:
        """Return True if a file of this name was finished once, even if it is missing now."""
        return path in self._recorded

    def recorded_size(self, path: str, url: str) -> int | None:
        """Return the recorded size of a file that came from a URL; None if it did not."""
        recorded = self._recorded.get(path)
        return recorded[0] if recorded is not None and recorded[1] == url_key(url) else None

    def size_on_record(self, path: str) -> int | None:
        """Return the recorded size of a file; None if it is not recorded."""
        recorded = self._recorded.get(path)
        return None if recorded is None else recorded[0]

    def live_runs(self) -> tuple[LiveRun, ...]:
        """Return the runs that recorded files of a live presentation, the oldest first."""
        self.write_lines()
        return read_live_runs(self.place.open_record)

    def note(self, record: FileRecord) -> None:
        """Write a line to the record about a file that has its name."""
        self._take_up(record)
        self.write_lines()

    def mark_odd(self, path: str) -> None:
        """Write to the record that a file was accepted although it is odd."""
        record = self.records().get(path)
        if record is not None and not record.odd:
            self.note(msgspec.structs.replace(record, odd=True))

    def takes_up_judging(self, path: str) -> bool:
        """Return True if a run was killed before it had judged the time of a file.

        Then this run does, and says so by ``note_judged``.
        """
        if path not in self._left_unjudged:
            return False
        self._left_unjudged.discard(path)
        self._unjudged.add(path)
        return True

    def note_judged(self) -> None:
        """Record that nothing is wrong with the files that were recorded as unjudged."""
        unjudged, self._unjudged = self._unjudged, set()
        records = self.records() if unjudged else None
        for path in sorted(unjudged):
            record = records.get(path) if records is not None else None
            if record is not None and record.unjudged:
                self._take_up(msgspec.structs.replace(record, unjudged=None))
        self.write_lines()

    def write_lines(self) -> None:
        """Write the record's lines of the files that were finished since the last call."""
        if not self._unwritten:
            return
        records, self._unwritten = self._unwritten, []
        try:
            with self.as_store_error():
                self._append(encode_clean(records))
        except StoreError as error:
            if error.is_full:
                # They are still to be written, when there is room again.
                self._unwritten = records
            raise

    def _take_up(self, record: FileRecord) -> None:
        """Keep what a file's line says, and the line for ``write_lines``."""
        url = record.url
        # Every file of a run comes here: as a rule no URL has secrets, and its key is its hash.
        if "@" in url or record.final_url is not None:
            key = url_key(url)
            self._unwritten.append(without_secrets(record))
        else:
            key = hash(url)
            self._unwritten.append(record)
        recorded = self._recorded
        if record.removed:
            recorded.discard(record.path)
            self._unjudged.discard(record.path)
            return
        if record.unjudged:
            self._unjudged.add(record.path)
        # As ``recorded[record.path] = ...``, without a call more for each file.
        recent = recorded.recent
        recent[record.path] = record.size, key
        if len(recent) >= RECENT_AT_MOST:
            recorded.settle()
        if self._keep_times:
            self.restore_time(record)

    def note_failure(self, failure: FailureRecord) -> None:
        """Write a line to the record about a file that a run could not fetch."""
        self.write_lines()
        with self.as_store_error():
            self._append(encode_line(failure))

    def failures(self, paths: Set[str]) -> dict[str, FailureRecord]:
        """Return how the last run failed to fetch each of these files; see ``read_failures``."""
        self.write_lines()
        return read_failures(self.place.open_record, paths)

    def note_fact(self, line: bytes) -> None:
        """Write a whole line of JSON to the record: a fact of a recording."""
        self.write_lines()
        with self.as_store_error():
            self._append(line)

    def append_to(self, name: str, data: bytes) -> None:
        """Add bytes to a file in the control directory."""
        with self.as_store_error():
            self.place.append_to(name, data)

    def open_control(self, name: str) -> BinaryIO | None:
        """Open a file in the control directory to read it; None if there is none."""
        with self.as_store_error():
            try:
                return self.place.open(f"{CONTROL_DIRECTORY}/{name}")
            except FileNotFoundError:
                return None

    def cut_log(self, name: str, begin: int) -> bool:
        """Take away all bytes before one from a file of ``append_to``; see ``rewrite_record``."""
        place = self.place
        if not isinstance(place, LocalDirectory):
            return False
        try:
            place.cut_log(name, begin)
        except OSError as error:
            if is_disk_failure(error):
                return False
            with self.as_store_error():
                raise
        return True

    def rewrite_record(self, head: Iterable[bytes], begin: int) -> bool:
        """Put other lines in place of those of the record before a byte.

        Returns False if the place cannot do that, or has no room for it; then nothing is changed.
        """
        place = self.place
        if not isinstance(place, LocalDirectory):
            return False
        try:
            place.rewrite_record(head, begin)
        except OSError as error:
            if is_disk_failure(error):
                return False
            with self.as_store_error():
                raise
        self._files.close()
        self._files = RecordedFiles(place.open_record)
        return True

    def pack_record(self, least: int, keep: int) -> Packing | None:
        """Compress all but the last bytes of the record, if it has so many plain ones.

        Lines may be added meanwhile, and none while ``commit_packed`` does the rest. None if there
        is nothing to do, or the place cannot do it, or has no room for it.
        """
        place = self.place
        if not isinstance(place, LocalDirectory):
            return None
        return self._or_none(lambda: place.pack_record(least, keep))

    def commit_packed(self, packing: Packing) -> None:
        """Take lines out of the record that were compressed; all readers still see them."""
        place = self.place
        if isinstance(place, LocalDirectory):
            self._or_none(lambda: place.commit_packed(packing))

    def _or_none(self, work: Callable[[], _Done]) -> _Done | None:
        """Do what is of use, and not needed; return None if the disk is full or broken."""
        try:
            return work()
        except OSError as error:
            if is_disk_failure(error):
                return None
            with self.as_store_error():
                raise

    def room(self) -> tuple[int, int] | None:
        """Return how many bytes the disk of the place has left, and in all; None if unknown."""
        with self.as_store_error():
            place = self.place
            return place.free_bytes() if isinstance(place, LocalDirectory) else None

    def delete(self, path: str) -> None:
        """Remove a file, of which the record has told before that it goes."""
        with self.as_store_error():
            self.place.delete(path)

    def open_record(self) -> BinaryIO | None:
        """Open the record to read it; None if there is none."""
        self.write_lines()
        return self.place.open_record()

    def restore_time(self, record: FileRecord) -> None:
        """Give a file the modification time of its record, if times are kept.

        A time that is invalid, before 1970 or in the future is no time of a change.
        """
        if self._keep_times:
            seconds = read_http_date(record.last_modified)
            if seconds is not None and 0 <= seconds <= self._now():
                self.place.set_modified(record.path, seconds)

    # Unfinished files.

    def part(self, path: str, url: str, *, checksum: str | None = None) -> PartialFile:
        """Return the unfinished file of a path, for bytes that arrive in several steps."""
        return self._parts.part(path, url, checksum, moved=self._moved)

    def has_part(self, path: str) -> bool:
        """Return True if an earlier run or attempt has left bytes of a file."""
        return self._open_parts is not None and self._open_parts.has(path)

    def kept(self) -> tuple[int, int]:
        """Return how many unfinished files the next run can resume, and their bytes here."""
        try:
            return (0, 0) if self._open_parts is None else self._open_parts.kept()
        except OSError:  # parts that cannot be read cannot be resumed
            return 0, 0

    def leftover_parts(self) -> tuple[str, ...]:
        """Return the final paths of the parts that an earlier run left unfinished."""
        return self.place.leftover_parts()

    def finish(self, file: Unfinished, record: FileRecord) -> bool:
        """Give a complete file its final name, and record it: ``write_lines`` writes its line.

        Returns False if the file is pending: the place has it, and has not answered yet.
        ``answers`` tells later how it ended. Raises StoreError if another number of bytes is
        stored than was received: then the final name stays what it was.
        """
        if file.size != record.size:
            stored = file.size
            self.let_go(file)
            raise StoreError(
                f"{record.path}: {stored} bytes are on disk, {record.size} were received",
                hint="check the file system; nothing was renamed",
            )
        future = self._parts.publish(file)
        if future is not None:
            self._pending.add(future, record)
            return False
        self._take_up(record)
        return True

    def extend(self, record: FileRecord, data: bytes) -> bool:
        """Add bytes to a finished file, and record it: ``write_lines`` writes its line.

        They follow the bytes that are recorded. A kill in between leaves them behind these, and
        they are replaced the next time. Returns False if the place cannot add to this file.
        """
        place = self.place
        if not isinstance(place, LocalDirectory):
            return False
        with self.as_store_error():
            if not place.extend(record.path, record.size - len(data), data):
                return False
        if data:
            self._take_up(record)
        return True

    def let_go(self, file: Unfinished) -> None:
        """Let go of a file that does not get its name now; StoreError if its bytes are lost."""
        with self.as_store_error():
            file.close()

    def answers(self, *, wait: bool = False) -> list[tuple[FileRecord, OSError | None]]:
        """Return the files that the place has answered for, and record those it has stored.

        With ``wait`` at least one answer is waited for, if any file is pending. The error is
        None for a stored file.
        """
        answers = self._pending.take(wait=wait)
        for record, error in answers:
            if error is None:
                self._take_up(record)
        return answers

    # Changing files.

    def adopt(self, record: FileRecord) -> None:
        """Record a file that was found in place and agrees with the server."""
        if self.has_part(record.path):
            # Begun by DashGet, and then put in place by somebody else.
            self.part(record.path, record.url).drop()
        self.note(record)

    def is_outside(self, path: str) -> bool:
        """Return True if a link out of the mirror leads to a file, which is never changed then."""
        with self.as_store_error():
            return self.place.is_outside(path)

    def remove(self, record: FileRecord) -> None:
        """Remove a file from the mirror, and from the record."""
        with self.as_store_error():
            self.place.delete(record.path)
        self.note(msgspec.structs.replace(record, removed=True))

    def set_aside(self, path: str) -> None:
        """Move a file that is not from the server to ``.dashget/replaced/``.

        Only files without a record are moved: they may be somebody's own.
        """
        if path in self._recorded or self.size(path) is None:
            return
        kept = f"{CONTROL_DIRECTORY}/replaced/{path}"
        number = 1
        while self._is_taken(kept):
            number += 1
            # Not at the end of the name, which may be as long as names can be.
            kept = f"{CONTROL_DIRECTORY}/replaced~{number}/{path}"
        self.place.move(path, kept)

    def write(self, path: str, data: bytes) -> None:
        """Store a whole small file, without a record line."""
        with self.as_store_error():
            self.place.put(path, data)

    def write_if_changed(self, path: str, data: bytes) -> None:
        """Store a whole small file, unless it is there with the same content."""
        with self.as_store_error():
            same = self.size(path) == len(data) and self.read(path) == data
        if not same:
            self.write(path, data)

    def as_store_error(self) -> AbstractContextManager[None]:
        """Raise StoreError in place of an OSError."""
        return as_store_error(self.name)

    @functools.cached_property
    def _recorded(self) -> CompactMap | SearchedRecord:
        """The size of every recorded file, and the key of its URL."""
        with self.as_store_error():
            sizes, self._left_unjudged = read_sizes(self.place.open_record)
            return sizes

    def _open(self, header: Header, *, moved: bool, only: str | None) -> None:
        header = without_secrets(header)
        with self.as_store_error():
            known = self._check_header(header, moved=moved, only=only)
            if known is None and not self._recorded:
                # A tree that is taken over: files under DashGet's own names are somebody's.
                for name in reserved_names(header.manifest) - {header.manifest}:
                    self.set_aside(name)
            if known is None or differs(known, header):
                stamped = msgspec.structs.replace(header, time=self.now(), dashget=RECORD_VERSION)
                self.place.append(encode_line(stamped))
            self._moved = moved
            self._parts = self._open_parts = self.place.open_parts() or self._hold_parts()
            self.receive = self._parts.receive

    def _check_header(self, header: Header, *, moved: bool, only: str | None) -> Header | None:
        """Return the header of the record; StoreError if it is another presentation's."""
        # To find the last one takes seconds in the record of a week; of a recording the first
        # tells all that has to be compared.
        known = read_first_header(self.place.open_record) if header.recording else None
        known = known or self.header()
        if known is not None:
            check_kind(self.name, known, header)
        if known is not None and not moved:
            check_source(self.name, known, header)
            if only is not None:
                check_manifest(self.name, self.records().get(known.manifest), only)
        return known

    def _hold_parts(self) -> Parts:
        from dashget.store.held import HeldParts

        return HeldParts(self.place.upload)

    def _names_in(self, folder: str) -> frozenset[str] | None:
        names = self.place.names(folder, _NAMES_AT_MOST)
        return None if names is None else frozenset(map(str.casefold, names))

    def _is_taken(self, path: str) -> bool:
        try:
            return self.place.stat(path) is not None
        except IsADirectoryError:
            return True

    def _release(self) -> None:
        if self._claimed:
            self._claimed = False
            self.place.release()
