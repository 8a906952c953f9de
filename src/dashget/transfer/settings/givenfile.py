"""Files that the user names in options: read once, and checked for their format.

A file of secrets is never quoted: messages name the numbers of lines, not their text.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from dashget.common.filenames import readable
from dashget.common.secrets import HidesSecrets
from dashget.common.validation import FieldError, Wrong

_BEGINNING_BYTES: Final = 1024


class GivenFile(HidesSecrets, frozen=True):
    """A file that the user named, and its content."""

    secrets = ("data",)

    name: str
    data: bytes


def require_file(field: str, name: str, *, read_once: bool = False) -> None:
    """Raise FieldError unless this is the name of a readable regular file.

    A file that is ``read_once`` may also be a pipe or a device.
    """
    try:
        mode = os.stat(name).st_mode  # noqa: PTH116  # the name may be invalid for a Path
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise FieldError(
            field, Wrong(f"file not found: {readable(name)!r}", "check the path")
        ) from None
    except OSError as error:
        raise _unreadable(field, name, error) from error
    if stat.S_ISDIR(mode):
        raise FieldError(field, Wrong(f"{readable(name)!r} is a directory", "name the file itself"))
    if not (read_once or stat.S_ISREG(mode)):
        hint = "a pipe or device cannot be read twice: put its content into a file"
        raise FieldError(field, Wrong(f"{readable(name)!r} is not a regular file", hint))
    if not os.access(name, os.R_OK):
        raise _unreadable(field, name, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


Named = str | os.PathLike[str] | GivenFile
"""A file by its path, or its content."""


def given(field: str, file: Named, most_bytes: int) -> GivenFile:
    """Read a file, unless that is done already; FieldError if it is unreadable or too large.

    Reading a pipe waits until it is written to.
    """
    if isinstance(file, GivenFile):
        return file
    name = os.fspath(file)
    require_file(field, name, read_once=True)
    try:
        with open(name, "rb") as opened:
            data = opened.read(most_bytes + 1)
    except OSError as error:
        raise _unreadable(field, name, error) from error
    if len(data) > most_bytes:
        text = f"{readable(name)!r} is larger than {most_bytes:,} bytes"
        raise FieldError(field, Wrong(text, "check the path"))
    return GivenFile(name, data)


def _unreadable(field: str, name: str, error: OSError) -> FieldError:
    reason = (error.strerror or str(error)).lower()
    message = f"{readable(name)!r} cannot be read: {reason}"
    return FieldError(field, Wrong(message, "check the path and its permissions"))


def likeness(data: bytes) -> str | None:
    """Return the format of data that is not plain text in lines; None if it is unknown."""
    beginning = data[:_BEGINNING_BYTES].lstrip()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 text"
    if beginning.startswith(b"SQLite format 3\0"):
        return "a browser's database"
    if b"\0" in data:
        return "binary data"
    if beginning.startswith(b"<"):
        return "HTML or XML"
    return "JSON" if beginning.startswith((b"{", b"[")) else None
