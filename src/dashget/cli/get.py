"""``dashget get URL``: mirror a presentation. The default command."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol

from cyclopts import Parameter

from dashget.api import DEFAULT_SEGMENT_LIMIT, MirrorOptions, mirror
from dashget.cli.arguments import (
    OUTPUT,
    ManifestURL,
    Now,
    SegmentLimit,
    SelectionArguments,
    parse_now,
)
from dashget.cli.network import NetworkArguments, Threads
from dashget.cli.signals import INTERRUPTED, stopping_on_signals
from dashget.errors import UsageError
from dashget.events import Event
from dashget.mirroring import Stop


@Parameter(name="*")
@dataclass(frozen=True)
class OutputArguments:
    """Where to, and what to say meanwhile."""

    output: Annotated[
        str | None,
        Parameter(
            name=["--output", "-o"],
            group=OUTPUT,
            metavar="DIR",
            help="The mirror's directory; by default named after the manifest's own.",
        ),
    ] = None
    dry_run: Annotated[
        bool, Parameter(group=OUTPUT, negative="", help="Say what would be fetched; write nothing.")
    ] = False
    json: Annotated[
        bool, Parameter(group=OUTPUT, negative="", help="One event per line on standard output.")
    ] = False
    quiet: Annotated[
        bool,
        Parameter(name=["--quiet", "-q"], group=OUTPUT, negative="", help="Only report failures."),
    ] = False
    verbose: Annotated[
        bool,
        Parameter(
            name=["--verbose", "-v"], group=OUTPUT, negative="", help="A line per file and retry."
        ),
    ] = False
    no_progress: Annotated[
        bool, Parameter(group=OUTPUT, negative="", help="No progress while it works.")
    ] = False
    verify: Annotated[
        bool,
        Parameter(
            group=OUTPUT,
            negative="",
            help="Compare also complete files with the server, and fetch what has changed.",
        ),
    ] = False
    checksums: Annotated[
        Literal["none", "sha256"],
        Parameter(group=OUTPUT, help="Record checksums, and write SHA256SUMS."),
    ] = "none"
    prune: Annotated[
        bool,
        Parameter(
            group=OUTPUT, negative="", help="Remove files that the manifest no longer names."
        ),
    ] = False
    moved: Annotated[
        bool,
        Parameter(
            group=OUTPUT,
            negative="",
            help="The directory holds the same presentation from another URL.",
        ),
    ] = False
    fsync: Annotated[
        bool,
        Parameter(group=OUTPUT, negative="", help="Make finished files outlast a power cut."),
    ] = False


def get(
    url: ManifestURL,
    /,
    *,
    threads: Threads = "4",
    now: Now = None,
    segment_limit: SegmentLimit = DEFAULT_SEGMENT_LIMIT,
    output: OutputArguments = OutputArguments(),  # frozen
    selection: SelectionArguments = SelectionArguments(),  # noqa: B008  # frozen
    network: NetworkArguments = NetworkArguments(),  # noqa: B008  # frozen
) -> int:
    """Mirror a presentation: every segment of everything selected, verified.

    Run the same command again to resume: what is complete costs no request.
    """
    if output.output == "":
        raise UsageError("--output is empty", hint="name a directory; . is the current one")
    options = MirrorOptions(
        root=None if output.output is None else Path(output.output),
        selection=selection.selection(),
        transfer=network.transfer(threads),
        base_url=network.base_url,
        now=parse_now(now),
        segment_limit=segment_limit,
        dry_run=output.dry_run,
        verify=output.verify,
        checksums=output.checksums == "sha256",
        prune=output.prune,
        moved=output.moved,
        fsync=output.fsync,
    )
    stop = Stop()
    reporter = _reporter(output)
    try:
        with stopping_on_signals(stop):
            summary = mirror(url, options, observer=reporter, stop=stop)
    finally:
        reporter.close()
    if summary.interrupted:
        return INTERRUPTED
    return 0 if summary.complete else 1


class _Reporter(Protocol):
    def __call__(self, event: Event, /) -> None: ...
    def close(self) -> None: ...


def _reporter(output: OutputArguments) -> _Reporter:
    """Choose the printer; each is loaded only where it is used."""
    if output.json:
        from dashget.report.jsonlines import JsonLines

        return JsonLines(sys.stdout.buffer)
    able = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    live = able and not (output.quiet or output.no_progress)
    if live:
        from dashget.report.terminal import LiveTerminal

        return LiveTerminal(sys.stderr, verbose=output.verbose)
    from dashget.report.plain import PlainLines

    return PlainLines(
        sys.stderr,
        quiet=output.quiet,
        verbose=output.verbose,
        progress=not output.no_progress,
    )
