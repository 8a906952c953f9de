"""``dashget mux DIR FILE``: write one playable file from a mirror."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from dashget.cli.options.shared import add_file_options, add_filters
from dashget.cli.parser import Parser

if TYPE_CHECKING:
    pass


EXAMPLES: Final = """\
  dashget mux show show.mp4
  dashget mux show show.mkv --audio lang=en,fr,best --check
  dashget mux show show.mp4 --split
"""
EXIT_STATUS: Final = {
    0: "the file is written",
    1: "files of the mirror are missing: they are listed",
    2: None,
    3: "the stored MPD is unreadable, invalid or unsupported",
    4: None,
    6: "the directory is not a mirror, or the file cannot be written",
    8: "no single file can be made of the tracks, or --check failed",
    130: None,
}
_HELP: Final = (
    "Directory of the mirror, and the file to write: its name ends in .mp4, .m4a, .mkv, .mka or"
    " .webm."
)


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    parser.add_operand("paths", metavar="DIR FILE", help=_HELP, several=True)
    parser.usage = f"{parser.prog} [OPTIONS] DIR FILE"
    group = parser.add_argument_group("Selection")
    add_filters(group, defaults=("best1", "best", "all", "none"))
    group = parser.add_argument_group("Output")
    add_file_options(group)
    for names, text in (
        (("--check",), "Read the file again, and compare every packet with what was written."),
        (("--fsync",), "Write the file to disk before it gets its name."),
        (("--json",), "Write one JSON event per line to standard output."),
        (("--quiet", "-q"), "Show only warnings."),
    ):
        group.add_argument(*names, action="store_true", help=text)


def run(arguments: argparse.Namespace) -> int:
    """Write one file from a mirror, or one for each Period."""
    from pathlib import Path

    from dashget.cli.commands.get import make_reporter
    from dashget.cli.directories import require_directory
    from dashget.cli.extras import require
    from dashget.cli.onefile import mux_options
    from dashget.cli.signals import stopping_on_signals
    from dashget.common.filenames import given
    from dashget.common.stopping import Stop
    from dashget.errors import UsageError
    from dashget.exitstatus import INTERRUPTED
    from dashget.mux.run import mux_mirror
    from dashget.store import LocalDirectory

    if len(arguments.paths) != 2:
        raise UsageError(
            "mux takes the directory of a mirror and the file to write",
            hint="such as: dashget mux show show.mp4",
        )
    directory, target = (Path(given(path)) for path in arguments.paths)
    hint = "dashget URL --mux FILE mirrors a presentation and writes one file of it"
    require_directory("mux", arguments.paths[0], hint)
    options = mux_options(arguments, target)
    require("mux", "av", "PyAV")
    reporter = make_reporter(json=arguments.json, quiet=arguments.quiet, progress=False)
    stop = Stop()
    try:
        with stopping_on_signals(stop):
            mux_mirror(LocalDirectory(directory), target, options, reporter, stop)
    finally:
        reporter.close()
    return INTERRUPTED if stop.requested else 0
