"""The record of every file, looked up on the disk: what a dict of all lines would hold."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dashget.common import compactmap
from dashget.store import FileRecord, Header, RecordedFiles, record
from dashget.store.control import ControlDirectory
from dashget.store.record import encode_line, read_header, read_live_runs
from dashget.store.recordfile import RecordFile

HEADER = Header(dashget=1, source="http://h/x.mpd", url="http://h/x.mpd", manifest="x.mpd")


@pytest.fixture(params=["few", "many"], autouse=True)
def _paths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each case a second time as with so many files that their paths are not kept."""
    if request.param == "many":
        monkeypatch.setattr(compactmap, "RECENT_AT_MOST", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.jsonl"


@pytest.fixture
def files(path: Path) -> Iterator[RecordedFiles]:
    with closing(RecordedFiles(RecordFile(ControlDirectory(path.parent)).open)) as files:
        yield files


def add(path: Path, *entries: Header | FileRecord) -> None:
    with closing(RecordFile(ControlDirectory(path.parent))) as opened:
        for entry in entries:
            opened.append(encode_line(entry))


def file(path: str, size: int = 1, *, removed: bool = False) -> FileRecord:
    return FileRecord(path=path, url="http://h/" + path, size=size, removed=removed)


def test_without_a_record_there_is_nothing(files: RecordedFiles) -> None:
    files.refresh()
    assert files.get("a") is None
    assert "a" not in files
    assert list(files) == []


def test_the_last_line_of_each_file_is_found_in_the_order_of_the_lines(
    path: Path, files: RecordedFiles
) -> None:
    add(path, HEADER, file("b", 1), file("a", 2), file("b", 3), file("c"), file("c", removed=True))
    files.refresh()
    assert files.get("a") == file("a", 2)
    assert files.get("b") == file("b", 3)
    assert files.get("c") is None
    assert "b" in files
    assert "c" not in files
    assert list(files) == [file("a", 2), file("b", 3)]


def test_records_added_after_the_last_refresh_are_not_seen(
    path: Path, files: RecordedFiles
) -> None:
    add(path, file("a"))
    files.refresh()
    add(path, file("b"), HEADER)
    assert list(files) == [file("a")]
    assert files.get("b") is None
    files.refresh()
    add(path, file("a", 5))
    assert list(files) == [file("a"), file("b")]
    files.refresh()
    assert list(files) == [file("b"), file("a", 5)]
    assert files.get("a") == file("a", 5)


@pytest.mark.parametrize(
    "damage", [b"{garbled\n", b"\xff\n", b'{"path":"../a","url":"u","size":1}\n']
)
def test_a_damaged_line_loses_only_itself(path: Path, files: RecordedFiles, damage: bytes) -> None:
    add(path, file("a", 2))
    path.write_bytes(path.read_bytes() + damage)
    add(path, file("b"))
    path.write_bytes(path.read_bytes() + b'{"path":"a","url"')
    files.refresh()
    assert list(files) == [file("a", 2), file("b")]
    add(path, file("c"))
    files.refresh()
    assert list(files) == [file("a", 2), file("b"), file("c")]


@pytest.mark.slow
def test_a_record_takes_little_memory_however_long_it_is(path: Path, files: RecordedFiles) -> None:
    count = 40_000
    add(path, *(file(f"v/{number}.m4s") for number in range(count)))
    tracemalloc.start()
    files.refresh()
    seen = sum(1 for _ in files)
    found = files.get("v/7.m4s")
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (seen, found) == (count, file("v/7.m4s"))
    # The most recent paths are kept as they are; the others take 16 bytes and some room.
    assert peak < 6_000_000
    assert held < 5_000_000


@pytest.mark.parametrize("block", [1, 40, 1 << 20])
def test_headers_and_live_runs_are_found_wherever_blocks_end(
    path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(record, "_BLOCK", block)
    live = Header(dashget=1, source="s", url="u", manifest="x.mpd", now="2026-01-01T00:00:00Z")
    mpd = FileRecord(path="x.mpd", url="u", size=9, sha256="ab" * 32)
    add(path, HEADER, file("a"), mpd, live, file("b"), file("c"), HEADER, file("d"))
    path.write_bytes(path.read_bytes() + b'{"dashget":1,"source":"torn"')
    assert read_header(RecordFile(ControlDirectory(path.parent)).open) == HEADER
    (run,) = read_live_runs(RecordFile(ControlDirectory(path.parent)).open)
    assert (run.header, run.manifest_sha256, run.paths) == (live, "ab" * 32, {"b", "c"})
