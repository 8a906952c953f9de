"""The folders of a mirror in a local directory: made once, when their first file comes."""

from __future__ import annotations

import os
from collections.abc import Callable

from dashget.common.filenames import on_disk, readable
from dashget.errors import StoreError


class Folders:
    """Makes folders below a root, and remembers which ones are there."""

    def __init__(self, prefix: str, check_present: Callable[[], None]) -> None:
        """``prefix`` is the root with a separator at its end."""
        self.made: set[str] = set()
        """The folders that are known to be there."""
        self.prefix = prefix
        self._check_present = check_present

    def make(self, folder: str) -> None:
        """Make a folder, and those above it; the root itself is never made again."""
        if folder in self.made:
            return
        if folder:
            self._check_present()
            try:
                os.makedirs(self.prefix + on_disk(folder), exist_ok=True)
            except (FileExistsError, FileNotFoundError):
                self._check_links(folder)
                raise
        self.made.add(folder)

    def remove_empty(self, folder: str) -> None:
        """Remove a folder and those above it, as far as they are empty."""
        while folder:
            try:
                os.rmdir(self.prefix + on_disk(folder))
            except OSError:
                break
            self.made.discard(folder)
            folder = folder.rpartition("/")[0]

    def _check_links(self, folder: str) -> None:
        """Raise StoreError if a folder is a link whose target is missing."""
        while folder:
            place = self.prefix + on_disk(folder)
            if os.path.islink(place) and not os.path.exists(place):
                raise StoreError(
                    readable(f"{place} is a link to {os.readlink(place)}, which is not there"),
                    hint="mount the disk that it leads to, or remove the link",
                )
            folder = folder.rpartition("/")[0]
