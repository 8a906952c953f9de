"""A mirror in a local directory: the backend that every mirror uses today.

The order of every file is: write without a name (``unnamed``) or as a part (``parts``), give
it its final name, append its line to the record. It answers at once, so no file is pending.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from dashget.common.filenames import from_disk, given, on_disk, readable
from dashget.errors import StoreError
from dashget.planning.layout import CONTROL_DIRECTORY
from dashget.store.control import FRESH, ControlDirectory
from dashget.store.directory import StrangeError, kind_of, open_regular
from dashget.store.failures import OccupiedError, as_store_error
from dashget.store.filesystem import largest_file, longest_name
from dashget.store.folders import Folder, Folders
from dashget.store.journal import Journal, part_name, read_part_paths, sync_folder
from dashget.store.lock import Lock
from dashget.store.moving import move
from dashget.store.recordfile import RecordFile
from dashget.store.unnamed import UnnamedFile, UnnamedFiles
from dashget.store.writing import copy_all, write_all
from dashget.transfer.contract import ResponseHead

if TYPE_CHECKING:
    from dashget.store.backend import Parts, StoredFile, Unfinished
    from dashget.store.packedrecord import Packing
    from dashget.store.parts import Part

_name_of: Final = operator.attrgetter("name")


class LocalDirectory:
    """A directory as the place of one mirror: a ``Backend``.

    With ``fsync`` every file that has its name survives a power cut. With ``follow_links`` the
    links in the directory are the user's own, also in a mirror that was begun without them.
    """

    def __init__(self, root: Path, *, fsync: bool = False, follow_links: bool = False) -> None:
        self.root = root = Path(given(str(root)))
        self._control = ControlDirectory(root / CONTROL_DIRECTORY)
        self._prefix = os.path.join(root, "")
        self._fsync = fsync
        self._lock = Lock(self._control)
        self._record = RecordFile(self._control, fsync=fsync)
        self.append = self._record.append
        """Add a line to the record."""
        self._logs: dict[str, RecordFile] = {}
        """The other files that are only added to, by name."""
        self._folders = Folders(self._prefix, self._control, self._check_control)
        self._follow_links = follow_links

    @property
    def name(self) -> str:
        """The name of the directory."""
        return readable(str(self.root))

    @property
    def name_bytes(self) -> int:
        """The longest name that the file system of the directory takes."""
        return longest_name(self.root)

    @functools.cached_property
    def largest_bytes(self) -> int | None:
        """The size of the largest file that the directory can hold; None: no known limit."""
        return largest_file(self._lock.descriptor)

    def locate(self, path: str) -> str:
        """Return the path of a file with that of the directory."""
        return str(Path(self.name, path))

    def claim(self, since: str) -> None:
        """Make the directory if it is missing, and lock it for this process."""
        self._control.hold()
        self._folders.keep_spare()
        try:
            self._folders.links.takes_new = self._follow_links or self._record.is_missing()
            self._lock.acquire(self.name, since)
        except BaseException:
            self._folders.close()
            self._control.release()
            raise

    def release(self) -> None:
        """Close the record and unlock the directory."""
        try:
            for log in (self._record, *self._logs.values()):
                log.close()
        finally:
            self._lock.release()
            self._folders.close()
            self._control.release()

    def check_present(self) -> None:
        """Raise StoreError if the directory, or a folder in it, has vanished since it was used."""
        self._check_control()
        with as_store_error(self.name):
            self._folders.check_kept()

    def _check_control(self) -> None:
        with as_store_error(self.name):
            if self._control.is_in_place() and self._record.is_in_place():
                return
        raise StoreError(
            f"{self.name} has vanished or was moved",
            hint="nothing more can be stored there; the same command begins anew",
        )

    def is_blank(self) -> bool:
        """Return True if the directory is empty or missing."""
        return self.names("", 0) == frozenset()

    def stat(self, path: str) -> int | None:
        """Return the size of a file; OccupiedError if something else has the name."""
        try:
            found = self._look(path) if path[:1] == "." else os.stat(self._prefix + on_disk(path))
        except OSError:
            return None
        if found is None:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise OccupiedError(path, kind_of(found.st_mode))
        return found.st_size

    def names(self, folder: str, most: int) -> frozenset[str] | None:
        """Return the names in a folder; None if there are more than ``most``, or unreadable."""
        try:
            with os.scandir(self._at(folder)) as entries:
                found = map(_name_of, itertools.islice(entries, most + 1))
                names = frozenset(map(from_disk, found))
        except FileNotFoundError:
            return frozenset()
        except OSError:
            return None
        return names if len(names) <= most else None

    def iter_files(self, folder: str = "") -> Iterator[StoredFile]:
        """Yield every file below a folder; links to folders are not followed."""
        from dashget.store.backend import StoredFile

        if _is_control(folder):
            yield from self._iter_control(folder)
            return
        for above, folders, files in os.walk(self._at(folder)):
            relative = from_disk(os.path.relpath(above, self.root)).replace(os.sep, "/")
            if relative == ".":
                folders[:] = [name for name in folders if name != CONTROL_DIRECTORY]
            for name in map(from_disk, files):
                path = name if relative == "." else f"{relative}/{name}"
                try:
                    size = os.stat(self._at(path)).st_size
                except OSError:  # a link whose target is missing
                    size = None
                yield StoredFile(path, size)

    def open(self, path: str) -> BinaryIO:
        """Open a regular file to read it."""
        if _is_control(path):
            return self._control.reader(_within(path))
        return open_regular(self._at(path))

    def is_same(self, path: str, other: str) -> bool:
        """Return True if two paths lead to one and the same file."""
        try:
            return os.path.samefile(self._at(path), self._at(other))
        except OSError:
            return False

    def put(self, path: str, data: bytes) -> None:
        """Write a small file under another name, and rename it."""
        import io

        self.upload(path, io.BytesIO(data), len(data))

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Write a small file unless something has its name; return True if it was written."""
        with self._folder_of(path) as (folder, name):
            if folder.directory.look(name) is not None:
                return False
        # The lock keeps other processes of DashGet away in between.
        self.put(path, data)
        return True

    def upload(
        self, path: str, source: BinaryIO, size: int, content_type: str | None = None
    ) -> None:
        """Copy a file of any size into the directory."""
        with source, self._folder_of(path) as (folder, name), self._control.opened() as control:
            with open(control.create(FRESH), "wb") as file:
                copy_all(source, file)
                if self._fsync:
                    file.flush()
                    os.fsync(file.fileno())
            move(control, FRESH, folder, name, fsync=self._fsync)

    def move(self, path: str, target: str) -> None:
        """Rename a file, or copy it if the target is on another disk; not if it is outside."""
        source, _, old = path.rpartition("/")
        found = self._folders.find(source)
        found.require_inside(old, "be moved")
        with self._folder_of(target) as (folder, name):
            move(found.directory, on_disk(old), folder, name)

    def extend(self, path: str, size: int, data: bytes) -> bool:
        """Put bytes behind the first ones of a file, in place of all that follow these.

        Returns False for a file that is shorter, is missing, or has another name elsewhere.
        """
        folder, _, name = path.rpartition("/")
        try:
            found = self._folders.find(folder)
            if found.outside:
                return False
            descriptor = found.directory.open(on_disk(name), os.O_RDWR)
        except (FileNotFoundError, StrangeError):
            return False
        try:
            if os.fstat(descriptor).st_size < size:
                return False
            try:
                write_all(descriptor, data, size)
            except BaseException:
                os.ftruncate(descriptor, size)
                raise
            os.ftruncate(descriptor, size + len(data))
            if self._fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return True

    def set_modified(self, path: str, seconds: int) -> None:
        """Give a file a modification time, as far as the file system takes it.

        A file that has another name elsewhere (a hard link) stays as it is.
        """
        with contextlib.suppress(OSError, OverflowError, NotImplementedError):
            folder, _, name = path.rpartition("/")
            known = self._folders.find(folder)
            if known.stranger is not None:
                return
            directory = known.directory
            found = directory.look(on_disk(name))
            if found is not None and stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                directory.set_times(on_disk(name), time.time(), seconds)

    def delete(self, path: str) -> None:
        """Remove a file, and folders that become empty; a missing file is no error."""
        folder, _, name = path.rpartition("/")
        with contextlib.suppress(FileNotFoundError):
            found = self._folders.find(folder)
            found.require_inside(name, "be removed")
            found.directory.unlink(on_disk(name))
        self._folders.remove_empty(folder)

    def is_outside(self, path: str) -> bool:
        """Return True if a link out of the mirror leads to a file."""
        return self._folders.is_outside(path.rpartition("/")[0])

    def open_record(self) -> BinaryIO | None:
        """Open the record to read it; None if there is none."""
        return self._record.open()

    def pack_record(self, least: int, keep: int) -> Packing | None:
        """Compress the beginning of the record; see ``RecordFile.pack``."""
        return self._record.pack(least, keep)

    def commit_packed(self, packing: Packing) -> bool:
        """Take lines out of the record that were compressed."""
        return self._record.commit(packing)

    def append_to(self, name: str, data: bytes) -> None:
        """Add to a file in the control directory."""
        log = self._logs.get(name)
        if log is None:
            log = self._logs[name] = RecordFile(self._control, name, fsync=self._fsync)
        log.append(data)

    def cut_log(self, name: str, begin: int) -> None:
        """Take away all bytes before one from a file of ``append_to``."""
        log = self._logs.get(name) or RecordFile(self._control, name, fsync=self._fsync)
        log.rewrite((), begin)

    def rewrite_record(self, head: Iterable[bytes], begin: int) -> None:
        """Put other lines in place of those of the record before a byte."""
        self._record.rewrite(head, begin)

    def free_bytes(self) -> tuple[int, int] | None:
        """Return how many bytes the disk has left, and how many in all; None if unknown."""
        ask = getattr(os, "fstatvfs", None)
        if ask is None:
            return None
        found = ask(self._lock.descriptor)
        return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize

    def open_parts(self) -> Parts:
        """Return the unfinished files, without those that no journal line vouches for."""
        journal = Journal(self._control, fsync=self._fsync, largest=self.largest_bytes)
        return LocalParts(journal, self._folders)

    def leftover_parts(self) -> tuple[str, ...]:
        """Return the paths of unfinished files."""
        return read_part_paths(self._control)

    def _at(self, path: str) -> str:
        """Return the place of a file or folder on the disk."""
        return self._prefix + on_disk(path)

    def _look(self, path: str) -> os.stat_result | None:
        """Return the facts about a file in the control directory."""
        if not _is_control(path):
            return os.stat(self._at(path))
        folder, _, name = _within(path).rpartition("/")
        with self._control.folder(folder) as directory:
            return directory.look(name)

    def _iter_control(self, folder: str) -> Iterator[StoredFile]:
        """Yield the regular files directly in a folder of the control directory."""
        from dashget.store.backend import StoredFile

        with (
            contextlib.suppress(FileNotFoundError),
            self._control.folder(_within(folder)) as directory,
        ):
            for name in directory.names():
                found = directory.look(name)
                if found is not None and stat.S_ISREG(found.st_mode):
                    yield StoredFile(f"{folder}/{from_disk(name)}", found.st_size)

    @contextmanager
    def _folder_of(self, path: str) -> Iterator[tuple[Folder, str]]:
        """Open the folder of a file that is to be stored, and make it if it is missing."""
        above, _, name = path.rpartition("/")
        if _is_control(path):
            with self._control.folder(on_disk(_within(above)), make=True) as directory:
                yield Folder(above, directory, outside=False), on_disk(name)
        else:
            yield self._folders.make(above), on_disk(name)


