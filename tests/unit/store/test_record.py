"""The record: appended to, never rewritten; damage costs the damaged line alone."""

from __future__ import annotations

import io
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.errors import StoreError
from dashget.planning.layout import manifest_name
from dashget.store.control import ControlDirectory
from dashget.store.record import (
    FileRecord,
    Header,
    OpenRecord,
    encode_line,
    iter_records,
    read_header,
    read_live_runs,
    read_sizes,
)
from dashget.store.recordfile import RecordFile

HEADER = Header(dashget=1, source="http://h/x.mpd", url="http://h/x.mpd", manifest="x.mpd")


def written(name: str) -> Header:
    return msgspec.structs.replace(HEADER, manifest=manifest_name(f"http://h/v.ism/{name}"))


@pytest.mark.parametrize(
    "name",
    [".mpd", ".x.mpd", "", ".", "..", "x", "%2e%2e%5cx", ".dashget", "a%0Ab", "%FF", "ä" * 300],
)
def test_every_name_of_an_mpd_is_believed_when_its_header_is_read(name: str) -> None:
    header = written(name)
    assert read_header(lambda: io.BytesIO(encode_line(header))) == header


def at(path: Path) -> OpenRecord:
    return RecordFile(ControlDirectory(path.parent)).open


def sizes(path: Path, *names: str) -> dict[str, int]:
    """Return the sizes of these files in the record, which must not hold any other."""
    found = read_sizes(at(path))[0]
    known = {name: entry[0] for name in names if (entry := found.get(name)) is not None}
    assert len(found) == len(known)
    return known


def write(path: Path, *entries: Header | FileRecord) -> None:
    record = RecordFile(ControlDirectory(path.parent))
    for entry in entries:
        record.append(encode_line(entry))
    record.close()


def test_a_missing_record_is_an_empty_one(tmp_path: Path) -> None:
    assert read_header(at(tmp_path / "record.jsonl")) is None
    assert len(read_sizes(at(tmp_path / "record.jsonl"))[0]) == 0


