"""Settings of the C library's memory for the process of a command.

A library leaves its process alone, so only commands that transfer files ask for this.
"""

from __future__ import annotations

import sys
from typing import Final

_TRIM_THRESHOLD: Final = -1
"""``M_TRIM_THRESHOLD`` of glibc's ``malloc.h``."""
KEPT_BYTES: Final = 64 * 1024 * 1024


def keep_freed_memory() -> bool:
    """Have glibc keep up to 64 MiB of freed memory for the next use; True if it does.

    Parallel ranges come in bursts: some megabytes for each connection, written and freed at
    once. By default glibc gives the end of its heap back to the system after each burst, and the
    next one faults it in again, page by page. Nothing happens without glibc.
    """
    if sys.platform != "linux":
        return False
    try:
        # The core of ctypes: the package takes four times as long to load as this call takes.
        import _ctypes

        program = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # None is the program itself
        function = _ctypes.dlsym(program, "mallopt")
        return bool(_ctypes.call_function(function, (_TRIM_THRESHOLD, KEPT_BYTES)))
    except (ImportError, OSError, AttributeError):
        return False
