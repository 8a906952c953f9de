"""Command lines for the tests of this directory; they are parsed, not run."""

from __future__ import annotations

import argparse

from dashget.cli.app import COMMANDS, make_parser
from dashget.cli.parser import Parser

URL = "http://h.example/x.mpd"
DIRECTORY = "mirror"

OF_MIRRORS = ("verify", "play", "serve", "mux", "gaps", "manifests")
"""The commands whose operand is the directory of a mirror."""
OPERANDS = {name: DIRECTORY if name in OF_MIRRORS else URL for name in COMMANDS if name != "demo"}


def command_line(command: str) -> list[str]:
    """Return the shortest command line of a command."""
    return [command, OPERANDS[command]] if command in OPERANDS else [command]


def read(*words: str) -> argparse.Namespace:
    """Parse a command and its arguments."""
    return make_parser(words[0]).read(words[1:])


def options_of(parser: Parser) -> list[argparse.Action]:
    """Return the actions of all options."""
    return [action for action in parser._actions if action.option_strings]
