"""Runs in copies of a loaded process do what runs in new processes do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import program
from tests.support.program import COMMAND, Copies, Ended, environment, run

MPD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" minBufferTime="PT1S" '
    'mediaPresentationDuration="PT4S"><Period><AdaptationSet mimeType="video/mp4">'
    '<SegmentTemplate duration="2" media="$Number$.m4s"/><Representation id="v" bandwidth="1"/>'
    "</AdaptationSet></Period></MPD>"
)


@pytest.fixture
def copies() -> Iterator[Copies]:
    made = Copies()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("arguments", "stdin", "code"),
    [
        (("plan", "show.mpd"), "", 0),
        (("list", "--json", "-"), MPD, 0),
        (("list", "missing.mpd"), "", 2),
        (("--help",), "", 0),
        (("--nonsense",), "", 2),
        ((), "", 2),
    ],
)
def test_a_copy_says_and_returns_what_a_new_process_does(
    tmp_path: Path, copies: Copies, arguments: tuple[str, ...], stdin: str, code: int
) -> None:
    (tmp_path / "show.mpd").write_text(MPD)
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=tmp_path,
        env=environment(),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    ended = copies.run(list(arguments), tmp_path, environment(), stdin)
    assert ended == Ended(done.returncode, done.stdout, done.stderr)
    assert ended.code == code


def test_a_copy_has_the_environment_of_its_run_alone(tmp_path: Path, copies: Copies) -> None:
    shown = [
        copies.run(["--help"], tmp_path, environment(COLUMNS=columns), "").out
        for columns in ("60", "120", "60")
    ]
    assert shown[0] == shown[2] != shown[1]


def test_a_copy_that_takes_too_long_is_killed(tmp_path: Path, copies: Copies) -> None:
    os.mkfifo(tmp_path / "never.mpd")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "DEADLINE_SECONDS", 0.2)
        with pytest.raises(subprocess.TimeoutExpired):
            copies.run(["list", "never.mpd"], tmp_path, environment(), "")
    assert copies.run(["--version"], tmp_path, environment(), "").code == 0


def test_runs_are_copies_unless_everything_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wanted in (True, False):
        monkeypatch.setattr(Copies, "wanted", wanted)
        assert run("--version", cwd=tmp_path).code == 0
