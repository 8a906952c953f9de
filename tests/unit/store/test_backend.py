"""Every backend does the same: the local directory, and the one in memory that tests use."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashget.errors import InUseError
from dashget.store import Backend, LocalDirectory
from tests.support.memoryplace import MemoryPlace

NOW = "2026-01-02T12:00:00Z"


@pytest.fixture(params=["directory", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    if request.param == "directory":
        yield LocalDirectory(tmp_path / "m")
    else:
        with MemoryPlace() as memory:
            yield memory


def read(place: Backend, path: str) -> bytes:
    with place.open(path) as file:
        return file.read()


def test_a_place_is_blank_until_it_is_claimed(place: Backend) -> None:
    assert place.is_blank()
    place.claim(NOW)
    place.put("a", b"x")
    assert not place.is_blank()
    place.release()


def test_a_claimed_place_is_refused_to_others_until_it_is_released(place: Backend) -> None:
    place.claim(NOW)
    other = LocalDirectory(place.root) if isinstance(place, LocalDirectory) else place
    with pytest.raises(InUseError) as caught:
        other.claim("2026-01-02T12:30:00Z")
    assert caught.value.since == NOW
    assert place.name in caught.value.message
    place.release()
    other.claim(NOW)
    other.release()


def test_a_file_is_put_whole_and_replaced_whole(place: Backend) -> None:
    place.claim(NOW)
    assert place.stat("v/1.m4s") is None
    place.put("v/1.m4s", b"one")
    place.put("v/1.m4s", b"other")
    assert (place.stat("v/1.m4s"), read(place, "v/1.m4s")) == (5, b"other")
    place.release()


def test_a_file_is_put_only_if_its_name_is_free(place: Backend) -> None:
    place.claim(NOW)
    assert place.put_if_absent("v/1.m4s", b"one")
    assert not place.put_if_absent("v/1.m4s", b"two")
    assert read(place, "v/1.m4s") == b"one"
    place.release()


def test_a_large_file_is_uploaded_from_its_source(place: Backend) -> None:
    place.claim(NOW)
    data = bytes(range(256)) * 10_000
    source = io.BytesIO(b"head" + data)
    source.seek(4)
    future = place.upload("v/1.m4s", source, len(data))
    assert future is None or future.result(timeout=60) is None
    assert read(place, "v/1.m4s") == data
    assert source.closed
    place.release()


def test_a_folder_is_told_from_a_file(place: Backend) -> None:
    place.claim(NOW)
    place.put("v/1.m4s", b"one")
    with pytest.raises(IsADirectoryError):
        place.stat("v")
    with pytest.raises(OSError, match=r".*"):
        place.open("v")
    with pytest.raises(FileNotFoundError):
        place.open("w")
    place.release()


def test_names_are_listed_by_folder_up_to_a_limit(place: Backend) -> None:
    place.claim(NOW)
    for path in ("v/1", "v/2", "v/w/3"):
        place.put(path, b"x")
    assert place.names("v", 3) == {"1", "2", "w"}
    assert place.names("v", 2) is None
    assert place.names("gone", 0) == frozenset()
    place.release()


def test_files_are_listed_with_their_sizes_and_without_the_mirrors_own(place: Backend) -> None:
    place.claim(NOW)
    place.put("b", b"12")
    place.put("v/a", b"123")
    place.put(".dashget/manifests/x", b"1")
    assert sorted(place.iter_files()) == [("b", 2), ("v/a", 3)]
    assert list(place.iter_files(".dashget/manifests")) == [(".dashget/manifests/x", 1)]
    assert list(place.iter_files(".dashget/none")) == []
    place.release()


def test_a_file_is_moved_and_deleted(place: Backend) -> None:
    place.claim(NOW)
    place.put("a", b"1")
    place.move("a", "deep/er/b")
    assert (place.stat("a"), place.stat("deep/er/b")) == (None, 1)
    place.delete("deep/er/b")
    place.delete("deep/er/b")
    assert place.stat("deep/er/b") is None
    assert place.names("deep", 0) == frozenset()
    place.release()


def test_only_one_and_the_same_file_is_the_same(place: Backend) -> None:
    place.claim(NOW)
    place.put("a", b"1")
    place.put("b", b"1")
    assert place.is_same("a", "a")
    assert not place.is_same("a", "b")
    assert not place.is_same("gone", "gone")
    place.release()


def test_the_record_grows_line_by_line_and_outlasts_the_release(place: Backend) -> None:
    assert place.open_record() is None
    place.claim(NOW)
    lines = [b"%d\n" % number for number in range(5)]
    for line in lines:
        place.append(line)
    opened = place.open_record()
    assert opened is not None
    with opened:
        assert opened.read() == b"".join(lines)
        opened.seek(2)
        assert opened.readline() == lines[1]
    place.release()
    again = place.open_record()
    assert again is not None
    with again:
        assert again.read() == b"".join(lines)


def test_another_file_of_the_control_directory_is_added_to_by_later_runs(place: Backend) -> None:
    for data in (b"one\0", b"two"):
        place.claim(NOW)
        place.append_to("manifests.log", data)
        place.append_to("manifests.log", data)
        place.release()
    with place.open(".dashget/manifests.log") as file:
        assert file.read() == b"one\0one\0twotwo"


def test_a_new_place_has_no_leftover_parts(place: Backend) -> None:
    assert place.leftover_parts() == ()
    place.claim(NOW)
    assert place.leftover_parts() == ()
    place.release()
