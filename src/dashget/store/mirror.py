"""A mirror held open: whose it is, what is finished, and the way to a final name.

The order of every file is: part -> length check -> rename -> record line. A final name is
a promise; a crash between rename and record costs one HEAD request of the next run.
"""

from __future__ import annotations

import contextlib
import datetime
import enum
import errno
import functools
import itertools
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO, Final

import msgspec

from dashget.common.compactmap import CompactMap
from dashget.errors import MORE_FILES_HINT, StoreError
from dashget.planning.layout import CONTROL_DIRECTORY, reserved_names
from dashget.store.journal import OPEN_FILES, Journal, part_name, read_part_paths, sync_folder
from dashget.store.moving import move
from dashget.store.parts import Part, write_pieces
from dashget.store.record import (
    RECORD_VERSION,
    FileRecord,
    Header,
    LiveRun,
    Record,
    open_regular,
    read_header,
    read_live_runs,
    read_sizes,
)
from dashget.store.recorded import RecordedFiles

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # the module is optional

_RECORD_NAME: Final = "record.jsonl"
_TOO_MANY: Final[frozenset[str]] = frozenset({"/"})
_BLOCK: Final = 1 << 18
_NAMES_AT_MOST: Final = 10_000
"""A folder with more names than these is asked about each of them: memory stays flat."""


class Presence(enum.Enum):
    """What the mirror has of a file."""

    COMPLETE = "complete"
    """Recorded, and the local size is the recorded one."""
    MOVED = "moved"
    """Likewise, but it came from another URL than the one in question."""
    UNRECORDED = "unrecorded"
    """There is a file, of which the record says nothing or another size."""
    BLOCKED = "blocked"
    """Something that is not a file has its name."""
    MISSING = "missing"


class Displaced(enum.Enum):
    """What made way for the MPD."""

    EARLIER = "earlier"
    """A version of it that was recorded: kept in ``.dashget/manifests/``."""
    FOREIGN = "foreign"
    """A file that no run has recorded: kept in ``.dashget/replaced/``."""


