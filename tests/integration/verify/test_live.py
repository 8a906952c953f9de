"""``verify`` of a mirror that several runs over a live presentation have recorded."""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from dashget.events import Pruned
from tests.integration.verify.presentation import MODIFIED, drop, segment, serve, truncate
from tests.support.builders import initialization
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror, verify

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
INIT = {"init.mp4"}


def at(seconds: int) -> datetime.datetime:
    return START + datetime.timedelta(seconds=seconds)


def live(
    *, kind: str = "dynamic", media: str = "v/$Number$.m4s", more: str = "", date: str = ""
) -> Answer:
    """A manifest of segments of two seconds, of which the last twenty seconds can be had."""
    return Answer(
        (
            f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="{kind}" profiles="p" {more} '
            'minBufferTime="PT1S" availabilityStartTime="2026-01-01T00:00:00Z" '
            'timeShiftBufferDepth="PT20S"><Period id="1" start="PT0S">'
            f'<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="2" media="{media}" '
            'initialization="init.mp4"/><Representation id="v" bandwidth="8000"/>'
            "</AdaptationSet></Period></MPD>"
        ).encode(),
        headers=(("Date", date),) if date else (),
    )


def numbers(first: int, last: int) -> set[str]:
    return {f"v/{number}.m4s" for number in range(first, last + 1)}


@pytest.fixture
def server(server: FaultServer) -> FaultServer:
    serve(server, "init.mp4", initialization())
    for number in range(1, 60):
        serve(server, f"v/{number}.m4s", segment(number))
    server.on("/show/x.mpd", live())
    return server


@pytest.fixture
def root(server: FaultServer, tmp_path: Path) -> Path:
    """A mirror that two runs have made, the second one six seconds after the first."""
    root = tmp_path / "m"
    first, events = mirror(server.url("/show/x.mpd"), root, now=at(60))
    assert first.complete
    assert events.outcomes().keys() == INIT | numbers(19, 30)
    second, events = mirror(server.url("/show/x.mpd"), root, now=at(66))
    assert second.complete
    outcomes = events.outcomes()
    assert {path for path in outcomes if outcomes[path] == "downloaded"} == numbers(31, 33)
    server.seen.clear()
    return root


WHOLE = INIT | numbers(19, 33)
ONLY_FIRST = numbers(19, 21)


def headers(root: Path) -> list[str]:
    lines = (root / ".dashget/record.jsonl").read_text().splitlines()
    return [entry["now"] for entry in map(json.loads, lines) if "dashget" in entry]


def test_the_record_has_the_time_of_each_run(server: FaultServer, root: Path) -> None:
    assert headers(root) == [at(60).isoformat(), at(66).isoformat()]
    mirror(server.url("/show/x.mpd"), root, now=at(66))
    verify(root, repair=True)
    assert len(headers(root)) == 2


def test_the_files_of_all_recorded_runs_belong_to_the_mirror(root: Path) -> None:
    report, events = verify(root)
    assert report.sound
    assert report.files == len(WHOLE)
    assert events.problems() | events.problems(notes=True) == {}


@pytest.mark.parametrize(("damage", "problem"), [(drop, "missing"), (truncate, "size")])
def test_damage_to_a_file_of_any_run_is_named(
    root: Path, damage: Callable[[Path], None], problem: str
) -> None:
    for path in ("v/19.m4s", "v/25.m4s", "v/33.m4s", "init.mp4"):
        whole = (root / path).read_bytes()
        damage(root / path)
        report, events = verify(root)
        assert not report.sound
        assert events.problems() == {path: {problem}}
        (root / path).write_bytes(whole)


def test_files_of_an_earlier_run_are_looked_into_as_well(server: FaultServer, root: Path) -> None:
    swapped = (root / "v/19.m4s").read_bytes(), (root / "v/21.m4s").read_bytes()
    (root / "v/21.m4s").write_bytes(swapped[0])
    (root / "v/19.m4s").write_bytes(swapped[1])
    (root / "v/20.m4s").write_bytes(b"x" * len(swapped[0]))
    _, events = verify(root)
    assert events.problems() == {
        "v/19.m4s": {"time"},
        "v/20.m4s": {"structure"},
        "v/21.m4s": {"time"},
    }
    report, _ = verify(root, repair=True)
    assert report.sound
    assert report.repaired == 3
    assert {s.path for s in server.seen} == {f"/show/{path}" for path in ONLY_FIRST}


@pytest.mark.parametrize("command", ["get", "verify"])
def test_pruning_removes_nothing_that_was_recorded_live(
    server: FaultServer, root: Path, command: str
) -> None:
    if command == "get":
        _, events = mirror(server.url("/show/x.mpd"), root, now=at(66), prune=True)
    else:
        _, events = verify(root, prune=True)
    assert not [event for event in events if isinstance(event, Pruned)]
    assert {p for p in WHOLE if (root / p).exists()} == WHOLE
    assert verify(root)[0].files == len(WHOLE)


def test_a_run_for_an_earlier_time_takes_nothing_from_a_later_one(
    server: FaultServer, root: Path
) -> None:
    mirror(server.url("/show/x.mpd"), root, now=at(58), prune=True)
    report, events = verify(root, prune=True)
    assert report.sound
    assert events.problems(notes=True) == {}
    assert report.files == len(WHOLE | {"v/18.m4s"})
    (root / "v/33.m4s").unlink()
    assert verify(root)[1].problems() == {"v/33.m4s": {"missing"}}


def test_a_repair_of_the_manifest_keeps_its_recorded_run(server: FaultServer, root: Path) -> None:
    (root / "x.mpd").write_bytes(b"<MPD")
    (root / "v/33.m4s").unlink()
    report, _ = verify(root, repair=True, prune=True)
    assert report.sound
    assert report.files == len(WHOLE)
    assert {seen.path for seen in server.seen} == {"/show/x.mpd", "/show/v/33.m4s"}


