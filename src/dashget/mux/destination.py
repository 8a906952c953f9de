"""The file that is written: ``FILE.part`` until it is complete, then its final name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from dashget.common.filenames import readable
from dashget.errors import StoreError, UsageError


class Destination:
    """A file that gets its name at the end, and whose folder has to be there."""

    def __init__(self, path: Path, *, overwrite: bool = False, fsync: bool = False) -> None:
        self.path = path
        self.name = readable(str(path))
        """The file in messages."""
        self.part = path.with_name(f"{path.name}.part")
        self._overwrite = overwrite
        self._fsync = fsync

    def require_free(self) -> None:
        """Raise UsageError if a file has the name, or StoreError if it has no folder."""
        if self.path.is_dir():
            raise UsageError(f"{self.name} is a directory", hint="name a file")
        if self.path.exists() and not self._overwrite:
            raise UsageError(f"{self.name} exists", hint="--overwrite replaces it")
        if not self.path.parent.is_dir():
            folder = readable(str(self.path.parent))
            raise StoreError(f"there is no directory {folder}", hint="make it first")

    def require_apart(self, mirror: Path, holds: Callable[[str], bool]) -> None:
        """Raise UsageError if the name, or that of the part, is one of a mirror's own files.

        ``holds`` tells whether the mirror has a use for a path in it.
        """
        folder, root = self.path.parent.resolve(), mirror.resolve()
        if not folder.is_relative_to(root):
            return
        for path in (self.path, self.part):
            name = (folder / path.name).relative_to(root).as_posix()
            if holds(name):
                raise UsageError(
                    f"{self.name} would replace {readable(name)}, a file of the mirror",
                    hint="give the file another name, or another place",
                )

    @contextlib.contextmanager
    def writing(self) -> Iterator[Path]:
        """Yield the path of the part; it is removed if anything fails."""
        with contextlib.suppress(OSError):
            # What a killed run has left, or a link that leads elsewhere.
            self.part.unlink()
        try:
            yield self.part
        except BaseException:
            with contextlib.suppress(OSError):
                self.part.unlink()
            raise

    def fill(self, text: str) -> None:
        """Write the part: text in UTF-8, with the ends of lines as they are."""
        try:
            self.part.write_bytes(text.encode("utf-8", "replace"))
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(
                f"cannot write {self.name}: {reason}", hint="check the disk"
            ) from error

    def edit(self) -> BinaryIO:
        """Open the part to correct bytes of it."""
        return self.part.open("r+b")

    def size(self) -> int:
        """Return the bytes of the file, once it has its name."""
        return self.path.stat().st_size

    def publish(self) -> None:
        """Give the part its final name; StoreError if that fails."""
        try:
            if self._fsync:
                _sync(self.part)
            self.part.replace(self.path)
            if self._fsync:
                _sync(self.path.parent)
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(
                f"cannot write {self.name}: {reason}", hint="check the disk"
            ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
