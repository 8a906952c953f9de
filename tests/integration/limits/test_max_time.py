"""``--max-time`` ends every command in order, whatever it is waiting for."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

import dashget
from dashget.cli.printers.jsonlines import encoded
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run
from tests.support.running import Events

SECONDS = 0.5
LIMIT = ("--max-time", f"{SECONDS}s")
LATEST = 8.0
"""How long such a command may take, with the start of a Python on a busy machine."""
HANGS = Answer(drop="hang")
XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
REMOTE = '<Period xlink:href="remote.xml" xlink:actuate="onLoad" duration="PT6S"/>'
CLOCK = '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="time"/>'
LIVE = 'availabilityStartTime="2026-01-01T00:00:00Z"'
SINGLE = (
    '<AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="8000">'
    '<BaseURL>one.mp4</BaseURL><SegmentBase indexRange="20-99"><Initialization range="0-19"/>'
    "</SegmentBase></Representation></AdaptationSet>"
)
TIME_IS_UP = "--max-time: the time was up while"


@pytest.fixture
def slow(server: FaultServer) -> FaultServer:
    """A presentation of three files, of which the first one comes."""
    server.on("/x.mpd", Answer(mpd(numbered())))
    server.on("/v/1.m4s", Answer(b"first"))
    for number in "23":
        server.on(f"/v/{number}.m4s", HANGS)
    return server


def within(began: float) -> bool:
    return time.monotonic() - began < LATEST


@pytest.mark.parametrize("command", ["get", "list", "plan"])
@pytest.mark.parametrize(
    ("document", "hangs"),
    [
        (None, "/x.mpd"),
        (mpd(numbered(), before=REMOTE, more=XLINK), "/remote.xml"),
        (mpd(numbered(), before=CLOCK, kind="dynamic", more=LIVE), "/time"),
    ],
    ids=["the manifest", "a remote element", "a clock"],
)
def test_while_the_manifest_is_read(
    command: str, document: bytes | None, hangs: str, server: FaultServer, tmp_path: Path
) -> None:
    if document is not None:
        server.on("/x.mpd", Answer(document))
    server.on(hangs, HANGS)
    began = time.monotonic()
    ended = run(command, server.url("/x.mpd"), *LIMIT, "--json", cwd=tmp_path)
    assert within(began)
    assert ended.code == 7, ended.err
    assert f"{TIME_IS_UP} the manifest was read" in ended.err
    assert "hint: allow more time with --max-time" in ended.err
    assert ended.events[-1]["event"] == "error"
    assert ended.events[-1]["exit_code"] == 7
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("command", "option"), [("list", "--init"), ("plan", "--index")])
def test_while_what_the_manifest_names_is_read(
    command: str, option: str, server: FaultServer, tmp_path: Path
) -> None:
    server.on("/one.mp4", HANGS)
    server.on("/x.mpd", Answer(mpd(SINGLE)))
    began = time.monotonic()
    ended = run(command, server.url("/x.mpd"), option, *LIMIT, cwd=tmp_path)
    assert within(began)
    assert ended.code == 7, ended
    assert TIME_IS_UP in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    "stuck",
    [
        HANGS,
        refuse(503),
        refuse(429, Retry_After="60"),
        Answer(bytes(100), drip=(1, 0.3)),
        Answer(bytes(100), length=None, cut=50, cut_by="hang"),
    ],
    ids=["no answer", "refused", "a pause is asked for", "drips", "a body without length"],
)
def test_while_files_are_fetched(stuck: Answer, slow: FaultServer, tmp_path: Path) -> None:
    for number in "23":
        slow.on(f"/v/{number}.m4s", stuck)
    words = (slow.url("/x.mpd"), "-o", "m")
    began = time.monotonic()
    ended = run(*words, *LIMIT, "--json", cwd=tmp_path)
    assert within(began)
    assert ended.code == 7, ended.err
    summary = ended.events[-1]
    assert (summary["event"], summary["ended_by"], summary["interrupted"]) == (
        "summary",
        "max-time",
        True,
    )
    assert summary["outcomes"] == {"downloaded": 1, "cancelled": 2}
    assert (tmp_path / "m/v/1.m4s").read_bytes() == b"first"
    for number in "23":
        slow.on(f"/v/{number}.m4s", Answer(b"later"))
    assert run(*words, cwd=tmp_path).code == 0


def test_while_a_host_is_waited_for(slow: FaultServer, tmp_path: Path) -> None:
    began = time.monotonic()
    options = ("--retries", "50", "--allow-private")
    with socket.socket() as silent:
        # Nobody listens there.
        silent.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{silent.getsockname()[1]}/$Number$.m4s"
        slow.on("/x.mpd", Answer(mpd(numbered(gone))))
        ended = run(slow.url("/x.mpd"), *options, *LIMIT, "-o", "m", cwd=tmp_path)
    assert within(began)
    assert ended.code == 7, ended.err
    assert "Ended by --max-time: 0 files" in ended.err
    assert "hint: run the same command again" in ended.err


def test_no_further_presentation_is_begun(slow: FaultServer, tmp_path: Path) -> None:
    slow.on("/other/y.mpd", Answer(mpd(numbered())))
    ended = run(slow.url("/x.mpd"), slow.url("/other/y.mpd"), *LIMIT, cwd=tmp_path)
    assert ended.code == 7
    assert not any(seen.path.startswith("/other") for seen in slow.seen)


@pytest.fixture
def mirrored(slow: FaultServer, tmp_path: Path) -> Path:
    for number in "23":
        slow.on(f"/v/{number}.m4s", Answer(b"content"))
    assert run(slow.url("/x.mpd"), "-o", "m", cwd=tmp_path).code == 0
    for number in "123":
        slow.on(f"/v/{number}.m4s", HANGS)
    return tmp_path / "m"


@pytest.mark.parametrize("option", ["--remote", "--repair"])
def test_while_a_mirror_is_verified(option: str, mirrored: Path, tmp_path: Path) -> None:
    (mirrored / "v/2.m4s").unlink()
    began = time.monotonic()
    ended = run("verify", "m", option, *LIMIT, "--json", cwd=tmp_path)
    assert within(began)
    assert ended.code == 7, ended.err
    report = [event for event in ended.events if event["event"] == "report"][-1]
    assert (report["ended_by"], report["interrupted"]) == ("max-time", True)
    told = run("verify", "m", option, *LIMIT, cwd=tmp_path)
    assert "Ended by --max-time: the check is not complete" in told.out


def test_while_a_repair_fetches_the_manifest(
    mirrored: Path, slow: FaultServer, tmp_path: Path
) -> None:
    (mirrored / "x.mpd").unlink()
    slow.on("/x.mpd", HANGS)
    began = time.monotonic()
    ended = run("verify", "m", "--repair", *LIMIT, cwd=tmp_path)
    assert within(began)
    assert ended.code == 7, ended.err
    assert f"{TIME_IS_UP} the mirror's manifest was fetched" in ended.err


def test_a_run_that_is_over_in_time_is_complete(slow: FaultServer, tmp_path: Path) -> None:
    for number in "23":
        slow.on(f"/v/{number}.m4s", Answer(b"content"))
    ended = run(slow.url("/x.mpd"), "--max-time", "1:00:00", "--json", cwd=tmp_path)
    assert ended.code == 0
    assert ended.events[-1]["ended_by"] is None


def test_the_library_counts_opening_and_mirroring_together(
    slow: FaultServer, tmp_path: Path
) -> None:
    began = time.monotonic()
    summary = dashget.mirror(slow.url("/x.mpd"), tmp_path / "m", max_time_seconds=SECONDS)
    assert within(began)
    assert summary.ended_by is dashget.Bound.TIME
    with pytest.raises(dashget.MirrorIncompleteError, match="--max-time ended the run before"):
        summary.raise_for_failures()
    slow.on("/x.mpd", HANGS)
    with pytest.raises(dashget.LimitReachedError) as caught:
        dashget.load(slow.url("/x.mpd"), max_time_seconds=0.2)
    assert caught.value.exit_code == 7


def test_a_request_that_came_first_is_no_limit(slow: FaultServer, tmp_path: Path) -> None:
    stop, events = dashget.Stop(), Events()
    stop.request()
    show = dashget.load(slow.url("/x.mpd"))
    with dashget.Session(max_time_seconds=0.01) as session:
        summary = session.mirror(show, tmp_path / "m", observer=events, stop=stop)
    assert summary.interrupted
    assert summary.ended_by is None


def test_the_events_of_the_library_are_json(slow: FaultServer, tmp_path: Path) -> None:
    with dashget.Session(max_time_seconds=SECONDS) as session:
        events = list(session.open(slow.url("/x.mpd")).mirror_events(tmp_path / "m"))
    assert b'"ended_by":"max-time"' in encoded(events[-1])
