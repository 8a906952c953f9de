"""File descriptors: whether any is left, and what to do early because they may run out."""

from __future__ import annotations

import contextlib
import importlib
import os

from dashget.errors import MORE_FILES_HINT, StoreError

_NEEDED = 64
_NEEDED_BY_EACH = 4
_LOADED_LATE = (
    "dashget.transfer.curl.proxy", "dashget.transfer.settings.proxies", "email.utils", "hashlib",
    "http", "ipaddress", "random", "socket", "statistics",
)  # fmt: skip
"""What most runs never need. To load it takes descriptors, too."""
_LOOKUP = 4
"""How many a transfer may take for a moment: its socket, a file of certificates or of names."""


def raise_limit(transfers: int) -> None:
    """Have this process allowed the descriptors that a run needs, as far as it may allow itself.

    Only for a program: the limit is the whole process's, and its owner's to decide.
    """
    if not _is_tight(transfers):
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _needed(transfers)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):  # a system may know further limits
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def load_early(transfers: int) -> None:
    """Load now what would be loaded in the middle of a run that may have no descriptor left."""
    if _is_tight(transfers):
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


def _needed(transfers: int) -> int:
    return _NEEDED + _NEEDED_BY_EACH * transfers


def _is_tight(transfers: int) -> bool:
    """Say whether this process is allowed fewer descriptors than it may need."""
    try:
        allowed = os.sysconf("SC_OPEN_MAX")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return False
    return 0 <= allowed < _needed(transfers)


def no_descriptors() -> StoreError:
    """Return the error of a run that cannot make a single transfer for want of descriptors."""
    return StoreError(
        "too many open files: no transfer finds a file descriptor that is free",
        hint=MORE_FILES_HINT,
    )
