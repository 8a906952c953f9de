"""The errors of places: refused files, and a StoreError with a hint for the user."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashget.common.filenames import readable
from dashget.common.oserrors import disk_error, is_disk_failure
from dashget.errors import StoreError


class OccupiedError(IsADirectoryError):
    """Something other than a file has a name; ``kind`` tells what, as part of a sentence."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(errno.EISDIR, f"{kind} has the name", path)
        self.kind = kind


class RefusedError(OSError):
    """A place did not accept a file. After a temporary refusal it may be offered again."""

    def __init__(self, reason: str, *, temporary: bool = False, hint: str | None = None) -> None:
        super().__init__(reason)
        self.temporary = temporary
        self.hint = hint


class OutsideError(RefusedError):
    """A file that a link out of the mirror leads to is not changed; ``path`` is its path."""

    def __init__(self, path: str, verb: str) -> None:
        super().__init__(
            f"{path} is behind a link that leads out of the mirror, where no file may {verb}",
            hint="remove that file yourself if it is of no use any more, and give the same command"
            " again",
        )
        self.path = path


def store_error(place: str, error: OSError) -> StoreError:
    """Return the StoreError for a place, or for the file in it that the error names.

    A disk that is full or broken is so for all files: then the place is named.
    """
    named = isinstance(error.filename, (str, Path)) and not is_disk_failure(error)
    return disk_error(error, readable(str(error.filename)) if named else place)


@contextmanager
def as_store_error(place: str) -> Iterator[None]:
    """Raise StoreError in place of an OSError."""
    try:
        yield
    except OSError as error:
        raise store_error(place, error) from error
