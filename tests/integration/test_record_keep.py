"""Rolling recordings, and recordings on a disk that is full: real engine, real small disks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import dashget
from dashget.live.state import State
from dashget.store import Mirror
from tests.integration.test_disk_full import Disk
from tests.integration.test_record import facts, numbers, recording
from tests.support.liveorigin import STEP, LiveOrigin

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
    assert sum(line.recorded.count for line in state.lines) == len(numbers(root)) * 2


def test_so_many_bytes_are_kept_and_the_same_command_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "r"
    wishes = dashget.Wishes(keep_bytes=20_000)
    with LiveOrigin(depth=60.0, head_start=50.0).serving() as origin:
        for _ in range(2):
            with recording(origin, root, wishes=wishes) as run:
                edge = origin.edge()
                origin.wait_for(lambda edge=edge: origin.served(edge + 50))  # type: ignore[misc]
                assert run.end().complete
            size = sum(path.stat().st_size for path in root.glob("t*/*"))
            assert 15_000 <= size <= 25_000
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
    wishes = dashget.Wishes(keep_seconds=1e6, seconds=8)
    with (
        LiveOrigin(depth=120.0, head_start=50.0).serving() as origin,
        recording(origin, root, wishes=wishes) as run,
    ):
        ended = run.wait()
        check_newest(origin, root, least=30)
    assert ended.ended == "until"
    assert ended.lost == 0
    assert ended.expired > 50


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
