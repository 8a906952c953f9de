"""A mirror with a folder that is a link to another file system, as the kernel sees it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import dashget
from tests.integration.mirror.presentation import manifest, publish, segment
from tests.support.builders import numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror, verify

MEMORY = Path("/dev/shm")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    if not MEMORY.is_dir() or os.stat(MEMORY).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("one file system is all there is")
    with tempfile.TemporaryDirectory(dir=MEMORY) as disk:
        (tmp_path / "m").mkdir()
        (tmp_path / "m/v").symlink_to(disk)
        yield tmp_path / "m"


@pytest.mark.parametrize("size", [2000, 9_000_000])
def test_a_folder_on_another_file_system_makes_a_mirror_like_any_other(
    server: FaultServer, root: Path, size: int
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", Answer(b"2" * size, etag='"2"', cut=1000), Answer(b"2" * size))
    summary, _ = mirror(url, root)
    assert summary.complete
    assert sorted(os.listdir(root / "v")) == ["1.m4s", "2.m4s", "3.m4s"]
    assert (root / "v").is_symlink()
    assert (root / "v/2.m4s").read_bytes() == b"2" * size
    assert dashget.verify(root).files == 3
    server.seen.clear()
    again, events = mirror(url, root)
    assert again.complete
    assert set(events.outcomes().values()) == {"present"}
    assert len(server.seen) == 1


def test_a_file_there_that_is_not_the_servers_stays(server: FaultServer, root: Path) -> None:
    (root / "v/2.m4s").write_bytes(b"own")
    summary, _ = mirror(publish(server), root)
    (failure,) = summary.failures
    assert failure.path == "v/2.m4s"
    assert "where no file may be moved" in str(failure.reason)
    assert "remove that file yourself" in str(failure.hint)
    assert (root / "v/2.m4s").read_bytes() == b"own"
    (root / "v/2.m4s").unlink()
    assert mirror(publish(server), root)[0].complete


def test_a_superseded_file_there_stays(server: FaultServer, root: Path) -> None:
    url = publish(server)
    assert mirror(url, root)[0].complete
    server.on("/show/x.mpd", manifest(numbered("w/$Number$.m4s")))
    for number in (1, 2, 3):
        server.on(f"/show/w/{number}.m4s", segment(number))
    for dry_run in (True, False):
        _, events = mirror(url, root, prune=True, dry_run=dry_run)
        (warned,) = [text for text in events.warnings() if "stay" in text]
        assert "3 files" in warned
        assert "v/1.m4s" in warned
    assert sorted(os.listdir(root / "v")) == ["1.m4s", "2.m4s", "3.m4s"]


def test_a_disk_that_is_not_mounted_ends_the_run_at_once(
    server: FaultServer, tmp_path: Path
) -> None:
    (tmp_path / "v").symlink_to(tmp_path / "not mounted")
    url = server.on("/show/x.mpd", manifest(numbered()))
    publish(server)
    with pytest.raises(dashget.StoreError, match="which is not there") as caught:
        mirror(url, tmp_path)
    assert "mount the disk" in str(caught.value.hint)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


def lead_out(root: Path, elsewhere: Path) -> None:
    """Move the files of the mirror elsewhere, and put a link in their place."""
    for file in (root / "v").iterdir():
        file.rename(elsewhere / file.name)
    (root / "v").rmdir()
    (root / "v").symlink_to(elsewhere)


def test_files_are_made_behind_a_link_that_came_later_once_the_user_says_so(
    server: FaultServer, tmp_path: Path, elsewhere: Path
) -> None:
    url, root = publish(server), tmp_path / "m"
    server.on("/show/v/2.m4s", refuse(404))
    mirror(url, root)
    lead_out(root, elsewhere)
    server.on("/show/v/2.m4s", segment(2))
    with pytest.raises(dashget.StoreError, match="v is a link out of the mirror, to ") as caught:
        mirror(url, root)
    assert "--follow-links" in str(caught.value.hint)
    with pytest.raises(dashget.StoreError, match="v is a link out of the mirror, to "):
        verify(root, repair=True)
    assert sorted(os.listdir(elsewhere)) == ["1.m4s", "3.m4s"]
    assert mirror(url, root, follow_links=True)[0].complete
    (elsewhere / "1.m4s").unlink()
    assert mirror(url, root)[0].complete, "it is known from now on"
    (elsewhere / "2.m4s").unlink()
    assert verify(root, repair=True)[0].errors == 0


def test_a_link_that_was_there_at_the_first_run_is_the_users(
    server: FaultServer, tmp_path: Path, elsewhere: Path
) -> None:
    url, root = publish(server), tmp_path / "m"
    root.mkdir()
    (root / "v").symlink_to(elsewhere)
    assert mirror(url, root)[0].complete
    (elsewhere / "1.m4s").unlink()
    assert mirror(url, root)[0].complete


def test_a_copy_of_the_list_of_links_vouches_for_no_other_link(
    server: FaultServer, tmp_path: Path, elsewhere: Path
) -> None:
    url, root = publish(server), tmp_path / "m"
    root.mkdir()
    (root / "v").symlink_to(elsewhere)
    assert mirror(url, root)[0].complete
    shutil.copytree(root, tmp_path / "copy", symlinks=True)
    (elsewhere / "1.m4s").unlink()
    with pytest.raises(dashget.StoreError, match="is a link out of the mirror"):
        mirror(url, tmp_path / "copy")
    assert sorted(os.listdir(elsewhere)) == ["2.m4s", "3.m4s"]


def test_complete_files_behind_a_strange_link_are_only_read(
    server: FaultServer, tmp_path: Path, elsewhere: Path
) -> None:
    url, root = publish(server), tmp_path / "m"
    mirror(url, root)
    lead_out(root, elsewhere)
    before = {path: path.stat().st_mtime_ns for path in elsewhere.iterdir()}
    assert mirror(url, root, times=True)[0].complete
    assert dashget.verify(root).errors == 0
    assert {path: path.stat().st_mtime_ns for path in elsewhere.iterdir()} == before
