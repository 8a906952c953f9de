"""What somebody else put into the control directory changes nothing outside of the mirror."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashget.errors import StoreError
from dashget.store import Mirror
from dashget.store.journal import part_name
from tests.unit.store.partfiles import head
from tests.unit.store.test_mirror import HEADER, fetch, opened, receive, record

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")

Plant = Callable[[Path, Path], None]
"""Puts something under a name; the second path is one outside of the mirror."""


def symbolic(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def dangling(path: Path, outside: Path) -> None:
    path.symlink_to(outside.parent / "not there yet")


def loop(path: Path, _: Path) -> None:
    path.symlink_to(path.name)


def hard(path: Path, outside: Path) -> None:
    path.hardlink_to(outside)


def pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


def listening(path: Path, _: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path, _: Path) -> None:
    path.symlink_to(os.devnull)


PLANTS = (symbolic, dangling, loop, hard, pipe, listening, device)
FOLDERS = (".dashget", ".dashget/parts", ".dashget/replaced", ".dashget/manifests")
FILES = (
    ".dashget/lock",
    ".dashget/fresh",
    ".dashget/record.jsonl",
    ".dashget/record.jsonl.new",
    ".dashget/parts/journal.jsonl",
    ".dashget/parts/journal.new",
    f".dashget/parts/{part_name('v/1.m4s')}",
    f".dashget/parts/{part_name('v/1.m4s')}.ranges",
    "v/1.m4s",
    "x.txt",
)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """Make a folder and a file that belong to somebody; they are as before in the end."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "file").write_bytes(b"somebody's own\n")
    (place / "1.m4s").write_bytes(b"own")
    (place / "journal.jsonl").write_bytes(b"{}\n")
    before = {path: path.read_bytes() for path in place.iterdir()}
    yield place
    assert {path: path.read_bytes() for path in place.iterdir()} == before


@pytest.fixture(autouse=True)
def never_waits() -> Iterator[None]:
    """End a test that waits, as for the other end of a pipe."""
    from faulthandler import cancel_dump_traceback_later, dump_traceback_later

    dump_traceback_later(60, exit=True)
    yield
    cancel_dump_traceback_later()


def use(root: Path) -> None:
    """Do with a mirror whatever changes files; StoreError where it is refused."""
    try:
        with opened(root) as store:
            store.write("x.txt", b"changed")
            fetch(store, "v/1.m4s", b"abc")
            part = store.part("v/1.m4s", "http://h/v/1.m4s")
            part.begin(head(6), 0)
            part.write(b"abc", 0)
            part.scatter()
            part.close()
            (root / "strange").write_bytes(b"strange")
            store.set_aside("strange")
            store.leftover_parts()
    except (StoreError, OSError):
        pass
    with Mirror.at(root, read_only=True) as store:
        try:
            list(store.records())
            store.leftover_parts()
        except StoreError:
            pass


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("name", FILES)
def test_a_planted_file_changes_nothing_outside(
    tmp_path: Path, outside: Path, name: str, plant: Plant
) -> None:
    planted = tmp_path / "m" / name
    planted.parent.mkdir(parents=True)
    plant(planted, outside / "file")
    use(tmp_path / "m")


@pytest.mark.parametrize("plant", [plant for plant in PLANTS if plant is not hard])
@pytest.mark.parametrize("name", FOLDERS)
def test_a_planted_folder_changes_nothing_outside(
    tmp_path: Path, outside: Path, name: str, plant: Plant
) -> None:
    planted = tmp_path / "m" / name
    planted.parent.mkdir(parents=True)
    plant(planted, outside)
    use(tmp_path / "m")


def test_a_link_in_place_of_the_record_is_told_and_helped(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "m/.dashget").mkdir(parents=True)
    symbolic(tmp_path / "m/.dashget/record.jsonl", outside / "file")
    with pytest.raises(StoreError, match=r"record\.jsonl: it is a symbolic link") as caught:
        Mirror.at(tmp_path / "m").claim(HEADER)
    assert "remove it" in str(caught.value.hint)


def test_a_copy_of_hard_links_is_a_mirror_of_its_own(tmp_path: Path) -> None:
    """As backups with ``cp -al`` and ``rsync --link-dest`` make them."""
    with opened(tmp_path / "m") as store:
        fetch(store, "v/1.m4s", b"abc")
    before = {
        path.relative_to(tmp_path / "m"): path.read_bytes()
        for path in (tmp_path / "m").rglob("*")
        if path.is_file()
    }
    for path in before:
        copy = tmp_path / "copy" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.hardlink_to(tmp_path / "m" / path)
    with opened(tmp_path / "copy") as store, opened(tmp_path / "m"):
        assert [entry.path for entry in store.records()] == ["v/1.m4s"]
        fetch(store, "v/2.m4s", b"def")
        fetch(store, "v/1.m4s", b"new")
    for path, data in before.items():
        if path.name != "lock":
            assert (tmp_path / "m" / path).read_bytes() == data


def test_a_folder_that_turns_into_a_link_during_a_run_changes_nothing_outside(
    tmp_path: Path, outside: Path
) -> None:
    root = tmp_path / "m"
    with opened(root) as store:
        fetch(store, "v/2.m4s", b"abc")
        (root / "v").rename(root / "w")
        (root / "v").symlink_to(outside)
        store.finish(receive(store, "v/1.m4s", b"abc"), record("v/1.m4s", 3))
        with pytest.raises(StoreError, match="v has vanished or was replaced"):
            store.check_present()
    assert sorted(os.listdir(root / "w")) == ["1.m4s", "2.m4s"]


def test_a_folder_is_known_again_when_too_many_are_open(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashget.store.folders._HELD_AT_MOST", 1)
    root = tmp_path / "m"
    with opened(root) as store:
        for path in ("v/2.m4s", "a/b/1.m4s", "v/3.m4s", "a/b/2.m4s"):
            fetch(store, path, b"abc")
        (root / "v").rename(root / "w")
        (root / "v").symlink_to(outside)
        with pytest.raises(StoreError, match="v has vanished or was replaced"):
            fetch(store, "v/1.m4s", b"abc")


def test_no_folder_is_a_link_into_the_control_directory(tmp_path: Path) -> None:
    root = tmp_path / "m"
    (root / ".dashget/parts").mkdir(parents=True)
    (root / "v").symlink_to(".dashget/parts")
    with opened(root) as store, pytest.raises(StoreError, match="into the control directory"):
        fetch(store, "v/journal.jsonl", b"abc")


def test_a_link_to_another_folder_of_the_mirror_is_a_folder_like_any_other(tmp_path: Path) -> None:
    root = tmp_path / "m"
    (root / "real/v").mkdir(parents=True)
    (root / "v").symlink_to("real/v")
    with opened(root) as store:
        for data in (b"abc", b"def"):
            fetch(store, "v/1.m4s", data)
        assert not store.is_outside("v/1.m4s")
    assert (root / "real/v/1.m4s").read_bytes() == b"def"


def test_a_file_behind_a_dangling_name_in_another_thread_is_no_wait(tmp_path: Path) -> None:
    """A pipe that nobody writes to is looked at, and never opened."""
    os.mkfifo(tmp_path / "x.txt")
    done = threading.Event()

    def look() -> None:
        with Mirror.at(tmp_path, read_only=True) as store, pytest.raises(OSError, match="regular"):
            store.read("x.txt")
        done.set()

    threading.Thread(target=look, daemon=True).start()
    assert done.wait(30)
