"""An open directory: what is done in it goes through its descriptor, and never through a link.

A mirror may come from somebody else, who may have put a link, a pipe or a device under any name
in it; and a folder may become a link while a run writes into it. So a file is opened relative
to an open directory, without following a link and without waiting. It is used only if it is a
regular file, and written only if it has no other name (a hard link), by which the bytes of a
file elsewhere would change. New files are created exclusively.

``OSError`` names the file with its whole path. Systems without descriptors of directories
(Windows) get paths instead, whose last name is looked at before.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from dashget.common.filenames import readable
from dashget.errors import StoreError
from dashget.store.writing import copy_all

Identity = tuple[int, int]
"""The device and the number of a file or directory: the same as long as it exists."""

_HAS_DESCRIPTORS: Final = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")
_CLOSED: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FOLDER_FLAGS: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _CLOSED
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_FILE_FLAGS: Final = _NO_LINK | getattr(os, "O_NONBLOCK", 0) | _CLOSED
_CREATE_FLAGS: Final = os.O_CREAT | os.O_EXCL | _NO_LINK | _CLOSED
_CLOSED_ALREADY: Final = -1
_HINT: Final = (
    "DashGet's own files are never such: somebody else made it; if you trust the rest of the"
    " mirror, remove it and give the same command again"
)
_KINDS: Final = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISREG, "a file"),
)


class StrangeError(StoreError):
    """Something else than a file or folder of ours has a name; ``kind`` tells what."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message, hint=_HINT)
        self.kind = kind


