"""The command line: parses arguments, runs a command of the library, ends with an exit code.

The road of a call: ``main`` prepares the standard streams and the answer to Ctrl-C; ``app.run``
chooses the command, builds its ``parser`` and calls its module in ``commands/``. ``options/``
translates arguments into the library's option types, ``printers/`` shows events and results,
``failures`` turns every error into one sentence, a hint and an exit code; ``signals`` and
``streams`` handle Ctrl-C and closed terminals. Only this package ends the process.

Imports are late: help pages and ``--version`` load neither the library nor other slow modules.
``ownmodules`` finds DashGet's modules sooner than Python does.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal is slow to import
import gc
import os
import sys

from dashget.cli import jsonerrors, streams
from dashget.exitstatus import INTERRUPTED

TYPE_CHECKING = False
"""As in ``typing``, whose import would delay the answer to Ctrl-C."""
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

__all__ = ["main"]

_OBJECTS_BEFORE_COLLECTING = 50_000
"""Imports create no garbage, so that collecting at every 700 objects would waste time."""


_VERSION_WORDS = frozenset({"--version", "-v", "--verbose"})


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run ``dashget`` with the given arguments, by default those of the process, and exit."""
    if arguments is None:
        _answer_interrupts()
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING, *gc.get_threshold()[1:])
    streams.prepare()
    if "--version" in tokens and not set(tokens) - _VERSION_WORDS:
        code = _show_version(verbose=len(tokens) > 1)
    else:
        if arguments is None:
            from dashget.cli.ownmodules import find_sooner

            find_sooner()
        from dashget.cli.app import run

        if arguments is None:
            from dashget.cli.blanking import blank

            blank(tokens)
        code = run(tokens)
    if arguments is not None:
        sys.exit(code)
    _leave(code)


def _answer_interrupts() -> None:
    """Let Ctrl-C, SIGTERM and SIGHUP end the process at once, until there is a run to stop.

    KeyboardInterrupt would be unreliable: a module being imported may turn it into another
    exception, and Python prints one that is raised in a callback.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, leave_interrupted)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(_signal, name, None)
        if number is not None and _signal.getsignal(number) == _signal.SIG_DFL:
            _signal.signal(number, leave_interrupted)


def leave_interrupted(number: int, _frame: object) -> NoReturn:
    """End the process at once: by SIGINT after Ctrl-C, else with the exit code."""
    try:
        if jsonerrors.wanted(sys.argv[1:]):
            os.write(1, jsonerrors.interrupted_line(INTERRUPTED))
    except OSError:
        # Standard output is closed: the message has to do.
        pass
    try:
        os.write(2, b"dashget: error: interrupted\n")
    finally:
        if number == _signal.SIGINT:
            _die_of_interrupt()
        os._exit(INTERRUPTED)


def _die_of_interrupt() -> None:
    """End the process by SIGINT, by which a shell knows that its loop or script is to end, too.

    Returns where processes have no such end, as on Windows.
    """
    if os.name == "posix":
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        _signal.raise_signal(_signal.SIGINT)


def _leave(code: int) -> NoReturn:
    """End the process without freeing its objects, which takes time; all files are closed."""
    if not streams.flush_all():
        # The pipe is closed or the disk is full: the exit code must tell.
        code = code or 1
    if code == INTERRUPTED and _signal.getsignal(_signal.SIGINT) == _signal.SIG_DFL:
        _die_of_interrupt()
    os._exit(code)


def _show_version(*, verbose: bool) -> int:
    """Print the version without loading other modules, unless their versions are wanted."""
    from dashget.version import __version__

    try:
        sys.stdout.write(f"dashget {__version__}\n")
        if verbose:
            from dashget.cli.printers.libraries import library_lines

            sys.stdout.writelines(library_lines())
        sys.stdout.flush()
    except OSError as error:
        from dashget.cli.failures import report

        return report(error)
    return 0
