"""Whole files that have no name before their final one (Linux, ``O_TMPFILE``).

A small file that arrives whole is written to a file without a name, which is then linked to
its final name: two system calls less than a part that is renamed, and a kill leaves nothing
behind. File systems without such files, or without links to them, get parts instead.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Sequence
from typing import Final

import msgspec

from dashget.common.oserrors import is_disk_failure
from dashget.store.directory import Directory
from dashget.store.folders import Folder
from dashget.store.journal import Journal, part_name
from dashget.store.moving import move
from dashget.store.writing import read_at, write_all, write_pieces

OPEN_FILES: Final = "/proc/self/fd"
"""Where Linux shows a process its open files, so that a name can be given to one."""

_FLAGS: Final = getattr(os, "O_TMPFILE", 0) | os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
_UNSUPPORTED: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS)
"""The errors of file systems and kernels that know no files without a name."""
_OF_THIS_FOLDER: Final = (errno.ENOENT, errno.EXDEV)
"""Errors that say nothing about links in other folders; one may be on another file system."""


class UnnamedFiles:
    """Makes files without a name on the file system of one mirror, as long as that works."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.fsync = journal.fsync
        self.root: int | None = None
        """The mirror's directory, open; None if parts have to be used instead."""
        self.prefix = journal.root_prefix
        self._lock = threading.Lock()
        if hasattr(os, "O_TMPFILE") and os.path.isdir(OPEN_FILES):
            self.root = os.open(self.prefix, os.O_RDONLY | os.O_DIRECTORY)

    def write(self, path: str, pieces: Sequence[bytes]) -> UnnamedFile | None:
        """Write a whole file without a name; return None if that is impossible here.

        For each small file of a run, and so with little Python.
        """
        if self.root is None:
            return None
        try:
            descriptor = os.open(self.prefix, _FLAGS, 0o666)
        except FileNotFoundError as error:
            raise self.journal.vanished() from error
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            self.give_up()
            return None
        try:
            size = write_pieces(descriptor, pieces, 0)
        except BaseException:
            _let_vanish(descriptor)
            raise
        return UnnamedFile(path, size, self, descriptor)

    def give_up(self) -> None:
        """Make no more files without a name; also to be called at the end."""
        with self._lock:
            root, self.root = self.root, None
        if root is not None:
            _let_vanish(root)


class UnnamedFile(msgspec.Struct, eq=False):
    """One whole file without a name; it vanishes when it is closed before ``finish``."""

    path: str
    size: int
    _files: UnnamedFiles
    _descriptor: int | None

    def finish(self, folder: Folder, name: str) -> None:
        """Close the file and give it its final name; a file of the mirror there is replaced."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            raise ValueError("finished or closed already")
        files, part = self._files, None
        named, fsync = False, files.fsync
        try:
            if fsync:
                os.fsync(descriptor)
            if files.root is None:
                part = self._copy(descriptor)
            else:
                try:
                    # Only with a directory does Python have the link follow to the file itself.
                    target = folder.directory.descriptor
                    os.link(f"{OPEN_FILES}/{descriptor}", name, dst_dir_fd=target)
                    named = True
                except OSError as error:
                    if folder.outside and isinstance(error, FileExistsError):
                        raise folder.refusal(name, "be replaced") from None
                    part = self._name_as_part(descriptor, error)
        except BaseException:
            _let_vanish(descriptor)
            raise
        try:
            # Before it is renamed: some systems do not rename open files.
            os.close(descriptor)
        except OSError:
            # Only now such a disk tells that bytes are lost: the name must not vouch for them.
            with contextlib.suppress(OSError):
                if named:
                    folder.directory.unlink(name)
                elif part is not None:
                    files.journal.create_directory().unlink(part)
            raise
        if part is not None:
            move(files.journal.create_directory(), part, folder, name, fsync=fsync)

    def close(self) -> None:
        """Let the file vanish, if it has no name yet."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _let_vanish(descriptor)

    drop = close

    def _name_as_part(self, descriptor: int, error: OSError) -> str:
        """Give the file the name of a part, as its final name cannot be linked; return that."""
        if is_disk_failure(error) or error.errno == errno.ENAMETOOLONG:
            raise error
        if isinstance(error, FileExistsError):
            directory, part = self._free_part()
            source = f"{OPEN_FILES}/{descriptor}"
            os.link(source, part, dst_dir_fd=directory.descriptor)
            return part
        if error.errno not in _OF_THIS_FOLDER:
            self._files.give_up()
        return self._copy(descriptor)

    def _free_part(self) -> tuple[Directory, str]:
        """Return a free name in the directory of parts; whatever has it is removed."""
        directory = self._files.journal.create_directory()
        part = part_name(self.path)
        directory.unlink(part)
        return directory, part

    def _copy(self, descriptor: int) -> str:
        """Copy the bytes to a part, if the file itself cannot get a name."""
        directory, part = self._free_part()
        copy = directory.create(part, os.O_RDWR)
        try:
            write_all(copy, read_at(descriptor, self.size, 0), 0)
            if self._files.fsync:
                os.fsync(copy)
        finally:
            os.close(copy)
        return part


def _let_vanish(descriptor: int) -> None:
    """Close something of which nothing is wanted any more."""
    with contextlib.suppress(OSError):
        os.close(descriptor)
