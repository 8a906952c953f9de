"""Output of ``dashget verify`` for people."""

from __future__ import annotations

import io
import re
from pathlib import Path

import msgspec
import pytest

from dashget.cli.printers.checking import CheckProgressLine
from dashget.cli.printers.verification import FindingsTable, report_lines
from dashget.events import FileFinished, Outcome, Pruned
from dashget.verification.findings import Finding, Problem, Report

PAGE = (Path(__file__).parents[4] / "docs/reference/verify.md").read_text(encoding="utf-8")
SOUND = Report("show", 3, 3000, 2, 0, 0, 0, 0, 0.5)
BROKEN = msgspec.structs.replace(SOUND, errors=1, notes=1)
MISSING = Finding("v/\x1b1.m4s", Problem.MISSING, "it was fetched, but is missing")
STRAY = Finding("x.txt", Problem.STRAY, "nobody knows it", note=True)


def table(**options: bool) -> tuple[io.StringIO, io.StringIO, FindingsTable]:
    out, err = io.StringIO(), io.StringIO()
    chosen = {"quiet": False, "verbose": False, **options}
    return out, err, FindingsTable(out, CheckProgressLine(err, live=False), **chosen)


def test_a_sound_mirror_is_one_headline_and_its_figures() -> None:
    out, _, printer = table()
    printer(SOUND)
    assert out.getvalue().splitlines() == [
        "No errors: 3 files, 3.00 kB",
        "  2 compared by checksum, in 0.50 s",
    ]


def test_findings_are_a_table_above_the_totals() -> None:
    out, _, printer = table()
    for event in (MISSING, STRAY, BROKEN):
        printer(event)
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["what", "file", "why"]
    assert any("missing" in line and "v/\\x1b1.m4s" in line for line in lines)
    assert any("stray" in line for line in lines)
    assert "Found 1 error; checked 3 files, 3.00 kB" in lines
    assert lines[-1].startswith("hint: --repair")
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(
    ("repairing", "finding"),
    [(True, MISSING), (False, STRAY), (False, msgspec.structs.replace(MISSING, note=True))],
)
def test_repair_is_no_hint_if_it_was_asked_for_or_mends_nothing(
    repairing: bool, finding: Finding
) -> None:
    out, _, printer = table(repairing=repairing)
    for event in (finding, BROKEN):
        printer(event)
    assert "hint: --repair" not in out.getvalue()


def test_quiet_shows_only_errors() -> None:
    out, _, printer = table(quiet=True)
    for event in (STRAY, SOUND):
        printer(event)
    assert out.getvalue() == ""
    for event in (MISSING, BROKEN):
        printer(event)
    assert "missing" in out.getvalue()
    assert "stray" not in out.getvalue()


def test_repairs_and_removals_are_printed_as_they_happen() -> None:
    out, err, printer = table()
    printer(FileFinished("v/1.m4s", "u", Outcome.DOWNLOADED, 5))
    printer(Pruned(("old/1.m4s", "old/2.m4s")))
    assert err.getvalue().splitlines() == [
        "downloaded: v/1.m4s (5 B)",
        "removing: old/1.m4s",
        "removing: old/2.m4s",
    ]
    assert out.getvalue() == ""


def test_a_long_list_of_findings_is_cut_unless_verbose() -> None:
    for verbose in (False, True):
        out, _, printer = table(verbose=verbose)
        for number in range(250):
            printer(msgspec.structs.replace(MISSING, path=f"v/{number}"))
        printer(BROKEN)
        assert ("... and 50 more" in out.getvalue()) is not verbose


def test_an_interrupted_check_is_not_called_sound() -> None:
    stopped = msgspec.structs.replace(SOUND, interrupted=True)
    assert not stopped.sound
    assert next(report_lines(stopped)).startswith("Interrupted: the check is not complete")


def test_repairs_and_comparisons_are_counted() -> None:
    lines = list(report_lines(msgspec.structs.replace(SOUND, compared=3, repaired=2, notes=1)))
    assert lines[1] == (
        "  2 compared by checksum, 3 compared with the server, 2 fetched again, 1 note, in 0.50 s"
    )


def test_all_findings_are_documented() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| (?:error|note) \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(problem.value for problem in Problem)


@pytest.mark.parametrize("kind", [Finding, Report])
def test_all_keys_of_a_line_of_json_are_documented(kind: type[Finding | Report]) -> None:
    (row,) = re.findall(rf"^\| `{kind.__struct_config__.tag}` \| (.*) \|$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`([a-z_]+)`", row)) == set(kind.__struct_fields__)


def test_findings_that_are_only_counted_are_not_kept() -> None:
    _, _, observer = table()
    for number in range(1000):
        observer(Finding(f"{number}.m4s", Problem.SUPERSEDED, "old", note=True))
        observer(Finding(f"{number}.m4s", Problem.GONE, "gone", note=True))
    assert not [
        held
        for held in vars(observer).values()
        if isinstance(held, list | dict) and len(held) > 200
    ]
