"""A manifest that takes long is waited for with a line about it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from dashget.cli.printers.plain import event_line
from dashget.cli.printers.quiet import QuietLines
from dashget.events import Event, ManifestAwaited
from dashget.session.waiting import ManifestHooks
from dashget.transfer.contract import Reading
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import DEADLINE_SECONDS, start

TICK = Reading(0, 1, 0)


def test_it_is_told_once_after_two_seconds() -> None:
    now = 100.0
    told: list[Event] = []
    hooks = ManifestHooks(told.append, "http://me:pw@h:8000/x.mpd", clock=lambda: now)
    for _ in range(40):
        hooks.on_tick(TICK)
        assert len(told) == (now >= 102)
        now += 0.25
    (event,) = told
    assert event == ManifestAwaited("http://h:8000/x.mpd")
    assert event_line(event, verbose=False) == "waiting for the manifest at h:8000 ..."


def test_a_file_is_not_waited_for_at_a_server() -> None:
    now = 100.0
    told: list[Event] = []
    hooks = ManifestHooks(told.append, None, clock=lambda: now)
    now += 60
    hooks.on_tick(TICK)
    assert told == []


def test_quiet_says_nothing_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    printer = QuietLines(sys.stderr)
    printer(ManifestAwaited("http://h/x.mpd"))
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize("command", ["get", "list", "plan"])
def test_every_command_that_fetches_a_manifest_tells_it(
    command: str, server: FaultServer, tmp_path: Path
) -> None:
    url = server.on("/x.mpd", Answer(drop="hang"))
    with start(command, url, cwd=tmp_path) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
    host = url.removeprefix("http://").partition("/")[0]
    assert (line, out) == (f"waiting for the manifest at {host} ...\n", "")


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
def test_it_is_an_event_for_programs(server: FaultServer, tmp_path: Path) -> None:
    url = server.on("/x.mpd", Answer(drop="hang"))
    with start(url, "--json", cwd=tmp_path) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_SECONDS)
    assert (told["event"], told["url"]) == ("waiting", url)
