"""The clock of a recorder, which goes on while the computer sleeps."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final


def _waking_clock() -> Callable[[], float]:
    """Return a clock that never goes back, and goes on while the computer sleeps.

    ``time.monotonic`` stops then on Linux and macOS. On Windows it does not.
    """
    name = "CLOCK_MONOTONIC" if sys.platform == "darwin" else "CLOCK_BOOTTIME"
    number = getattr(time, name, None)
    if number is None:
        return time.monotonic
    try:
        time.clock_gettime(number)
    except OSError:
        return time.monotonic
    return lambda: time.clock_gettime(number)


moment: Final = _waking_clock()
"""Return the monotonic time in seconds; the sleep of the computer counts."""