def test_the_header_comes_first_and_files_follow(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    write(path, HEADER, FileRecord(path="a", url="http://h/a", size=3))
    assert read_header(at(path)) == HEADER
    assert sizes(path, "a") == {"a": 3}
    assert read_sizes(at(path))[0].get("a") == (3, hash("http://h/a"))
    first, second = map(json.loads, path.read_text().splitlines())
    assert first["dashget"] == 1
    assert second == {"path": "a", "url": "http://h/a", "size": 3}


def test_the_last_line_of_a_path_is_the_valid_one(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    write(path, HEADER, *(FileRecord(path="a", url="u", size=size) for size in (1, 2, 3)))
    assert sizes(path, "a") == {"a": 3}
    assert [file.size for _, _, file in iter_records(at(path), 0)] == [1, 2, 3]


def test_a_later_header_replaces_the_first(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    moved = msgspec.structs.replace(HEADER, source="http://new/x.mpd")
    write(path, HEADER, moved)
    assert read_header(at(path)) == moved


def test_a_torn_last_line_is_ignored_alone(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    write(path, HEADER, FileRecord(path="a", url="u", size=1))
    with path.open("ab") as file:
        file.write(b'{"path":"b","url":"u","size":2')
    assert sizes(path, "a") == {"a": 1}
    write(path, FileRecord(path="c", url="u", size=3))
    assert sizes(path, "a", "c") == {"a": 1, "c": 3}


@pytest.mark.parametrize(
    "line",
    [
        b'{"path":"b","url":"u","size":2',
        b'{"path":"b","size":"2"}',
        b"\xff",
        b"[" * 5000,
        b"",
        b"1",
    ],
)
def test_a_damaged_line_costs_only_itself(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    write(path, HEADER, FileRecord(path="a", url="u", size=1))
    with path.open("ab") as file:
        file.write(line + b"\n")
    write(path, FileRecord(path="c", url="u", size=3))
    assert sizes(path, "a", "c") == {"a": 1, "c": 3}


@pytest.mark.parametrize("lines", [b'{"path":"b",\n"size":2}\n', b'{"path":"b"} {"path":"c"}\n'])
def test_an_entry_that_is_not_one_line_is_damaged(lines: bytes, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(lines)
    assert sizes(path) == {}


@pytest.mark.parametrize("over", [-1, 0, 1])
@pytest.mark.parametrize("before", [0, 1, 100, 1 << 19, (1 << 20) - 1, 1 << 20])
def test_every_reader_agrees_which_line_is_too_long(before: int, over: int, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    entry = encode_line(FileRecord(path="b", url="", size=2))
    path.write_bytes(
        b"#" * max(0, before - 1) + b"\n" * bool(before)
        + entry.replace(b'"url":""', b'"url":"' + b"u" * ((1 << 20) + over - len(entry)) + b'"')
        + encode_line(FileRecord(path="c", url="u", size=3))
    )  # fmt: skip
    known = {record.path: record.size for _, _, record in iter_records(at(path), 0)}
    assert known == ({"c": 3} if over > 0 else {"b": 2, "c": 3})
    assert sizes(path, *known) == known


def test_the_words_of_a_header_within_a_line_are_no_header(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    moved = msgspec.structs.replace(HEADER, url="http://h/y.mpd")
    false = encode_line(msgspec.structs.replace(HEADER, url="http://h/z.mpd"))
    path.write_bytes(encode_line(HEADER) + b" " + false + encode_line(moved) + b"#" + false)
    assert read_header(at(path)) == moved


def test_a_whole_line_without_its_newline_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    write(path, HEADER)
    with path.open("ab") as file:
        file.write(b'{"path":"b","url":"u","size":2}')
    assert len(read_sizes(at(path))[0]) == 0


def test_a_newer_form_is_refused_with_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(b'{"dashget":2,"source":"s","url":"u","manifest":"m"}\n')
    with pytest.raises(StoreError, match="newer") as caught:
        read_header(at(path))
    assert caught.value.hint
    assert caught.value.exit_code == 6


def test_unknown_keys_of_the_same_form_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(b'{"path":"a","url":"u","size":4,"mood":["fine"]}\n{"note":1}\n')
    assert sizes(path, "a") == {"a": 4}
    assert [file.path for _, _, file in iter_records(at(path), 0)] == ["a"]


@pytest.mark.parametrize("size", [-1, 1 << 63, 1 << 80])
def test_an_impossible_size_is_ignored(size: int, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(b'{"path":"a","url":"u","size":%d}\n{"path":"b","url":"u","size":5}\n' % size)
    assert sizes(path, "b") == {"b": 5}


@given(st.data())
def test_a_damaged_record_never_yields_other_entries(data: st.DataObject) -> None:
    encoder = msgspec.json.Encoder()
    # One flipped bit must not turn one path into another.
    files = [FileRecord(path=f"v/{n}{n}", url=f"http://h/{n}", size=1000 + n) for n in range(4)]
    text = b"".join(encoder.encode(entry) + b"\n" for entry in (HEADER, *files))
    position = data.draw(st.integers(0, len(text) - 1))
    damaged = bytearray(text)
    if data.draw(st.booleans()):
        del damaged[position:]
    else:
        damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.jsonl"
        path.write_bytes(bytes(damaged))
        intact = set(bytes(damaged).split(b"\n")[:-1]) & set(text.split(b"\n"))
        found = read_sizes(at(path))[0]
        for file in files:
            if encoder.encode(file) in intact:
                assert found.get(file.path) == (file.size, hash(file.url))
        assert len(found) <= len(files)


def test_a_line_is_in_the_record_file_when_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    record = RecordFile(ControlDirectory(path.parent))
    record.append(encode_line(HEADER))
    for number in range(40):
        record.append(encode_line(FileRecord(path=f"v/{number}", url="u", size=1)))
        assert len(path.read_bytes().splitlines()) == 2 + number
    record.close()


LIVE = msgspec.structs.replace(HEADER, now="2026-01-01T00:00:00+00:00")


def test_the_runs_over_a_live_presentation_are_told_by_time_and_manifest(tmp_path: Path) -> None:
    later = msgspec.structs.replace(LIVE, now="2026-01-01T00:00:06+00:00")
    document = FileRecord(path="x.mpd", url=LIVE.source, size=1)
    one, two = (msgspec.structs.replace(document, sha256=64 * name) for name in "12")
    files = [FileRecord(path=name, url="u", size=1) for name in "abcde"]
    first = (HEADER, one, files[0], LIVE, files[1])
    second = (later, two, files[2], files[3])
    removed = msgspec.structs.replace(files[0], removed=True)
    write(tmp_path / "record.jsonl", *first, *second, LIVE, files[4], removed)
    runs = read_live_runs(at(tmp_path / "record.jsonl"))
    assert [(run.header.now, run.manifest_sha256, set(run.paths)) for run in runs] == [
        (LIVE.now, "1" * 64, {"b"}),
        (later.now, "2" * 64, {"c", "d"}),
        (LIVE.now, "2" * 64, {"e"}),
    ]