class MirrorDirectory:
    """The root of one presentation's mirror. Use as a context manager; hold it once.

    ``clock`` gives the current time for the record, in seconds since 1970. All methods raise
    StoreError where the directory, not the single file, is the problem.
    """

    def __init__(
        self,
        root: Path,
        *,
        fsync: bool = False,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.root = root
        self._control = root / CONTROL_DIRECTORY
        self._fsync = fsync
        self._read_only = read_only
        self._clock = clock
        self._lock: IO[str] | None = None
        self._made: set[str] = set()
        self._there: dict[str, frozenset[str]] = {}
        """What was in a folder when it was first asked about, case-folded, or _TOO_MANY."""
        self._prefix = os.path.join(root, "")
        self._files = RecordedFiles(self._control / _RECORD_NAME)
        self.is_blank = False
        """Whether there was nothing at all when it was opened, so that no file can be there."""
        self._second: int | None = None
        self._second_text = ""

    def claim(self, header: Header, *, moved: bool = False, only: str | None = None) -> None:
        """Take possession for the presentation that ``header`` describes.

        A new directory is made. One that holds another presentation is refused, unless
        ``moved`` says that it is the same one under a new address. Where the source does not
        tell presentations apart, ``only`` is the SHA-256 that the recorded MPD has to have.
        Read-only, nothing is made, and only ``presence`` and ``size`` may be asked.
        """
        if self._read_only:
            with _as_store_error(self.root):
                self._read_record(header, moved=moved, only=only)
            return
        with _as_store_error(self.root):
            self.is_blank = not _names_in(self._prefix)
            self._control.mkdir(parents=True, exist_ok=True)
            self._acquire()
        try:
            self._open_record(header, moved=moved, only=only)
        except BaseException:
            self._release()
            raise

    def close(self, *, sync: bool = True) -> None:
        """Let go of the directory; what is finished and recorded stays.

        ``sync`` has what is unfinished outlast a restart of the system, too.
        """
        self._files.close()
        if self._lock is not None:
            self._journal.close(sync=sync)
            self._record.close()
            self._release()

    def __enter__(self) -> MirrorDirectory:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Who presses Ctrl-C twice has no time.
        self.close(sync=kind is None or issubclass(kind, Exception))

    def presence(self, path: str, url: str) -> Presence:
        """Say what is there under a final name, for a file of this URL. Makes no request."""
        try:
            found = os.stat(self._prefix + path)
        except OSError:
            return Presence.MISSING
        if not stat.S_ISREG(found.st_mode):
            return Presence.BLOCKED
        size = found.st_size
        recorded = self._recorded.get(path)
        if recorded is None or recorded[0] != size:
            return Presence.UNRECORDED
        return Presence.COMPLETE if recorded[1] == hash(url) else Presence.MOVED

    def is_new(self, path: str) -> bool:
        """Whether there surely was nothing of a file when its folder was first asked about.

        Neither under its final name, in whatever case, nor in the record, nor as a part. Asks
        the disk once for each folder, where ``presence`` asks for each file.
        """
        folder, _, name = path.rpartition("/")
        there = self._there.get(folder)
        if there is None:
            there = self._there[folder] = _names_in(self._prefix + folder)
        if self._recorded.contains(path):
            return False
        # Some file systems take several spellings of the same letters for one name.
        if there and (there is _TOO_MANY or name.casefold() in there or not path.isascii()):
            return False
        return not self.has_part(path)

    def size(self, path: str) -> int | None:
        """Return the size of a file in the mirror; None where there is no regular file."""
        try:
            found = os.stat(self._prefix + path)
        except OSError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def has_folder(self, folder: str) -> bool:
        """Say whether there is a folder of this name in the mirror; the empty one is its root."""
        return os.path.isdir(self._prefix + folder)

    def is_same(self, path: str, other: str | None) -> bool:
        """Say whether two paths in the mirror, if there are two, are those of one file."""
        try:
            return other is not None and os.path.samefile(self._prefix + path, self._prefix + other)
        except OSError:
            return False

    def part(self, path: str, url: str, *, checksum: str | None = None) -> Part:
        """Return the place for the unfinished bytes of a file; see ``Part``."""
        return Part(self._journal, path, url, checksum)

    def has_part(self, path: str) -> bool:
        """Say whether an earlier run or attempt has left something of a file."""
        if self._read_only or self._journal.is_empty:
            return False
        return self._journal.knows(part_name(path))

    def is_recorded(self, path: str) -> bool:
        """Say whether a file of this name was finished once, whatever is there of it now."""
        return path in self._recorded

    def kept(self) -> tuple[int, int]:
        """Return how many unfinished files the next run goes on with, and their bytes here."""
        if self._read_only or self._journal.is_empty:
            return 0, 0
        try:
            return self._journal.kept()
        except OSError:  # what cannot be read cannot be gone on with either
            return 0, 0

    def discard(self, part: Part) -> None:
        """Throw unfinished bytes away: they are not what the server meant to send."""
        part.drop()

    def records(self) -> RecordedFiles:
        """Return the whole record of every file, as far as it has been written."""
        self._files.refresh()
        return self._files

    @functools.cached_property
    def _recorded(self) -> CompactMap:
        """The size of every recorded file, and the hash of its URL."""
        with _as_store_error(self.root):
            return read_sizes(self._control / _RECORD_NAME)

    def live_runs(self) -> tuple[LiveRun, ...]:
        """Return the runs that recorded files of a live presentation, the oldest first."""
        return read_live_runs(self._control / _RECORD_NAME)

    def manifest_versions(self) -> tuple[str, ...]:
        """Return the paths of all stored versions of the MPD: the earlier ones, then the last.

        They may have been changed since they were recorded.
        """
        header = self.header()
        last = () if header is None else (header.manifest,)
        kept = sorted(
            f"{CONTROL_DIRECTORY}/manifests/{path.name}"
            for path in (self._control / "manifests").glob("*")
        )
        return tuple(path for path in (*kept, *last) if self.size(path) is not None)

    def iter_files(self) -> Iterator[str]:
        """Yield the path of every file of the mirror, but for DashGet's own."""
        for folder, folders, files in os.walk(self.root):
            relative = os.path.relpath(folder, self.root).replace(os.sep, "/")
            if relative == ".":
                folders[:] = [name for name in folders if name != CONTROL_DIRECTORY]
                yield from files
            else:
                yield from (f"{relative}/{name}" for name in files)

    def header(self) -> Header | None:
        """Return whose mirror this is; None where there is no record. Needs no ``open``."""
        with _as_store_error(self.root):
            return read_header(self._control / _RECORD_NAME)

    def open(self, path: str) -> BinaryIO:
        """Open a file of the mirror to read it; OSError if it is missing or not a regular file."""
        return open_regular(self.root / path)

    def read(self, path: str) -> bytes:
        """Return the content of a file; OSError if it cannot be read."""
        with self.open(path) as file:
            return file.read()

    def read_range(self, path: str, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes of a file from ``offset`` on; OSError if that fails."""
        with self.open(path) as file:
            file.seek(offset)
            return file.read(count)

    def digest(self, path: str, algorithm: str) -> str:
        """Return the checksum of a file, in hexadecimal digits; OSError if it cannot be read."""
        import hashlib

        digest = hashlib.new(algorithm)
        with self.open(path) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def leftover_parts(self) -> tuple[str, ...]:
        """Return the final paths of the parts that an earlier run left unfinished."""
        return read_part_paths(self._control / "parts")

    def remove(self, record: FileRecord) -> None:
        """Take a file out of the mirror, and note that in the record."""
        with _as_store_error(self.root):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._prefix + record.path)
            folder = os.path.dirname(record.path)
            while folder:
                try:
                    os.rmdir(self._prefix + folder)
                except OSError:
                    break
                self._made.discard(folder)
                folder = os.path.dirname(folder)
            self._record.append(msgspec.structs.replace(record, removed=True))
        self._recorded.discard(record.path)

    def finish(self, part: Part, record: FileRecord) -> None:
        """Give a part its final name, and record it.

        Raises StoreError if the part on disk has not the size that the transfer counted:
        then the final name stays what it was.
        """
        path = record.path
        if part.size != record.size:
            on_disk = part.size
            part.close()
            raise StoreError(
                f"{path}: {on_disk} bytes are on disk, {record.size} were received",
                hint="check the file system; nothing was renamed",
            )
        folder = path.rpartition("/")[0]
        if folder not in self._made:
            self._make_folder(folder)
        part.finish(fsync=self._fsync)
        if self._fsync:
            sync_folder(self._prefix + folder)
        self._note(record)

    def put(self, pieces: Sequence[bytes]) -> int | None:
        """Write a whole file that has no name yet; return its descriptor.

        None where that cannot be: then it takes a part. What has no name vanishes with its
        descriptor, also when the process is killed.
        """
        descriptor = None if self._fsync else self._journal.open_unnamed()
        if descriptor is not None:
            try:
                write_pieces(descriptor, pieces, 0)
            except BaseException:
                os.close(descriptor)
                raise
        return descriptor

    def finish_unnamed(self, descriptor: int, record: FileRecord) -> None:
        """Give a file that has no name its final one, and record it."""
        path = record.path
        folder = path.rpartition("/")[0]
        if folder not in self._made:
            try:
                self._make_folder(folder)
            except BaseException:
                os.close(descriptor)
                raise
        try:
            root = self._journal.root
            if root is None:
                raise FileNotFoundError
            # Only with a directory does Python have the link follow to the file itself.
            os.link(f"{OPEN_FILES}/{descriptor}", path, dst_dir_fd=root)
        except OSError:
            part = Part(self._journal, path, record.url)
            part.take(descriptor, record.size)
            part.finish()
        else:
            os.close(descriptor)
        self._note(record)

    def drop(self, descriptor: int) -> None:
        """Let go of a file that has no name, and will not get one."""
        os.close(descriptor)

    def adopt(self, record: FileRecord) -> None:
        """Record a file that was found in place and agrees with the server."""
        if self.has_part(record.path):
            # Begun, and then put in place by somebody else.
            self.part(record.path, record.url).drop()
        self._note(record)

    def set_aside(self, path: str) -> None:
        """Move a file that is not the server's out of the way, into ``.dashget/replaced/``.

        Only for files without a record: they may be somebody's own.
        """
        if path in self._recorded or self.size(path) is None:
            return
        kept = f"{CONTROL_DIRECTORY}/replaced/{path}"
        number = 1
        while os.path.lexists(self._prefix + kept):
            number += 1
            # Not at the end of the name, which may be as long as names can be.
            kept = f"{CONTROL_DIRECTORY}/replaced~{number}/{path}"
        self._make_folder(os.path.dirname(kept))
        move(self._prefix + path, self._prefix + kept)

    def write(self, path: str, data: bytes) -> None:
        """Put a whole small file in place, atomically, without a record line."""
        with _as_store_error(self.root):
            self._make_folder(os.path.dirname(path))
            fresh = self._control / "fresh"
            with fresh.open("wb") as file:
                file.write(data)
                if self._fsync:
                    file.flush()
                    os.fsync(file.fileno())
            move(str(fresh), self._prefix + path, fsync=self._fsync)

    def keep_remote(self, entities: Iterable[tuple[str, str, bytes]]) -> None:
        """Store what remote elements of the MPD were replaced with: href, URL, content."""
        index = []
        for href, url, data in entities:
            name = _remote_name(data)
            self.write_if_changed(f"{CONTROL_DIRECTORY}/remote/{name}", data)
            index.append({"href": href, "url": url, "file": name})
        if index or self._remote_index.exists():
            lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in index)
            self.write_if_changed(f"{CONTROL_DIRECTORY}/remote/index.jsonl", lines)

    def read_remote(self) -> tuple[tuple[str, str, bytes], ...]:
        """Return what ``keep_remote`` stored, as far as it is there."""
        found = []
        with contextlib.suppress(OSError, KeyError, msgspec.DecodeError):
            for line in self._remote_index.read_bytes().splitlines():
                entry = msgspec.json.decode(line, type=dict[str, str])
                data = (self._remote_index.parent / entry["file"]).read_bytes()
                found.append((entry["href"], entry["url"], data))
        return tuple(found)

    @property
    def _remote_index(self) -> Path:
        return self._control / "remote" / "index.jsonl"

    def write_if_changed(self, path: str, data: bytes) -> None:
        """Like ``write``, but leave a file alone that is as it should be."""
        target = self.root / path
        with _as_store_error(self.root):
            same = target.is_file() and target.read_bytes() == data
        if not same:
            self.write(path, data)

    def keep_manifest(self, data: bytes, record: FileRecord) -> Displaced | None:
        """Store the MPD as received; say what was there in its place, if anything else was.

        An earlier version is kept as ``.dashget/manifests/TIME-NAME``.
        """
        try:
            earlier = self.read(record.path)
        except FileNotFoundError:
            earlier = None
        except OSError as error:
            raise _store_error(self.root, error) from error
        if earlier == data and self._recorded.get(record.path) == _entry_of(record):
            return None
        displaced = None
        if earlier is not None and earlier != data:
            known = record.path in self._recorded
            displaced = Displaced.EARLIER if known else Displaced.FOREIGN
        if displaced is Displaced.FOREIGN:
            with _as_store_error(self.root):
                self.set_aside(record.path)
        elif earlier is not None and displaced is Displaced.EARLIER:
            now = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC)
            stamp = now.strftime("%Y%m%dT%H%M%S.%fZ")
            self.write(f"{CONTROL_DIRECTORY}/manifests/{stamp}-{record.path}", earlier)
        if record.path in self._recorded:
            # A kill in between leaves no line at all: one of equal size would be believed.
            self._note(msgspec.structs.replace(record, removed=True))
            self._recorded.discard(record.path)
        self.write(record.path, data)
        self._note(record)
        return displaced

    def now(self) -> str:
        """Return the time for a record: RFC 3339, UTC, whole seconds."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            now = datetime.datetime.fromtimestamp(second, datetime.UTC)
            self._second_text = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._second_text

    def note(self, record: FileRecord) -> None:
        """Record more about a file that is finished already."""
        self._note(record)

    def _note(self, record: FileRecord) -> None:
        try:
            self._record.append(record)
        except OSError as error:
            raise _store_error(self.root, error) from error
        self._recorded[record.path] = record.size, hash(record.url)

    def _read_record(self, header: Header, *, moved: bool, only: str | None) -> Header | None:
        path = self._control / _RECORD_NAME
        known = read_header(path)
        if known is None or moved:
            return known
        if known.source != header.source:
            raise StoreError(
                f"{self.root} holds another presentation: {known.source}, not {header.source}",
                hint="choose another directory with -o; or say --moved if it is the same"
                " presentation under a new address",
            )
        manifest = None if only is None else self.records().get(known.manifest)
        if manifest is not None and manifest.sha256 != only:
            raise StoreError(
                f"{self.root} holds another manifest than the one from standard input",
                hint="choose another directory with -o; or say --moved if it is a newer one of the"
                " same presentation, which --base-url with the manifest's own URL says for good",
            )
        return known

    def _open_record(self, header: Header, *, moved: bool, only: str | None) -> None:
        with _as_store_error(self.root):
            known = self._read_record(header, moved=moved, only=only)
            self._record = Record(self._control / _RECORD_NAME, fsync=self._fsync)
            if not self._recorded and known is None:
                # A tree that is taken over: what it has under DashGet's own names is somebody's.
                for name in reserved_names(header.manifest) - {header.manifest}:
                    self.set_aside(name)
            if known is None or _differs(known, header):
                stamped = msgspec.structs.replace(header, time=self.now(), dashget=RECORD_VERSION)
                self._record.append(stamped)
            self._journal = Journal(self._control / "parts", fsync=self._fsync)

    def _make_folder(self, folder: str) -> None:
        if folder and folder not in self._made:
            self.check_present()
            try:
                os.makedirs(self._prefix + folder, exist_ok=True)
            except (FileExistsError, FileNotFoundError):
                self._check_links(folder)
                raise
        self._made.add(folder)

    def _check_links(self, folder: str) -> None:
        """Raise StoreError where a folder is a link to what is not there."""
        while folder:
            place = self._prefix + folder
            if os.path.islink(place) and not os.path.exists(place):
                raise StoreError(
                    f"{place} is a link to {os.readlink(place)}, which is not there",
                    hint="mount the disk that it leads to, or remove the link",
                )
            folder = folder.rpartition("/")[0]

    def check_present(self) -> None:
        """Raise StoreError if the mirror's directory is not there any more."""
        if not self._control.is_dir() or not self._record.is_in_place():
            raise StoreError(
                f"{self.root} has vanished or was moved",
                hint="nothing more can be stored there; the same command begins anew",
            )

    def _acquire(self) -> None:
        """Hold the lock file; its text says who does."""
        path = self._control / "lock"
        lock = path.open("a+", encoding="utf-8")
        try:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                # A file system without locks: two processes are the user's to prevent.
                self._lock = lock
                return
            lock.seek(0)
            holder = lock.read(200).strip() or "another process"
            lock.close()
            raise StoreError(
                f"{self.root} is in use by {holder}",
                hint="wait for it to end, or choose another directory with -o",
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {_host_name()}")
        lock.flush()
        self._lock = lock

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _entry_of(record: FileRecord) -> tuple[int, int]:
    return record.size, hash(record.url)


def _differs(known: Header, header: Header) -> bool:
    """Whether a later header says something that the record does not have yet."""
    same = (known.source, known.url, known.manifest, known.selection, known.now)
    return same != (header.source, header.url, header.manifest, header.selection, header.now)


def _store_error(root: Path, error: OSError) -> StoreError:
    reason = error.strerror or str(error)
    place = error.filename if isinstance(error.filename, (str, Path)) else root
    hint = "choose a directory that you can write to, with room on its disk, with -o"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        hint = MORE_FILES_HINT
    return StoreError(f"cannot use {place}: {reason[:1].lower()}{reason[1:]}", hint=hint)


@contextlib.contextmanager
def _as_store_error(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _store_error(root, error) from error


def _host_name() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket

    return socket.gethostname()


def _names_in(folder: str) -> frozenset[str]:
    """Return the names in a folder, case-folded; _TOO_MANY also where none can be read."""
    try:
        with os.scandir(folder) as entries:
            names = frozenset(
                entry.name.casefold() for entry in itertools.islice(entries, _NAMES_AT_MOST + 1)
            )
    except FileNotFoundError:
        return frozenset()
    except OSError:
        return _TOO_MANY
    return names if len(names) <= _NAMES_AT_MOST else _TOO_MANY


def _remote_name(data: bytes) -> str:
    from hashlib import sha256

    return f"{sha256(data).hexdigest()[:32]}.xml"
