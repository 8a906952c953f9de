"""Options that several commands share, and their translation into the library's types."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from dashget.cli.parser import Parser, whole

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping, Sequence

    from dashget.planning.selection import Selection

SEGMENT_LIMIT: Final = 10_000_000
TOTAL_LIMIT: Final = 50_000_000


def add_url(parser: Parser) -> None:
    """Add the MPD, and the original URL of a local one."""
    text = (
        "The MPD: an http(s) URL, a local file, - for standard input, or the directory of a mirror"
        " for the MPD that is stored there."
    )
    add_base_url(parser.add_operand("url", metavar="URL", help=text))


def add_base_url(group: argparse._ArgumentGroup) -> None:
    """Add the original URL of a local MPD."""
    group.add_argument(
        "--base-url",
        metavar="URL",
        help="Original URL of an MPD from a local file or standard input.",
    )


def add_now(group: argparse._ArgumentGroup) -> None:
    """Add the wall-clock time, which decides what a live presentation has available."""
    group.add_argument(
        "--now",
        metavar="TIME",
        help="Wall-clock time for a live presentation, such as 2026-01-31T12:00:00Z.",
    )


def add_limits(group: argparse._ArgumentGroup) -> None:
    """Add the limits on segments per Representation and in all."""
    group.add_argument(
        "--segment-limit",
        metavar="N",
        type=whole,
        default=SEGMENT_LIMIT,
        help="Refuse a Representation with more segments than this.",
    )
    group.add_argument(
        "--total-limit",
        metavar="N",
        type=whole,
        default=TOTAL_LIMIT,
        help="Refuse a presentation with more segments in all than this.",
    )


def add_sizes(group: argparse._ArgumentGroup) -> None:
    """Add the limits on the bytes that are stored."""
    group.add_argument(
        "--max-file-size",
        metavar="SIZE",
        help="Store no file that has more bytes than this, such as 500M or 4GiB: it is a failure.",
    )
    group.add_argument(
        "--max-total-size",
        metavar="SIZE",
        help="End the run in order before the files of the mirror have more bytes than this, those"
        " that are there already included (exit status 7); with a higher limit it goes on. Of"
        " several URLs or directories, all mirrors together.",
    )


def read_size(text: str | None, option: str) -> int | None:
    """Return the bytes of a size; None without one. Raises UsageError."""
    if text is None:
        return None
    from dashget.cli.options.quantities import parse_size

    return parse_size(text, option)


def add_filters(group: argparse._ArgumentGroup, defaults: Sequence[str] = ("all",) * 4) -> None:
    """Add the filters that select Representations and Periods; ``defaults`` are for the help."""
    filters = (
        ("--video", "Video to take: all, best, worst, none, or tests such as height<=720,best."),
        (
            "--audio",
            "Audio to take, for example lang=en,fr,best. best takes one for each language and"
            " role, best1 only one. lang=en is also eng and en-GB.",
        ),
        ("--text", "Subtitles to take, for example lang=en."),
        ("--image", "Thumbnails to take, for example none."),
    )
    for (name, text), default in zip(filters, defaults, strict=True):
        group.add_argument(name, metavar="FILTER", help=f"{text} [default: {default}]")
    group.add_argument(
        "--period",
        metavar="PERIODS",
        help="Periods to take: positions from 0 (0, 2-4, 3-), first, last, or id=NAME.",
    )


def selection(arguments: argparse.Namespace, recorded: Mapping[str, str] = {}) -> Selection:
    """Parse the filters; raise UsageError for an invalid one.

    ``recorded`` are those of an earlier run, which are valid if none is given.
    """
    from dashget.planning.selection import parse_selection

    names = ("video", "audio", "text", "image", "period")
    given = {name: getattr(arguments, name) for name in names}
    filters = {name: text for name, text in given.items() if text is not None}
    return parse_selection(**(filters or recorded))


def parse_now(text: str | None) -> datetime.datetime | None:
    """Parse ``--now``: ISO 8601, in UTC if it has no zone."""
    if text is None:
        return None
    from dashget.common.numbers import read_time
    from dashget.errors import UsageError

    now = read_time(text)
    if now is None:
        raise UsageError(
            f"--now: not a valid time: {text!r}", hint="write it as 2026-01-31T12:00:00Z"
        )
    return now


def add_keep_header(group: argparse._ArgumentGroup) -> None:
    """Add the option for response headers that are recorded."""
    group.add_argument(
        "--keep-header",
        metavar="NAME",
        action="append",
        help="Keep this response header of each fetched file in the record, and in the events of"
        " --json, such as Cache-Control. Repeatable.",
    )


def add_file_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that decide what the file becomes."""
    group.add_argument(
        "--key",
        metavar="KID:KEY",
        action="append",
        help="Decrypt with this key, which you have, what is encrypted with this key id: 32"
        " hexadecimal digits each. @FILE reads them from a file. Repeatable.",
    )
    group.add_argument(
        "--subtitles",
        metavar="WHERE",
        help="Where subtitles go: inside (into the file; the default), files or files=vtt (beside"
        " it, as FILE.LANG.srt or .vtt), or none.",
    )
    group.add_argument(
        "--cover",
        metavar="PICTURE",
        help="Picture that stands for the file: a JPEG or PNG file, or the word thumbnail, which"
        " takes one of the presentation's own.",
    )
    for name, text in (
        ("--split", "Write one file for each Period: FILE-1, FILE-2 and so on."),
        ("--allow-gaps", "Leave missing segments out, at their place in time."),
        ("--overwrite", "Replace a file of this name."),
    ):
        group.add_argument(name, action="store_true", help=text)
