"""Files of a mirror in a local directory that are only added to: its record, its versions."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import BinaryIO, Final

from dashget.store.control import RECORD, ControlDirectory
from dashget.store.directory import Directory, identity_of
from dashget.store.journal import sync_folder
from dashget.store.writing import append_all, copy_all

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND


class RecordFile:
    """The record of one mirror, or another file. It is opened by the first line for it."""

    def __init__(
        self, control: ControlDirectory, name: str = RECORD, *, fsync: bool = False
    ) -> None:
        self._control = control
        self._name = name
        self._fsync = fsync
        self._descriptor: int | None = None

    def append(self, line: bytes) -> None:
        """Add one line, at once; OSError if it cannot be written whole."""
        descriptor = self._descriptor
        if descriptor is None:
            with self._control.opened() as directory:
                descriptor = self._descriptor = _open_for_append(directory, self._name)
        try:
            done = os.write(descriptor, line)
            if done < len(line):
                append_all(descriptor, line[done:])
            if self._fsync:
                os.fsync(descriptor)
        except OSError:
            # A torn line is ended by whoever opens the record next.
            self.close()
            raise

    def rewrite(self, head: Iterable[bytes], begin: int) -> None:
        """Put other lines in place of those before a byte: all of them, or none of them.

        OSError if the disk does not take the new record; then the old one stays.
        """
        with self._control.opened() as directory:
            fresh = f"{self._name}.new"
            try:
                with (
                    open(directory.create(fresh, mode=0o600), "wb") as file,
                    directory.reader(self._name) as old,
                ):
                    file.writelines(head)
                    old.seek(begin)
                    copy_all(old, file)
                    file.flush()
                    os.fsync(file.fileno())
                directory.rename(fresh, directory, self._name)
            except OSError:
                directory.unlink(fresh)
                raise
            self.close()
            sync_folder(directory)

    def open(self) -> BinaryIO | None:
        """Open the record to read it; None if there is none."""
        try:
            return self._control.reader(self._name)
        except FileNotFoundError:
            return None

    def is_missing(self) -> bool:
        """Return True if nothing has its name."""
        with self._control.opened() as directory:
            return directory.look(self._name) is None

    def is_in_place(self) -> bool:
        """Return True if the file that lines are written to still has its name."""
        if self._descriptor is None:
            return True
        with self._control.opened() as directory:
            found = directory.look(self._name)
        written = os.fstat(self._descriptor)
        return found is not None and identity_of(found) == identity_of(written)

    def close(self) -> None:
        """Close the file, if it was opened for appending."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _open_for_append(directory: Directory, name: str) -> int:
    """Open a file; a torn last line of the record is ended, so that it costs only itself."""
    directory.own_alone(name)
    descriptor = directory.open(name, _FLAGS, mode=0o600)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        if end and name == RECORD:
            os.lseek(descriptor, end - 1, os.SEEK_SET)
            if os.read(descriptor, 1) != b"\n":
                append_all(descriptor, b"\n")
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
