"""The options of ``serve`` and ``play``: where the server listens."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from dashget.cli.parser import Parser, whole

if TYPE_CHECKING:
    from dashget.serve.server import Address

_LOOPBACK: Final = "127.0.0.1"
_LAST_PORT: Final = 65_535


def add_serving(parser: Parser) -> None:
    """Add the directories, and where the server listens."""
    text = "Directory of a mirror. Several are served beside each other."
    parser.add_operand("directories", metavar="DIR", help=text, several=True)
    group = parser.add_argument_group("Server")
    group.add_argument(
        "--host",
        metavar="ADDRESS",
        default=_LOOPBACK,
        help="Listen on this address; 0.0.0.0 and :: are all of this machine. Whoever reaches it"
        " can read the mirrors.",
    )
    group.add_argument(
        "--port",
        metavar="NUMBER",
        type=whole,
        default=0,
        help="Listen on this port; 0 takes a free one.",
    )


def address_of(arguments: argparse.Namespace) -> Address:
    """Return where to listen; raise UsageError for an invalid port or host."""
    from dashget.errors import UsageError
    from dashget.serve.server import Address

    if not 0 <= arguments.port <= _LAST_PORT:
        raise UsageError(f"--port: not a port: {arguments.port}", hint="a number from 0 to 65535")
    if not arguments.host:
        raise UsageError("--host: no address", hint="such as 127.0.0.1, ::1 or 0.0.0.0")
    return Address(arguments.host, arguments.port)
