"""Errors of the operating system that are about more than one file."""

from __future__ import annotations

import errno
from typing import Final

DESCRIPTORS_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE)
"""This process, or the machine, has no file descriptor left. Temporary."""
_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def is_disk_failure(error: BaseException) -> bool:
    """Return True if the whole disk is full, read-only or broken."""
    return isinstance(error, OSError) and error.errno in _DISK


def is_descriptor_shortage(error: BaseException) -> bool:
    """Return True if this process or machine has run out of file descriptors."""
    return isinstance(error, OSError) and error.errno in DESCRIPTORS_EXHAUSTED
