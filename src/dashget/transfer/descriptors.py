"""File descriptors: whether any is left, and what to do early because they may run out."""

from __future__ import annotations

import importlib
import os

from dashget.errors import MORE_FILES_HINT, StoreError

_NEEDED = 64
_NEEDED_BY_EACH = 4
_LOADED_LATE = ("email.utils", "hashlib", "http", "ipaddress", "random", "socket", "statistics")
"""What most runs never need. To load it takes descriptors, too."""
_LOOKUP = 4
"""How many a transfer may take for a moment: its socket, a file of certificates or of names."""


def load_early(transfers: int) -> None:
    """Load now what would be loaded in the middle of a run that may have no descriptor left."""
    try:
        allowed = os.sysconf("SC_OPEN_MAX")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return
    if 0 <= allowed < _NEEDED + _NEEDED_BY_EACH * transfers:
        for name in _LOADED_LATE:
            importlib.import_module(name)


def find_shortage() -> OSError | None:
    """Return the error of a process that has hardly a descriptor left; None if it has some."""
    made: list[int] = []
    try:
        for _ in range(_LOOKUP):
            made.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401  what is open is kept
    except OSError as error:
        return error
    finally:
        for descriptor in made:
            os.close(descriptor)
    return None


def no_descriptors() -> StoreError:
    """Return the error of a run that cannot make a single transfer for want of descriptors."""
    return StoreError(
        "too many open files: no transfer finds a file descriptor that is free",
        hint=MORE_FILES_HINT,
    )
