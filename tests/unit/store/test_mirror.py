"""A mirror's directory: one presentation, one process, and names that are promises."""

from __future__ import annotations

import datetime
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dashget.errors import InUseError, StoreError
from dashget.store import (
    Displaced,
    FileRecord,
    Header,
    Mirror,
    Presence,
    Unfinished,
    keep_manifest,
    writing,
)
from dashget.store import mirror as directory
from dashget.store.local import LocalDirectory, LocalParts
from dashget.transfer.contract import ResponseHead
from tests.unit.store.conftest import descriptors

HEADER = Header(dashget=1, source="http://h/x.mpd", url="http://h/x.mpd", manifest="x.mpd")
NOON = datetime.datetime(2026, 1, 2, 12, 0, 0, tzinfo=datetime.UTC)


PLACES = ("replaced", "replaced~2", "replaced~3")


def opened(root: Path, header: Header = HEADER, *, moved: bool = False) -> Mirror:
    store = Mirror.at(root, clock=NOON.timestamp)
    store.claim(header, moved=moved)
    return store


def fetch(store: Mirror, path: str, data: bytes) -> None:
    """Do to the store what a transfer does."""
    part = store.part(path, "http://h/" + path)
    head = ResponseHead("http://h/" + path, 200, "1.1", len(data), None, None, None, None)
    part.begin(head, 0)
    if data:
        part.write(data, 0)
    store.finish(part, FileRecord(path=path, url="http://h/" + path, size=len(data)))


def test_a_finished_file_has_its_name_and_its_record(tmp_path: Path) -> None:
    with opened(tmp_path / "m") as store:
        assert store.presence("v/1.m4s", "http://h/" + "v/1.m4s") is Presence.MISSING
        fetch(store, "v/1.m4s", b"abc")
        assert store.presence("v/1.m4s", "http://h/" + "v/1.m4s") is Presence.COMPLETE
    assert (tmp_path / "m/v/1.m4s").read_bytes() == b"abc"
    with opened(tmp_path / "m") as store:
        assert store.presence("v/1.m4s", "http://h/" + "v/1.m4s") is Presence.COMPLETE
    assert not (tmp_path / "m/.dashget/parts").exists()


