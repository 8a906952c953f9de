"""``dashget play DIR...``: a page that plays mirrors, in the browser."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from dashget.cli.commands.serve import run_server
from dashget.cli.options.serving import add_serving
from dashget.cli.parser import Parser

if TYPE_CHECKING:
    from dashget.cli.commands.serve import Shows
    from dashget.common.stopping import Stop
    from dashget.serve.server import Document

EXAMPLES: Final = """\
  dashget play show
  dashget play */
  dashget play show --no-open --port 8080
"""
EXIT_STATUS: Final = {
    1: "the player could not be fetched, or as for every command",
    2: "invalid arguments, or an address that cannot be used",
    6: "a directory is not a mirror, or cannot be used",
    130: "ended by Ctrl-C, SIGTERM or SIGHUP, as it always is",
}


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    add_serving(parser)
    parser.add_argument_group("Page").add_argument(
        "--no-open",
        action="store_true",
        help="Open no browser; standard output has the address of the page.",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve the page and the mirrors until Ctrl-C; standard output gets the page's address."""

    def announce(base: str, _: Shows) -> None:
        sys.stdout.write(f"{base}/\n")
        sys.stdout.flush()
        if not arguments.no_open:
            _open(f"{base}/")

    return run_server(arguments, announce, _make_page)


def _make_page(shows: Shows, stop: Stop) -> Document:
    from dashget.serve.looking import Lookings
    from dashget.serve.page import Page
    from dashget.serve.player import find_player

    def told(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    return Page(shows, find_player(told), Lookings(shows, stop))


def _open(address: str) -> None:
    """Open the page in the browser, which takes a while to start."""
    import threading

    def open_page() -> None:
        import webbrowser

        try:
            found = _has_screen() and webbrowser.open(address)
        except webbrowser.Error:
            found = False
        if not found:
            sys.stderr.write("no browser was found: open the address above in one\n")
            sys.stderr.flush()

    threading.Thread(target=open_page, daemon=True).start()


def _has_screen() -> bool:
    """Return True unless a browser of the terminal would be opened, which plays nothing."""
    import os

    named = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform != "linux" or any(os.environ.get(name) for name in named)
