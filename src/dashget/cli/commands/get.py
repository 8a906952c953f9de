"""``dashget get URL``: mirror a presentation. The default command."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final, Protocol

from dashget.cli.options.network import add_network
from dashget.cli.options.shared import (
    add_filters,
    add_now,
    add_segment_limit,
    add_url,
    parse_now,
    selection,
)
from dashget.cli.parser import Parser

if TYPE_CHECKING:
    from pathlib import Path

    from dashget.events import Event
    from dashget.mirroring.options import MirrorOptions

EXAMPLES: Final = """\
  dashget https://example.com/show/manifest.mpd
  dashget URL -o show -t 8 --video best --audio lang=en,fr
  dashget saved.mpd --base-url URL
  dashget URL --dry-run
"""
EXIT_STATUS: Final = {
    0: "complete and verified",
    1: "some files failed: they are listed; the same command resumes",
    **dict.fromkeys((2, 3, 4, 5, 6)),
    130: "interrupted (Ctrl-C, SIGTERM, SIGHUP): the same command resumes",
}


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    add_url(parser)
    _add_output(parser.add_argument_group("Output"))
    group = parser.add_argument_group("Selection")
    add_now(group)
    add_segment_limit(group)
    add_filters(group)
    add_network(parser, threads=True)


def run(arguments: argparse.Namespace) -> int:
    """Mirror every selected segment of a presentation, and verify each."""
    root = None if arguments.output is None else parse_root(arguments.output)
    from dashget.cli.memory import keep_freed_memory
    from dashget.cli.options.requests import allow_open_files, transfer_options
    from dashget.cli.signals import stopping_on_signals
    from dashget.common.stopping import Stop
    from dashget.exitstatus import INTERRUPTED
    from dashget.session import Session

    options, transfer = mirror_options(arguments), transfer_options(arguments)
    now = parse_now(arguments.now)
    allow_open_files(transfer)
    keep_freed_memory()
    stop = Stop()
    reporter = make_reporter(
        json=arguments.json,
        quiet=arguments.quiet,
        verbose=arguments.verbose,
        progress=not (arguments.no_progress or arguments.debug),
    )
    with stopping_on_signals(stop):
        try:
            with Session(transfer, observer=reporter) as session:
                base_url = arguments.base_url
                show = session.open(arguments.url, base_url=base_url, now=now, stop=stop)
                summary = show.mirror(root, options, stop=stop)
        finally:
            reporter.close()
    if summary.interrupted:
        return INTERRUPTED
    return 0 if summary.complete else 1


def mirror_options(arguments: argparse.Namespace) -> MirrorOptions:
    """Return the library's options; raise UsageError for invalid values."""
    from dashget.mirroring.options import MirrorOptions

    return MirrorOptions(
        selection=selection(arguments),
        segment_limit=arguments.segment_limit,
        dry_run=arguments.dry_run,
        recheck=arguments.verify,
        checksums=arguments.checksums == "sha256",
        prune=arguments.prune,
        moved=arguments.moved,
        fsync=arguments.fsync,
    )


def parse_root(output: str) -> Path:
    """Read ``--output``; UsageError unless it can name a directory."""
    from pathlib import Path

    from dashget.errors import UsageError

    if not output:
        raise UsageError("--output: empty", hint="name a directory; . is the current one")
    if output == "-":
        raise UsageError(
            "--output: a mirror cannot be written to standard output", hint="name a directory"
        )
    return Path(output)


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--output",
        "-o",
        metavar="DIR",
        help="Directory of the mirror; by default named after the manifest's directory.",
    )
    _add_report(group)
    group.add_argument(
        "--verify",
        action="store_true",
        help="Compare complete files with the server too, and fetch those that changed. Not with"
        " --dry-run (see: dashget verify --remote).",
    )
    group.add_argument(
        "--checksums",
        choices=("none", "sha256"),
        default="none",
        help="Record checksums, and write the file SHA256SUMS.",
    )
    group.add_argument(
        "--prune",
        action="store_true",
        help="Remove files that the manifest no longer names, except those of live presentations.",
    )
    group.add_argument(
        "--moved",
        action="store_true",
        help="Continue a mirror of the same presentation although its URL has changed.",
    )
    group.add_argument(
        "--fsync",
        action="store_true",
        help="Write finished files to disk at once, so that they survive a power cut.",
    )


def _add_report(group: argparse._ArgumentGroup) -> None:
    for names, text in (
        (("--dry-run",), "Show how much would be fetched, but write nothing."),
        (("--json",), "Write one JSON event per line to standard output."),
        (("--quiet", "-q"), "Show only warnings and failures."),
        (("--verbose", "-v"), "Show a line for every file and retry."),
        (("--no-progress",), "Show no progress."),
    ):
        group.add_argument(*names, action="store_true", help=text)


class Reporter(Protocol):
    """An observer of a run, to be closed at its end."""

    def __call__(self, event: Event, /) -> None: ...
    def close(self) -> None: ...


def make_reporter(
    *, json: bool = False, quiet: bool = False, verbose: bool = False, progress: bool = True
) -> Reporter:
    """Return the printer that the options ask for; only that one is imported."""
    if json:
        from dashget.cli.printers.jsonlines import JsonLines
        from dashget.cli.streams import outliving

        return JsonLines(outliving(sys.stdout.buffer))
    able = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    if able and progress and not quiet:
        from dashget.cli.printers.terminal import LiveTerminal

        return LiveTerminal(sys.stderr, verbose=verbose)
    from dashget.cli.printers.plain import PlainLines

    return PlainLines(sys.stderr, quiet=quiet, verbose=verbose, progress=progress)
