"""The command ``verify``: exit codes, output, and interrupts."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.integration.verify.presentation import (
    FILES,
    drop,
    empty,
    manifest,
    segment,
    truncate,
)
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import DEADLINE_SECONDS, Ended, run, start


def test_a_dry_run_lists_the_files_that_a_repair_would_fetch(
    server: FaultServer, small: Path, tmp_path: Path
) -> None:
    truncate(small / "v/2.m4s")
    (small / "w/1.m4s").unlink()
    (small / "x.local.mpd").unlink()
    before = {p: p.stat().st_mtime_ns for p in small.rglob("*")}
    ended = run("verify", small, "--repair", "--dry-run", cwd=tmp_path)
    assert ended.code == 1
    told = {line for line in ended.err.splitlines() if line.startswith("planned: ")}
    assert {line.split()[1] for line in told} == {"v/2.m4s", "w/1.m4s"}
    assert "Found 2 errors" in ended.out
    assert server.seen == []
    assert {p: p.stat().st_mtime_ns for p in small.rglob("*")} == before


def test_the_exit_code_says_whether_the_mirror_is_sound(small: Path, tmp_path: Path) -> None:
    ended = run("verify", small, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert f"No errors: {len(FILES)} files" in ended.out
    (small / "stray.txt").write_text("x")
    assert run("verify", small, cwd=tmp_path).code == 0
    ended = run("verify", small, "--strict", cwd=tmp_path)
    assert ended.code == 1
    assert "stray.txt" in ended.out
    (small / "v/2.m4s").unlink()
    ended = run("verify", small, cwd=tmp_path)
    assert ended.code == 1
    assert "Found 1 error" in ended.out
    assert "missing" in ended.out
    assert "v/2.m4s" in ended.out
    assert "hint: --repair fetches the missing and damaged files" in ended.out
    assert run("verify", small, "--repair", cwd=tmp_path).code == 0
    assert run("verify", small, "-q", cwd=tmp_path).out == ""


def test_json_is_a_finding_in_each_line_and_the_sums_at_the_end(
    small: Path, tmp_path: Path
) -> None:
    truncate(small / "v/2.m4s")
    (small / "stray.txt").write_text("x")
    ended = run("verify", small, "--json", "--remote", cwd=tmp_path)
    assert ended.code == 1
    assert ended.err == ""
    told = [json.loads(line) for line in ended.out.splitlines()]
    *findings, report = [event for event in told if event["event"] != "progress"]
    assert [(f["event"], f["path"], f["problem"], f.get("note", False)) for f in findings] == [
        ("finding", "v/2.m4s", "size", False),
        ("finding", "stray.txt", "stray", True),
    ]
    assert all(finding["message"] for finding in findings)
    assert report.pop("time") >= findings[0]["time"]
    assert report.pop("seconds") >= 0
    assert report.pop("bytes") > 0
    assert report == {
        "event": "report",
        "root": str(small),
        "files": len(FILES),
        "checksummed": 0,
        "compared": len(FILES) - 1,
        "repaired": 0,
        "errors": 1,
        "notes": 1,
        "interrupted": False,
        "uncompared": 0,
        "ended_by": None,
    }


@pytest.mark.parametrize("kind", ["empty", "absent", "file", "other"])
def test_a_directory_without_a_mirror_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("x")
    elif kind != "absent":
        place.mkdir()
    if kind == "other":
        (place / "manifest.mpd").write_bytes(manifest().body)
    ended = run("verify", place, cwd=tmp_path)
    assert ended.code == 6
    assert ended.err.startswith("dashget: error: ")
    assert str(place) in ended.err
    assert "\nhint: " in ended.err
    assert ended.out == ""


def test_a_missing_or_broken_manifest_is_an_error_with_a_hint(
    server: FaultServer, small: Path, tmp_path: Path
) -> None:
    for damage, code in ((drop, 6), (empty, 3)):
        damage(small / "x.mpd")
        ended = run("verify", small, cwd=tmp_path)
        assert ended.code == code
        assert "hint: --repair fetches it again" in ended.err
        assert run("verify", small, "--repair", cwd=tmp_path).code == 0
        assert (small / "x.mpd").read_bytes() == manifest().body


def interrupt_comparison(server: FaultServer, root: Path) -> Ended:
    """Send Ctrl-C while a comparison with the server waits for an answer."""
    held, asked = threading.Event(), threading.Event()
    server.on("/show/v/2.m4s", Answer(segment(2), hold=held, note=lambda _: asked.set()))
    with start("verify", root, "--remote", cwd=root.parent) as process:
        assert asked.wait(DEADLINE_SECONDS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
    held.set()
    return Ended(process.returncode, out, err)


def test_ctrl_c_ends_a_comparison_in_order(server: FaultServer, small: Path) -> None:
    ended = interrupt_comparison(server, small)
    assert ended.code == -signal.SIGINT
    assert "Traceback" not in ended.err


def test_a_comparison_that_was_interrupted_does_not_call_the_mirror_sound(
    server: FaultServer, small: Path
) -> None:
    ended = interrupt_comparison(server, small)
    assert "No errors: " not in ended.out
    assert "nterrupted" in ended.out + ended.err


def test_a_stray_with_a_name_that_is_not_text_is_reported_as_json(
    small: Path, tmp_path: Path
) -> None:
    (small / os.fsdecode(b"x\xff")).touch()
    ended = run("verify", small, "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert [each["path"] for each in ended.events if "path" in each] == ["x\udcff"]
