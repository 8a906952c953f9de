"""What is said of a run while it goes on, and of what it leaves when it is ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faultserver import Answer, FaultServer
from tests.program import DEADLINE_SECONDS, start

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")

SIZE = 100_000
HALF = SIZE // 2
BODY = bytes(SIZE)
SINGLE = Answer(
    b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" minBufferTime="PT1S"'
    b' mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4">'
    b'<Representation id="v" bandwidth="8000"><BaseURL>v.mp4</BaseURL>'
    b'<SegmentBase indexRange="0-99"/></Representation></AdaptationSet></Period></MPD>'
)


@pytest.fixture
def url(server: FaultServer) -> str:
    """A presentation of one file that stands still when half of it has come."""
    server.on("/v.mp4", Answer(BODY, etag='"a"', cut=HALF, cut_by="hang"))
    return server.on("/x.mpd", SINGLE)


def events_of(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def wait_for_half(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read events until half of the file is told to be here."""
    return next(
        event
        for event in events_of(process)
        if event["event"] == "progress" and [u["bytes"] for u in event["unfinished"]] == [HALF]
    )


def test_bytes_of_a_single_file_are_told_while_it_comes(url: str, tmp_path: Path) -> None:
    with start(url, "-o", "m", "--json", cwd=tmp_path) as process:
        told = wait_for_half(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_SECONDS)
    assert told["unfinished"] == [{"path": "v.mp4", "track": 0, "bytes": HALF, "size": SIZE}]
    assert told["files_done"] == 0


def test_ctrl_c_tells_how_much_of_unfinished_files_is_kept(url: str, tmp_path: Path) -> None:
    with start(url, "-o", "m", "--json", cwd=tmp_path) as process:
        wait_for_half(process)
        process.send_signal(signal.SIGINT)
        *_, summary = events_of(process)
        process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 130
    assert (summary["kept_files"], summary["kept_bytes"]) == (1, HALF)