class LocalParts:
    """The unfinished files of a local directory: ``Parts``."""

    def __init__(self, journal: Journal, folders: Folders) -> None:
        self.journal = journal
        self.unnamed = UnnamedFiles(journal)
        self._folders = folders

    def receive(
        self, path: str, url: str, head: ResponseHead, pieces: Sequence[bytes]
    ) -> UnnamedFile | Part:
        """Write a whole file without a name, or as a part if the file system needs names."""
        if head.size is not None and head.size > self.journal.largest:
            self.journal.check_size(head.size)
        file = self.unnamed.write(path, pieces)
        if file is not None:
            return file
        # Loaded late, as below: small files that arrive whole need none.
        from dashget.store.parts import Part

        part = Part(self.journal, path, url)
        try:
            part.begin(head, 0)
            part.write_pieces(pieces, 0)
        except BaseException:
            part.drop()
            raise
        return part

    def part(
        self, path: str, url: str, checksum: str | None = None, *, moved: bool = False
    ) -> Part:
        """Return the part of a path."""
        from dashget.store.parts import Part

        return Part(self.journal, path, url, checksum, moved=moved)

    def publish(self, file: Unfinished) -> None:
        """Give a complete file its final name."""
        if not isinstance(file, UnnamedFile):
            file = _as_part(file)
        above, _, name = file.path.rpartition("/")
        folder = self._folders.held.get(above)
        if folder is None:
            try:
                folder = self._folders.make(above)
            except BaseException:
                with contextlib.suppress(OSError):
                    file.close()
                raise
        try:
            file.finish(folder, on_disk(name))
        except OSError as error:
            if error.filename is not None:
                # Of the file, not of what stands for it until it is complete.
                error.filename, error.filename2 = self._folders.prefix + file.path, None
            raise
        if self.journal.fsync:
            sync_folder(folder.directory)

    def has(self, path: str) -> bool:
        """Return True if an earlier run or attempt left bytes of a file."""
        return not self.journal.is_empty and self.journal.knows(part_name(path))

    def kept(self) -> tuple[int, int]:
        """Return how many files the next run can resume, and their bytes on hand."""
        return (0, 0) if self.journal.is_empty else self.journal.kept()

    def close(self, *, sync: bool = True) -> None:
        """Close the journal; with ``sync`` the parts survive a restart of the system."""
        self.unnamed.give_up()
        self.journal.close(sync=sync)


def _as_part(file: Unfinished) -> Part:
    from dashget.store.parts import Part

    if not isinstance(file, Part):
        raise TypeError("not an unfinished file of this directory")
    return file


def _is_control(path: str) -> bool:
    """Return True for a path in the control directory."""
    return path.partition("/")[0] == CONTROL_DIRECTORY


def _within(path: str) -> str:
    """Return a path in the control directory, relative to it."""
    return path.partition("/")[2]
