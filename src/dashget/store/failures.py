"""The errors of places: refused files, and a StoreError with a hint for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashget.common.oserrors import is_descriptor_shortage
from dashget.errors import MORE_FILES_HINT, StoreError


class RefusedError(OSError):
    """A place did not accept a file. After a temporary refusal it may be offered again."""

    def __init__(self, reason: str, *, temporary: bool = False) -> None:
        super().__init__(reason)
        self.temporary = temporary


def store_error(place: str, error: OSError) -> StoreError:
    """Return the StoreError for a place, or for the file in it that the error names."""
    reason = error.strerror or str(error)
    name = error.filename if isinstance(error.filename, (str, Path)) else place
    hint = "choose a directory that you can write to, with room on its disk, with -o"
    if is_descriptor_shortage(error):
        hint = MORE_FILES_HINT
    return StoreError(f"cannot use {name}: {reason[:1].lower()}{reason[1:]}", hint=hint)


@contextmanager
def as_store_error(place: str) -> Iterator[None]:
    """Raise StoreError in place of an OSError."""
    try:
        yield
    except OSError as error:
        raise store_error(place, error) from error
