"""Run a command line: choose the command, parse its options, return the exit code."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, cast

from dashget.cli.parser import Parser
from dashget.version import __version__

if TYPE_CHECKING:
    import argparse

_USUAL_STATUS: Final = {
    1: "output could not be written, memory ran out, or an internal error",
    2: "invalid arguments",
    3: "the MPD is unreadable, invalid or unsupported",
    4: "the selection matches nothing",
    5: "the MPD could not be fetched",
    6: "the mirror's directory cannot be used",
    7: "ended by --max-time, or by --max-total-size",
    8: "no single file can be made of the tracks",
    130: "interrupted (Ctrl-C, SIGTERM, SIGHUP)",
    141: "standard output was closed (SIGPIPE)",
}
"""The exit codes of commands whose module says nothing else about them."""

_PURPOSE: Final = """\
Mirror MPEG-DASH presentations exactly: every segment, verified, resumable.

`dashget URL` is short for `dashget get URL`, whose options are listed below."""

_EXAMPLES: Final = """\
  dashget https://example.com/show/manifest.mpd
  dashget URL -o show -t 8 --video best --audio lang=en,fr
  dashget list URL
  dashget plan URL --json | jq -r .url
"""

COMMANDS: Final = {
    "get": "Mirror a presentation (the default command).",
    "record": "Record a live presentation: everything announced, or a named gap.",
    "gaps": "List what is missing of a recording, and why.",
    "manifests": "List the versions of the manifest that were read, or give one back.",
    "list": "Show the Periods, AdaptationSets and Representations.",
    "plan": "List every file that get would fetch, without downloading.",
    "verify": "Check a mirror, and repair it on request.",
    "play": "Play mirrors in the browser.",
    "serve": "Serve mirrors over HTTP, for any player.",
    "mux": "Write one playable file from a mirror.",
    "demo": "Mirror a small built-in presentation, to try the program.",
}
_DEFAULT: Final = "get"
_MODULES: Final = {"list": "listing"}
"""Commands whose module has another name: ``list`` would hide the builtin."""
_FIRST_HINT: Final = "dashget URL mirrors it, dashget demo tries it out; see: dashget --help"
_HELP_WORDS: Final = ("--help", "-h", "help")


class Command(Protocol):
    """The interface of a command's module."""

    EXAMPLES: str
    EXIT_STATUS: Mapping[int, str | None]
    """The meaning of each exit code; None: the usual one."""

    def add_arguments(self, parser: Parser, /) -> None:
        """Add the command's options, in the order of its help page."""

    def run(self, arguments: argparse.Namespace, /) -> int:
        """Run the command, and return the exit code. Slow modules are imported here."""


def run(tokens: Sequence[str]) -> int:
    """Run one command line, and return the exit code; every exception is reported here."""
    try:
        code = _call(tokens)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the outermost edge
        from dashget.cli.failures import report
        from dashget.cli.jsonerrors import wanted

        return report(error, json=wanted(tokens))
    return code


def make_parser(name: str) -> Parser:
    """Build the parser of one command, without importing the library."""
    command = _load(name)
    parser = Parser(
        f"dashget {name}",
        purpose=COMMANDS[name],
        epilogue=_epilogue(command.EXAMPLES, command.EXIT_STATUS),
        siblings={each: functools.partial(make_parser, each) for each in COMMANDS},
    )
    command.add_arguments(parser)
    _add_information(parser)
    return parser


def make_program_page() -> Parser:
    """Build the parser for the program's own help page, with the options of ``get``."""
    command = _load(_DEFAULT)
    parser = Parser(
        "dashget",
        purpose=_PURPOSE,
        epilogue=_epilogue(_EXAMPLES, command.EXIT_STATUS),
    )
    width = max(map(len, COMMANDS)) + 2
    table = "\n".join(f"{name:<{width}}{purpose}" for name, purpose in COMMANDS.items())
    parser.add_argument_group("Commands", table)
    command.add_arguments(parser)
    parser.usage = "dashget [COMMAND] [OPTIONS] URL..."
    _add_information(parser)
    return parser


def _call(tokens: Sequence[str]) -> int:
    if not tokens:
        from dashget.errors import UsageError

        raise UsageError("missing URL", hint=_FIRST_HINT)
    if tokens[0] in _HELP_WORDS:
        of_command = len(tokens) > 1 and tokens[1].lower() in COMMANDS
        page = make_parser(tokens[1].lower()) if of_command else make_program_page()
        page.print_help()
        return 0
    name, words = _command_of(tokens)
    try:
        arguments = make_parser(name).read(words)
    except SystemExit:  # after a page was shown
        return 0
    if arguments.debug:
        from dashget.cli.debug import show_records

        show_records()
    return _load(name).run(arguments)


def _command_of(tokens: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the command and its arguments; without a command, ``get``."""
    word = tokens[0]
    if word.lower() in COMMANDS:
        return word.lower(), tokens[1:]
    if word.isalpha():
        _refuse_mistyped(word)
    return _DEFAULT, tokens


def _refuse_mistyped(word: str) -> None:
    """Raise UsageError for a word that stands for a command, unless a file has that name."""
    from pathlib import Path

    from dashget.cli.othertools import WORDS
    from dashget.cli.parser import closest
    from dashget.errors import UsageError

    meant = WORDS.get(word.lower())
    if meant is None:
        command = closest(word.lower(), COMMANDS)
        meant = command and f"dashget {command}"
    if meant and not Path(word).exists():
        raise UsageError(f"unknown command: {word}", hint=f"did you mean {meant}?")


def module_of(name: str) -> str:
    """Return the name of the module in ``commands/`` that implements a command."""
    return _MODULES.get(name, name)


def _load(name: str) -> Command:
    return cast("Command", importlib.import_module(f"dashget.cli.commands.{module_of(name)}"))


def _epilogue(examples: str, status: Mapping[int, str | None]) -> str:
    lines = (f"  {code:>3}  {meaning or _USUAL_STATUS[code]}\n" for code, meaning in status.items())
    return f"Examples:\n{examples}\nExit status:\n{''.join(lines)}"


def _add_information(parser: Parser) -> None:
    group = parser.add_argument_group("Information")
    group.add_argument(
        "--debug",
        action="store_true",
        help="Print every request and decision on standard error; secrets are masked.",
    )
    group.add_argument("--help", "-h", action="help", help="Show this page.")
    group.add_argument(
        "--version",
        action="version",
        version=f"dashget {__version__}",
        help="Show the version; with -v also those of libcurl, its TLS library and others.",
    )
