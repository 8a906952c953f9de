"""Files of a mirror in a local directory that are only added to: its record, its versions."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO, Final

from dashget.store.control import PACKED, RECORD, ControlDirectory
from dashget.store.directory import Directory, identity_of
from dashget.store.journal import sync_folder
from dashget.store.writing import append_all, copy_all, read_at

if TYPE_CHECKING:
    from dashget.store.packedrecord import Packing

_FOLLOWS: Final = b'{"follows":'
"""How the first line of a record begins that has a packed beginning."""
_MOST_LOOKS: Final = 5
_LOOK_BYTES: Final = 1 << 20
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

    def pack(self, least: int, keep: int) -> Packing | None:
        """Compress all but the last bytes of the record, if it has so many; ``commit`` is to come.

        Meanwhile lines may be added. Whatever happens before ``commit``, nothing has changed.
        """
        from dashget.store.packedrecord import Packing, pack_into, read_start

        with self._control.opened() as directory, directory.reader(self._name) as record:
            start = read_start(record)
            facts = os.fstat(record.fileno())
            if facts.st_size - start.skip < least:
                return None
            end = _end_of_line(record.fileno(), start.skip, facts.st_size - keep)
            if end == start.skip:
                return None
            packed = pack_into(directory, record, start, end)
            sync_folder(directory)
            return Packing(packed, end, identity_of(facts))

    def commit(self, packing: Packing) -> bool:
        """Take the lines that were compressed out of the record; nothing may be added meanwhile."""
        with self._control.opened() as directory:
            found = directory.look(self._name)
            if found is None or identity_of(found) != packing.record:
                return False
            with directory.reader(self._name) as old:
                old.seek(packing.end)
                self._replace(directory, (packing.follows.line(),), old)
        return True

    def rewrite(self, head: Iterable[bytes], begin: int) -> None:
        """Put other lines in place of those before a byte: all of them, or none of them.

        OSError if the disk does not take the new record; then the old one stays.
        """
        with self._control.opened() as directory:
            with self._reader() as old:
                old.seek(begin)
                self._replace(directory, head, old)
            if self._name == RECORD:
                # Nothing follows it any more.
                directory.unlink(PACKED)

    def _replace(self, directory: Directory, head: Iterable[bytes], rest: BinaryIO) -> None:
        """Put lines, and what is left to be read of a file, in place of the file."""
        fresh = f"{self._name}.new"
        try:
            with open(directory.create(fresh, mode=0o600), "wb") as file:
                file.writelines(head)
                copy_all(rest, file)
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
            return self._reader()
        except FileNotFoundError:
            return None

    def _reader(self) -> BinaryIO:
        """Open the file to read it: the record with its beginning, which may be packed."""
        for _ in range(_MOST_LOOKS):
            file = self._control.reader(self._name)
            # Most records are plain: they need no more modules.
            is_plain = self._name != RECORD or file.read(len(_FOLLOWS)) != _FOLLOWS
            file.seek(0)
            if is_plain:
                return file
            with contextlib.ExitStack() as opened:
                opened.push(file)
                whole = self._joined(file)
                if whole is not None:
                    opened.pop_all()
                    return whole
            # Who keeps the record in order may have replaced one file, and soon the other.
        from dashget.store.packedrecord import damaged

        raise damaged()

    def _joined(self, file: BinaryIO) -> BinaryIO | None:
        """Return a record with its beginning, which is packed; None if that is another's."""
        from dashget.store.packedrecord import fits, joined, read_start

        start = read_start(file)
        if start.follows is None:
            return file
        try:
            packed = self._control.reader(PACKED)
        except FileNotFoundError:
            return None
        if fits(packed, start.follows):
            return joined(packed, file, start.follows, skip=start.skip)
        packed.close()
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


def _end_of_line(descriptor: int, begin: int, most: int) -> int:
    """Return where the last line ends that ends before a byte; the begin if there is none."""
    at = max(most, begin)
    while at > begin:
        low = max(at - _LOOK_BYTES, begin)
        found = read_at(descriptor, at - low, low).rfind(b"\n")
        if found >= 0:
            return low + found + 1
        at = low
    return begin


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
