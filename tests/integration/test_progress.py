"""Progress of a run, and its end by a signal or a closed terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.support.builders import mpd
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import DEADLINE_SECONDS, run, start

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")

SIZE = 100_000
HALF = SIZE // 2
BODY = bytes(SIZE)
SINGLE = mpd(
    '<AdaptationSet contentType="application" mimeType="application/x-filler"><Representation id="v" bandwidth="8000">'
    '<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="0-99"/></Representation></AdaptationSet>',
    seconds=2,
)
RANGES = mpd(
    '<AdaptationSet contentType="application" mimeType="application/x-filler"><Representation id="v" bandwidth="8000">'
    '<SegmentList duration="1">'
    + "".join(
        f'<SegmentURL media="v.mp4" mediaRange="{n * 50}-{n * 50 + 49}"/>' for n in range(2000)
    )
    + "</SegmentList></Representation></AdaptationSet>",
    seconds=2000,
)
TWO = mpd(
    '<AdaptationSet contentType="application" mimeType="application/x-filler"><SegmentTemplate duration="1" media="$Number$.m4s"/>'
    '<Representation id="v" bandwidth="800000"/></AdaptationSet>',
    seconds=2,
)


@pytest.fixture(autouse=True)
def _hang_ups() -> Iterator[None]:
    """Have programs that are started here hear of a closed terminal, also under ``nohup``."""
    earlier = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, earlier)


@pytest.fixture
def url(server: FaultServer) -> str:
    """A presentation of one file that stands still when half of it has come."""
    server.on("/v.mp4", Answer(BODY, etag='"a"', cut=HALF, cut_by="hang"))
    return server.on("/x.mpd", Answer(SINGLE))


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


def test_progress_shows_the_bytes_of_a_file_in_progress(url: str, tmp_path: Path) -> None:
    with start(url, "-o", "m", "--json", cwd=tmp_path) as process:
        told = wait_for_half(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_SECONDS)
    assert told["unfinished"] == [{"path": "v.mp4", "track": 0, "bytes": HALF, "size": SIZE}]
    assert told["files_done"] == 0


def test_a_list_of_ranges_in_one_file_is_half_done_when_half_of_the_file_is_here(
    server: FaultServer, url: str, tmp_path: Path
) -> None:
    server.on("/x.mpd", Answer(RANGES))
    with start(url, "-o", "m", "--json", cwd=tmp_path) as process:
        told = wait_for_half(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_SECONDS)
    assert (told["files_total"], told["bytes_done"], told["bytes_total"]) == (1, HALF, SIZE)


@pytest.mark.parametrize("length", [0, None])
def test_the_total_is_unknown_until_the_last_size_is_known(
    length: int | None, server: FaultServer, tmp_path: Path
) -> None:
    url = server.on("/x.mpd", Answer(TWO))
    server.on("/1.m4s", Answer(BODY))
    server.on("/2.m4s", Answer(BODY, etag='"a"', cut=HALF, cut_by="hang", length=length))
    with start(url, "-o", "m", "--json", cwd=tmp_path) as process:
        told = wait_for_half(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_SECONDS)
    assert (told["files_total"], told["bytes_done"]) == (2, SIZE + HALF)
    assert told["bytes_total"] == (None if length is None else 2 * SIZE)


def test_ctrl_c_tells_how_much_of_unfinished_files_is_kept(url: str, tmp_path: Path) -> None:
    with start(url, "-o", "m", "--json", cwd=tmp_path) as process:
        wait_for_half(process)
        process.send_signal(signal.SIGINT)
        *_, summary = events_of(process)
        process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == -signal.SIGINT
    assert (summary["kept_files"], summary["kept_bytes"]) == (1, HALF)


def test_a_hang_up_ends_a_run_in_order_even_if_it_is_repeated(url: str, tmp_path: Path) -> None:
    with start(url, "-o", "m", "--json", cwd=tmp_path) as process:
        wait_for_half(process)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGHUP)
        *_, summary = events_of(process)
        process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 130
    assert summary["interrupted"]
    assert summary["kept_bytes"] == HALF


def test_a_run_whose_terminal_is_closed_keeps_its_files(
    server: FaultServer, url: str, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    more = {"TERM": "xterm"}
    with start(
        url, "-o", "m", cwd=tmp_path, more=more, stderr=theirs, preexec_fn=lambda: control(theirs)
    ) as process:
        os.close(theirs)
        shown = b""
        while b"50.0 kB of 100 kB" not in shown:
            shown += os.read(ours, 65536)
        os.close(ours)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, out) == (130, "")
    server.on("/v.mp4", Answer(BODY, etag='"a"'))
    ended = run(url, "-o", "m", "--json", cwd=tmp_path)
    assert ended.events[-1]["outcomes"] == {"resumed": 1}
    assert server.seen[-1].headers["range"] == f"bytes={HALF}-"


def control(terminal: int) -> None:
    """Make a terminal the one that controls this process, whose session is its own."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def test_ctrl_c_twice_is_answered_also_while_nothing_has_begun(
    server: FaultServer, tmp_path: Path
) -> None:
    asked = threading.Event()
    url = server.on("/x.mpd", Answer(drop="hang", note=lambda _: asked.set()))
    with start(url, "-o", "m", cwd=tmp_path) as process:
        assert asked.wait(DEADLINE_SECONDS)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == -signal.SIGINT
    assert err.startswith("dashget: error: interrupted\n")
    assert "Traceback" not in err


def test_files_asked_for_again_at_the_end_do_not_count_from_zero(
    server: FaultServer, tmp_path: Path
) -> None:
    url = server.on("/x.mpd", Answer(TWO))
    server.on("/1.m4s", refuse(404), Answer(BODY, etag='"a"', cut=HALF, cut_by="hang"))
    server.on("/2.m4s", Answer(BODY))
    told: list[int] = []
    stop = dashget.Stop()

    def watch(event: dashget.Event) -> None:
        if isinstance(event, dashget.Progressed):
            told.append(event.transferred)
            if [file.bytes for file in event.unfinished if file.path == "1.m4s"] == [HALF]:
                stop.request()

    dashget.mirror(url, root=tmp_path / "m", observer=watch, stop=stop)
    assert told == sorted(told)
    assert told[-1] >= SIZE + HALF
