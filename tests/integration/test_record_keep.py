"""Rolling recordings, and recordings on a disk that is full: real engine, real small disks."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import dashget
from dashget.live.state import State
from dashget.store import RECORD_VERSION, Header, Mirror
from tests.integration.test_disk_full import Disk
from tests.integration.test_record import facts, numbers, recording
from tests.support.liveorigin import STEP, LiveOrigin
from tests.support.program import run as run_command

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of a megabyte, which ends with the test."""
    path = tmp_path / "disk"
    path.mkdir()
    try:
        made = Disk(path, "size=1m")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot mount a file system: {error}")
    yield made
    made.unmount()


def check_newest(origin: LiveOrigin, root: Path, *, least: int) -> None:
    """The newest segments are here as served, without a hole, and the record knows what is here."""
    for track in range(origin.tracks):
        found = numbers(root, track)
        assert len(found) >= least
        assert found == list(range(found[0], found[-1] + 1))
        for number in found:
            path = f"t{track}/{number}.m4s"
            assert (root / path).read_bytes() == origin.content(path)
        assert (root / f"t{track}/init.mp4").exists()
    findings: list[object] = []
    with dashget.Session() as session:
        report = session.verify(root, observer=findings.append)
    assert report.sound, findings
    assert not report.notes, findings


def test_the_oldest_go(tmp_path: Path) -> None:
    root = tmp_path / "r"
    wishes = dashget.Wishes(keep_seconds=4.0)
    with (
        LiveOrigin(depth=60.0, head_start=50.0).serving() as origin,
        recording(origin, root, wishes=wishes) as run,
    ):
        first = origin.edge()
        origin.wait_for(lambda: origin.served(first + 60))
        ended = run.end()
        check_newest(origin, root, least=15)
        # What is older than what is kept was never asked for.
        assert min(origin._number(path) for path, _ in origin.requests if ".m4s" in path) > 100
    assert ended.complete
    assert ended.expired >= 40
    assert ended.recorded + ended.expired + ended.pending == ended.announced
    assert any(isinstance(event, dashget.SegmentsExpired) for event in run.events)
    assert len(numbers(root)) * STEP <= 4.0 + 3.0
    state = State.of(facts(root))
    here = len(numbers(root, 0)) + len(numbers(root, 1))
    assert sum(line.recorded.count for line in state.lines) == here


def test_so_many_bytes_are_kept_and_the_same_command_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "r"
    wishes = dashget.Wishes(keep_bytes=40_000)
    with LiveOrigin(depth=60.0, head_start=50.0).serving() as origin:
        for _ in range(2):
            with recording(origin, root, wishes=wishes) as run:
                edge = origin.edge()
                origin.wait_for(lambda edge=edge: origin.served(edge + 50))  # type: ignore[misc]
                assert run.end().complete
            size = sum(path.stat().st_size for path in root.glob("t*/*"))
            assert 15_000 <= size <= 40_000
            check_newest(origin, root, least=30)


def test_a_list_without_times_rolls_as_well(tmp_path: Path) -> None:
    root = tmp_path / "r"
    wishes = dashget.Wishes(keep_seconds=3.0)
    with (
        LiveOrigin(form="list", depth=2.0).serving() as origin,
        recording(origin, root, wishes=wishes) as run,
    ):
        first = origin.edge()
        origin.wait_for(lambda: origin.served(first + 45))
        assert run.end().complete
        check_newest(origin, root, least=10)
        assert numbers(root)[0] > first


@pytest.mark.system
def test_on_a_full_disk_the_oldest_make_room(disk: Disk) -> None:
    root = disk.path / "r"
    wishes = dashget.Wishes(keep_seconds=1e6, seconds=6)
    with (
        LiveOrigin(depth=120.0, head_start=30.0).serving() as origin,
        recording(origin, root, wishes=wishes) as run,
    ):
        ended = run.wait()
        check_newest(origin, root, least=30)
    assert ended.ended == "until"
    assert ended.lost == 0
    assert ended.expired > 20


@pytest.mark.system
def test_without_keep_a_full_disk_ends_the_recording_in_order(disk: Disk) -> None:
    root = disk.path / "r"
    with LiveOrigin(depth=300.0, head_start=50.0).serving() as origin:
        with (
            recording(origin, root) as run,
            pytest.raises(dashget.StoreError, match="no space left"),
        ):
            run.wait()
        last = run.events[-1]
        assert isinstance(last, dashget.RecordingEnded)
        assert last.ended == "failed"
        for path in root.glob("t*/*.m4s"):
            assert path.read_bytes() == origin.content(str(path.relative_to(root)))
        records = Mirror.at(root, read_only=True).records()
        assert all((root / record.path).stat().st_size == record.size for record in records)
        disk.remount("size=8m")
        edge = origin.edge()
        with recording(origin, root) as run:
            origin.wait_for(lambda: origin.served(edge + 10))
            assert run.end().complete
        check_newest(origin, root, least=250)


def test_a_part_of_the_time_can_be_checked(tmp_path: Path) -> None:
    root = tmp_path / "r"
    with (
        LiveOrigin(depth=60.0, head_start=20.0).serving() as origin,
        recording(origin, root) as run,
    ):
        origin.wait_for(lambda: origin.served(110))
        run.end()

    def found(*words: str, code: int = 1) -> tuple[set[str], int]:
        ended = run_command("verify", root, "--json", *words, cwd=tmp_path)
        assert ended.code == code, ended.err
        lines = [json.loads(line) for line in ended.out.splitlines()]
        paths = {line["path"] for line in lines if line["event"] == "finding"}
        return paths, next(line["files"] for line in lines if line["event"] == "report")

    def at(number: float) -> str:
        moment = datetime.fromtimestamp(origin.began + (number - 1) * STEP, UTC)
        return moment.isoformat()

    def count(first: int, last: int) -> int:
        both = [*numbers(root, 0), *numbers(root, 1)]
        return sum(first <= number <= last for number in both) + 3

    (root / "t0/20.m4s").unlink()
    (root / "t1/90.m4s").write_bytes(b"other")
    newest = max(numbers(root, 0)[-1], numbers(root, 1)[-1])
    assert found() == ({"t0/20.m4s", "t1/90.m4s"}, count(0, newest))
    assert found("--from", at(9.5), "--until", at(30.5)) == ({"t0/20.m4s"}, count(9, 30))
    assert found("--from", at(80.5)) == ({"t1/90.m4s"}, count(80, newest))
    assert found("--until", at(19.5), code=0) == (set(), count(0, 19))
    assert found("--from", "-0.9s", code=0) == (set(), count(newest - 4, newest))
    with pytest.raises(dashget.UsageError, match="begin"), dashget.Session() as session:
        session.verify(root, begin="then")  # type: ignore[arg-type]


def test_a_mirror_has_no_times_to_check_a_part_of(tmp_path: Path) -> None:
    with Mirror.at(tmp_path) as store:
        store.claim(Header(RECORD_VERSION, "http://h/x.mpd", "http://h/x.mpd", "x.mpd"))
    ended = run_command("verify", tmp_path, "--from", "-10m", cwd=tmp_path)
    assert ended.code == 2
    assert "is no recording" in ended.err