def test_an_earlier_file_that_is_gone_from_the_server_is_reported_with_the_reason(
    server: FaultServer, root: Path
) -> None:
    server.on("/show/v/19.m4s", refuse(404))
    truncate(root / "v/19.m4s")
    report, events = verify(root, repair=True)
    assert events.problems() == {"v/19.m4s": {"size"}}
    (finding,) = [event for event in events if isinstance(event, dashget.Finding)]
    assert "404" in finding.message
    assert (root / "v/19.m4s").exists()
    assert not report.sound


def test_segments_outside_the_window_are_not_compared_with_the_server(
    server: FaultServer, root: Path
) -> None:
    for number in range(19, 22):
        server.on(f"/show/v/{number}.m4s", refuse(404))
    report, events = verify(root, remote=True)
    assert report.sound
    assert events.problems(notes=True) == {}
    asked = {seen.path.removeprefix("/show/") for seen in server.seen}
    assert asked == (WHOLE - ONLY_FIRST) | {"x.mpd"}


def test_each_run_is_compared_with_its_own_manifest(server: FaultServer, root: Path) -> None:
    for number in range(34, 40):
        serve(server, f"new/{number}.m4s", segment(number))
    for number in range(27, 34):
        serve(server, f"new/{number}.m4s", segment(number))
    for number in range(22, 27):
        serve(server, f"new/{number}.m4s", segment(number))
    server.on("/show/x.mpd", live(media="new/$Number$.m4s"))
    mirror(server.url("/show/x.mpd"), root, now=at(66))
    report, events = verify(root, prune=True)
    assert report.sound
    assert events.problems(notes=True) == {}
    assert report.files == len(WHOLE) + 12
    (root / "v/30.m4s").write_bytes((root / "v/32.m4s").read_bytes())
    (root / "new/30.m4s").unlink()
    _, events = verify(root)
    assert events.problems() == {"v/30.m4s": {"time"}, "new/30.m4s": {"missing"}}


@pytest.mark.parametrize("lost", ["manifests", "time"])
def test_without_the_plan_of_a_run_its_files_are_compared_with_the_record(
    server: FaultServer, root: Path, lost: str
) -> None:
    if lost == "manifests":
        server.on("/show/x.mpd", live(more='id="another"'))
        mirror(server.url("/show/x.mpd"), root, now=at(66))
        shutil.rmtree(root / ".dashget/manifests")
    else:
        # A record as earlier versions wrote it: only the first run's time is in it.
        record = root / ".dashget/record.jsonl"
        lines = record.read_text().splitlines(keepends=True)
        second = [line for line in lines if '"dashget"' in line][1]
        record.write_text("".join(line for line in lines if line != second))
    report, events = verify(root, prune=True)
    assert report.sound
    assert events.problems(notes=True).keys() <= {"x.local.mpd"}
    assert report.files == len(WHOLE)
    for path, damage in (("v/19.m4s", drop), ("v/33.m4s", truncate)):
        damage(root / path)
    assert verify(root)[1].problems() == {"v/19.m4s": {"missing"}, "v/33.m4s": {"size"}}


def test_a_recording_stays_when_the_presentation_has_ended(server: FaultServer, root: Path) -> None:
    static = live(kind="static", more='mediaPresentationDuration="PT40S"')
    server.on("/show/x.mpd", static)
    mirror(server.url("/show/x.mpd"), root, prune=True)
    report, events = verify(root, prune=True)
    assert report.sound
    assert events.problems(notes=True) == {}
    assert report.files == len(INIT | numbers(1, 33))
    truncate(root / "v/33.m4s")
    assert verify(root)[1].problems() == {"v/33.m4s": {"size"}}


def test_the_time_of_a_run_is_that_of_the_clock_if_none_is_given(
    server: FaultServer, tmp_path: Path
) -> None:
    for second in ("01:00", "01:06"):
        server.on("/show/x.mpd", live(date=f"Thu, 01 Jan 2026 00:{second} GMT"))
        assert mirror(server.url("/show/x.mpd"), tmp_path)[0].complete
    assert headers(tmp_path) == [at(60).isoformat(), at(66).isoformat()]
    report, events = verify(tmp_path, prune=True)
    assert report.files == len(WHOLE)
    assert events.problems() | events.problems(notes=True) == {}


def test_the_checksum_of_an_earlier_file_counts(server: FaultServer, tmp_path: Path) -> None:
    for seconds in (60, 66):
        mirror(server.url("/show/x.mpd"), tmp_path, now=at(seconds), checksums=True)
    data = segment(19, b"r" * 2000)
    (tmp_path / "v/19.m4s").write_bytes(data)
    report, events = verify(tmp_path)
    assert events.problems() == {"v/19.m4s": {"checksum"}}
    assert report.checksummed == len(WHOLE)
    assert hashlib.sha256(segment(19)).hexdigest() in (tmp_path / "SHA256SUMS").read_text()


def test_segments_with_the_same_time_offset_are_reported_once(
    server: FaultServer, tmp_path: Path
) -> None:
    for number in range(1, 60):
        late = segment(number + 4)
        server.on(f"/show/v/{number}.m4s", Answer(late, etag='"l"', last_modified=MODIFIED))
    for seconds in (60, 66):
        mirror(server.url("/show/x.mpd"), tmp_path, now=at(seconds))
    report, events = verify(tmp_path)
    assert report.sound
    assert report.notes == 1
    assert events.problems(notes=True) == {"Representation v": {"time"}}
    truncate(tmp_path / "v/25.m4s")
    report, events = verify(tmp_path, repair=True)
    assert report.sound
    assert report.notes == 1
