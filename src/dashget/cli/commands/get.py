"""``dashget get URL``: mirror a presentation. The default command."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final, Protocol

from dashget.cli.options.network import add_network
from dashget.cli.options.shared import (
    add_base_url,
    add_file_options,
    add_filters,
    add_keep_header,
    add_limits,
    add_now,
    add_sizes,
    parse_now,
    read_size,
    selection,
)
from dashget.cli.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dashget.cli.onefile import OneFile
    from dashget.cli.wanted import Wanted
    from dashget.common.stopping import Stop
    from dashget.errors import ManifestFetchError
    from dashget.events import Event, Summary
    from dashget.mirroring.options import MirrorOptions
    from dashget.transfer.settings.options import TransferOptions

EXAMPLES: Final = """\
  dashget https://example.com/show/manifest.mpd
  dashget URL --mux show.mp4
  dashget URL -o show -t 8 --video best --audio lang=en,fr
  dashget saved.mpd --base-url URL
  dashget URL --dry-run
  dashget show
"""
EXIT_STATUS: Final = {
    0: "complete and verified",
    1: "some files failed: they are listed; the same command resumes",
    **dict.fromkeys((2, 3, 4, 5, 6)),
    7: "ended by --max-time or --max-total-size: the same command resumes",
    8: "--mux: no single file can be made of the tracks",
    130: "interrupted (Ctrl-C, SIGTERM, SIGHUP): the same command resumes",
}

_URL_HELP: Final = (
    "The MPD: an http(s) URL, a local file, - for standard input, or the directory of a mirror to"
    " go on with. Several are mirrored one after the other."
)
_ONLY_WITH_MUX: Final = (
    "keep_mirror",
    "split",
    "allow_gaps",
    "overwrite",
    "key",
    "subtitles",
    "cover",
)
_OF_FILES: Final = (".mp4", ".m4v", ".m4a", ".mkv", ".webm", ".mov", ".ts", ".mpd")
"""Endings of names that people give to single files, which other tools would write."""


def add_arguments(parser: Parser) -> None:
    """Add the options, in the order of the help page."""
    add_base_url(parser.add_operand("urls", metavar="URL", help=_URL_HELP, several=True))
    _add_output(parser.add_argument_group("Output"))
    _add_one_file(parser.add_argument_group("One file"))
    group = parser.add_argument_group("Selection")
    add_now(group)
    add_limits(group)
    add_filters(group)
    add_network(parser, threads=True)


def run(arguments: argparse.Namespace) -> int:
    """Mirror every selected segment of each presentation, and verify each."""
    root = None if arguments.output is None else parse_root(arguments.output)
    from dashget.cli.memory import keep_freed_memory
    from dashget.cli.options.requests import allow_open_files, transfer_options
    from dashget.cli.signals import stopping_on_signals
    from dashget.cli.wanted import find_wanted
    from dashget.common.stopping import Stop
    from dashget.session.waiting import timed

    wanted = find_wanted(arguments.urls, root, arguments.base_url)
    if len(wanted) > 1:
        from dashget.cli.rooms import with_rooms

        wanted = with_rooms(wanted, root)
    options = [mirror_options(arguments, each.filters) for each in wanted]
    file = _one_file(arguments, wanted)
    task = _Task(arguments, transfer_options(arguments), Stop())
    allow_open_files(task.transfer)
    keep_freed_memory()
    with stopping_on_signals(task.stop), timed(task.stop, task.transfer.max_time_seconds):
        if file is not None:
            return _mirror_for(file, wanted[0], options[0], task)
        if len(wanted) == 1:
            return _mirror(wanted[0], options[0], task)
        return _mirror_all(wanted, options, task)


class _Task:
    """What all presentations of a command line have in common."""

    def __init__(
        self, arguments: argparse.Namespace, transfer: TransferOptions, stop: Stop
    ) -> None:
        self.arguments = arguments
        self.transfer = transfer
        self.now = parse_now(arguments.now)
        self.stop = stop
        self.stored = 0
        """The bytes of the mirrors so far, which all have one limit."""


def _one_file(arguments: argparse.Namespace, wanted: Sequence[Wanted]) -> OneFile | None:
    """Return the file that is to be written; UsageError if it cannot be."""
    from dashget.errors import UsageError

    if arguments.mux is None:
        given = [name for name in _ONLY_WITH_MUX if getattr(arguments, name)]
        if given:
            from dashget.cli.onefile import refuse_without_mux

            refuse_without_mux(given[0])
        return None
    from dashget.cli.onefile import OneFile

    if len(wanted) > 1:
        raise UsageError("--mux: only for a single URL", hint="write one file after the other")
    return OneFile(arguments, wanted[0].filters)


def _mirror_for(file: OneFile, wanted: Wanted, options: MirrorOptions, task: _Task) -> int:
    """Mirror what a file needs, and write the file."""
    from pathlib import Path

    import msgspec

    if file.own:
        wanted = msgspec.structs.replace(wanted, root=file.root)
        options = msgspec.structs.replace(options, selection=file.choices.selection())
    summary = _run_mirror(wanted, options, task, file)
    if summary.interrupted:
        return stopped_code(task.stop)
    if summary.dry_run or not (summary.complete or task.arguments.allow_gaps):
        return 0 if summary.complete else 1
    arguments = task.arguments
    reporter = make_reporter(json=arguments.json, quiet=arguments.quiet, progress=False)
    try:
        file.write(Path(summary.root), task.stop, reporter)
    finally:
        reporter.close()
    if task.stop.requested:
        return stopped_code(task.stop)
    return 0 if summary.complete else 1


def _mirror(wanted: Wanted, options: MirrorOptions, task: _Task) -> int:
    summary = _run_mirror(wanted, options, task)
    task.stored += summary.bytes + summary.kept_bytes
    if summary.interrupted:
        return stopped_code(task.stop)
    return 0 if summary.complete else 1


def _run_mirror(
    wanted: Wanted, options: MirrorOptions, task: _Task, file: OneFile | None = None
) -> Summary:
    from dashget.errors import ManifestFetchError
    from dashget.session import Session

    arguments, stop = task.arguments, task.stop
    if task.stored and options.max_total_size is not None:
        options = _limited(options, max(1, options.max_total_size - task.stored))
    reporter = make_reporter(
        json=arguments.json,
        quiet=arguments.quiet,
        verbose=arguments.verbose,
        progress=not (arguments.no_progress or arguments.debug),
    )
    try:
        observer = reporter if file is None else file.observed(reporter)
        with Session(task.transfer, observer=observer) as session:
            base_url = wanted.base_url
            show = session.open(wanted.source, base_url=base_url, now=task.now, stop=stop)
            return show.mirror(wanted.root, options, stop=stop)
    except ManifestFetchError as error:
        _advise_fresh_url(error, wanted)
        raise
    finally:
        reporter.close()


def _mirror_all(wanted: Sequence[Wanted], options: Sequence[MirrorOptions], task: _Task) -> int:
    """Mirror one after the other; return the exit code of the first that failed.

    What one of them lacks is no reason to leave out the next.
    """
    from dashget.cli.failures import report
    from dashget.errors import DashGetError

    codes: dict[int, int] = {}
    for number, (each, chosen) in enumerate(zip(wanted, options, strict=True)):
        if task.stop.requested:
            break
        try:
            codes[number] = _mirror(each, chosen, task)
        except DashGetError as error:
            if each.name not in error.message:
                error.message = f"{each.name}: {error.message}"
            codes[number] = report(error, json=task.arguments.json)
    if not (task.arguments.quiet or task.arguments.json):
        from dashget.cli.streams import legible

        for line in _in_all(wanted, codes):
            print(legible(line), file=sys.stderr)  # noqa: T201
    if task.stop.requested:
        return stopped_code(task.stop)
    return next((code for code in codes.values() if code), 0)


def _in_all(wanted: Sequence[Wanted], codes: Mapping[int, int]) -> Iterator[str]:
    """Yield how many presentations are complete, and which are not."""
    left = [n for n in range(len(wanted)) if codes.get(n) != 0]
    yield f"{len(wanted) - len(left)} of {len(wanted)} presentations complete"
    for number in left:
        code = codes.get(number)
        ended = "not begun" if code is None else f"exit status {code}"
        yield f"  {ended}: {wanted[number].name}"


def _limited(options: MirrorOptions, size: int) -> MirrorOptions:
    import msgspec

    return msgspec.structs.replace(options, max_total_size=size)


def stopped_code(stop: Stop) -> int:
    """Return the exit code of a run that was stopped: by a signal, or by a limit of the user."""
    from dashget.errors import LimitReachedError
    from dashget.exitstatus import INTERRUPTED

    return INTERRUPTED if stop.bound is None else LimitReachedError.exit_code


def _advise_fresh_url(error: ManifestFetchError, wanted: Wanted) -> None:
    """Say what to do if a server refuses the manifest of a mirror that was begun before."""
    from pathlib import Path

    from dashget.errors import DashGetError, FetchError
    from dashget.mirroring.advice import TOKEN_STATUSES, fresh_url_hint
    from dashget.planning.layout import root_name
    from dashget.store import Mirror

    cause = error.__cause__
    if (
        not isinstance(cause, FetchError)
        or cause.status not in TOKEN_STATUSES
        or cause.retry_after_seconds is not None
    ):
        return
    try:
        root = wanted.root or Path(root_name(str(wanted.source)))
        begun = Mirror.at(root, read_only=True).header() is not None
    except (DashGetError, ValueError):
        return
    if begun:
        error.hint = fresh_url_hint(str(root))


def mirror_options(
    arguments: argparse.Namespace, recorded: Mapping[str, str] = {}
) -> MirrorOptions:
    """Return the library's options; raise UsageError for invalid values.

    ``recorded`` are the filters of an earlier run.
    """
    from dashget.mirroring.options import MirrorOptions

    return MirrorOptions(
        selection=selection(arguments, recorded),
        segment_limit=arguments.segment_limit,
        total_limit=arguments.total_limit,
        max_file_size=read_size(arguments.max_file_size, "--max-file-size"),
        max_total_size=read_size(arguments.max_total_size, "--max-total-size"),
        dry_run=arguments.dry_run,
        recheck=arguments.verify,
        times=arguments.times,
        accept_odd=arguments.accept_odd,
        checksums=arguments.checksums == "sha256",
        prune=arguments.prune,
        moved=arguments.moved,
        fsync=arguments.fsync,
        follow_links=arguments.follow_links,
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
    # A shell leaves the ~ of --output=~/show as it is.
    root = Path(output).expanduser() if output.startswith("~/") else Path(output)
    if root.suffix.lower() in _OF_FILES and not (output.endswith("/") or root.is_dir()):
        raise UsageError(
            f"--output: a mirror is a directory, not a single file: {output}",
            hint=f"did you mean --mux {output}? {root.stem} or {output}/ is a directory",
        )
    return root


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--output",
        "-o",
        metavar="DIR",
        help="Directory of the mirror; by default named after the manifest's directory. Of several"
        " URLs, the directory in which each gets one of its own.",
    )
    _add_report(group)
    group.add_argument(
        "--verify",
        action="store_true",
        help="Compare complete files with the server too, and fetch those that changed. Not with"
        " --dry-run (see: dashget verify --remote).",
    )
    group.add_argument(
        "--accept-odd",
        action="store_true",
        help="Store what the server sends as it is, also a web page, text or nothing in place of"
        " media. By default that is fetched again, and is a failure in the end. Media without an"
        " initialization segment are accepted, too.",
    )
    group.add_argument(
        "--times",
        action="store_true",
        help="Give files the modification times that the server states, as curl -R does; without"
        " it they have the time of the download. Complete files get theirs without a request.",
    )
    group.add_argument(
        "--checksums",
        choices=("none", "sha256"),
        default="none",
        help="Record checksums, and write the file SHA256SUMS.",
    )
    add_keep_header(group)
    add_sizes(group)
    group.add_argument(
        "--prune",
        action="store_true",
        help="Remove files that the manifest no longer names, except those of live presentations.",
    )
    group.add_argument(
        "--moved",
        action="store_true",
        help="Continue a mirror of the same presentation although its URL has changed. Files are"
        " compared by checksums or samples; with --verify what only samples show is fetched.",
    )
    group.add_argument(
        "--follow-links",
        action="store_true",
        help="Store files also behind links out of the mirror that were not there at its first run."
        " To be said once for each link: a mirror from somebody else may have any.",
    )
    group.add_argument(
        "--fsync",
        action="store_true",
        help="Write finished files to disk at once, so that they survive a power cut.",
    )


def _add_one_file(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--mux",
        metavar="FILE",
        help="Write one playable file (.mp4, .m4a, .mkv, .mka, .webm): by default the best video"
        " and the best audio of each language. Without -o the mirror beside it goes once the file"
        " is proved.",
    )
    group.add_argument("--keep-mirror", action="store_true", help="Keep that mirror.")
    add_file_options(group)


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


def can_paint() -> bool:
    """Return True if standard error is a terminal that can repaint its lines."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def make_reporter(
    *, json: bool = False, quiet: bool = False, verbose: bool = False, progress: bool = True
) -> Reporter:
    """Return the printer that the options ask for; only that one is imported."""
    if json:
        from dashget.cli.guarded import json_output
        from dashget.cli.printers.jsonlines import JsonLines
        from dashget.cli.streams import outliving

        return JsonLines(outliving(json_output()))
    if quiet:
        from dashget.cli.printers.quiet import QuietLines

        return QuietLines(sys.stderr, verbose=verbose)
    if can_paint() and progress:
        from dashget.cli.printers.terminal import LiveTerminal

        return LiveTerminal(sys.stderr, verbose=verbose)
    from dashget.cli.printers.plain import PlainLines

    return PlainLines(sys.stderr, verbose=verbose, progress=progress)
