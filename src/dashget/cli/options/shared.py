"""Arguments that several commands share, and their way into the library's own types."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from dashget.cli.parser import Parser, whole

if TYPE_CHECKING:
    import datetime

    from dashget.planning.selection import Selection

SEGMENT_LIMIT: Final = 10_000_000

_FILTER: Final = "all, best, worst, none, or tests such as height<=720,lang=en,fr,best"


def add_url(parser: Parser) -> None:
    """Add the MPD, and where one came from that is here already."""
    group = parser.add_operand(
        "url",
        metavar="URL",
        help="The MPD: an http(s) URL, the path of a local file, or - for standard input.",
    )
    group.add_argument(
        "--base-url", metavar="URL", help="The URL that a local file or standard input came from."
    )


def add_now(group: argparse._ArgumentGroup) -> None:
    """Add the time for which a live presentation is read."""
    group.add_argument(
        "--now",
        metavar="TIME",
        help="Wall-clock time for a live presentation, as in 2026-01-31T12:00:00Z.",
    )


def add_segment_limit(group: argparse._ArgumentGroup) -> None:
    """Add the most segments that are believed."""
    group.add_argument(
        "--segment-limit",
        metavar="N",
        type=whole,
        default=SEGMENT_LIMIT,
        help="Refuse a Representation with more segments than this.",
    )


def add_filters(group: argparse._ArgumentGroup) -> None:
    """Add what to take of the presentation; everything by default, it is a mirror."""
    for name, text in (
        ("--video", f"Video: {_FILTER}."),
        ("--audio", "Audio, likewise."),
        ("--text", "Subtitles, likewise."),
        ("--image", "Thumbnails, likewise."),
    ):
        group.add_argument(name, metavar="FILTER", default="all", help=text)
    group.add_argument(
        "--period",
        metavar="PERIODS",
        help="Periods: positions from 0 (0, 2-4, 3-), first, last, id=NAME.",
    )


def selection(arguments: argparse.Namespace) -> Selection:
    """Read the filters; UsageError names what is wrong with one."""
    from dashget.planning.selection import parse_selection

    return parse_selection(
        video=arguments.video,
        audio=arguments.audio,
        text=arguments.text,
        image=arguments.image,
        period=arguments.period,
    )


def parse_now(text: str | None) -> datetime.datetime | None:
    """Read ``--now``: ISO 8601, UTC where no zone is given."""
    if text is None:
        return None
    import datetime

    from dashget.errors import UsageError

    try:
        now = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--now is not a time: {text!r}", hint="write it as 2026-01-31T12:00:00Z"
        ) from error
    return now if now.tzinfo is not None else now.replace(tzinfo=datetime.UTC)
