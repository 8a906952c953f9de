"""The local MPD of a recording, written by the real program: while it runs, at its end, after a kill."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.integration.test_record_command import run, started
from tests.support.liveorigin import STEP, LiveOrigin
from tests.support.played import PlayedFile, initializations, played_events, played_files

pytestmark = pytest.mark.slow


def played(root: Path) -> list[PlayedFile]:
    return played_files((root / "manifest.local.mpd").read_bytes())


def on_disk(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*.m4s")}


def check_local(root: Path) -> None:
    """The local MPD has every segment on disk, and its initialization, and nothing else."""
    assert {file.path for file in played(root)} == on_disk(root)
    for path in initializations((root / "manifest.local.mpd").read_bytes()):
        assert (root / path).is_file()
    assert run("verify", str(root), "--json").stdout.count(b'"own"') == 0


@pytest.mark.parametrize("form", ["number", "time", "open", "list"])
def test_at_the_end_it_has_all_that_is_recorded(form: str, tmp_path: Path) -> None:
    root = tmp_path / "r"
    with (
        LiveOrigin(form=form, depth=60.0).serving() as origin,
        started(origin.url, "-o", str(root)) as process,
    ):
        origin.wait_for(lambda: origin.served_count() >= 60)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    check_local(root)
    files = [file for file in played(root) if file.track == "t0"]
    assert files[0].begin == 0
    assert [file.begin for file in files] == [n * files[0].length for n in range(len(files))]
    assert float(files[0].length) == pytest.approx(STEP)


def test_a_recorder_that_was_killed_leaves_one_that_a_command_writes_anew(tmp_path: Path) -> None:
    root = tmp_path / "r"
    with LiveOrigin(depth=60.0).serving() as origin:
        with started(origin.url, "-o", str(root), "--local-every", "60s") as process:
            origin.wait_for(lambda: (root / "manifest.local.mpd").exists())
            count = origin.served_count()
            origin.wait_for(lambda: origin.served_count() >= count + 10)
            process.kill()
            process.communicate()
        assert {file.path for file in played(root)} < on_disk(root)
        shown = run("verify", str(root), "--json")
        found = [json.loads(line) for line in shown.stdout.splitlines()]
        assert any(each.get("problem") == "own" and each["note"] for each in found)
        assert run("verify", str(root), "--repair").returncode in (0, 1)
        # Files that had their names, but no line in the record yet, are not in it.
        assert len(on_disk(root) - {file.path for file in played(root)}) <= 16
        assert {file.path for file in played(root)} <= on_disk(root)
        assert run("verify", str(root), "--json").stdout.count(b'"own"') == 0
        (root / "manifest.local.mpd").unlink()
        with started(origin.url, "-o", str(root), "--local-every", "never") as process:
            count = origin.served_count()
            origin.wait_for(lambda: origin.served_count() >= count + 10)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    check_local(root)


def test_events_that_the_manifest_has_no_more_are_in_it(tmp_path: Path) -> None:
    root = tmp_path / "r"
    with LiveOrigin(form="time", depth=60.0).serving() as origin:
        for name in ("first", "second"):
            origin.streams = (
                '<EventStream schemeIdUri="urn:x" timescale="10"><Event presentationTime="20"'
                f' duration="2" id="1">{name}</Event></EventStream>'
            )
            with started(origin.url, "-o", str(root)) as process:
                count = origin.served_count()
                origin.wait_for(lambda count=count: origin.served_count() >= count + 10)
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=30)
    check_local(root)
    moments = {file.begin - file.media for file in played(root)}
    events = played_events((root / "manifest.local.mpd").read_bytes())
    assert events == [(2 + moment, text) for moment in moments for text in ("first", "second")]


def test_a_restarted_encoder_comes_after_the_one_before(tmp_path: Path) -> None:
    root = tmp_path / "r"
    with (
        LiveOrigin(depth=60.0).serving() as origin,
        started(origin.url, "-o", str(root)) as process,
    ):
        origin.wait_for(lambda: origin.served_count() >= 40)
        origin.restart()
        origin.wait_for(lambda: any("_again" in path for path in on_disk(root)))
        count = origin.served_count()
        origin.wait_for(lambda: origin.served_count() >= count + 10)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    check_local(root)
    files = [file for file in played(root) if file.track == "t0"]
    assert [file.begin for file in files] == sorted(file.begin for file in files)
    assert files[-1].path.startswith("_again/2/")
