"""The standard streams: missing, closed, full, or of an encoding that lacks a character.

``prepare`` is called once at the start. Messages on standard error are never a reason to fail:
what cannot be written is lost. Results on standard output are: ``failures`` reports the error.
After a hang-up, ``discard_terminal`` sends the rest to nowhere, and ``outliving`` bridges the
moment before. Loads nothing that is slow to import: a start is part of the interface.
"""

from __future__ import annotations

import errno
import io
import os
import sys

from dashget.cli.guarded import guard

TYPE_CHECKING = False
"""As in ``typing``, whose import would delay the answer to Ctrl-C."""
if TYPE_CHECKING:
    from typing import IO, Any, TypeVar

    from _typeshed import ReadableBuffer

    Stream = TypeVar("Stream", bound=IO[Any])


_NEVER_FAIL = ("backslashreplace", "replace", "ignore", "namereplace", "xmlcharrefreplace")
"""The ways of streams to write what their encoding lacks."""


def prepare() -> None:
    """Prepare the standard streams of the process for any caller."""
    _open_missing()
    _ignore_lost_messages()
    _escape_characters()
    guard()


def _open_missing() -> None:
    """Replace standard streams that the caller has closed (``>&-``)."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # until exit
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # until exit


class _Lossy(io.FileIO):
    """A file that ignores write errors, for messages."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write; ignore errors."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _ignore_lost_messages() -> None:
    """Let no run fail because standard error is full or closed."""
    stream = sys.stderr
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # not a file, so that it cannot be full
        return
    stream.flush()
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Lossy(number, "w", closefd=False)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=True,
    )


def _escape_characters() -> None:
    """Let no run fail because the encoding of standard output lacks a character.

    Python is strict in most locales; in those without characters beyond ASCII it takes what
    stands for bytes, and nothing else (``surrogateescape``).
    """
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper) and stream.errors not in _NEVER_FAIL:
        stream.reconfigure(errors="backslashreplace")


def legible(text: str) -> str:
    """Return a text as it is written for people: all that is foreign goes through this.

    Control, direction and invisible characters are escaped, and so are those that the standard
    streams lack. That is done before a text is laid out in columns: what a stream escapes makes
    lines longer.
    """
    from dashget.common.foreigntext import printable

    plain = printable(text)
    encoding = sys.stderr.encoding or "utf-8"
    if plain.isascii() or is_written(plain, encoding):
        return plain
    return plain.encode(encoding, "backslashreplace").decode(encoding)


def is_written(text: str, encoding: str) -> bool:
    """Return True if an encoding has all characters of a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def flush_all() -> bool:
    """Write out what is buffered; return False if standard output could not take it."""
    written = True
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        written = False
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        # Messages may be lost.
        return written
    return written


def discard_output() -> None:
    """Send standard output to nowhere, so that nothing complains at the end of the process."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        # It is not a file, or no descriptor is left: the process ends anyway.
        return


def discard_terminal() -> None:
    """Send what is written to a closed terminal to nowhere; other output stays."""
    for descriptor in (1, 2):
        try:
            os.write(descriptor, b"")
        except OSError:
            _redirect_to_nowhere(descriptor)


def _redirect_to_nowhere(descriptor: int) -> None:
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    except OSError:
        # No descriptor is left: what is written fails, and ``outliving`` ignores that.
        return


class _Outliving:
    """A stream that accepts all data after its terminal was closed."""

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
    """Return a stream for which it is no error that its terminal was closed.

    SIGHUP tells of that and ends the run in order, but writes before it is handled would fail.
    """
    if not stream.isatty():
        return stream
    wrapped: Any = _Outliving(stream)
    return wrapped  # type: ignore[no-any-return]  # it has all that the stream has


def _check(error: OSError) -> None:
    if error.errno != errno.EIO:
        raise error
