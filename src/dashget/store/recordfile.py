"""The record of a mirror in a local directory: a file that lines are appended to."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from dashget.store.writing import append_all


class RecordFile:
    """The record of one mirror. It is opened for appending by its first new line."""

    def __init__(self, path: Path, *, fsync: bool = False) -> None:
        self._path = path
        self._fsync = fsync
        self._descriptor: int | None = None

    def append(self, line: bytes) -> None:
        """Add one line, at once; OSError if it cannot be written whole."""
        descriptor = self._descriptor
        if descriptor is None:
            descriptor = self._descriptor = _open_for_append(self._path)
        done = os.write(descriptor, line)
        if done < len(line):
            append_all(descriptor, line[done:])
        if self._fsync:
            os.fsync(descriptor)

    def open(self) -> BinaryIO | None:
        """Open the record to read it; None if there is none."""
        try:
            return open_regular(self._path)
        except FileNotFoundError:
            return None

    def is_in_place(self) -> bool:
        """Return True if the file that lines are written to still has its name."""
        if self._descriptor is None:
            return True
        try:
            found = os.stat(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return os.path.samestat(found, os.fstat(self._descriptor))

    def close(self) -> None:
        """Close the file, if it was opened for appending."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read it; OSError for a pipe or a device, which may keep the reader waiting."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.open("rb")


def _open_for_append(path: Path) -> int:
    """Open the record; a torn last line is ended, so that it costs only itself."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666)
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if end:
        os.lseek(descriptor, end - 1, os.SEEK_SET)
        if os.read(descriptor, 1) != b"\n":
            append_all(descriptor, b"\n")
    return descriptor
