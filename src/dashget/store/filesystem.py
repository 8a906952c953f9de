"""Ask the file system of a directory what it can hold: how long names, how large files."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from dashget.planning.layout import NAME_BYTES

_LIMITS: Final = ((1 << 31) - 1, (1 << 32) - 1)
"""The largest files of old file systems: 2 GiB, and 4 GiB as in FAT."""
_LIMIT_LINE: Final = b"Max file size"


def longest_name(directory: Path) -> int:
    """Return the longest name below a directory that may be missing, 255 bytes at most.

    eCryptfs takes 143 bytes.
    """
    place = directory.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return min(NAME_BYTES, os.pathconf(place, "PC_NAME_MAX"))
    except (AttributeError, ValueError, OSError):  # Windows, or it does not tell
        return NAME_BYTES


def largest_file(descriptor: int | None) -> int | None:
    """Return the size of the largest file beside an open one, in bytes; None: no known limit.

    The limits of this process (``ulimit -f``) and of the file system count. Some file systems
    tell theirs only when too much is written.
    """
    limit = _limit_of_process()
    limits = [] if limit is None else [limit]
    if descriptor is not None:
        limits += [most for most in _LIMITS if not _reaches(descriptor, most + 1)]
    return min(limits, default=None)


def _limit_of_process() -> int | None:
    """Return the largest file that this process may write; None: any."""
    # Linux shows it as text: the module that asks for it is one more to load for every run.
    with contextlib.suppress(OSError), open("/proc/self/limits", "rb") as lines:
        for line in lines:
            if line.startswith(_LIMIT_LINE):
                word = line[len(_LIMIT_LINE) :].split()[0]
                return int(word) if word.isdigit() else None
    with contextlib.suppress(ImportError, OSError):  # no such module on Windows
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        return None if most == resource.RLIM_INFINITY else most
    return None


def _reaches(descriptor: int, offset: int) -> bool:
    """Return True if a file may be so large: Linux does not seek beyond what it can be."""
    try:
        os.lseek(descriptor, offset, os.SEEK_SET)
    except OSError:
        return False
    return True
