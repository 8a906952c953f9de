"""What is made once for all workers of a run, by the one that comes first."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path


class Once:
    """Makes folders in a directory that all workers share; a worker that comes later waits."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __call__(self, name: str, fill: Callable[[Path], object]) -> Path:
        """Return the folder of that name; ``fill`` is given an empty one where it is not there."""
        folder = self._directory / name
        with folder.with_name(f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                unfinished = folder.with_name(f"{name}.unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                fill(unfinished)
                unfinished.rename(folder)
        return folder
