"""``dashget verify DIR``: check that a mirror is complete, intact, and up to date."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from dashget.cli.options.network import add_network
from dashget.cli.options.shared import add_keep_header, add_limits, add_sizes, read_size
from dashget.cli.parser import Parser

if TYPE_CHECKING:
    from dashget.cli.commands.get import Reporter
    from dashget.common.stopping import Stop
    from dashget.session import Session
    from dashget.verification.verify import VerifyOptions

EXAMPLES: Final = """\
  dashget verify show
  dashget verify show --remote --repair
  dashget verify recording --from -2h
  dashget verify */
"""
EXIT_STATUS: Final = {
    0: "every file was checked, and is sound or was repaired",
    1: "a problem remains, or a file could not be compared with the server",
    2: None,
    3: "the stored MPD is unreadable, invalid or unsupported",
    5: "--repair: the MPD could not be fetched",
    6: "the directory is not a mirror, or cannot be used",
    7: None,
    130: None,
}


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    text = "Directory of the mirror. Several are checked one after the other."
    parser.add_operand("directories", metavar="DIR", help=text, several=True)
    checks = parser.add_argument_group("Checks")
    for name, text in (
        ("--remote", "Compare sizes and validators (ETag, Last-Modified) with the server."),
        ("--repair", "Fetch missing and damaged files."),
        (
            "--prune",
            "Remove files that the manifest no longer names, except those of live presentations.",
        ),
        ("--dry-run", "Show what would be fetched or removed, but write nothing."),
        ("--strict", "Count notes as errors."),
    ):
        checks.add_argument(name, action="store_true", help=text)
    checks.add_argument(
        "--from",
        dest="begin",
        metavar="TIME",
        help="Of a recording: check only the segments and gaps after a time such as"
        " 2026-01-31T12:00:00Z, or -10m (so far back from its newest segment).",
    )
    checks.add_argument(
        "--until",
        metavar="TIME",
        help="Of a recording: check only what begins before this time.",
    )
    parser.take_signed("--from", "--until")
    add_limits(checks)
    add_keep_header(checks)
    add_sizes(checks)
    output = parser.add_argument_group("Output")
    output.add_argument(
        "--json",
        action="store_true",
        help="Write one JSON event per line: progress, findings, then the totals.",
    )
    output.add_argument("--quiet", "-q", action="store_true", help="Show only errors and warnings.")
    output.add_argument(
        "--verbose", "-v", action="store_true", help="Show the complete list of findings."
    )
    output.add_argument("--no-progress", action="store_true", help="Show no progress.")
    add_network(parser, threads=True)


def run(arguments: argparse.Namespace) -> int:
    """Check a mirror: every file is there, has its recorded size and checksum, and is valid.

    Offline by default. Exit status 0 if no error was found or all were repaired, else 1; also 1
    if files could not be compared with the server.
    """
    from dashget.cli.commands.get import stopped_code
    from dashget.cli.memory import keep_freed_memory
    from dashget.cli.options.requests import allow_open_files, transfer_options
    from dashget.cli.printers.warned import print_warning
    from dashget.cli.signals import stopping_on_signals
    from dashget.common.stopping import Stop
    from dashget.events import ignore
    from dashget.session import Session

    options, transfer = verify_options(arguments), transfer_options(arguments)
    makes_requests = options.remote or options.repair
    if makes_requests:
        allow_open_files(transfer)
        keep_freed_memory()
    stop = Stop()
    warner = print_warning if makes_requests else ignore
    with (
        stopping_on_signals(stop),
        Session(transfer, observer=warner) as session,
        session.timing(stop),
    ):
        if len(arguments.directories) == 1:
            code, _ = _verify(session, arguments.directories[0], options, arguments, stop)
        else:
            code = _verify_all(session, options, arguments, stop)
    return stopped_code(stop) if stop.requested else code


def _verify(
    session: Session,
    directory: str,
    options: VerifyOptions,
    arguments: argparse.Namespace,
    stop: Stop,
) -> tuple[int, int]:
    """Check one mirror; return the exit code for it, and how many bytes it has."""
    observer = _observer(arguments, session.warnings)
    try:
        report = session.verify(directory, options, observer=observer, stop=stop)
    finally:
        observer.close()
    if report.uncompared or (arguments.strict and report.notes):
        return 1, report.bytes
    return (0 if report.sound else 1), report.bytes


def _left(options: VerifyOptions, used: int) -> VerifyOptions:
    """Return the options with what earlier mirrors leave of the limit on the size of all."""
    most = options.max_total_size
    if most is None:
        return options
    import msgspec

    return msgspec.structs.replace(options, max_total_size=max(1, most - used))


def _verify_all(
    session: Session, options: VerifyOptions, arguments: argparse.Namespace, stop: Stop
) -> int:
    """Check one mirror after the other; return the exit code of the first that is not sound."""
    from dashget.cli.failures import report
    from dashget.cli.streams import legible
    from dashget.common.filenames import readable
    from dashget.errors import DashGetError

    codes, used = [], 0
    for directory in arguments.directories:
        if stop.requested:
            break
        if not arguments.json:
            sys.stdout.write(f"{legible(readable(directory))}:\n")
        try:
            code, size = _verify(session, directory, _left(options, used), arguments, stop)
            codes.append(code)
            used += size
        except DashGetError as error:
            sys.stdout.flush()
            codes.append(report(error, json=arguments.json))
    return next((code for code in codes if code), 0)


def verify_options(arguments: argparse.Namespace) -> VerifyOptions:
    """Return the library's options; raise UsageError for invalid values."""
    from dashget.cli.options.quantities import parse_begin, parse_moment
    from dashget.verification.verify import VerifyOptions

    begin, back = (None, None) if arguments.begin is None else parse_begin(arguments.begin)
    until = arguments.until
    return VerifyOptions(
        begin=begin,
        begin_back=back,
        until=None if until is None else parse_moment(until, "--until"),
        remote=arguments.remote,
        repair=arguments.repair,
        prune=arguments.prune,
        dry_run=arguments.dry_run,
        segment_limit=arguments.segment_limit,
        total_limit=arguments.total_limit,
        max_file_size=read_size(arguments.max_file_size, "--max-file-size"),
        max_total_size=read_size(arguments.max_total_size, "--max-total-size"),
    )


def _observer(arguments: argparse.Namespace, told: tuple[str, ...]) -> Reporter:
    """Return the printer of a check; ``told`` are warnings that were printed before."""
    from dashget.cli.commands.get import can_paint

    progress = not (arguments.no_progress or arguments.debug)
    if arguments.json:
        from dashget.cli.guarded import json_output
        from dashget.cli.printers.jsonlines import JsonLines
        from dashget.cli.streams import outliving

        return JsonLines(outliving(json_output()))
    from dashget.cli.printers.checking import CheckProgressLine
    from dashget.cli.printers.verification import FindingsTable

    return FindingsTable(
        sys.stdout,
        CheckProgressLine(sys.stderr, live=can_paint() and progress and not arguments.quiet),
        quiet=arguments.quiet,
        verbose=arguments.verbose,
        progress=progress,
        repairing=arguments.repair,
        told=told,
    )