class Directory:
    """A directory that is open, until ``close``."""

    __slots__ = ("descriptor", "path")

    def __init__(self, path: str, descriptor: int | None) -> None:
        """``path`` is its name in messages; ``open_directory`` and ``folder`` open one."""
        self.path = path
        self.descriptor = descriptor

    def close(self) -> None:
        """Close the directory; closing again does nothing."""
        descriptor = self.descriptor
        if descriptor is not None and descriptor != _CLOSED_ALREADY:
            self.descriptor = _CLOSED_ALREADY
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def __enter__(self) -> Directory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def identity(self) -> Identity:
        """Return what tells this directory from all others."""
        return identity_of(os.stat(self._own()))

    def above(self) -> Directory:
        """Open the directory that this one is in, in truth: links on the way here do not count."""
        with self._naming(".."):
            path = os.path.join(self.path, "..")
            if self.descriptor is None:
                return Directory(os.path.dirname(os.path.realpath(self.path)), None)
            return Directory(path, os.open("..", _FOLDER_FLAGS, dir_fd=self.descriptor))

    def folder(self, name: str, *, make: bool = False, follow: bool = False) -> Directory:
        """Open a folder in here, with ``make`` also one that is missing.

        Raises StoreError if something else has its name: a link, unless ``follow`` is given,
        or a file.
        """
        with self._naming(name):
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(self._at(name), dir_fd=self.descriptor)
            path = os.path.join(self.path, name)
            if not _HAS_DESCRIPTORS:
                here = os.stat(path) if follow else os.lstat(path)
                if not stat.S_ISDIR(here.st_mode):
                    raise self.strange(name)
                return Directory(path, None)
            flags = _FOLDER_FLAGS if follow else _FOLDER_FLAGS | _NO_LINK
            try:
                return Directory(path, os.open(self._at(name), flags, dir_fd=self.descriptor))
            except OSError:
                found = self.look(name)
                if found is None or (stat.S_ISDIR(found.st_mode) or follow):
                    raise
                raise self.strange(name) from None

    def keep_private(self) -> None:
        """Let nobody but its owner into the directory, where the file system knows owners.

        Then nobody else reaches what is in it, whatever the permissions of that.
        """
        if self.descriptor is not None:
            mode = stat.S_IMODE(os.fstat(self.descriptor).st_mode)
            if mode & 0o077:
                with contextlib.suppress(OSError):
                    os.fchmod(self.descriptor, mode & 0o700)

    def look(self, name: str) -> os.stat_result | None:
        """Return the facts about what has a name, which may be a link; None if nothing has it."""
        try:
            return os.stat(self._at(name), dir_fd=self.descriptor, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open(self, name: str, flags: int = os.O_RDONLY, *, mode: int = 0o666) -> int:
        """Open a regular file; return its descriptor.

        Raises StoreError for anything else, and to write also for a file with another name.
        """
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        with self._naming(name):
            if flags & os.O_CREAT:
                with contextlib.suppress(FileExistsError):
                    how = flags | _CREATE_FLAGS
                    return os.open(self._at(name), how, mode, dir_fd=self.descriptor)
                flags &= ~os.O_CREAT
            # Looked at before: to open a device may have consequences.
            found = os.stat(self._at(name), dir_fd=self.descriptor, follow_symlinks=False)
            if not stat.S_ISREG(found.st_mode):
                raise self.strange(name)
            descriptor = os.open(self._at(name), flags | _FILE_FLAGS, dir_fd=self.descriptor)
            opened = os.fstat(descriptor)
            if stat.S_ISREG(opened.st_mode) and (not writes or opened.st_nlink <= 1):
                return descriptor
            os.close(descriptor)
        raise self.strange(name)

    def reader(self, name: str) -> BinaryIO:
        """Open a regular file to read it."""
        return open(self.open(name), "rb")

    def create(self, name: str, flags: int = os.O_WRONLY, *, mode: int = 0o666) -> int:
        """Create a file, in place of whatever has its name; return its descriptor."""
        with self._naming(name):
            how = flags | _CREATE_FLAGS
            try:
                return os.open(self._at(name), how, mode, dir_fd=self.descriptor)
            except FileExistsError:
                self.unlink(name)
                return os.open(self._at(name), how, mode, dir_fd=self.descriptor)

    def unlink(self, name: str) -> None:
        """Remove a name, whatever has it except a directory; a missing one is no error."""
        with self._naming(name):
            try:
                os.unlink(self._at(name), dir_fd=self.descriptor)
            except FileNotFoundError:
                return
            except OSError:
                found = self.look(name)
                if found is None or not stat.S_ISDIR(found.st_mode):
                    raise
                raise self.strange(name) from None

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder; OSError if there is none of this name."""
        with self._naming(name):
            os.rmdir(self._at(name), dir_fd=self.descriptor)

    def set_times(self, name: str, accessed: float, modified: float) -> None:
        """Give a file its times; those of a link are its own."""
        times = accessed, modified
        os.utime(self._at(name), times, dir_fd=self.descriptor, follow_symlinks=False)

    def rename(self, name: str, target: Directory, new: str) -> None:
        """Give a file another name, in this directory or another; a file there is replaced."""
        with target._naming(new):
            os.replace(
                self._at(name),
                target._at(new),
                src_dir_fd=self.descriptor,
                dst_dir_fd=target.descriptor,
            )

    def own_alone(self, name: str) -> None:
        """Make a file that has another name elsewhere (a hard link) a file of its own.

        Backups of whole trees often consist of such links. What has the other name stays.
        """
        found = self.look(name)
        if found is None or not stat.S_ISREG(found.st_mode) or found.st_nlink <= 1:
            return
        fresh = f"{name}.new"
        with self.reader(name) as shared, open(self.create(fresh), "wb") as own:
            copy_all(shared, own)
        self.rename(fresh, self, name)

    def names(self) -> list[str]:
        """Return the names of everything in here."""
        return os.listdir(self._own())

    def sync(self) -> None:
        """Have the disk store new names; OSError if it cannot."""
        if self.descriptor is not None:
            os.fsync(self.descriptor)

    def strange(self, name: str) -> StrangeError:
        """Return the error for a name that something else than a file or folder of ours has."""
        found = self.look(name)
        mode = 0 if found is None else found.st_mode
        kind = kind_of(mode)
        if found is not None and stat.S_ISREG(mode) and found.st_nlink > 1:
            kind = "a file that has another name elsewhere (a hard link)"
        path = readable(os.path.join(self.path, name))
        return StrangeError(f"cannot use {path}: it is {kind}", kind)

    def _own(self) -> int | str:
        return self.path if self.descriptor is None else self.descriptor

    def _at(self, name: str) -> str:
        return os.path.join(self.path, name) if self.descriptor is None else name

    @contextmanager
    def _naming(self, name: str) -> Iterator[None]:
        """Have an OSError name the file with its whole path.

        A link that took the name after it was looked at is refused as one that was seen.
        """
        try:
            yield
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise self.strange(name) from None
            error.filename, error.filename2 = os.path.join(self.path, name), None
            raise


def kind_of(mode: int) -> str:
    """Return what has a name, by its mode (``st_mode``), as part of a sentence."""
    return next((text for test, text in _KINDS if test(mode)), "something strange")


def open_directory(path: str) -> Directory:
    """Open a directory by a path of the user's own choice, in which links are followed."""
    if not _HAS_DESCRIPTORS:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return Directory(path, None)
    return Directory(path, os.open(path, _FOLDER_FLAGS))


def identity_of(found: os.stat_result) -> Identity:
    """Return what tells a file or directory from all others, of its facts."""
    return found.st_dev, found.st_ino


def open_regular(path: str) -> BinaryIO:
    """Open a media file to read it, also by links; OSError for anything that is no file.

    Never waits, as for somebody who writes to a pipe.
    """
    # Looked at before: to open a device may have consequences.
    _require_file(os.stat(path), path)
    descriptor = os.open(path, os.O_RDONLY | _FILE_FLAGS & ~_NO_LINK)
    try:
        _require_file(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return open(descriptor, "rb")


def _require_file(found: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, f"not a regular file, but {kind_of(found.st_mode)}", path)
