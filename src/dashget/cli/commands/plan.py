"""``dashget plan URL``: list every file that ``get`` would fetch, without downloading."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

from dashget.cli.options.network import add_network
from dashget.cli.options.shared import (
    add_filters,
    add_limits,
    add_now,
    add_url,
    parse_now,
    selection,
)
from dashget.cli.parser import Parser
from dashget.common.foreigntext import printable_url

if TYPE_CHECKING:
    from dashget.common.stopping import Stop
    from dashget.planning.plan import PlannedSegment
    from dashget.segments.segment import Segment

EXAMPLES: Final = """\
  dashget plan https://example.com/show/manifest.mpd
  dashget plan URL --video best --json | jq -r .url
  dashget plan show
"""
EXIT_STATUS: Final = {0: "listed", **dict.fromkeys((1, 2, 3, 4, 5, 7, 130, 141))}

_LINES_AT_ONCE = 512


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    add_url(parser)
    group = parser.add_argument_group("Output")
    group.add_argument(
        "--json", action="store_true", help="Write one JSON object per line for each segment."
    )
    group.add_argument(
        "--index",
        action="store_true",
        help="Fetch the index of single-file Representations, and list subsegments with ranges.",
    )
    group = parser.add_argument_group("Selection")
    add_now(group)
    add_limits(group)
    add_filters(group)
    add_network(parser, threads=False)


def run(arguments: argparse.Namespace) -> int:
    """Print every request that ``get`` would make; only the MPD is downloaded.

    Plain: one URL per line; a byte range follows after two spaces as first-last. With --json:
    one object per segment, as documented in docs/reference/plan.md.
    """
    from dashget.cli.options.requests import allow_open_files, transfer_options
    from dashget.cli.printers.warned import print_unplanned, print_warning, print_warnings
    from dashget.cli.wanted import find_document
    from dashget.common.stopping import Stop
    from dashget.planning.selection import select
    from dashget.session import Session

    transfer = transfer_options(arguments)
    document = find_document(arguments.url, arguments.base_url, parse_now(arguments.now))
    allow_open_files(transfer)
    stop = Stop()
    with Session(transfer, observer=print_warning) as session, session.timing(stop):
        show = session.open(
            document.source, base_url=document.base_url, now=document.now, stop=stop
        )
        print_warnings(show.warnings)
        chosen = selection(arguments, document.filters)
        segments = show.plan(
            chosen,
            segment_limit=arguments.segment_limit,
            total_limit=arguments.total_limit,
            index=arguments.index,
            stop=stop,
        )
        _write(segments, stop, json=arguments.json)
    return print_unplanned(select(show.presentation, chosen))


def _write(segments: Iterator[PlannedSegment], stop: Stop, *, json: bool) -> None:
    from dashget.session.waiting import in_time

    with in_time(stop, None, "the plan was written"):
        wanted = takewhile(lambda _: not stop.requested, segments)
        _write_json(wanted) if json else _write_plain(wanted)


def _write_json(segments: Iterable[PlannedSegment]) -> None:
    from dashget.cli.guarded import json_output
    from dashget.cli.printers.jsonlines import encoded_lines
    from dashget.planning.plan import plan_line

    write = json_output().write
    for batch in _batches(segments):
        write(encoded_lines([plan_line(planned) for planned in batch]))


def _write_plain(segments: Iterable[PlannedSegment]) -> None:
    for batch in _batches(segments):
        sys.stdout.write("".join([_plain_line(planned.segment) for planned in batch]))


def _plain_line(segment: Segment) -> str:
    url = segment.url if segment.url.isascii() else printable_url(segment.url)
    if "@" in url:
        from dashget.common.url import without_user

        url = without_user(url)
    if segment.range is None:
        return f"{url}\n"
    return f"{url}  {segment.range}\n"


def _batches(segments: Iterable[PlannedSegment]) -> Iterator[list[PlannedSegment]]:
    """Yield batches of segments to write together; the first one alone, to show it at once."""
    stream = iter(segments)
    yield list(islice(stream, 1))
    while batch := list(islice(stream, _LINES_AT_ONCE)):
        yield batch
