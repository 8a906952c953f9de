"""``dashget verify DIR``: is the mirror whole, sound, and what the server has?"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from dashget.cli.options.network import add_network
from dashget.cli.parser import Parser

if TYPE_CHECKING:
    from dashget.events import Observer
    from dashget.verification.verify import VerifyOptions

EXAMPLES: Final = """\
  dashget verify show
  dashget verify show --remote --repair
"""


def add_arguments(parser: Parser) -> None:
    """Add what is checked, and what is done about it."""
    parser.add_operand("directory", metavar="DIR", help="The mirror's directory.")
    checks = parser.add_argument_group("Checks")
    for name, text in (
        ("--remote", "Compare size and validators with the server."),
        ("--repair", "Fetch exactly what is wrong."),
        ("--prune", "Remove what the manifest no longer names; nothing that was recorded live."),
        ("--dry-run", "Say what would be fetched or removed; write nothing."),
        ("--strict", "Notes count as errors, too."),
    ):
        checks.add_argument(name, action="store_true", help=text)
    output = parser.add_argument_group("Output")
    output.add_argument("--json", action="store_true", help="One finding per line, then the sums.")
    output.add_argument("--quiet", "-q", action="store_true", help="Only errors, and warnings.")
    output.add_argument("--verbose", "-v", action="store_true", help="All findings.")
    add_network(parser, threads=True)


def run(arguments: argparse.Namespace) -> int:
    """Check a mirror: every file present, of the recorded size and checksum, sound inside.

    Offline by default. Exit status 0 if no error was found or all were repaired, else 1; also 1
    if files could not be compared with the server.
    """
    import msgspec

    from dashget.api import verify
    from dashget.cli.options.requests import prepared
    from dashget.cli.signals import INTERRUPTED, stopping_on_signals
    from dashget.common.stopping import Stop

    options = verify_options(arguments)
    observer = _observer(arguments)
    if options.remote or options.repair:
        options = msgspec.structs.replace(options, transfer=prepared(options.transfer))
    stop = Stop()
    with stopping_on_signals(stop):
        report = verify(arguments.directory, options, observer=observer, stop=stop)
    if stop.requested:
        return INTERRUPTED
    if report.uncompared or (arguments.strict and report.notes):
        return 1
    return 0 if report.sound else 1


def verify_options(arguments: argparse.Namespace) -> VerifyOptions:
    """Make the library's options; UsageError for values that cannot be meant."""
    from dashget.cli.options.requests import transfer_options
    from dashget.verification.verify import VerifyOptions

    return VerifyOptions(
        remote=arguments.remote,
        repair=arguments.repair,
        prune=arguments.prune,
        dry_run=arguments.dry_run,
        transfer=transfer_options(arguments),
    )


def _observer(arguments: argparse.Namespace) -> Observer:
    if arguments.json:
        from dashget.cli.printers.jsonlines import JsonLines

        return JsonLines(sys.stdout.buffer)
    from dashget.cli.printers.verification import FindingsTable

    return FindingsTable(sys.stdout, sys.stderr, quiet=arguments.quiet, verbose=arguments.verbose)
