"""Errors of the operating system: whom they concern, and their words and hints for people.

All roads to the disk end here, so that a full disk is told in one way, whoever meets it.
"""

from __future__ import annotations

import errno
from typing import Final

from dashget.errors import MORE_FILES_HINT, StoreError

DESCRIPTORS_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE)
"""This process, or the machine, has no file descriptor left. Temporary."""


def _numbers(*names: str) -> frozenset[int]:
    """Return the numbers of errors, as far as this system knows them."""
    return frozenset(getattr(errno, name) for name in names if hasattr(errno, name))


_FULL: Final = _numbers("ENOSPC", "EDQUOT")
_READ_ONLY: Final = _numbers("EROFS")
_BROKEN: Final = _numbers(
    "EIO", "ESTALE", "ENXIO", "ENODEV", "ENOTCONN", "ENOMEDIUM", "EREMOTEIO", "ESHUTDOWN",
    "EUCLEAN", "ETIMEDOUT", "EHOSTDOWN",
)  # fmt: skip
"""A disk that fails or is pulled out, a file server that is gone, a damaged file system."""
_DISK: Final = _FULL | _READ_ONLY | _BROKEN

_FULL_HINT: Final = (
    "make room on the disk, or in your quota of it; the same command continues from here"
)
_READ_ONLY_HINT: Final = "choose a directory that you can write to with -o"
_BROKEN_HINT: Final = (
    "check the disk, or the connection to it; the same command continues from here"
)
_OTHER_HINT: Final = "choose a directory that you can write to, with room on its disk, with -o"
TOO_LARGE_HINT: Final = (
    "choose a directory on another disk with -o (FAT stores no file of 4 GiB), or allow larger"
    " files (ulimit -f)"
)
_LONG_NAME_HINT: Final = (
    "choose a directory with a shorter path, or on another file system, with -o"
)


def is_disk_failure(error: BaseException) -> bool:
    """Return True if the whole disk is full, read-only or broken."""
    return isinstance(error, OSError) and error.errno in _DISK


def is_descriptor_shortage(error: BaseException) -> bool:
    """Return True if this process or machine has run out of file descriptors."""
    return isinstance(error, OSError) and error.errno in DESCRIPTORS_EXHAUSTED


def reason_of(error: OSError) -> str:
    """Return the words of the system for an error, as a part of a sentence."""
    if error.errno == errno.EEXIST:
        return "something else has this name, such as a link that leads nowhere"
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def hint_for(error: OSError) -> str | None:
    """Return what helps against an error of a disk; None if that depends on the file."""
    number = error.errno
    if number in DESCRIPTORS_EXHAUSTED:
        return MORE_FILES_HINT
    if number == errno.EFBIG:
        return TOO_LARGE_HINT
    if number == errno.ENAMETOOLONG:
        return _LONG_NAME_HINT
    if number in _FULL:
        return _FULL_HINT
    if number in _READ_ONLY:
        return _READ_ONLY_HINT
    return _BROKEN_HINT if number in _BROKEN else None


def disk_error(error: OSError, name: str | None = None) -> StoreError:
    """Return the error that ends a run; ``name`` is that of the place, or of a file in it.

    An error about a single file has the name that the system gave, where none is given.
    """
    verb = "write" if is_disk_failure(error) else "use"
    about = f" {name}" if name else ""
    hint = hint_for(error) or _OTHER_HINT
    made = StoreError(f"cannot {verb}{about}: {reason_of(error)}", hint=hint)
    made.is_full = error.errno in _FULL
    return made
