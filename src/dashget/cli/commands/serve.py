"""``dashget serve DIR...``: serve mirrors over HTTP, for any player."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from dashget.cli.options.serving import add_serving
from dashget.cli.parser import Parser

if TYPE_CHECKING:
    from dashget.common.stopping import Stop
    from dashget.serve.server import Document
    from dashget.serve.shows import Show

    Shows = tuple[Show, ...]

EXAMPLES: Final = """\
  dashget serve show
  dashget serve show other --port 8080
  dashget serve */ --host 0.0.0.0
"""
EXIT_STATUS: Final = {
    1: None,
    2: "invalid arguments, or an address that cannot be used",
    6: "a directory is not a mirror, or cannot be used",
    130: "ended by Ctrl-C, SIGTERM or SIGHUP, as it always is",
}


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    add_serving(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve mirrors until Ctrl-C; standard output gets the URL of each local MPD."""

    def announce(base: str, shows: Shows) -> None:
        for show in shows:
            sys.stdout.write(f"{base}{show.path}\n")

    return run_server(arguments, announce)


def run_server(
    arguments: argparse.Namespace,
    announce: Callable[[str, Shows], None],
    make_page: Callable[[Shows, Stop], Document] | None = None,
) -> int:
    """Serve mirrors until a signal comes; with ``make_page`` for its page only.

    ``announce`` gets the URL of the server without a path, and the shows.
    """
    from dashget.cli.directories import require_directory
    from dashget.cli.extras import require

    for word in arguments.directories:
        command = "play" if make_page else "serve"
        require_directory(command, word, f"dashget URL makes one; then: dashget {command} DIR")
    require("play", "aiohttp", "aiohttp")

    import socket

    from dashget.cli.options.serving import address_of
    from dashget.cli.signals import stopping_on_signals
    from dashget.common.stopping import Stop
    from dashget.exitstatus import INTERRUPTED
    from dashget.serve.guards import Hosts
    from dashget.serve.server import Handler, serve
    from dashget.serve.shows import close_shows, open_shows

    address = address_of(arguments)
    hosts = Hosts(address.host, socket.gethostname())
    shows = open_shows(arguments.directories)
    stop = Stop()

    def ready(port: int) -> None:
        announce(f"http://{hosts.shown(port)}", shows)
        sys.stdout.flush()
        sys.stderr.write("Ctrl-C ends the server\n")
        sys.stderr.flush()

    try:
        page = None if make_page is None else make_page(shows, stop)
        with stopping_on_signals(stop):
            serve(Handler(shows, hosts, page), address, stop, ready)
    finally:
        close_shows(shows)
    return INTERRUPTED
