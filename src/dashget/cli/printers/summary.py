"""Write the summary at the end of a run."""

from __future__ import annotations

from collections.abc import Iterator

from dashget.cli.printers import text
from dashget.cli.printers.causes import by_cause, failure_lines, group_lines
from dashget.cli.printers.playing import how_to_play
from dashget.cli.streams import legible
from dashget.events import Failure, Outcome, Summary

_SHOWN_CAUSES = 20
_SHOWN_ABSENT = 3
_WORDS = {
    Outcome.DOWNLOADED: "downloaded",
    Outcome.RESUMED: "resumed",
    Outcome.UPDATED: "updated",
    Outcome.PRESENT: "already there",
    Outcome.ADOPTED: "adopted",
    Outcome.ABSENT: "absent on the server",
    Outcome.FAILED: "failed",
    Outcome.CANCELLED: "not finished",
    Outcome.PLANNED: "to fetch",
    Outcome.UNCOMPARED: "to compare with the server, and to fetch if they differ",
}


def summary_lines(summary: Summary, *, verbose: bool = False) -> Iterator[str]:
    """Yield the lines of the summary, plain text.

    It lists failures by their cause, up to twenty causes, and three absent files; each failure
    and each absent file if ``verbose``.
    """
    yield _headline(summary)
    yield "  " + _outcomes(summary)
    if summary.dry_run:
        return
    if summary.transferred:
        seconds = max(summary.seconds, 1e-9)
        yield (
            f"  received {text.size(summary.transferred)} in {text.duration(summary.seconds)}"
            f" ({text.rate(summary.transferred / seconds)}),"
            f" {text.count(summary.requests, 'request')}"
        )
    if summary.sampled:
        yield (
            f"  {text.count(summary.sampled, 'file')} compared by samples of the bytes only;"
            " --verify fetches what no checksum proves"
        )
    if summary.kept_files:
        files = text.count(summary.kept_files, "unfinished file")
        yield f"  kept {text.size(summary.kept_bytes)} of {files} for the next run"
    absent = summary.absent if verbose else summary.absent[:_SHOWN_ABSENT]
    for path in absent:
        yield f"  absent on the server: {legible(path)}"
    yield from _hidden_lines(len(summary.absent) - len(absent))
    yield from _failures(summary.failures, verbose=verbose)
    yield f"  mirror: {legible(summary.root)}"
    if summary.complete and summary.playback is not None:
        yield f"  {how_to_play(summary.manifest, summary.playback)}"
    elif summary.hint is not None:
        yield f"hint: {legible(summary.hint)}"


def _headline(summary: Summary) -> str:
    have = f"{text.count(summary.files, 'file')}, {text.size(summary.bytes)}"
    if summary.dry_run:
        total = summary.bytes_estimated
        about = "" if total is None else f" of about {text.size(total)}"
        return f"Dry run: nothing was downloaded; {have}{about} already there"
    if summary.ended_by is not None:
        return f"Ended by {summary.ended_by.option}: {have} complete so far"
    if summary.interrupted:
        return f"Interrupted: {have} complete so far"
    if summary.error is not None:
        return f"Stopped: {have} complete so far"
    if summary.failures:
        return f"Incomplete: {_missing(summary)}; {have} complete"
    return f"Complete: {have}"


def _missing(summary: Summary) -> str:
    """Say how many files failed, and how many parts of the presentation are missing."""
    parts, planned = summary.unplanned, sum(summary.outcomes.values())
    failed = len(summary.failures) - parts
    told = [f"{failed:,} of {text.count(planned, 'file')} failed"] if failed else []
    if parts:
        are = "is" if parts == 1 else "are"
        told.append(f"{text.count(parts, 'part')} of the presentation {are} missing")
    return ", and ".join(told)


def _outcomes(summary: Summary) -> str:
    parts = [
        f"{summary.outcomes[outcome]:,} {words}"
        for outcome, words in _WORDS.items()
        if summary.outcomes.get(outcome)
    ]
    if summary.warnings:
        parts.append(text.count(summary.warnings, "warning"))
    return ", ".join(parts) or "nothing to do"


def _hidden_lines(count: int) -> Iterator[str]:
    if count:
        yield f"  ... and {count:,} more; -v or --json lists them all"


def _failures(failures: tuple[Failure, ...], *, verbose: bool) -> Iterator[str]:
    if verbose:
        for failure in failures:
            yield from failure_lines(failure)
        return
    groups = by_cause(failures)
    for group in groups[:_SHOWN_CAUSES]:
        yield from group_lines(group)
    yield from _hidden_lines(sum(map(len, groups[_SHOWN_CAUSES:])))
