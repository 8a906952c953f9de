"""Rename a file, also to a name on another file system.

A folder of a mirror may be a link to another disk, or another disk may be mounted there. Files
cannot be renamed from one disk to another: the file is copied beside its new name, and renamed
there. So a name stands for a whole file in any case.
"""

from __future__ import annotations

import contextlib
import errno
import os

from dashget.common.filenames import from_disk
from dashget.store.journal import part_name


def move(source: str, target: str, *, fsync: bool = False) -> None:
    """Rename a file; a file that has the new name is replaced. With ``fsync`` a copy is synced."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target, fsync=fsync)
        os.unlink(source)


def _copy(source: str, target: str, *, fsync: bool) -> None:
    import shutil

    folder, name = os.path.split(target)
    # The same name in every run: the next copy replaces what a kill left of this one.
    fresh = os.path.join(folder, f".{part_name(from_disk(name))}")
    try:
        shutil.copyfile(source, fresh)
        with contextlib.suppress(OSError):  # times and rights, as far as the other one has them
            shutil.copystat(source, fresh)
        if fsync:
            with open(fresh, "r+b") as file:
                os.fsync(file.fileno())
        os.replace(fresh, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        raise
