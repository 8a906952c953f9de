"""``dashget list URL``: what a presentation holds."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from dashget.api import load, protections_inside
from dashget.cli.arguments import OUTPUT, ManifestURL, Now, parse_now
from dashget.cli.network import NetworkArguments
from dashget.cli.warnings import print_warning, print_warnings
from dashget.planning import make_tracks
from dashget.report.listing import presentation_row, print_table


def list_(
    url: ManifestURL,
    /,
    *,
    json: Annotated[bool, Parameter(group=OUTPUT, negative="", help="One JSON object.")] = False,
    init: Annotated[
        bool,
        Parameter(
            group=OUTPUT,
            negative="",
            help="Fetch initialization segments, and tell what they say about encryption.",
        ),
    ] = False,
    now: Now = None,
    network: NetworkArguments = NetworkArguments(),  # noqa: B008  # frozen
) -> int:
    """Show Periods, adaptation sets and Representations."""
    transfer = network.transfer()
    loaded = load(url, transfer=transfer, base_url=network.base_url, now=parse_now(now))
    presentation = loaded.presentation
    tracks = make_tracks(presentation)
    print_warnings(loaded.warnings)
    protections = protections_inside(loaded, tracks, transfer, print_warning) if init else None
    row = presentation_row(presentation, tracks, protections)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print_table(row, sys.stdout, width=width)
    return 0
