"""``dashget plan URL``: every request that ``get`` would make, nothing downloaded."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated

import msgspec
from cyclopts import Parameter

from dashget.api import DEFAULT_SEGMENT_LIMIT, load
from dashget.api import plan as plan_segments
from dashget.cli.arguments import (
    OUTPUT,
    ManifestURL,
    Now,
    SegmentLimit,
    SelectionArguments,
    parse_now,
)
from dashget.cli.network import NetworkArguments
from dashget.cli.warnings import print_warning, print_warnings
from dashget.planning import PlannedSegment, plan_line
from dashget.segments.segment import Segment

_LINES_AT_ONCE = 512


def plan(
    url: ManifestURL,
    /,
    *,
    json: Annotated[
        bool, Parameter(group=OUTPUT, negative="", help="JSON Lines, one object per segment.")
    ] = False,
    index: Annotated[
        bool,
        Parameter(
            group=OUTPUT,
            negative="",
            help="Fetch the index of single files, and list their subsegments with ranges.",
        ),
    ] = False,
    now: Now = None,
    segment_limit: SegmentLimit = DEFAULT_SEGMENT_LIMIT,
    selection: SelectionArguments = SelectionArguments(),  # noqa: B008  # frozen
    network: NetworkArguments = NetworkArguments(),  # noqa: B008  # frozen
) -> int:
    """List every request that get would make; only the MPD is downloaded.

    Plain: one URL per line, followed by two blanks and first-last where a byte range is
    meant. With --json: one object per segment, as documented in docs/plan.md.
    """
    transfer = network.transfer()
    loaded = load(url, transfer=transfer, base_url=network.base_url, now=parse_now(now))
    print_warnings(loaded.warnings)
    segments = plan_segments(
        loaded,
        selection.selection(),
        segment_limit=segment_limit,
        indexes=transfer if index else None,
        observer=print_warning,
    )
    if json:
        _write_json(segments)
    else:
        _write_plain(segments)
    return 0


def _write_json(segments: Iterable[PlannedSegment]) -> None:
    encode = msgspec.json.Encoder().encode_lines
    write = sys.stdout.buffer.write
    for batch in _batches(segments):
        write(encode([plan_line(planned) for planned in batch]))


def _write_plain(segments: Iterable[PlannedSegment]) -> None:
    for batch in _batches(segments):
        sys.stdout.write("".join([_plain_line(planned.segment) for planned in batch]))


def _plain_line(segment: Segment) -> str:
    if segment.range is None:
        return f"{segment.url}\n"
    return f"{segment.url}  {segment.range}\n"


def _batches(segments: Iterable[PlannedSegment]) -> Iterator[list[PlannedSegment]]:
    """Group what is written at once: the first lines singly, since somebody may be waiting."""
    stream = iter(segments)
    yield list(islice(stream, 1))
    while batch := list(islice(stream, _LINES_AT_ONCE)):
        yield batch
