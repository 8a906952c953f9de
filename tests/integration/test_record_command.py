"""``dashget record`` and ``dashget gaps`` as programs: exit codes, signals, kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashget.live.facts import SegmentFact
from tests.integration.test_record import check_whole, facts, numbers, versions_of
from tests.support.liveorigin import LiveOrigin
from tests.support.program import environment

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("DASHGET_KILLS", "3"))
"""So many times a recorder is killed; 50 and more with this variable."""


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dashget", "record", "--allow-private", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def run(command: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "dashget", command, *words],
        capture_output=True,
        timeout=60,
        env=environment(),
        check=False,
    )


def test_the_first_ctrl_c_ends_a_recording_in_order(tmp_path: Path) -> None:
    root = str(tmp_path / "r")
    with (
        LiveOrigin(depth=60.0).serving() as origin,
        started(origin.url, "-o", root, "--json") as process,
    ):
        origin.wait_for(lambda: origin.served_count() >= 60)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        check_whole(origin, tmp_path / "r", least=15)
        events = [json.loads(line) for line in out.splitlines()]
        assert events[-1]["event"] == "recorded"
        assert events[-1]["ended"] == "stopped"
        assert {"manifest", "recording", "file", "live"} <= {each["event"] for each in events}
    assert run("gaps", root).stdout == b"no gaps\n"
    assert run("verify", root).returncode == 0


def test_it_ends_after_the_time_of_for(tmp_path: Path) -> None:
    with LiveOrigin().serving() as origin:
        words = (origin.url, "-o", str(tmp_path / "r"), "--from", "now", "--for", "1.5")
        with started(*words) as process:
            process.communicate(timeout=60)
            assert process.returncode == 0
        check_whole(origin, tmp_path / "r", least=5)


def test_gaps_are_exit_code_1_and_listed(tmp_path: Path) -> None:
    root = str(tmp_path / "r")
    with (
        LiveOrigin(depth=3.0, head_start=1.0).serving() as origin,
        started(origin.url, "-o", root) as process,
    ):
        origin.wait_for(lambda: origin.served_count() >= 4)
        hidden = origin.edge() + 10
        origin.hidden.add(hidden)
        origin.wait_for(lambda: origin.served(hidden + 35))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 1
        assert b"not-there" in err
    shown = run("gaps", root, "--json")
    assert shown.returncode == 1
    assert "not-there" in {json.loads(line)["reason"] for line in shown.stdout.splitlines()}
    verified = run("verify", root, "--json")
    assert verified.returncode == 1
    assert b'"problem":"gap"' in verified.stdout


def test_no_manifest_is_exit_code_5_and_giving_up_7(tmp_path: Path) -> None:
    with LiveOrigin().serving() as origin:
        origin.manifest_status = 404
        with started(origin.url, "-o", str(tmp_path / "r")) as process:
            process.communicate(timeout=60)
            assert process.returncode == 5
        words = (origin.url, "-o", str(tmp_path / "r"), "--wait", "--give-up", "1.5")
        with started(*words) as process:
            process.communicate(timeout=60)
            assert process.returncode == 7


def test_a_mistake_in_the_address_of_a_recording_is_told_at_once(tmp_path: Path) -> None:
    """Its own address is waited for, and another one is not."""
    root = str(tmp_path / "r")
    with LiveOrigin().serving() as origin:
        with started(origin.url, "-o", root, "--for", "0.5") as process:
            process.communicate(timeout=60)
            assert process.returncode == 0
        origin.manifest_status = 404
        with started(origin.url.replace("manifest", "manifets"), "-o", root) as process:
            _, err = process.communicate(timeout=60)
            assert process.returncode == 5
            assert b"404" in err


def test_a_static_presentation_has_the_exit_codes_of_get(tmp_path: Path) -> None:
    with LiveOrigin(form="time").serving() as origin:
        origin.end()
        with started(origin.url, "-o", str(tmp_path / "whole")) as process:
            process.communicate(timeout=60)
            assert process.returncode == 0
        origin.hidden.add(3)
        with started(origin.url, "-o", str(tmp_path / "part"), "--retries", "0") as process:
            process.communicate(timeout=60)
            assert process.returncode == 1


def test_a_stop_while_there_is_no_manifest_is_exit_code_5(tmp_path: Path) -> None:
    with LiveOrigin().serving() as origin:
        origin.manifest_status = 404
        with started(origin.url, "-o", str(tmp_path / "r"), "--wait") as process:
            origin.wait_for(lambda: len(origin.requests) >= 2)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 5
            assert b"HTTP 404" in err
            assert b"stopped: there was no manifest yet" in err


def test_max_time_ends_it_with_exit_code_7(tmp_path: Path) -> None:
    words = ("-o", str(tmp_path / "r"), "--max-time", "2")
    with LiveOrigin().serving() as origin, started(origin.url, *words) as process:
        process.communicate(timeout=60)
        assert process.returncode == 7


def test_a_recording_and_a_mirror_do_not_mix(tmp_path: Path) -> None:
    root = str(tmp_path / "r")
    with LiveOrigin().serving() as origin:
        with started(origin.url, "-o", root, "--for", "0.5") as process:
            process.communicate(timeout=60)
        mixed = run("get", origin.url, "-o", root, "--allow-private")
        assert mixed.returncode == 6
        assert b"dashget record" in mixed.stderr
    for option in ("--remote", "--prune"):
        assert run("verify", root, option).returncode == 2
    for command in ("get", "record"):
        goes_on = run(command, root)
        assert goes_on.returncode == 2
        assert b"dashget record http" in goes_on.stderr
    assert b"not a valid time: '-20s'" in run("verify", root, "--until", "-20s").stderr
    for path in Path(root).rglob("*.local.mpd"):
        path.unlink()
    assert b"verify --repair" in run("serve", root, "--port", "0").stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "yesterday"), b"--from"),
        (("--until", "soon"), b"--until"),
        (("--for", "long"), b"--for"),
        (("--give-up", "never"), b"--give-up"),
        (("--local-every", "often"), b"--local-every"),
        (("--for", "2h", "--until", "2026-01-01T00:00:00Z"), b"only one of"),
        (("--for", "0"), b"--for: must be longer than 0"),
        (("--give-up", "0s"), b"--give-up: must be longer than 0"),
        (("--keep", "0s"), b"--keep: nothing is kept"),
        (("--keep", "0G"), b"--keep: nothing is kept"),
        (("--local-every", "0"), b"--local-every: must be longer than 0"),
        (
            ("--from", "2026-01-02T00:00:00Z", "--until", "2026-01-01T00:00:00Z"),
            b"--until: 2026-01-01 00:00:00 UTC is not after 2026-01-02 00:00:00 UTC",
        ),
        (("--from", "-3h", "--keep", "2h"), b"--from: 10800 s back is farther than the 7200 s"),
    ],
)
def test_an_invalid_time_is_refused(words: tuple[str, ...], told: bytes) -> None:
    refused = run("record", "http://127.0.0.1:9/x.mpd", *words)
    assert refused.returncode == 2
    assert told in refused.stderr


@pytest.mark.parametrize("form", ["number", "time"])
@pytest.mark.parametrize("words", [(), ("--from", "now"), ("--from", "-3h"), ("--wait",)])
def test_an_end_before_all_that_is_there_is_refused(
    words: tuple[str, ...], form: str, tmp_path: Path
) -> None:
    root = tmp_path / "r"
    with LiveOrigin(form=form, depth=3.0).serving() as origin:
        command = (origin.url, "-o", str(root), "--until", "2020-01-01T00:00:00Z", *words)
        with started(*command) as process:
            _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert b"--until: 2020-01-01 00:00:00 UTC is over, and " in err
    assert not root.exists()


def test_an_end_that_is_over_is_one_while_the_window_has_what_was_before(tmp_path: Path) -> None:
    root = tmp_path / "r"
    with LiveOrigin(head_start=8.0, depth=60.0).serving() as origin:
        until = f"{datetime.fromtimestamp(origin.began + 4, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        with started(origin.url, "-o", str(root), "--until", until) as process:
            process.communicate(timeout=60)
    assert process.returncode == 0
    assert numbers(root) == list(range(1, 21))


def test_a_presentation_that_ends_before_the_begin_is_nothing(tmp_path: Path) -> None:
    with LiveOrigin(form="time", update="PT0.2S").serving() as origin:
        words = ("-o", str(tmp_path / "r"), "--from", "2126-01-01T00:00:00Z", "--linger", "0")
        with started(origin.url, *words) as process:
            origin.wait_for(lambda: len(origin.requests) >= 4)
            origin.end()
            _, err = process.communicate(timeout=60)
    assert process.returncode == 5
    assert b"nothing was there to record" in err


def test_more_requests_are_made_at_once_than_for_a_mirror() -> None:
    """Far from a server four are too few: what is due would leave the window."""
    assert b"[default: 16]" in run("record", "--help").stdout
    assert b"[default: 4]" in run("get", "--help").stdout


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.mpd").write_bytes(b"<MPD/>")
    refused = run("record", str(tmp_path / "x.mpd"))
    assert refused.returncode == 2
    assert b"server" in refused.stderr


def test_so_far_back_may_be_written_with_a_minus_sign(tmp_path: Path) -> None:
    with LiveOrigin(head_start=5.0).serving() as origin:
        words = (origin.url, "-o", str(tmp_path / "r"), "--from", "-2s", "--for", "1")
        with started(*words) as process:
            process.communicate(timeout=60)
            assert process.returncode == 0
        assert numbers(tmp_path / "r")[0] > 5


@pytest.mark.parametrize("form", ["number", "time"])
def test_what_was_killed_goes_on_and_has_no_hole(form: str, tmp_path: Path) -> None:
    """However often and wherever it is killed: nothing is lost, torn or recorded twice."""
    root = tmp_path / "r"
    with LiveOrigin(form=form, depth=None).serving() as origin:
        for kill in range(KILLS):
            with started(origin.url, "-o", str(root)) as process:
                after = len(origin.requests) + 4 + kill * 7 % 23
                origin.wait_for(lambda after=after: len(origin.requests) >= after)  # type: ignore[misc]
                process.kill()
                process.communicate()
        edge = origin.edge()
        with started(origin.url, "-o", str(root)) as process:
            origin.wait_for(lambda: origin.served(edge + 10))
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
            assert process.returncode == 0
        check_whole(origin, root)
    found = [fact for fact in facts(root) if isinstance(fact, SegmentFact)]
    assert len({(fact.line, fact.t) for fact in found}) == len(found)
    assert len(found) == len(numbers(root, 0)) + len(numbers(root, 1))
    assert run("verify", str(root)).returncode == 0
    # What was served, and not yet read or kept, is all that may be missing of the versions.
    kept, served = versions_of(root), origin.manifests
    assert set(kept) <= set(served)
    assert len(set(served) - set(kept)) <= KILLS + 1
    assert kept[-1] == (root / "manifest.mpd").read_bytes()
