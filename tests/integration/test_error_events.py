"""With ``--json`` an error that ends a command is an event, whatever it is and whenever it comes."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from pathlib import Path

import pytest

from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import DEADLINE_SECONDS, run, start

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def bad(server: FaultServer) -> dict[str, str]:
    """URLs of manifests that no command can read, and the exit codes for them."""
    return {
        server.on("/gone.mpd", refuse(404)): "5",
        server.on("/html.mpd", Answer(b"<html></html>")): "3",
        server.on("/broken.mpd", Answer(b"<MPD")): "3",
    }


@pytest.mark.parametrize("command", ["get", "list", "plan"])
def test_a_manifest_that_cannot_be_read(command: str, bad: dict[str, str], tmp_path: Path) -> None:
    for url, code in bad.items():
        ended = run(command, url, "--json", cwd=tmp_path)
        told = ended.events[-1]
        assert (told["event"], told["exit_code"], ended.code) == ("error", int(code), int(code))
        assert f"dashget: error: {told['message']}\n" in ended.err
        assert f"hint: {told['hint']}\n" in ended.err
        assert TIME.fullmatch(told["time"])


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "--nonsense", "http://h/x.mpd"),
        ("--json",),
        ("http://h/x.mpd", "--threads", "many", "--json"),
        ("http://h/x.mpd", "--retries", "-1", "--json"),
        ("http://h/x.mpd", "--cookies", "missing.txt", "--json"),
        ("list", "--json"),
        ("plan", "--json", "no-such-file.mpd"),
        ("verify", "--json"),
        ("verify", "--json", "--output", "x"),
        ("verify", "no-such-directory", "--json"),
        ("demo", "--json"),
        ("gte", "--json"),
    ],
)
def test_an_invalid_command_line_is_an_event_too(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = run(*words, cwd=tmp_path)
    (told,) = ended.events
    assert (told["event"], told["exit_code"]) == ("error", ended.code)
    assert ended.code in (2, 6)
    assert ended.err.startswith(f"dashget: error: {told['message']}\n")


def test_without_json_nothing_is_written_for_programs(tmp_path: Path) -> None:
    for words in (("--nonsense",), ("http://h/x.mpd", "--", "--json")):
        assert run(*words, cwd=tmp_path).out == ""


def test_each_of_several_has_its_error(bad: dict[str, str], tmp_path: Path) -> None:
    got = run(*bad, "--json", cwd=tmp_path).events
    assert [event["event"] for event in got].count("error") == len(bad)
    checked = run("verify", "a", "b", "--json", cwd=tmp_path).events
    assert [event["exit_code"] for event in checked] == [6, 6]


def test_the_problems_of_a_manifest_are_its_details(server: FaultServer, tmp_path: Path) -> None:
    listed = numbered(extra='timescale="0"', kind='mimeType="video/mp4"')
    url = server.on("/zero.mpd", Answer(mpd(listed + listed)))
    ended = run(url, "--json", cwd=tmp_path)
    told = ended.events[-1]
    assert ended.code == 3
    assert told["details"]
    assert all(f"  {line}\n" in ended.err for line in told["details"])


def test_a_directory_that_cannot_be_used(server: FaultServer, tmp_path: Path) -> None:
    url = server.on("/x.mpd", Answer(mpd(numbered())))
    (tmp_path / "file").write_bytes(b"")
    ended = run(url, "--json", "-o", "file", cwd=tmp_path)
    assert (ended.events[-1]["event"], ended.events[-1]["exit_code"]) == ("error", 6)


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize("command", ["get", "list"])
def test_ctrl_c_before_there_is_a_run(command: str, server: FaultServer, tmp_path: Path) -> None:
    asked = threading.Event()
    url = server.on("/x.mpd", Answer(drop="hang", note=lambda _: asked.set()))
    with start(command, url, "--json", cwd=tmp_path) as process:
        assert asked.wait(DEADLINE_SECONDS)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
    (told,) = map(json.loads, out.splitlines())
    assert (told["event"], told["message"], told["exit_code"]) == ("error", "interrupted", 130)
    assert TIME.fullmatch(told["time"])
