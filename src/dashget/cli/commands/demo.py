"""``dashget demo``: mirror a built-in presentation, as a first look at the program."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from dashget.cli.parser import Parser

if TYPE_CHECKING:
    from pathlib import Path

    from dashget.common.stopping import Stop
    from dashget.session import Session

EXAMPLES: Final = """\
  dashget demo
  dashget demo -o /tmp/demo
"""
EXIT_STATUS: Final = {
    0: "mirrored and verified",
    1: "some files failed, or the mirror is not sound: they are listed",
    **dict.fromkeys((2, 3, 5, 6)),
    130: "interrupted (Ctrl-C, SIGTERM, SIGHUP): the same command resumes",
}

_DIRECTORY: Final = "dashget-demo"


def add_arguments(parser: Parser) -> None:
    """Add where the mirror goes."""
    parser.usage = "dashget demo [OPTIONS]"
    parser.add_argument_group("Output").add_argument(
        "--output",
        "-o",
        metavar="DIR",
        default=_DIRECTORY,
        help="Directory of the mirror; a second run completes and repairs it.",
    )


def run(arguments: argparse.Namespace) -> int:
    """Mirror the built-in presentation from a server of its own, verify it, name next steps."""
    from dashget.cli.commands.get import parse_root
    from dashget.cli.signals import stopping_on_signals
    from dashget.common.stopping import Stop
    from dashget.demo.presentation import read_resources
    from dashget.demo.server import serving
    from dashget.exitstatus import INTERRUPTED
    from dashget.session import Session

    root = parse_root(arguments.output)
    _check_directory(root)
    stop = Stop()
    with (
        stopping_on_signals(stop),
        serving(read_resources()) as server,
        # An empty no_proxy overrides the environment: only this server has the presentation.
        Session(proxy=server, no_proxy="") as session,
    ):
        code = _mirror(session, root, stop) or _verify(session, root, stop)
    if stop.requested:
        return INTERRUPTED
    if code == 0:
        sys.stderr.write(_next_steps(root))
    return code


def _check_directory(root: Path) -> None:
    """Raise StoreError for a directory with files that are not the demo's."""
    from dashget.common.filenames import readable
    from dashget.demo.presentation import MANIFEST_URL
    from dashget.errors import StoreError
    from dashget.store import Mirror

    store = Mirror.at(root, read_only=True)
    header = store.header()
    foreign = any(store.iter_files()) if header is None else header.source != MANIFEST_URL
    if foreign:
        raise StoreError(
            f"{readable(str(root))} contains files that are not the demo's",
            hint="choose another directory with -o",
        )


def _mirror(session: Session, root: Path, stop: Stop) -> int:
    from dashget.cli.commands.get import make_reporter
    from dashget.demo.presentation import MANIFEST_URL

    sys.stderr.write("Mirroring a built-in presentation from a server on this machine\n")
    reporter = make_reporter()
    try:
        show = session.open(MANIFEST_URL, observer=reporter, stop=stop)
        summary = show.mirror(root, checksums=True, observer=reporter, stop=stop)
    finally:
        reporter.close()
    return 0 if summary.complete else 1


def _verify(session: Session, root: Path, stop: Stop) -> int:
    """Verify the mirror; repair it now, since its server ends with the command."""
    from dashget.cli.commands.get import can_paint
    from dashget.cli.printers.checking import CheckProgressLine
    from dashget.cli.printers.verification import FindingsTable

    sys.stderr.write("Verifying the mirror\n")
    line = CheckProgressLine(sys.stderr, live=can_paint())
    printer = FindingsTable(sys.stderr, line, quiet=False, verbose=False, repairing=True)
    try:
        report = session.verify(root, repair=True, observer=printer, stop=stop)
    finally:
        printer.close()
    return 0 if report.sound else 1


def _next_steps(root: Path) -> str:
    """Return four commands to go on with, each with its purpose."""
    from dashget.cli.printers.playing import plain_path, program_words

    program, place = program_words(), plain_path(str(root))
    steps = {
        _command(*program, "play", place): "watch it in the browser",
        _command(*program, "list", f"{place}/manifest.mpd"): "show what it contains",
        _command(*program, "verify", place): "check every file again",
        _command(*program, "URL"): "mirror a presentation of your own",
    }
    width = max(map(len, steps))
    lines = [f"  {step:<{width}}  {purpose}\n" for step, purpose in steps.items()]
    return "".join(["Try next:\n", *lines])


def _command(*words: str) -> str:
    """Return a command as it is typed in a shell."""
    import shlex

    from dashget.cli.streams import legible
    from dashget.common.filenames import readable

    return legible(readable(shlex.join(words)))
