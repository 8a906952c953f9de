"""A folder of a mirror that is on another file system: nothing can be renamed across."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from dashget.errors import StoreError
from dashget.store import FileRecord, Mirror, RefusedError, moving
from dashget.store.directory import Directory
from dashget.store.folders import Folders
from dashget.store.journal import part_name
from dashget.store.unnamed import UnnamedFile
from tests.unit.store.test_mirror import HEADER, fetch, needs_unnamed, opened, receive, record


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a mirror whose folder ``v`` leads to a disk that takes no name from elsewhere."""
    disk, root = tmp_path / "disk", tmp_path / "m"
    disk.mkdir()
    root.mkdir()
    (root / "v").symlink_to(disk)

    def on_disk(path: str, folder: int | None) -> bool:
        if folder is None:
            return Path(path).parent == disk
        return os.path.samestat(os.fstat(folder), os.stat(disk))

    def within(call: Callable[..., None]) -> Callable[..., None]:
        def refuse(source: str, target: str, **rest: int) -> None:
            folders = rest.get("src_dir_fd"), rest.get("dst_dir_fd")
            if on_disk(source, folders[0]) != on_disk(target, folders[1]):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), source)
            call(source, target, **rest)

        return refuse

    monkeypatch.setattr(os, "replace", within(os.replace))
    monkeypatch.setattr(os, "link", within(os.link))
    return root


def test_a_part_gets_its_name_on_another_file_system(root: Path) -> None:
    with opened(root) as store:
        fetch(store, "v/1.m4s", b"abc")
    assert (root / "v/1.m4s").read_bytes() == b"abc"
    assert os.listdir(root / "v") == ["1.m4s"]
    assert not (root / ".dashget/parts").exists()


def test_a_copy_is_synced_for_those_who_fear_power_cuts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    store = Mirror.at(root, fsync=True)
    store.claim(HEADER)
    with store:
        fetch(store, "v/1.m4s", b"abc")
    assert os.stat(root / "v/1.m4s").st_ino in synced


@needs_unnamed
def test_a_whole_file_gets_its_name_on_another_file_system_and_others_stay_links(
    root: Path,
) -> None:
    with opened(root) as store:
        for path in ("v/1.m4s", "2.m4s", "v/3.m4s"):
            file = receive(store, path, b"ab", b"c")
            assert isinstance(file, UnnamedFile), "files without a name are still possible"
            assert store.finish(file, record(path, 3))
            assert (root / path).read_bytes() == b"abc"
    assert sorted(os.listdir(root / "v")) == ["1.m4s", "3.m4s"]
    assert not (root / ".dashget/parts").exists()


def test_a_file_that_a_mounted_disk_holds_can_be_set_aside(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Folders, "_leads_out", lambda *_: False)
    (root / "v/1.m4s").write_bytes(b"own")
    os.utime(root / "v/1.m4s", (1000, 1000))
    with opened(root) as store:
        store.set_aside("v/1.m4s")
    kept = root / ".dashget/replaced/v/1.m4s"
    assert kept.read_bytes() == b"own"
    assert kept.stat().st_mtime == 1000
    assert not (root / "v/1.m4s").exists()


def test_a_file_behind_a_link_out_of_the_mirror_is_not_set_aside(root: Path) -> None:
    (root / "v/1.m4s").write_bytes(b"own")
    with opened(root) as store, pytest.raises(RefusedError, match="no file may be moved"):
        store.set_aside("v/1.m4s")
    assert (root / "v/1.m4s").read_bytes() == b"own"


def test_a_file_behind_a_link_out_of_the_mirror_is_not_replaced(root: Path) -> None:
    with opened(root) as store:
        fetch(store, "v/1.m4s", b"abc")
        with pytest.raises(RefusedError, match="no file may be replaced") as caught:
            fetch(store, "v/1.m4s", b"def")
        assert "remove that file yourself" in str(caught.value.hint)
        file = receive(store, "v/1.m4s", b"ghi")
        with pytest.raises(RefusedError, match="no file may be replaced"):
            store.finish(file, record("v/1.m4s", 3))
    assert (root / "v/1.m4s").read_bytes() == b"abc"


def test_a_small_file_is_written_to_another_file_system(root: Path) -> None:
    with opened(root) as store:
        store.write("v/1.m4s", b"abc")
    assert (root / "v/1.m4s").read_bytes() == b"abc"


def test_a_copy_that_fails_leaves_the_part_and_no_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(_: BinaryIO, target: BinaryIO, *__: int) -> None:
        target.write(b"a")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with opened(root) as store:
        monkeypatch.setattr(moving, "copy_all", fill)
        with pytest.raises(OSError, match=r"(?i)no space"):
            fetch(store, "v/1.m4s", b"abc")
        assert not os.listdir(root / "v")
        assert store.size("v/1.m4s") is None
        assert (root / ".dashget/parts" / part_name("v/1.m4s")).read_bytes() == b"abc"


def test_an_unfinished_copy_is_removed_by_the_next_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[str] = []
    create = Directory.create

    def note(directory: Directory, name: str, flags: int = os.O_WRONLY) -> int:
        if os.path.samefile(directory.path, root / "v"):
            left.append(name)
            (root / "v" / name).write_bytes(b"what was copied before the kill")
        return create(directory, name, flags)

    monkeypatch.setattr(Directory, "create", note)
    with opened(root) as store:
        for data in (b"abc", b"def"):
            fetch(store, "v/1.m4s", data)
            if data == b"abc":
                (root / "v/1.m4s").unlink()
    assert len(set(left)) == 1, "it has the same name each time"
    assert os.listdir(root / "v") == ["1.m4s"]
    assert (root / "v/1.m4s").read_bytes() == b"def"


@pytest.mark.parametrize("folder", ["gone", "gone/deeper"])
def test_the_error_for_a_broken_link_names_its_target(tmp_path: Path, folder: str) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "disk")
    with opened(tmp_path) as store:
        with pytest.raises(StoreError, match=r"gone is a link to .*disk, which is not there"):
            fetch(store, f"{folder}/1.m4s", b"abc")
        assert not list(store.records())


def test_a_file_in_place_of_a_folder_is_still_an_error_of_that_file(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"")
    with opened(tmp_path) as store, pytest.raises(FileExistsError):
        fetch(store, "v/1.m4s", b"abc")


def test_a_recorded_file_behind_a_link_out_of_the_mirror_is_not_removed(root: Path) -> None:
    with opened(root) as store:
        fetch(store, "v/1.m4s", b"abc")
        assert store.is_outside("v/1.m4s")
        with pytest.raises(StoreError, match="no file may be removed"):
            store.remove(FileRecord(path="v/1.m4s", url="http://h/v/1.m4s", size=3))
        assert [entry.path for entry in store.records()] == ["v/1.m4s"]
    assert os.listdir(root / "v") == ["1.m4s"]
