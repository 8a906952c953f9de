"""Open files of a mirror for somebody who may only read it, such as the clients of a server.

The path comes from a stranger, and so may the mirror. Files are opened relative to the open
root, folder by folder. What is not a regular file, the control directory under whatever
spelling, and whatever a link out of the mirror leads to, is refused.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dashget.common.filenames import on_disk
from dashget.errors import StoreError
from dashget.planning.layout import CONTROL_DIRECTORY, is_safe_path
from dashget.store.directory import Directory, Identity, StrangeError, identity_of, open_directory


class ReadableFile(NamedTuple):
    """An open file, and the facts that tell its version from others: it may be replaced."""

    file: BinaryIO
    size: int
    number: int
    modified_ns: int
    changed_ns: int


class ReadableTree:
    """The files below a directory, which is held open until ``close``."""

    def __init__(self, root: Path) -> None:
        """Raises OSError for a directory that cannot be opened."""
        self._path = str(root)
        self._root = open_directory(self._path)

    def close(self) -> None:
        """Close the directory."""
        self._root.close()

    def open(self, path: str) -> ReadableFile:
        """Open a file by its path in the mirror, with ``/`` between names.

        Raises FileNotFoundError for a missing file, PermissionError for a refused one, and
        OSError for what cannot be read.
        """
        if not path or not is_safe_path(path):
            raise PermissionError(path)
        try:
            file = self._opened(on_disk(path))
        except FileNotFoundError:
            if not self._was_replaced():
                raise
            file = self._opened(on_disk(path))
        facts = os.fstat(file.fileno())
        times = facts.st_mtime_ns, facts.st_ctime_ns
        return ReadableFile(file, facts.st_size, facts.st_ino, *times)

    def _opened(self, path: str) -> BinaryIO:
        try:
            return self._walk(path)
        except StoreError:
            # A link is in the way. One that stays inside is as good as a folder.
            return self._walk_again(path)

    def _walk_again(self, path: str) -> BinaryIO:
        root = os.path.realpath(self._path)
        found = os.path.relpath(os.path.realpath(os.path.join(root, path)), root)
        try:
            if found.split(os.sep)[0] != "..":
                return self._walk(found.replace(os.sep, "/"))
        except StrangeError as error:
            raise PermissionError(errno.EPERM, f"it is {error.kind}", path) from None
        except StoreError:
            pass
        raise PermissionError(path)

    def _walk(self, path: str) -> BinaryIO:
        *folders, name = path.split("/")
        control = self._control()
        with ExitStack() as stack:
            directory = self._root
            for folder in folders:
                directory = stack.enter_context(directory.folder(folder))
                if directory.identity() == control:
                    raise PermissionError(path)
            return directory.reader(name)

    def _control(self) -> Identity | None:
        """Return the identity of the control directory, which may have other spellings."""
        found = self._root.look(CONTROL_DIRECTORY)
        return None if found is None or not stat.S_ISDIR(found.st_mode) else identity_of(found)

    def _was_replaced(self) -> bool:
        """Open the directory that has the path now, if it is another one; tell if it is."""
        fresh = open_directory(self._path)
        if fresh.identity() == self._root.identity():
            fresh.close()
            return False
        self._replace(fresh)
        return True

    def _replace(self, fresh: Directory) -> None:
        earlier, self._root = self._root, fresh
        earlier.close()
