"""``dashget verify DIR``: is the mirror whole, sound, and what the server has?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from dashget.api import verify as verify_mirror
from dashget.cli.arguments import OUTPUT
from dashget.cli.network import NetworkArguments, Threads
from dashget.cli.signals import INTERRUPTED, stopping_on_signals
from dashget.events import Observer
from dashget.mirroring import Stop
from dashget.report.jsonlines import JsonLines
from dashget.report.verification import FindingsTable
from dashget.verification import VerifyOptions

_CHECKS = Group("Checks", sort_key=0)


def verify(
    directory: Annotated[Path, Parameter(name="DIR", help="The mirror's directory.")],
    /,
    *,
    remote: Annotated[
        bool,
        Parameter(group=_CHECKS, negative="", help="Compare size and validators with the server."),
    ] = False,
    repair: Annotated[
        bool, Parameter(group=_CHECKS, negative="", help="Fetch exactly what is wrong.")
    ] = False,
    prune: Annotated[
        bool,
        Parameter(group=_CHECKS, negative="", help="Remove what the manifest no longer names."),
    ] = False,
    strict: Annotated[
        bool, Parameter(group=_CHECKS, negative="", help="Notes count as errors, too.")
    ] = False,
    json: Annotated[
        bool, Parameter(group=OUTPUT, negative="", help="One finding per line, then the sums.")
    ] = False,
    quiet: Annotated[
        bool, Parameter(name=["--quiet", "-q"], group=OUTPUT, negative="", help="Errors only.")
    ] = False,
    verbose: Annotated[
        bool, Parameter(name=["--verbose", "-v"], group=OUTPUT, negative="", help="All findings.")
    ] = False,
    threads: Threads = "4",
    network: NetworkArguments = NetworkArguments(),  # noqa: B008  # frozen
) -> int:
    """Check a mirror: every file present, of the recorded size and checksum, sound inside.

    Offline by default. Exit status 0 if no error was found or all were repaired, else 1.
    """
    options = VerifyOptions(
        remote=remote, repair=repair, prune=prune, transfer=network.transfer(threads)
    )
    observer: Observer
    if json:
        observer = JsonLines(sys.stdout.buffer)
    else:
        observer = FindingsTable(sys.stdout, sys.stderr, quiet=quiet, verbose=verbose)
    stop = Stop()
    with stopping_on_signals(stop):
        report = verify_mirror(directory, options, observer=observer, stop=stop)
    if stop.requested:
        return INTERRUPTED
    return 0 if report.sound and not (strict and report.notes) else 1
