"""Another name for a file, also where that lies on another file system.

A folder of a mirror may be a link to another disk, or a disk that is mounted there. Nothing
can be renamed across that border: the file is copied beside its new name, and renamed there.
So a name stands for a whole file there, too.
"""

from __future__ import annotations

import contextlib
import errno
import os

from dashget.store.journal import part_name


def move(source: str, target: str, *, fsync: bool = False) -> None:
    """Give a file another name; whatever has that goes. ``fsync`` is for what is copied."""
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
    # The same after a kill, so that nothing is left over once the file is here.
    fresh = os.path.join(folder, f".{part_name(name)}")
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
