"""What the C library does with memory that is free again."""

from __future__ import annotations

import functools
import sys
from typing import Final

_TRIM_THRESHOLD: Final = -1
"""``M_TRIM_THRESHOLD`` of glibc's ``malloc.h``."""
KEPT_BYTES: Final = 64 * 1024 * 1024


@functools.cache
def keep_freed_memory() -> bool:
    """Have glibc keep up to 64 MiB that are free for the next use; say whether it does.

    Parallel ranges come in bursts: some megabytes for each connection, written and freed at
    once. By default glibc gives the end of its heap back to the system after each burst, and the
    next one faults it in again, page by page. Holds for the whole process, and costs the loading
    of ``ctypes`` once; where there is no glibc, nothing happens.
    """
    if sys.platform != "linux":
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).mallopt(_TRIM_THRESHOLD, KEPT_BYTES))
    except (ImportError, OSError, AttributeError):
        return False
