"""``dashget record URL``: record a live presentation until it ends, or the user ends it."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any, Final

from dashget.cli.options.network import add_network
from dashget.cli.options.shared import add_filters, add_keep_header, add_limits, selection
from dashget.cli.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashget.common.stopping import Stop
    from dashget.events import RecordingEnded, Summary
    from dashget.live.options import Wishes

EXAMPLES: Final = """\
  dashget record https://example.com/live/manifest.mpd -o show
  dashget record URL -o show --from now --for 2h
  dashget record URL -o show --wait --until 2026-12-24T22:00:00Z
  dashget record URL -o show --video best --give-up 10m
  dashget record URL -o archive --wait --keep 48h
"""
EXIT_STATUS: Final = {
    0: "ended as asked, or with the presentation: everything announced is recorded",
    1: "the same, with gaps: they are listed",
    **dict.fromkeys((2, 3, 4)),
    5: "there was no manifest, nothing to record, or it begins later (see --wait)",
    6: "the directory cannot be used, or the disk is full",
    7: "gave up (--give-up), or ended by --max-time: the same command goes on",
    130: "interrupted twice (Ctrl-C); the first time ends the recording in order",
}


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    from dashget.live.options import USUALLY_IN_FLIGHT

    parser.add_operand("url", metavar="URL", help="The URL of the MPD.")
    _add_output(parser.add_argument_group("Output"))
    _add_time(parser.add_argument_group("Time"))
    parser.take_signed("--from")
    group = parser.add_argument_group("Selection")
    add_limits(group)
    add_filters(group)
    add_network(parser, threads=True, transfers=USUALLY_IN_FLIGHT)


def run(arguments: argparse.Namespace) -> int:
    """Record until the presentation, the user or a limit ends it."""
    from dashget.cli.commands.get import make_reporter, parse_root, stopped_code
    from dashget.cli.options.requests import allow_open_files, transfer_options
    from dashget.cli.signals import stopping_on_signals
    from dashget.cli.wanted import refuse_recording
    from dashget.common.stopping import Stop
    from dashget.recording.run import RecordOptions
    from dashget.session.session import Session

    refuse_recording(arguments.url)
    root = None if arguments.output is None else parse_root(arguments.output)
    options = RecordOptions(
        selection=selection(arguments),
        wishes=_wishes(arguments),
        accept_odd=arguments.accept_odd,
        fsync=arguments.fsync,
        follow_links=arguments.follow_links,
        segment_limit=arguments.segment_limit,
        total_limit=arguments.total_limit,
    )
    transfer = transfer_options(arguments)
    allow_open_files(transfer)
    reporter = make_reporter(
        json=arguments.json,
        quiet=arguments.quiet,
        verbose=arguments.verbose,
        progress=not arguments.no_progress,
    )
    stop = Stop()
    try:
        with stopping_on_signals(stop), Session(transfer, observer=reporter) as session:
            ended = session.record(arguments.url, root, options, stop=stop)
    finally:
        reporter.close()
    if stop.bound is not None:
        return stopped_code(stop)
    return _code(ended, stop)


def _code(ended: RecordingEnded | Summary | None, stop: Stop) -> int:
    from dashget.cli.commands.get import stopped_code
    from dashget.errors import LimitReachedError, ManifestFetchError
    from dashget.events import Summary

    if ended is None:
        raise ManifestFetchError(
            "stopped: there was no manifest yet", hint="the same command waits again"
        )
    if isinstance(ended, Summary):
        if ended.interrupted:
            return stopped_code(stop)
        return 0 if ended.complete else 1
    if ended.ended == "gave-up":
        return LimitReachedError.exit_code
    if ended.ended in ("never", "nothing"):
        return ManifestFetchError.exit_code
    return 0 if ended.complete else 1


def _wishes(arguments: argparse.Namespace) -> Wishes:
    """Return from when until when to record; raise UsageError for invalid values."""
    from dashget.cli.options.quantities import parse_begin, parse_duration, parse_moment
    from dashget.errors import UsageError
    from dashget.live.options import Wishes

    if arguments.until is not None and arguments.seconds is not None:
        raise UsageError("--until: only one of --until and --for", hint="leave one of them out")
    begin, back = parse_begin(arguments.begin)
    until = None if arguments.until is None else parse_moment(arguments.until, "--until")
    seconds, give_up = arguments.seconds, arguments.give_up
    return Wishes(
        begin=-math.inf if begin is None else begin,
        begin_back=back,
        until=math.inf if until is None else until,
        seconds=None if seconds is None else parse_duration(seconds, "--for"),
        wait=arguments.wait,
        local_every=_parse_every(arguments.local_every),
        give_up=math.inf if give_up is None else parse_duration(give_up, "--give-up"),
        linger=parse_duration(arguments.linger, "--linger"),
        **_parse_keep(arguments.keep),
    )


def _parse_every(text: str) -> float:
    """Return how often the local MPD is written, in seconds; infinity: at the end only."""
    from dashget.cli.options.quantities import parse_duration

    word = text.strip().lower()
    return math.inf if word == "never" else parse_duration(word, "--local-every")


def _parse_keep(texts: Sequence[str]) -> dict[str, Any]:
    """Return the fields of ``Wishes`` for the values of ``--keep``: a duration, a size or both."""
    from dashget.cli.options.quantities import parse_duration, parse_size
    from dashget.errors import UsageError

    fields: dict[str, Any] = {}
    for text in texts:
        written = text.strip()
        timed = written[:1] in "pP" or ":" in written or written[-1:] in "dhms"
        if not timed and not written[-1:].isalpha():
            raise UsageError(
                f"--keep: neither a duration nor a size: {text[:20]!r}",
                hint="write it as 48h, 7d, 500G or 2T",
            )
        name = "keep_seconds" if timed else "keep_bytes"
        if name in fields:
            kind = "durations" if timed else "sizes"
            raise UsageError(f"--keep: two {kind}", hint="one duration and one size are possible")
        fields[name] = (parse_duration if timed else parse_size)(written, "--keep")
        if not fields[name]:
            raise UsageError(f"--keep: nothing is kept by {text[:20]!r}", hint="write it as 48h")
    return fields


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--output",
        "-o",
        metavar="DIR",
        help="Directory of the recording; by default named after the manifest's directory. The same"
        " command into the same directory goes on.",
    )
    for names, text in (
        (("--json",), "Write one JSON event per line to standard output."),
        (("--quiet", "-q"), "Show only warnings and losses."),
        (("--verbose", "-v"), "Show a line for every file and read."),
        (("--no-progress",), "Show no progress."),
    ):
        group.add_argument(*names, action="store_true", help=text)
    group.add_argument(
        "--local-every",
        metavar="DURATION",
        default="60s",
        help="Write NAME.local.mpd, which plays what is recorded, so often while the recording"
        " goes on; never: at its end only.",
    )
    group.add_argument(
        "--accept-odd",
        action="store_true",
        help="Store what the server sends as it is, also a web page, text or nothing in place of"
        " media. By default that is fetched again, and is lost in the end.",
    )
    add_keep_header(group)
    group.add_argument(
        "--follow-links",
        action="store_true",
        help="Store files also behind links out of the directory that were not there at its first"
        " run. To be said once for each link: a mirror from somebody else may have any.",
    )
    group.add_argument(
        "--fsync",
        action="store_true",
        help="Write finished files to disk at once, so that they survive a power cut.",
    )


def _add_time(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--from",
        dest="begin",
        metavar="TIME",
        default="window",
        help="What is wanted of what is there already: window (all of it), now (nothing), -10m (so"
        " far back), or a time such as 2026-01-31T12:00:00Z.",
    )
    group.add_argument(
        "--until",
        metavar="TIME",
        help="End with the last segment that begins before this time.",
    )
    group.add_argument(
        "--for",
        dest="seconds",
        metavar="DURATION",
        help="End so long after the recording was begun, such as 45s, 2h, 1:30:00 or PT2H.",
    )
    group.add_argument(
        "--wait",
        action="store_true",
        help="Wait for a presentation that is not there yet, or begins later.",
    )
    group.add_argument(
        "--give-up",
        metavar="DURATION",
        help="End when nothing has come for so long (exit status 7); by default never.",
    )
    group.add_argument(
        "--linger",
        metavar="DURATION",
        default="60s",
        help="Read the manifest of a presentation that is over for so long, and go on if it does:"
        " its encoder may be started again. 0: end at once.",
    )
    group.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="DURATION|SIZE",
        help="Keep the newest hours, such as 48h or 7d, or the newest bytes, such as 500G: the"
        " oldest files of all tracks go, also where the disk would be full. By default all is kept,"
        " and a full disk ends the recording.",
    )
