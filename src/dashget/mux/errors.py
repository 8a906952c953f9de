"""Errors of PyAV in DashGet's words, and its absence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from dashget.errors import MuxError, StoreError

_INSTALL = "install it: pip install 'dashget[mux]'"


class StoppedError(Exception):
    """The writing was stopped on request; the file has no name."""


def load_av() -> ModuleType:
    """Import PyAV, and silence what libavformat logs; MuxError if it is not installed."""
    try:
        import av
        import av.logging
    except ImportError as error:
        raise MuxError(
            f"a single file is written with PyAV, which cannot be loaded: {error}", hint=_INSTALL
        ) from error
    av.logging.set_level(None)
    module: Any = av
    return module  # type: ignore[no-any-return]  # a module, whatever its types are


def as_file(path: Path) -> str:
    """Return the name of a file for libavformat, which takes ``http:a.mp4`` for an address."""
    return f"file:{path}"


class LockedError(Exception):
    """A track is encrypted, and cannot be decrypted; the text says what it would need."""


@contextmanager
def as_mux_error(what: str, *, writing: str | None = None) -> Iterator[None]:
    """Raise MuxError in place of libavformat's errors; a disk's error is a StoreError.

    Names of codecs and times come from the media: PyAV may refuse them with a ValueError.
    ``what`` says what failed, ``writing`` names the file that is written.
    """
    av = load_av()
    try:
        yield
    except av.error.FFmpegError as error:
        reason = error.strerror or str(error)
        if writing is not None and isinstance(error, OSError):
            raise StoreError(f"cannot write {writing}: {reason}", hint="check the disk") from error
        raise MuxError(f"{what}: {reason}") from error
    except OverflowError as error:
        raise MuxError(f"{what}: a time is beyond what a file can hold") from error
    except ValueError as error:
        raise MuxError(f"{what}: {error}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        if writing is not None:
            raise StoreError(f"cannot write {writing}: {reason}", hint="check the disk") from error
        place = f" ({error.filename})" if error.filename else ""
        raise StoreError(f"{what}{place}: {reason}") from error
