"""``dashget gaps DIR``: what is missing of a recording, since when, until when, and why."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from dashget.cli.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashget.live.gaps import Gap
    from dashget.live.state import State

EXAMPLES: Final = """\
  dashget gaps show
  dashget gaps show --json
"""
EXIT_STATUS: Final = {
    0: "no gaps",
    1: "gaps: they are listed",
    2: None,
    6: "the directory holds no recording",
}


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    parser.add_operand("directory", metavar="DIR", help="Directory of the recording.")
    group = parser.add_argument_group("Output")
    group.add_argument("--json", action="store_true", help="Write one JSON object per line.")


def run(arguments: argparse.Namespace) -> int:
    """List the gaps of a recording."""
    import sys
    from pathlib import Path

    from dashget.cli.directories import require_directory
    from dashget.errors import StoreError
    from dashget.live.gaps import gaps_in, has_losses
    from dashget.store import Mirror
    from dashget.verification.recording import read_state

    hint = "dashget record URL -o DIR makes one; dashget verify DIR checks a mirror"
    require_directory("gaps", arguments.directory, hint)
    store = Mirror.at(Path(arguments.directory), read_only=True)
    header = store.known_header(hint)
    if not header.recording:
        raise StoreError(f"{arguments.directory} holds no recording", hint=hint)
    state = read_state(store, header.manifest)
    gaps = gaps_in(state)
    if sys.stdout.isatty() and not arguments.json:
        _show(state, gaps)
    for gap in gaps:
        sys.stdout.write(_json(gap) if arguments.json else f"{_line(gap)}\n")
    if not gaps and not arguments.json:
        sys.stdout.write("no gaps\n")
    return 1 if has_losses(gaps) else 0


def _show(state: State, gaps: Sequence[Gap]) -> None:
    """Write the picture of a recording, as wide as the terminal."""
    import shutil
    import sys

    from dashget.cli.printers.timeline import bars_of, picture

    # Some terminals wrap a line that fills their last column.
    width = max(shutil.get_terminal_size().columns - 1, 1)
    rows = list(picture(bars_of(state.lines, state.named, gaps), width, sys.stdout.encoding))
    sys.stdout.write("".join(f"{row}\n" for row in rows) + ("\n" if rows else ""))


def _json(gap: Gap) -> str:
    from dashget.cli.printers.jsonlines import encoded

    return encoded(gap).decode("utf-8", "replace") + "\n"


def _line(gap: Gap) -> str:
    from dashget.cli.printers import text
    from dashget.cli.streams import legible
    from dashget.common.numbers import shown_time

    begin, end = shown_time(gap.begin), shown_time(gap.end)
    count = "?" if gap.segments is None else text.count(gap.segments, "segment")
    return f"{begin}  {end}  {gap.reason.value:<12}  {count:<14}  {legible(gap.label)}"
