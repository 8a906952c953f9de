"""Streams that stay usable after their terminal was closed."""

from __future__ import annotations

import errno
from typing import IO, Any, TypeVar, cast

Stream = TypeVar("Stream", bound=IO[Any])


class _Outliving:
    """A stream that drops output after its terminal was closed."""

    def __init__(self, stream: IO[Any]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, data: str | bytes) -> int:
        try:
            self._stream.write(data)
        except OSError as error:
            _check(error)
        return len(data)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            _check(error)


def outliving(stream: Stream) -> Stream:
    """Return a stream that raises no error after its terminal was closed.

    SIGHUP stops the run in order then, but output written before the signal is handled would
    fail.
    """
    return cast("Stream", _Outliving(stream)) if stream.isatty() else stream


def _check(error: OSError) -> None:
    if error.errno != errno.EIO:
        raise error
