"""``dashget plan URL``: every request that ``get`` would make, nothing downloaded."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Annotated

import msgspec
from cyclopts import Parameter

from dashget.api import load
from dashget.api import plan as plan_segments
from dashget.cli.arguments import OUTPUT, ManifestURL, SelectionArguments
from dashget.cli.network import NetworkArguments
from dashget.cli.warnings import print_warnings
from dashget.planning import PlannedSegment, plan_line


def plan(
    url: ManifestURL,
    /,
    *,
    json: Annotated[
        bool, Parameter(group=OUTPUT, negative="", help="JSON Lines, one object per segment.")
    ] = False,
    selection: SelectionArguments = SelectionArguments(),  # noqa: B008  # frozen
    network: NetworkArguments = NetworkArguments(),  # noqa: B008  # frozen
) -> int:
    """List every request that get would make; only the MPD is downloaded.

    Plain: one URL per line, followed by two blanks and first-last where a byte range is
    meant. With --json: one object per segment, as documented in docs/plan.md.
    """
    loaded = load(url, transfer=network.transfer(), base_url=network.base_url)
    segments = plan_segments(loaded, selection.selection())
    print_warnings(loaded.presentation.warnings)
    if json:
        _write_json(segments)
    else:
        _write_plain(segments)
    return 0


def _write_json(segments: Iterable[PlannedSegment]) -> None:
    encode = msgspec.json.Encoder().encode
    write = sys.stdout.buffer.write
    for planned in segments:
        write(encode(plan_line(planned)))
        write(b"\n")


def _write_plain(segments: Iterable[PlannedSegment]) -> None:
    for planned in segments:
        segment = planned.segment
        suffix = "" if segment.range is None else f"  {segment.range}"
        sys.stdout.write(f"{segment.url}{suffix}\n")
