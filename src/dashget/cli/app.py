"""The commands, and what becomes of every error: one sentence, a hint, an exit code."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError

from dashget.errors import DashGetError, MPDError
from dashget.report import text
from dashget.version import __version__

_INTERRUPTED: Final = 130
_BROKEN_PIPE: Final = 141
_MOST_ISSUES: Final = 50

EXIT_STATUS: Final = """\
Exit status:
    0  complete and verified
    1  some files failed; they are listed, and the same command resumes
    2  arguments that cannot be meant
    3  the MPD is unreadable, invalid or unsupported
    4  the selection leaves nothing
    5  the MPD could not be fetched
    6  the mirror's directory cannot be used
  130  interrupted; the same command resumes
"""

_HELP: Final = """\
Mirror MPEG-DASH presentations exactly: every segment, verified, resumable.

`dashget URL` is short for `dashget get URL`; its options are listed here, too."""

_EXAMPLES: Final = """\
Examples:
  dashget https://example.com/show/manifest.mpd
  dashget URL -o show -t 8 --video best --audio lang=en,fr
  dashget list URL
  dashget plan URL --json | jq -r .url

"""


_HELP_FLAGS: Final = ("--help", "-h")
_COMMANDS: Final = {
    "get": ("dashget.cli.get:get", "Mirror a presentation (the default command)."),
    "list": ("dashget.cli.list:list_", "Show Periods, adaptation sets and Representations."),
    "verify": ("dashget.cli.verify:verify", "Check a mirror, and mend it."),
    "plan": ("dashget.cli.plan:plan", "List every request that get would make."),
}


def make_app(*, for_help: bool = False) -> App:
    """Build the application; commands are loaded when they are called.

    Only the help of the program itself shows the options of the default command.
    """
    app = App(
        name="dashget",
        help=_HELP,
        help_epilogue=_EXAMPLES + EXIT_STATUS,
        help_format="plaintext",
        version=f"dashget {__version__}",
        version_flags=["--version"],
        suppress_keyboard_interrupt=False,
    )
    if for_help:
        from dashget.cli.get import get

        app.default(get)
    for name, (place, purpose) in _COMMANDS.items():
        app.command(place, name=name, help=purpose, help_epilogue=EXIT_STATUS)
    return app


def run(tokens: Sequence[str]) -> int:
    """Run one command line, and return the exit code; no exception leaves this function."""
    try:
        tokens = _with_command(tokens)
        app = make_app(for_help=tokens[0] in _HELP_FLAGS)
        result = app(
            tokens,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except CycloptsError as error:
        return _fail(_first_line(error), "see: dashget --help", 2)
    except MPDError as error:
        return _fail(error.message, error.hint, error.exit_code, _issue_lines(error))
    except DashGetError as error:
        return _fail(error.message, error.hint, error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", "the same command goes on from here", _INTERRUPTED)
    except BrokenPipeError:
        return _leave_quietly()
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        _leave_quietly()
        return _fail(f"{error.strerror or error}{place}", "check the disk and the output", 1)
    except Exception as error:  # noqa: BLE001  # the outermost edge: no traceback for users
        return _internal(error)
    return result if isinstance(result, int) else 0


def _with_command(tokens: Sequence[str]) -> list[str]:
    """Put the default command in front where none is named."""
    known = (*_COMMANDS, *_HELP_FLAGS, "--version")
    if not tokens:
        return ["--help"]
    if tokens[0].lower() in _COMMANDS:
        return [tokens[0].lower(), *tokens[1:]]
    return list(tokens) if tokens[0] in known else ["get", *tokens]


def _fail(message: str, hint: str | None, code: int, details: Sequence[str] = ()) -> int:
    print(f"dashget: error: {text.printable(message)}", file=sys.stderr)  # noqa: T201
    for line in details:
        print(f"  {text.printable(line)}", file=sys.stderr)  # noqa: T201
    if hint:
        print(f"hint: {text.printable(hint)}", file=sys.stderr)  # noqa: T201
    return code


def _issue_lines(error: MPDError) -> list[str]:
    lines = [str(issue) for issue in error.issues[:_MOST_ISSUES]]
    hidden = len(error.issues) - len(lines)
    return [*lines, f"... and {hidden} more"] if hidden else lines


def _first_line(error: CycloptsError) -> str:
    message = str(error).strip() or type(error).__name__
    return " ".join(message.split()).rstrip(".")


def _leave_quietly() -> int:
    """End as a program does whose reader has gone, without complaint at shutdown."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _BROKEN_PIPE if hasattr(signal, "SIGPIPE") else 1


def _internal(error: Exception) -> int:
    if os.environ.get("DASHGET_DEBUG"):
        traceback.print_exception(error)
    return _fail(
        f"internal error: {type(error).__name__}: {error}",
        "this is a bug in DashGet; DASHGET_DEBUG=1 shows where, please report it",
        1,
    )
