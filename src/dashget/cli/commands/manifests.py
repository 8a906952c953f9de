"""``dashget manifests DIR``: which versions of the manifest were read, and any of them again."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from dashget.cli.parser import Parser

if TYPE_CHECKING:
    from dashget.verification.versions import ManifestVersion

EXAMPLES: Final = """\
  dashget manifests show
  dashget manifests show --at 2026-12-24T20:15:00Z -o then.mpd
  dashget manifests show --number 12 | xmllint --format -
"""
EXIT_STATUS: Final = {
    0: "listed, or given back",
    1: "a version cannot be read any more: it is listed with the reason",
    2: None,
    6: "the directory holds no mirror, or no such version",
    141: None,
}


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    parser.add_operand("directory", metavar="DIR", help="Directory of the recording, or mirror.")
    group = parser.add_argument_group("Which")
    group.add_argument(
        "--at",
        metavar="TIME",
        help="Give back the version that was the newest at this time, such as"
        " 2026-12-24T20:15:00Z, byte for byte. The times of the list are those of the computer"
        " that recorded.",
    )
    group.add_argument(
        "--number", metavar="N", help="Give back the version with this number of the list."
    )
    group.add_argument(
        "--patch",
        action="store_true",
        help="Give back the patch that made the version, instead of the version.",
    )
    group = parser.add_argument_group("Output")
    group.add_argument(
        "--output", "-o", metavar="FILE", help="Write the version to FILE, not to standard output."
    )
    group.add_argument("--json", action="store_true", help="List as one JSON object per line.")


def run(arguments: argparse.Namespace) -> int:
    """List the versions, or give one back."""
    import sys
    from pathlib import Path

    from dashget.cli.directories import require_directory
    from dashget.store import Mirror
    from dashget.verification.versions import Versions

    moment, number = _wanted(arguments)
    hint = "give the directory of a recording; dashget record URL -o DIR makes one"
    require_directory("manifests", arguments.directory, hint)
    store = Mirror.at(Path(arguments.directory), read_only=True)
    store.known_header(hint)
    with Versions(store) as versions:
        if moment is not None or number is not None:
            data = versions.find(moment=moment, number=number, patch=arguments.patch)
            _write(data, arguments.output, arguments.directory)
            return 0
        damaged = False
        for version in versions.list():
            damaged |= version.problem is not None
            line = _json(version) if arguments.json else f"{_line(version)}\n"
            sys.stdout.write(line)
    if versions.damaged:
        sys.stderr.write(f"{versions.damaged:,} bytes of the versions cannot be read\n")
    return 1 if damaged or versions.damaged else 0


def _wanted(arguments: argparse.Namespace) -> tuple[float | None, int | None]:
    """Return the time, or the number, of the version that is wanted; raise UsageError."""
    from dashget.cli.options.quantities import parse_moment
    from dashget.common.numbers import read_digits
    from dashget.errors import UsageError

    at, number = arguments.at, arguments.number
    if at is not None and number is not None:
        raise UsageError("--at: only one of --at and --number", hint="leave one of them out")
    if at is None and number is None:
        for option, given in (("--patch", arguments.patch), ("--output", arguments.output)):
            if given:
                raise UsageError(f"{option}: of which version?", hint="say --at TIME or --number N")
        return None, None
    if arguments.json:
        raise UsageError("--json: only for the list", hint="leave it out")
    if at is not None:
        return parse_moment(at, "--at"), None
    count = read_digits(number, 9)
    if not count:
        raise UsageError(
            f"--number: not a number of a version: {number[:40]!r}",
            hint="versions count from 1; dashget manifests DIR lists them",
        )
    return None, count


def _write(data: bytes, output: str | None, directory: str) -> None:
    from pathlib import Path

    from dashget.cli.guarded import put_document
    from dashget.common.filenames import given
    from dashget.errors import StoreError

    if output is None:
        put_document(data)
        return
    path, root = Path(given(output)), Path(directory)
    # Somebody else's mirror may have a link of this name. Anywhere else a file is the user's own.
    by_name = path.absolute().is_relative_to(root.absolute())
    is_inside = by_name or path.parent.resolve().is_relative_to(root.resolve())
    try:
        with path.open("xb" if is_inside else "wb") as file:
            file.write(data)
    except FileExistsError as error:
        raise StoreError(
            f"{output} exists: nothing in the mirror is replaced",
            hint="give the file another name, or another place",
        ) from error
    except OSError as error:
        raise StoreError(f"cannot write {output}: {error.strerror or error}") from error


def _json(version: ManifestVersion) -> str:
    from dashget.cli.printers.jsonlines import encoded

    return encoded(version).decode("utf-8", "replace") + "\n"


def _line(version: ManifestVersion) -> str:
    how = f"{version.how}, read {version.reads} times" if version.reads > 1 else version.how
    if version.patch_size:
        how += f" of {version.patch_size:,} bytes"
    if version.problem is not None:
        how += f": {version.problem}"
    size = f"{version.size:,}" if version.how != "same" else ""
    published = "" if version.published is None else f"published {_moment(version.published)}"
    line = f"{version.number:>6}  {_moment(version.time)}  {size:>12}  {published:<34}  {how}"
    return line.rstrip()


def _moment(seconds: float | None) -> str:
    """Return a time to the millisecond, in a form that --at takes."""
    from fractions import Fraction

    from dashget.common.numbers import utc_of

    time = None if seconds is None else utc_of(Fraction(round(seconds, 3)).limit_denominator(1000))
    if time is None:
        return "at an unknown time".ljust(24)
    return time.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
