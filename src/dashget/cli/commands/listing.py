"""``dashget list URL``: show what a presentation contains."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from dashget.cli.options.network import add_network
from dashget.cli.options.shared import add_limits, add_now, add_url, parse_now
from dashget.cli.parser import Parser

EXAMPLES: Final = """\
  dashget list https://example.com/show/manifest.mpd
  dashget list URL --json | jq .
  dashget list show
"""
EXIT_STATUS: Final = {0: "listed", **dict.fromkeys((1, 2, 3, 5, 7, 130, 141))}


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    add_url(parser)
    group = parser.add_argument_group("Output")
    group.add_argument("--json", action="store_true", help="Write one JSON object.")
    group.add_argument(
        "--init",
        action="store_true",
        help="Fetch initialization segments, and show their encryption.",
    )
    group = parser.add_argument_group("Selection")
    add_now(group)
    add_limits(group)
    add_network(parser, threads=False)


def run(arguments: argparse.Namespace) -> int:
    """Print the Periods, AdaptationSets and Representations of a presentation."""
    import msgspec

    from dashget.cli.guarded import json_output
    from dashget.cli.options.requests import allow_open_files, transfer_options
    from dashget.cli.printers.jsonlines import encoded
    from dashget.cli.printers.listing import presentation_row
    from dashget.cli.printers.tables import print_table
    from dashget.cli.printers.warned import print_unplanned, print_warning, print_warnings
    from dashget.cli.wanted import find_document
    from dashget.common.stopping import Stop
    from dashget.planning.limits import Limits, require_countable
    from dashget.planning.tracks import make_tracks
    from dashget.session import Session
    from dashget.transfer.http.origin import shown

    transfer = transfer_options(arguments)
    document = find_document(arguments.url, arguments.base_url, parse_now(arguments.now))
    allow_open_files(transfer)
    stop = Stop()
    with Session(transfer, observer=print_warning) as session, session.timing(stop):
        show = session.open(
            document.source, base_url=document.base_url, now=document.now, stop=stop
        )
        print_warnings(show.warnings)
        tracks = make_tracks(show.presentation)
        require_countable(tracks, Limits(arguments.segment_limit, arguments.total_limit))
        inside = session.protections(show, stop=stop) if arguments.init else None
    row = presentation_row(show.presentation, tracks, inside)
    if arguments.json:
        json_output().write(encoded(row) + b"\n")
    else:
        import shutil

        row = msgspec.structs.replace(row, url=shown(row.url, appended=transfer.append_query))
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print_table(row, sys.stdout, width=width)
    return print_unplanned(show.presentation)
