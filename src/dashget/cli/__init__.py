"""The command line: arguments in, exit codes out. The only place that ends the process."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal loads so much that Ctrl-C may come
import gc
import io
import os
import sys

TYPE_CHECKING = False
"""As in ``typing``, which likewise takes too long before Ctrl-C is answered."""
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from _typeshed import ReadableBuffer

__all__ = ["main"]

_INTERRUPTED = 130
_OBJECTS_BEFORE_COLLECTING = 50_000
"""Nothing is garbage while loading; to look for it at every 700 objects takes time."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run ``dashget`` with the given arguments, by default the process's own, and exit."""
    if arguments is None:
        _answer_interrupts()
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING, *gc.get_threshold()[1:])
    _open_missing_streams()
    _let_messages_be_lost()
    _let_characters_be_escaped()
    if tokens == ["--version"]:
        code = _show_version()
    else:
        from dashget.cli.app import run

        code = run(tokens)
    if arguments is not None:
        sys.exit(code)
    _leave(code)


def _answer_interrupts() -> None:
    """Have Ctrl-C end the process at once, until there is something to end in order.

    By an exception it would not always: what is being imported may make another one of it, and
    Python prints one that is raised in a callback of its own.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _leave_interrupted)


def _leave_interrupted(_number: int, _frame: object) -> NoReturn:
    try:
        os.write(2, b"dashget: error: interrupted\n")
    finally:
        os._exit(_INTERRUPTED)


def _leave(code: int) -> NoReturn:
    """End the process as it is: everything is closed, and to take the rest apart takes time."""
    import contextlib

    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # Nobody reads it any more, or it is full: the code must tell.
        code = code or 1
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _show_version() -> int:
    """Show the version; nothing else is loaded for this."""
    from dashget.version import __version__

    try:
        sys.stdout.write(f"dashget {__version__}\n")
        sys.stdout.flush()
    except OSError as error:
        from dashget.cli.failures import report

        return report(error)
    return 0


class _Heedless(io.FileIO):
    """A file that takes everything, and keeps what it can: messages, which nothing depends on."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or pass over what cannot be written."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _let_messages_be_lost() -> None:
    """Have no run fail for a standard error that is full, or that nobody reads any more."""
    stream = sys.stderr
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # not a file: nothing that can run full
        return
    stream.flush()
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Heedless(number, "w", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )


def _let_characters_be_escaped() -> None:
    """Have no run fail for a character that the encoding of standard output lacks."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _open_missing_streams() -> None:
    """Stand in for standard streams that the caller has closed (``>&-``)."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # until exit
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # until exit
