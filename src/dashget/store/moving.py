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
from dashget.store.directory import Directory
from dashget.store.folders import Folder
from dashget.store.journal import part_name
from dashget.store.writing import copy_all


def move(source: Directory, name: str, target: Folder, new: str, *, fsync: bool = False) -> None:
    """Rename a file; a file that has the new name is replaced. With ``fsync`` a copy is synced.

    Raises OutsideError if a file outside of the mirror has the new name.
    """
    if target.outside:
        target.require_free(new)
    try:
        source.rename(name, target.directory, new)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, name, target.directory, new, fsync=fsync)
        source.unlink(name)


def _copy(source: Directory, name: str, target: Directory, new: str, *, fsync: bool) -> None:
    # The same name in every run: the next copy replaces what a kill left of this one.
    fresh = f".{part_name(from_disk(new))}"
    try:
        with source.reader(name) as old, open(target.create(fresh), "wb") as copy:
            copy_all(old, copy)
            copy.flush()
            _copy_facts(old.fileno(), copy.fileno())
            if fsync:
                os.fsync(copy.fileno())
        target.rename(fresh, target, new)
    except BaseException:
        with contextlib.suppress(OSError):
            target.unlink(fresh)
        raise


def _copy_facts(old: int, copy: int) -> None:
    """Give an open file the times and rights of another, as far as the system can."""
    facts = os.fstat(old)
    with contextlib.suppress(OSError, TypeError, AttributeError, NotImplementedError):
        os.utime(copy, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        os.fchmod(copy, facts.st_mode & 0o777)
