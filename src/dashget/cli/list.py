"""``dashget list URL``: what a presentation holds."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from dashget.api import load
from dashget.cli.arguments import OUTPUT, ManifestURL, Now, parse_now
from dashget.cli.network import NetworkArguments
from dashget.cli.warnings import print_warnings
from dashget.planning import make_tracks
from dashget.report.listing import presentation_row, print_table


def list_(
    url: ManifestURL,
    /,
    *,
    json: Annotated[bool, Parameter(group=OUTPUT, negative="", help="One JSON object.")] = False,
    now: Now = None,
    network: NetworkArguments = NetworkArguments(),  # noqa: B008  # frozen
) -> int:
    """Show Periods, adaptation sets and Representations."""
    loaded = load(url, transfer=network.transfer(), base_url=network.base_url, now=parse_now(now))
    presentation = loaded.presentation
    tracks = make_tracks(presentation)
    print_warnings(loaded.warnings)
    row = presentation_row(presentation, tracks)
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print_table(row, sys.stdout, width=width)
    return 0