def test_another_size_on_disk_is_not_the_recorded_file(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fetch(store, "a", b"abc")
        (tmp_path / "a").write_bytes(b"ab")
        assert store.presence("a", "http://h/" + "a") is Presence.UNRECORDED
        (tmp_path / "a").unlink()
        assert store.presence("a", "http://h/" + "a") is Presence.MISSING


def test_a_look_at_a_file_tells_its_size_and_asks_the_place_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as store:
        fetch(store, "a", b"abc")
        asked: list[str] = []
        stat = store.place.stat
        monkeypatch.setattr(store.place, "stat", lambda path: asked.append(path) or stat(path))
        assert store.look("a", "http://h/a") == (Presence.COMPLETE, 3)
        assert asked == ["a"]
        assert store.look("b", "http://h/b") == (Presence.MISSING, None)


def test_a_file_without_a_record_is_present_but_not_complete(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with opened(tmp_path) as store:
        assert store.presence("a", "http://h/" + "a") is Presence.UNRECORDED
        store.adopt(FileRecord(path="a", url="http://h/a", size=3, adopted=True))
        assert store.presence("a", "http://h/" + "a") is Presence.COMPLETE


def test_a_part_of_another_size_than_was_received_gets_no_name(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        part = store.part("a", "http://h/" + "a")
        part.begin(ResponseHead("u", 200, "1.1", 5, None, None, None, None), 0)
        part.write(b"abc", 0)
        with pytest.raises(StoreError, match="3 bytes are on disk, 5 were received"):
            store.finish(part, FileRecord(path="a", url="u", size=5))
        assert store.presence("a", "http://h/" + "a") is Presence.MISSING


def test_another_presentation_is_refused_by_both_names(tmp_path: Path) -> None:
    opened(tmp_path).close()
    other = msgspec.structs.replace(HEADER, source="http://h/y.mpd")
    with pytest.raises(StoreError, match=r"x\.mpd, not http://h/y\.mpd") as caught:
        opened(tmp_path, other)
    assert "-o" in (caught.value.hint or "")
    opened(tmp_path).close()


def test_the_same_presentation_may_move_to_another_address(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fetch(store, "a", b"abc")
    other = msgspec.structs.replace(HEADER, source="http://new/x.mpd")
    with opened(tmp_path, other, moved=True) as store:
        assert store.presence("a", "http://h/" + "a") is Presence.COMPLETE
    opened(tmp_path, other).close()
    with pytest.raises(StoreError):
        opened(tmp_path)


def test_a_mirror_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StoreError, match=f"process {os.getpid()}"):
        opened(tmp_path)
    opened(tmp_path).close()


def test_a_refused_directory_is_let_go_of(tmp_path: Path) -> None:
    opened(tmp_path).close()
    other = msgspec.structs.replace(HEADER, source="http://h/y.mpd")
    for _ in range(2):
        with pytest.raises(StoreError, match="another presentation"):
            opened(tmp_path, other)


def test_a_root_that_is_a_file_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot use") as caught:
        opened(tmp_path / "f")
    assert caught.value.exit_code == 6


def test_a_reopened_complete_mirror_is_not_written_to(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fetch(store, "a", b"abc")
    before = (tmp_path / ".dashget/record.jsonl").read_bytes()
    opened(tmp_path).close()
    assert (tmp_path / ".dashget/record.jsonl").read_bytes() == before


def test_read_only_makes_nothing(tmp_path: Path) -> None:
    with Mirror.at(tmp_path / "m", read_only=True) as store:
        store.claim(HEADER)
        assert store.presence("a", "http://h/" + "a") is Presence.MISSING
    assert not (tmp_path / "m").exists()


def test_a_read_only_mirror_sees_recorded_files(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fetch(store, "a", b"abc")
    with Mirror.at(tmp_path, read_only=True) as store:
        store.claim(HEADER)
        assert store.presence("a", "http://h/" + "a") is Presence.COMPLETE


def test_a_file_in_the_way_is_kept_in_replaced(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v/1").write_bytes(b"mine")
    with opened(tmp_path) as store:
        store.set_aside("v/1")
        fetch(store, "v/1", b"theirs")
    assert (tmp_path / ".dashget/replaced/v/1").read_bytes() == b"mine"
    assert (tmp_path / "v/1").read_bytes() == b"theirs"


def test_another_file_that_was_in_the_way_has_its_place_whatever_its_name(tmp_path: Path) -> None:
    name = "n" * 255
    with opened(tmp_path) as store:
        for text in ("first", "second", "third"):
            (tmp_path / name).write_text(text)
            store.set_aside(name)
    kept = [tmp_path / ".dashget" / place / name for place in PLACES]
    assert [file.read_text() for file in kept] == ["first", "second", "third"]


def test_adopting_a_file_removes_its_part(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        begun = store.part("v/1", "http://h/v/1")
        begun.begin(ResponseHead("", 200, "1.1", 9, '"1"', None, '"1"', None), 0)
        begun.write(b"abc", 0)
        begun.close()
    (tmp_path / "v").mkdir()
    (tmp_path / "v/1").write_bytes(b"whole")
    with opened(tmp_path) as store:
        assert store.has_part("v/1")
        store.adopt(FileRecord(path="v/1", url="http://h/v/1", size=5))
        assert not store.has_part("v/1")
    with opened(tmp_path) as store:
        assert store.leftover_parts() == ()
        assert store.presence("v/1", "http://h/v/1") is Presence.COMPLETE


def test_a_recorded_file_is_replaced_without_ceremony(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fetch(store, "a", b"abc")
        store.set_aside("a")
        assert not (tmp_path / ".dashget/replaced").exists()
        fetch(store, "a", b"abcd")
        assert (tmp_path / "a").read_bytes() == b"abcd"


def manifest(data: bytes) -> FileRecord:
    return FileRecord(path="x.mpd", url="http://h/x.mpd", size=len(data))


@pytest.mark.skipif(os.name == "nt", reason="needs a device that is a file")
@pytest.mark.parametrize(
    ("name", "told"),
    [("x.mpd", "not a regular file"), (".dashget/record.jsonl", "it is a symbolic link")],
)
def test_only_regular_files_are_read(tmp_path: Path, name: str, told: str) -> None:
    """A pipe would keep its reader waiting for ever."""
    (tmp_path / ".dashget").mkdir()
    (tmp_path / name).symlink_to(os.devnull)
    with pytest.raises(StoreError, match=f"{name}: {told}"), opened(tmp_path) as store:
        keep_manifest(store, b"<MPD/>", manifest(b"<MPD/>"))


def test_the_manifest_is_kept_byte_for_byte(tmp_path: Path) -> None:
    data = b"<MPD/>\r\n\x00"
    with opened(tmp_path) as store:
        assert keep_manifest(store, data, manifest(data)) is None
        assert keep_manifest(store, data, manifest(data)) is None
    assert (tmp_path / "x.mpd").read_bytes() == data


def test_an_earlier_manifest_is_kept_beside_a_changed_one(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        keep_manifest(store, b"one", manifest(b"one"))
        assert keep_manifest(store, b"two", manifest(b"two")) is Displaced.EARLIER
    kept = list((tmp_path / ".dashget/manifests").iterdir())
    assert [file.read_bytes() for file in kept] == [b"one"]
    assert kept[0].name.startswith("20260102T120000")
    assert (tmp_path / "x.mpd").read_bytes() == b"two"


def test_a_manifest_that_no_run_recorded_makes_way(tmp_path: Path) -> None:
    (tmp_path / "x.mpd").write_bytes(b"mine")
    with opened(tmp_path) as store:
        assert keep_manifest(store, b"one", manifest(b"one")) is Displaced.FOREIGN
    assert (tmp_path / "x.mpd").read_bytes() == b"one"
    assert (tmp_path / ".dashget/replaced/x.mpd").read_bytes() == b"mine"
    assert not (tmp_path / ".dashget/manifests").exists()


def test_the_manifest_itself_that_no_run_recorded_stays(tmp_path: Path) -> None:
    (tmp_path / "x.mpd").write_bytes(b"one")
    with opened(tmp_path) as store:
        assert keep_manifest(store, b"one", manifest(b"one")) is None
    assert not (tmp_path / ".dashget/replaced").exists()


def test_an_unchanged_small_file_is_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.write("x.local.mpd", b"one")
        before = (tmp_path / "x.local.mpd").stat()
        store.write_if_changed("x.local.mpd", b"one")
        after = (tmp_path / "x.local.mpd").stat()
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
        store.write_if_changed("x.local.mpd", b"two")
    assert (tmp_path / "x.local.mpd").read_bytes() == b"two"


def test_fsync_changes_nothing_but_when_bytes_last(tmp_path: Path) -> None:
    with Mirror.at(tmp_path, fsync=True) as store:
        store.claim(HEADER)
        fetch(store, "v/1", b"abc")
        store.write("x", b"y")
    assert (tmp_path / "v/1").read_bytes() == b"abc"


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fetch(store, "empty", b"")
        assert store.presence("empty", "http://h/" + "empty") is Presence.COMPLETE


def test_a_file_that_came_from_another_url_has_moved(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fetch(store, "a", b"abc")
        assert store.presence("a", "http://h/a?v=2") is Presence.MOVED
    with opened(tmp_path) as store:
        assert store.presence("a", "http://h/a?v=2") is Presence.MOVED
        assert store.presence("a", "http://h/a") is Presence.COMPLETE


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with opened(tmp_path) as store:
        assert store.presence("a", "http://h/a") is Presence.BLOCKED
        store.set_aside("a")
    assert (tmp_path / "a").is_dir()


def test_a_record_that_cannot_be_written_is_an_error_of_the_store(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        (tmp_path / ".dashget/record.jsonl").unlink()
        (tmp_path / ".dashget/record.jsonl").mkdir()
        assert isinstance(store.place, LocalDirectory)
        store.place._record.close()
        with pytest.raises(StoreError, match="cannot use"):
            store.adopt(FileRecord(path="a", url="u", size=3))


# What is new, and files that have no name yet.


def test_a_file_without_bytes_on_disk_is_new(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        assert store.is_new("1.m4s")
        assert store.is_new("v/1.m4s")
        assert store.is_new("v/ü.m4s"), "a folder that is not there has no names at all"
        assert not (tmp_path / "v").exists()


def test_a_file_on_disk_in_the_record_or_in_parts_is_not_new(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v/There.m4s").write_bytes(b"x")
    with opened(tmp_path) as store:
        fetch(store, "v/done.m4s", b"abc")
        (tmp_path / "v/done.m4s").unlink()
        begun = store.part("v/begun.m4s", "http://h/v/begun.m4s")
        begun.begin(ResponseHead("", 200, "1.1", 9, '"1"', None, '"1"', None), 0)
        begun.write(b"abc", 0)
        begun.close()
        assert store.has_part("v/begun.m4s")
        assert not store.has_part("v/done.m4s")
        for name in ("There.m4s", "there.m4s", "THERE.M4S", "done.m4s", "begun.m4s"):
            assert not store.is_new(f"v/{name}"), name
        assert store.is_new("v/other.m4s")
        assert not store.is_new("v/ü.m4s"), "file systems differ on what is the same letter"


def test_only_a_directory_without_anything_is_blank(tmp_path: Path) -> None:
    for name in ("absent", "empty", "control", "foreign"):
        root = tmp_path / name
        if name != "absent":
            root.mkdir()
        if name == "control":
            (root / ".dashget").mkdir()
        if name == "foreign":
            (root / "notes.txt").touch()
        with opened(root) as store:
            assert store.is_blank is (name in ("absent", "empty"))
        with opened(root) as store:
            assert not store.is_blank


def test_a_crowded_folder_is_asked_about_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "_NAMES_AT_MOST", 3)
    for folder, count in (("few", 3), ("many", 4)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            (tmp_path / folder / str(number)).touch()
    with opened(tmp_path) as store:
        assert store.is_new("few/9")
        assert not store.is_new("many/9")
        assert store.presence("many/9", "http://h/many/9") is Presence.MISSING


def test_a_file_in_place_of_a_folder_makes_nothing_new(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"not a folder")
    with opened(tmp_path) as store:
        assert not store.is_new("v/1.m4s")


def test_to_a_read_only_mirror_every_file_without_record_is_new(tmp_path: Path) -> None:
    store = Mirror.at(tmp_path, read_only=True)
    store.claim(HEADER)
    assert store.is_new("1.m4s"), "and it asks no journal, of which there is none"
    assert not store.has_part("1.m4s")


needs_unnamed = pytest.mark.skipif(
    not hasattr(os, "O_TMPFILE"), reason="files always have names here"
)


def record(path: str, size: int) -> FileRecord:
    return FileRecord(path=path, url="http://h/" + path, size=size)


def receive(store: Mirror, path: str, *pieces: bytes) -> Unfinished:
    size = sum(map(len, pieces))
    head = ResponseHead("http://h/" + path, 200, "1.1", size, None, None, None, None)
    return store.receive(path, "http://h/" + path, head, pieces)


def open_descriptors() -> set[int]:
    """Return the open files; folders may stay open."""
    return {number for number in descriptors() if not stat.S_ISDIR(os.fstat(number).st_mode)}


@needs_unnamed
@pytest.mark.parametrize("fsync", [False, True])
def test_a_whole_file_gets_its_name_and_its_record_at_once(tmp_path: Path, fsync: bool) -> None:
    with Mirror.at(tmp_path, fsync=fsync) as store:
        store.claim(HEADER)
        before = open_descriptors()
        file = receive(store, "v/1.m4s", b"ab", b"c")
        assert os.listdir(tmp_path) == [".dashget"]
        assert store.finish(file, record("v/1.m4s", 3))
        assert open_descriptors() == before
        assert (tmp_path / "v/1.m4s").read_bytes() == b"abc"
        assert store.presence("v/1.m4s", "http://h/v/1.m4s") is Presence.COMPLETE
    with opened(tmp_path) as store:
        assert [entry.size for entry in store.records()] == [3]


def lines_about(tmp_path: Path) -> int:
    return (tmp_path / ".dashget/record.jsonl").read_bytes().count(b'"path"')


@pytest.mark.parametrize("look", [Mirror.write_lines, Mirror.records, Mirror.live_runs])
def test_lines_of_files_are_written_together_before_anyone_reads_the_record(
    tmp_path: Path, look: Callable[[Mirror], object]
) -> None:
    with opened(tmp_path) as store:
        for name in ("1.m4s", "2.m4s"):
            store.finish(receive(store, name, b"abc"), record(name, 3))
            assert store.is_recorded(name)
        look(store)
        assert lines_about(tmp_path) == 2
        store.finish(receive(store, "3.m4s", b"abc"), record("3.m4s", 3))
        store.adopt(record("4.m4s", 3))
        assert lines_about(tmp_path) == 4
        store.finish(receive(store, "5.m4s", b"abc"), record("5.m4s", 3))
    assert lines_about(tmp_path) == 5


@needs_unnamed
def test_a_whole_file_replaces_a_file_that_has_appeared_meanwhile(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        file = receive(store, "1.m4s", b"new")
        (tmp_path / "1.m4s").write_bytes(b"somebody was faster")
        store.finish(file, record("1.m4s", 3))
    assert (tmp_path / "1.m4s").read_bytes() == b"new"
    assert not (tmp_path / ".dashget/parts").exists()


@needs_unnamed
def test_a_whole_file_without_a_link_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    with opened(tmp_path) as store:
        for name in ("1.m4s", "2.m4s"):
            store.finish(receive(store, name, b"abc"), record(name, 3))
            assert (tmp_path / name).read_bytes() == b"abc"


@needs_unnamed
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_file_that_a_full_disk_does_not_link_has_neither_name_nor_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with opened(tmp_path) as store:
        before = open_descriptors()
        file = receive(store, "1.m4s", b"abc")
        monkeypatch.setattr(os, "link", refuse)
        with pytest.raises(OSError, match=os.strerror(number)):
            store.finish(file, record("1.m4s", 3))
        file.close()
        assert open_descriptors() == before
    assert not (tmp_path / "1.m4s").exists()
    with opened(tmp_path) as store:
        assert not list(store.records())


@needs_unnamed
def test_a_full_disk_keeps_no_file_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, *_: object) -> int:
        seen.append(descriptor)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    seen: list[int] = []
    with opened(tmp_path) as store:
        monkeypatch.setattr(writing, "_pwritev", refuse)
        with pytest.raises(OSError, match=r"(?i)no space"):
            receive(store, "1.m4s", b"abc")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(seen[0])


@needs_unnamed
def test_once_there_are_no_links_a_whole_file_still_gets_to_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the mirror's directory a link would be made in the current one."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with opened(tmp_path / "m") as store:
        file = receive(store, "1.m4s", b"abc")
        parts = store._parts
        assert isinstance(parts, LocalParts)
        parts.unnamed.give_up()
        monkeypatch.setattr(os, "link", None)
        store.finish(file, record("1.m4s", 3))
    assert (tmp_path / "m/1.m4s").read_bytes() == b"abc"
    assert not os.listdir(tmp_path / "elsewhere")


# Who holds the mirror.


def test_the_error_of_a_mirror_in_use_names_the_other_process(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(InUseError) as caught:
        opened(tmp_path)
    error = caught.value
    assert (error.pid, error.since) == (os.getpid(), "2026-01-02T12:00:00Z")
    assert error.host
    assert f"process {error.pid} on {error.host} since {error.since}" in error.message
    assert error.exit_code == 6
    assert error.hint is not None


@pytest.mark.parametrize("text", [b"", b"process 12 on h", b'{"pid":"x"}', b"\xff" * 600])
def test_a_lock_file_that_cannot_be_read_still_locks(tmp_path: Path, text: bytes) -> None:
    with opened(tmp_path):
        (tmp_path / ".dashget/lock").write_bytes(text)
        with pytest.raises(InUseError, match="in use by another process") as caught:
            opened(tmp_path)
    assert caught.value.pid is None


def test_another_presentation_is_not_taken_for_another_process(tmp_path: Path) -> None:
    opened(tmp_path).close()
    other = msgspec.structs.replace(HEADER, source="http://h/y.mpd")
    with pytest.raises(StoreError) as caught:
        opened(tmp_path, other)
    assert not isinstance(caught.value, InUseError)
