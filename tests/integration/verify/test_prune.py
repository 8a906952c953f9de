"""Files that a changed manifest no longer names, and their removal."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

import dashget
from dashget.events import Event, Pruned
from tests.integration.verify.presentation import (
    FILES,
    NUMBERS,
    drop,
    manifest,
    segment,
    serve,
    truncate,
)
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run, tree
from tests.support.running import TRANSFER, mirror, verify


def test_files_that_a_new_manifest_no_longer_names_stay_and_are_listed(
    server: FaultServer, small: Path
) -> None:
    old = manifest().body
    server.on("/show/x.mpd", manifest((1, 2)))
    _, events = mirror(server.url("/show/x.mpd"), small)
    assert any("changed" in e.message for e in events if isinstance(e, dashget.Warned))
    (kept,) = (small / ".dashget/manifests").iterdir()
    assert kept.read_bytes() == old
    assert (small / "x.mpd").read_bytes() == manifest((1, 2)).body
    report, events = verify(small)
    assert report.sound
    assert events.problems(notes=True) == {
        "v/3.m4s": {"superseded"},
        "w/3.m4s": {"superseded"},
    }
    assert (small / "v/3.m4s").exists()


def test_damage_to_a_superseded_file_is_reported_with_it(server: FaultServer, small: Path) -> None:
    server.on("/show/x.mpd", manifest((1, 2)))
    mirror(server.url("/show/x.mpd"), small)
    drop(small / "v/3.m4s")
    truncate(small / "w/3.m4s")
    report, events = verify(small)
    assert report.sound
    told = {f.path: f.message for f in events if isinstance(f, dashget.Finding)}
    assert told.keys() == {"v/3.m4s", "w/3.m4s"}
    assert "is missing" in told["v/3.m4s"]
    assert "are recorded" in told["w/3.m4s"]


@pytest.mark.parametrize("command", ["get", "verify"])
def test_pruning_removes_exactly_the_superseded_files_and_names_them(
    server: FaultServer, small: Path, command: str
) -> None:
    (small / "mine.txt").write_text("mine")
    server.on("/show/x.mpd", manifest((1, 2)))
    url, gone = server.url("/show/x.mpd"), ("v/3.m4s", "w/3.m4s")
    told: list[tuple[str, ...]] = []

    def observe(event: Event, /) -> None:
        if isinstance(event, Pruned):
            told.append(event.paths)
            assert all((small / path).exists() for path in event.paths)

    if command == "get":
        dashget.mirror(url, root=small, transfer=TRANSFER, prune=True, observer=observe)
    else:
        mirror(url, small)
        dashget.verify(small, dashget.VerifyOptions(prune=True), observer=observe)
    assert told == [gone]
    left = tree(small).keys() - {"x.mpd", "x.local.mpd"}
    assert left == (FILES - set(gone)) | {"mine.txt"}
    report, events = verify(small)
    assert report.sound
    assert events.problems(notes=True) == {"mine.txt": {"stray"}}
    server.on("/show/x.mpd", manifest())
    summary, _ = mirror(url, small)
    assert summary.complete
    assert summary.outcomes[dashget.Outcome.DOWNLOADED] == 2


@pytest.mark.parametrize("command", ["get", "verify"])
def test_the_command_names_the_files_that_it_prunes(
    server: FaultServer, small: Path, tmp_path: Path, command: str
) -> None:
    server.on("/show/x.mpd", manifest((1, 2)))
    url = server.url("/show/x.mpd")
    mirror(url, small)
    arguments = (url, "-o", small) if command == "get" else (small,)
    ended = run(command, *arguments, "--prune", cwd=tmp_path)
    assert ended.code == 0, ended.err
    told = [line for line in ended.err.splitlines() if line.startswith("removing: ")]
    assert told == ["removing: v/3.m4s", "removing: w/3.m4s"]


@pytest.mark.parametrize("command", ["get", "verify"])
def test_a_dry_run_lists_the_files_that_pruning_would_remove(
    server: FaultServer, small: Path, tmp_path: Path, command: str
) -> None:
    server.on("/show/x.mpd", manifest((1, 2)))
    url = server.url("/show/x.mpd")
    if command == "verify":
        mirror(url, small)
    before = {p: p.stat().st_mtime_ns for p in small.rglob("*")}
    arguments = (url, "-o", small) if command == "get" else (small,)
    ended = run(command, *arguments, "--prune", "--dry-run", cwd=tmp_path)
    assert ended.code == 0, ended.err
    told = [line for line in ended.err.splitlines() if "remov" in line]
    assert told == ["would remove: v/3.m4s", "would remove: w/3.m4s"]
    ended = run(command, *arguments, "--prune", "--dry-run", "--json", cwd=tmp_path)
    (pruned,) = [event for event in ended.events if event["event"] == "pruned"]
    assert (pruned["paths"], pruned["dry_run"]) == (["v/3.m4s", "w/3.m4s"], True)
    assert {p: p.stat().st_mtime_ns for p in small.rglob("*")} == before


def test_pruning_keeps_the_files_of_another_selection(server: FaultServer, small: Path) -> None:
    worst = dashget.parse_selection(video="worst")
    mirror(server.url("/show/x.mpd"), small, selection=worst, prune=True)
    assert tree(small).keys() >= FILES
    verify(small, prune=True)
    assert tree(small).keys() >= FILES


@pytest.fixture
def live(server: FaultServer, tmp_path: Path) -> Path:
    """A mirror of a live presentation that was taken twice: three segments, and then six."""
    for number in range(1, 7):
        serve(server, f"v/{number}.m4s", segment(number))
        serve(server, f"w/{number}.m4s", segment(number))
    body = manifest(tuple(range(1, 31))).body.replace(b'type="static"', b'type="dynamic"')
    start = b'availabilityStartTime="2020-01-01T00:00:00Z" mediaPresentationDuration'
    body = body.replace(b"mediaPresentationDuration", start).replace(b' endNumber="30"', b"")
    url = server.on("/show/x.mpd", Answer(body.replace(b"<Period>", b'<Period start="PT0S">')))
    for seconds in (6, 12):
        now = datetime.datetime(2020, 1, 1, 0, 0, seconds, tzinfo=datetime.UTC)
        summary, _ = mirror(url, tmp_path / "live", now=now)
        assert summary.complete
    return tmp_path / "live"


def test_a_live_presentation_is_verified_as_it_was_taken_last(live: Path) -> None:
    (live / "v/5.m4s").unlink()
    _, events = verify(live)
    assert events.problems() == {"v/5.m4s": {"missing"}}
    assert events.problems(notes=True) == {}


def test_pruning_keeps_the_last_recorded_window_of_a_live_presentation(live: Path) -> None:
    verify(live, prune=True)
    assert sorted(path.name for path in (live / "v").iterdir()) == [
        f"{number}.m4s" for number in range(1, 7)
    ]


def test_nothing_is_pruned_by_a_manifest_that_is_not_as_it_was_recorded(
    server: FaultServer, small: Path
) -> None:
    damaged = small / "x.mpd"
    damaged.write_bytes(damaged.read_bytes().replace(b"v/$Number", b"z/$Number"))
    report, events = verify(small, prune=True)
    assert not report.sound
    assert events.problems()["x.mpd"] == {"manifest"}
    assert {f"v/{number}.m4s" for number in NUMBERS} <= tree(small).keys()


def test_nothing_is_pruned_without_the_remote_parts_of_the_manifest(
    server: FaultServer, tmp_path: Path
) -> None:
    body = manifest().body
    period = body[body.index(b"<Period>") : body.index(b"</MPD>")]
    named = b'<Period xmlns="urn:mpeg:dash:schema:mpd:2011" duration="PT6S">'
    server.on("/show/p.xml", Answer(period.replace(b"<Period>", named)))
    link = b'<Period xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="p.xml"/>'
    other = period.replace(b"<Period>", b'<Period duration="PT6S">').replace(b"v/", b"w/")
    url = server.on("/show/x.mpd", Answer(body.replace(period, other + link)))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    (tmp_path / ".dashget/remote/index.jsonl").unlink()
    verify(tmp_path, prune=True)
    assert tree(tmp_path).keys() >= FILES


def test_after_ctrl_c_nothing_more_is_checked_or_pruned(server: FaultServer, small: Path) -> None:
    server.on("/show/x.mpd", manifest((1, 2)))
    mirror(server.url("/show/x.mpd"), small)
    stop = dashget.Stop()
    stop.request()
    report = dashget.verify(small, dashget.VerifyOptions(prune=True), stop=stop)
    assert report.interrupted
    assert (small / "v/3.m4s").exists()
    assert report.files == 0


@pytest.mark.parametrize("command", ["verify", "get"])
def test_pruning_forgets_superseded_files_that_are_missing(
    server: FaultServer, small: Path, command: str
) -> None:
    """Otherwise each verification would tell of it, for ever."""
    url = server.url("/show/x.mpd")
    server.on("/show/x.mpd", manifest((1, 2)))
    mirror(url, small)
    for name in ("v/3.m4s", "w/3.m4s"):
        (small / name).unlink()
    assert verify(small)[1].problems(notes=True).keys() == {"v/3.m4s", "w/3.m4s"}
    events = (
        verify(small, prune=True)[1] if command == "verify" else mirror(url, small, prune=True)[1]
    )
    assert not [event for event in events if isinstance(event, Pruned)]
    report, events = verify(small)
    assert report.sound
    assert not events.problems(notes=True)
