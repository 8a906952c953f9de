"""File descriptors: raise their limit, and find out if they have run out."""

from __future__ import annotations

import contextlib
import importlib
import os

from dashget.errors import MORE_FILES_HINT, StoreError

_NEEDED = 64
_NEEDED_BY_EACH = 4
_LOADED_LATE = (
    "dashget.transfer.curl.errors", "dashget.transfer.curl.proxy", "dashget.transfer.http.coding",
    "dashget.transfer.http.hints", "dashget.transfer.run.failures", "dashget.transfer.run.gaps",
    "dashget.transfer.run.outages", "dashget.transfer.run.resumption",
    "dashget.transfer.settings.proxies", "email.utils", "hashlib", "http", "ipaddress", "random",
    "socket", "statistics",
)  # fmt: skip
"""Modules that most runs never need. Loading them takes descriptors."""
_LOOKUP = 4
"""Descriptors of one transfer at once: its socket, a file of certificates or of names."""


def raise_limit(transfers: int) -> None:
    """Raise the limit of this process to the descriptors that a run needs, if it is permitted.

    Only for a program: the limit concerns the whole process, which belongs to its owner.
    """
    if not _is_tight(transfers):
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _needed(transfers)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):  # a system may know further limits
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def load_early(transfers: int, names: tuple[str, ...] = _LOADED_LATE) -> None:
    """Import modules now that a run without free descriptors could no longer import.

    ``names`` are by default those of the transfers. Who imports others while transfers are under
    way names them here as well.
    """
    if _is_tight(transfers):
        for name in names:
            importlib.import_module(name)


def find_shortage() -> OSError | None:
    """Return the error of a process with hardly any descriptors left; None if there are some."""
    made: list[int] = []
    try:
        for _ in range(_LOOKUP):
            made.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401  an open one must be kept
    except OSError as error:
        return error
    finally:
        for descriptor in made:
            os.close(descriptor)
    return None


def _needed(transfers: int) -> int:
    return _NEEDED + _NEEDED_BY_EACH * transfers


def _is_tight(transfers: int) -> bool:
    """Return True if this process may open fewer descriptors than it may need."""
    try:
        allowed = os.sysconf("SC_OPEN_MAX")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return False
    return 0 <= allowed < _needed(transfers)


def no_descriptors() -> StoreError:
    """Return the error of a run that lacks descriptors for even one transfer."""
    return StoreError(
        "too many open files: no file descriptor is left for a single transfer",
        hint=MORE_FILES_HINT,
    )
