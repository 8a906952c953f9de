"""Notice files that have their size, but not their bytes: another tool has reserved room for them.

Tools that fetch a file in pieces often give it its full size first. Room that was only reserved is
a hole for the file system, or reads as zeros. Neither proves that bytes are missing; a file that
has them is worth fetching.
"""

from __future__ import annotations

import os
from typing import BinaryIO, Final

_END_BYTES: Final = 4096
_SEEK_HOLE: Final[int | None] = getattr(os, "SEEK_HOLE", None)


def is_only_reserved(file: BinaryIO, size: int) -> bool:
    """Return True if a file has a hole, or ends with zeros only."""
    if size >= _END_BYTES:
        file.seek(size - _END_BYTES)
        if not any(file.read(_END_BYTES)):
            return True
    return _has_hole(file, size)


def _has_hole(file: BinaryIO, size: int) -> bool:
    """Return True if a part of a file was never written, as far as the system tells."""
    if _SEEK_HOLE is None:
        return False
    try:
        return os.lseek(file.fileno(), 0, _SEEK_HOLE) < size
    except OSError:  # a place that is no local directory, or a file system that cannot tell
        return False
