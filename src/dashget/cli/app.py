"""The commands: which one a command line calls, its help page, its exit code."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol, cast

from dashget.cli.parser import Parser
from dashget.version import __version__

if TYPE_CHECKING:
    import argparse

EXIT_STATUS: Final = """\
Exit status:
    0  complete and verified
    1  some files failed; they are listed, and the same command resumes
    2  arguments that cannot be meant
    3  the MPD is unreadable, invalid or unsupported
    4  the selection leaves nothing
    5  the MPD could not be fetched
    6  the mirror's directory cannot be used
  130  interrupted (Ctrl-C, SIGTERM, SIGHUP); the same command resumes
"""

_PURPOSE: Final = """\
Mirror MPEG-DASH presentations exactly: every segment, verified, resumable.

`dashget URL` is short for `dashget get URL`; its options are listed here, too."""

_EXAMPLES: Final = """\
  dashget https://example.com/show/manifest.mpd
  dashget URL -o show -t 8 --video best --audio lang=en,fr
  dashget list URL
  dashget plan URL --json | jq -r .url
"""

COMMANDS: Final = {
    "get": "Mirror a presentation (the default command).",
    "list": "Show Periods, adaptation sets and Representations.",
    "plan": "List every request that get would make.",
    "verify": "Check a mirror, and mend it.",
}
_DEFAULT: Final = "get"
_MODULES: Final = {"list": "listing"}
"""Modules in ``commands/`` that do not have the name of their command: it is a built-in's."""
_HELP_WORDS: Final = ("--help", "-h", "help")


class Command(Protocol):
    """What the module of a command offers."""

    EXAMPLES: str

    def add_arguments(self, parser: Parser, /) -> None:
        """Add what the command understands, in the order of its help page."""

    def run(self, arguments: argparse.Namespace, /) -> int:
        """Do it, and return the exit code. What takes time to load is loaded here."""


def run(tokens: Sequence[str]) -> int:
    """Run one command line, and return the exit code; no exception leaves this function."""
    try:
        code = _call(tokens)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the outermost edge
        from dashget.cli.failures import report

        return report(error)
    return code


def make_parser(name: str) -> Parser:
    """Build the parser of one command; its help is loaded with it, the library is not."""
    command = _load(name)
    parser = Parser(
        f"dashget {name}",
        purpose=COMMANDS[name],
        epilogue=_epilogue(command.EXAMPLES),
        siblings={each: functools.partial(make_parser, each) for each in COMMANDS},
    )
    command.add_arguments(parser)
    _add_information(parser)
    return parser


def make_program_page() -> Parser:
    """Build what shows the help of the program itself, with the options of the default command."""
    parser = Parser(
        "dashget",
        purpose=_PURPOSE,
        epilogue=_epilogue(_EXAMPLES),
    )
    table = "\n".join(f"{name:<8}{purpose}" for name, purpose in COMMANDS.items())
    parser.add_argument_group("Commands", table)
    _load(_DEFAULT).add_arguments(parser)
    parser.usage = "dashget [COMMAND] [OPTIONS] URL"
    _add_information(parser)
    return parser


def _call(tokens: Sequence[str]) -> int:
    if not tokens or tokens[0] in _HELP_WORDS:
        make_program_page().print_help()
        return 0
    name, words = _command_of(tokens)
    try:
        arguments = make_parser(name).read(words)
    except SystemExit:  # after a page was shown
        return 0
    return _load(name).run(arguments)


def _command_of(tokens: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Tell the command and its arguments; where none is named, it is the default."""
    word = tokens[0]
    if word.lower() in COMMANDS:
        return word.lower(), tokens[1:]
    if word.isalpha():
        _refuse_mistyped(word)
    return _DEFAULT, tokens


def _refuse_mistyped(word: str) -> None:
    """A lone word is seldom a manifest; one that resembles a command is meant as that."""
    from pathlib import Path

    from dashget.cli.parser import closest
    from dashget.errors import UsageError

    meant = closest(word.lower(), COMMANDS)
    if meant and not Path(word).exists():
        raise UsageError(f"unknown command: {word}", hint=f"did you mean dashget {meant}?")


def module_of(name: str) -> str:
    """Return the name of the module in ``commands/`` that implements a command."""
    return _MODULES.get(name, name)


def _load(name: str) -> Command:
    return cast("Command", importlib.import_module(f"dashget.cli.commands.{module_of(name)}"))


def _epilogue(examples: str) -> str:
    return f"Examples:\n{examples}\n{EXIT_STATUS}"


def _add_information(parser: Parser) -> None:
    group = parser.add_argument_group("Information")
    group.add_argument("--help", "-h", action="help", help="Show this page.")
    group.add_argument(
        "--version",
        action="version",
        version=f"dashget {__version__}",
        help="Show the version.",
    )
