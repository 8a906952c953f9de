"""Turn every error into one sentence, a hint and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from dashget.cli.jsonerrors import INTERRUPTED_TEXT
from dashget.cli.streams import discard_output, legible
from dashget.common.filenames import readable
from dashget.common.log import Log
from dashget.common.validation import FieldError
from dashget.errors import MORE_FILES_HINT, DashGetError, MPDError
from dashget.exitstatus import BROKEN_PIPE, INTERRUPTED

_MOST_ISSUES: Final = 50
_TOO_MANY_FILES: Final = (errno.EMFILE, errno.ENFILE)
_OPTIONS: Final = {
    "root": "the directory",
    "in_flight": "--threads",
    "max_in_flight": "--threads",
    "headers": "--header",
    "origin_headers": "--header",
    "keep_headers": "--keep-header",
    "cookies": "--cookie",
    "cookie_file": "--cookies",
    "begin": "--from",
    "begin_back": "--from",
    "seconds": "--for",
    "keep_bytes": "--keep",
}
"""Options whose name differs from that of their field."""


class Told(NamedTuple):
    """An error in words."""

    message: str
    hint: str | None
    code: int
    details: Sequence[str] = ()


def report(error: BaseException, *, json: bool = False) -> int:
    """Print an error on standard error, and return the exit code.

    With ``json`` it is written to standard output as well, as an event.
    """
    if isinstance(error, BrokenPipeError):
        return _leave_quietly()
    told = _told(error)
    if json:
        from dashget.cli.jsonerrors import write_error

        write_error(*told)
    if isinstance(error, OSError) and error.errno not in _TOO_MANY_FILES:
        _leave_quietly()
    print(f"dashget: error: {legible(told.message)}", file=sys.stderr)  # noqa: T201
    for line in told.details:
        print(f"  {legible(line)}", file=sys.stderr)  # noqa: T201
    if told.hint:
        print(f"hint: {legible(told.hint)}", file=sys.stderr)  # noqa: T201
    return told.code


def _told(error: BaseException) -> Told:
    match error:
        case MPDError():
            return Told(error.message, error.hint, error.exit_code, _issue_lines(error))
        case FieldError(field=name, wrong=wrong):
            message = f"{_option_of(name)}: {wrong.text}"
            return Told(message, wrong.hint or "see: dashget --help", error.exit_code)
        case DashGetError():
            return Told(error.message, error.hint, error.exit_code)
        case KeyboardInterrupt():
            return Told(INTERRUPTED_TEXT, "the same command continues from here", INTERRUPTED)
        case MemoryError():
            hint = "allow more memory (ulimit -v); the same command continues from here"
            return Told("not enough memory", hint, 1)
        case OSError():
            place = f": {readable(str(error.filename))}" if error.filename else ""
            hint = "check the disk and the output file or pipe"
            if error.errno in _TOO_MANY_FILES:
                hint = MORE_FILES_HINT
            return Told(f"{error.strerror or error}{place}", hint, 1)
    return _internal(error)


def _option_of(field: str) -> str:
    """Return the name of the option that sets a field of the library's options."""
    return _OPTIONS.get(field) or f"--{field.removesuffix('_seconds').replace('_', '-')}"


def _issue_lines(error: MPDError) -> list[str]:
    """Return the issues, one per line, except the one that the message repeats."""
    lines = map(str, error.issues)
    told = [line for line in lines if not error.message.endswith(line)]
    hidden = len(told) - _MOST_ISSUES
    return [*told[:_MOST_ISSUES], f"... and {hidden} more"] if hidden > 0 else told


def _leave_quietly() -> int:
    """Return the exit code of a closed pipe, and prevent an error message at shutdown."""
    discard_output()
    return BROKEN_PIPE if hasattr(signal, "SIGPIPE") else 1


def _internal(error: BaseException) -> Told:
    if os.environ.get("DASHGET_DEBUG") or Log("dashget", str).wanted:
        import traceback

        traceback.print_exception(error)
    return Told(
        f"internal error: {type(error).__name__}: {error}",
        "this is a bug in DashGet: please report it with the output of --debug",
        1,
    )
