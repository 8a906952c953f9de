"""A mirror from somebody else: what its record, journal and index say is believed no further
than a server's answer."""

from __future__ import annotations

import binascii
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashget.store import Mirror, keep_remote, read_remote
from dashget.store.journal import part_name
from tests.integration.mirror.presentation import publish
from tests.support.faultserver import FaultServer
from tests.support.program import run
from tests.support.running import mirror
from tests.unit.store.test_mirror import opened

DIGITS = "9" * 5000
CRLF = "x\r\nX-Planted: yes"
HEADERS: dict[str, dict[str, Any]] = {
    "a selection with an unknown name": {"selection": {"colour": "all"}},
    "a selection that is no rule": {"selection": {"video": "height<=<="}},
    "a selection with 5,000 digits": {"selection": {"video": f"height<={DIGITS}"}},
    "a selection of 200,000 values": {"selection": {"video": "id=a" + ",b" * 200_000}},
    "a selection of 200,000 Periods": {"selection": {"period": "0" + ",0" * 200_000}},
    "a selection of 900,000 characters": {"selection": {"video": "id=" + "*a" * 450_000}},
    "Periods with 5,000 digits": {"selection": {"period": DIGITS}},
    "Periods from 5,000 digits on": {"selection": {"period": f"{DIGITS}-"}},
    "Periods in digits of another script": {"selection": {"period": "\u0663-\u0664"}},
    "a number in digits of another script": {"selection": {"video": "height<=\u00b2"}},
    "a selection that is a list": {"selection": ["video"]},
    "a manifest above": {"manifest": "../x.mpd"},
    "a manifest in a folder": {"manifest": "v/x.mpd"},
    "a manifest without its ending": {"manifest": "SHA256SUMS"},
    "a manifest without a name": {"manifest": ""},
    "a manifest with backslashes": {"manifest": "..\\x.mpd"},
    "a manifest in the control directory": {"manifest": ".dashget/record.mpd"},
    "a manifest with a line break": {"manifest": "x\ny.mpd"},
    "a manifest with a long name": {"manifest": "x" * 5000 + ".mpd"},
    "a manifest with half a character": {"manifest": "\udc80.mpd"},
    "a source with a line break": {"source": f"http://h/{CRLF}"},
    "a source that is no URL": {"source": "http://[::/x.mpd"},
    "a source of another kind": {"source": "gopher://h/x.mpd"},
    "a source in a file": {"source": "file:///etc/passwd"},
    "a source that is a device": {"source": "/dev/zero"},
    "an address with a line break": {"url": f"http://h/{CRLF}"},
    "an address that is no URL": {"url": "http://[::/x.mpd"},
    "an address without anything": {"url": ""},
    "names of no bytes": {"name_bytes": 0},
    "names of fewer bytes than none": {"name_bytes": -1},
    "names of many bytes": {"name_bytes": 10**9},
    "names of 5,000 digits": {"name_bytes": "DIGITS"},
    "a time that is none": {"now": "yesterday"},
    "a time in the year 9999": {"now": "9999-12-31T23:59:59.999999-23:59"},
    "a time in the year 1": {"now": "0001-01-01T00:00:00+23:59"},
    "a form of 5,000 digits": {"dashget": "DIGITS"},
    "a form below none": {"dashget": -1},
    "brackets without end": {"selection": "BRACKETS"},
}
RECORDS: dict[str, dict[str, Any]] = {
    "a size below none": {"size": -5},
    "a size of 5,000 digits": {"size": "DIGITS"},
    "a size beyond all": {"size": 1 << 63},
    "a checksum of two lines": {"sha256": "0" * 64 + "\n" + "0" * 64 + "  ../../x"},
    "an ETag of two lines": {"etag": f'"{CRLF}"'},
    "an ETag beyond what fields hold": {"etag": '"\u4e2d"'},
    "a date of two lines": {"last_modified": CRLF},
    "a date without end": {"last_modified": "Mon, 02 Nov 99999999999 10:00:00 GMT"},
    "an address of two lines": {"url": f"http://h/{CRLF}"},
    "an address that is no URL": {"url": "http://[::/"},
    "a path above": {"path": "../outside/file"},
    "a path from the root": {"path": "/etc/passwd"},
    "a path in the control directory": {"path": ".dashget/lock"},
    "a path in the control directory by another case": {"path": ".DashGet/lock"},
    "a path with a null": {"path": "v/\0"},
    "a path without anything": {"path": ""},
    "a path of many folders": {"path": "/".join(["v"] * 3000)},
    "brackets without end": {"cache": "BRACKETS"},
    "tries of 5,000 digits": {"attempts": "DIGITS"},
    "seconds that are no number": {"seconds": "NAN"},
}
COMMANDS = (
    ("verify", "m"),
    ("verify", "m", "--remote", "--allow-private"),
    ("verify", "m", "--repair", "--prune", "--allow-private"),
    ("get", "m", "--prune", "--checksums", "sha256", "--times"),
    ("get", "URL", "-o", "m", "--prune", "--checksums", "sha256"),
)


def spelled(line: dict[str, Any]) -> bytes:
    """Return a line of the record; what JSON of Python cannot say is put in afterwards."""
    text = json.dumps(line, separators=(",", ":"))
    for word, meant in (("DIGITS", DIGITS), ("BRACKETS", "[" * 100_000), ("NAN", "NaN")):
        text = text.replace(f'"{word}"', meant)
    return text.encode() + b"\n"


def replaced(record: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Write each line of a record anew."""
    lines = [json.loads(line) for line in record.read_bytes().splitlines()]
    record.write_bytes(b"".join(spelled(change(line)) for line in lines))


def check_all(url: str, tmp_path: Path) -> None:
    """Run every command on a copy of the mirror; nothing fails within, nothing leaves it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_bytes(b"own")
    for number, command in enumerate(COMMANDS):
        place = tmp_path / f"run{number}"
        shutil.copytree(tmp_path / "m", place / "m", symlinks=True)
        words = [url if word == "URL" else word for word in command]
        ended = run(*words, "--retries", "0", "--connect-timeout", "2", cwd=place)
        assert ended.code in range(7), (command, ended)
        assert "Traceback" not in ended.err, command
        assert "internal error" not in ended.err, command
        assert os.listdir(place) == ["m"], command
    assert (tmp_path / "outside/file").read_bytes() == b"own"


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_of_a_foreign_record_is_read_or_refused(
    server: FaultServer, tmp_path: Path, name: str
) -> None:
    url = publish(server)
    mirror(url, tmp_path / "m", checksums=True)
    change = HEADERS[name]
    record = tmp_path / "m/.dashget/record.jsonl"
    replaced(record, lambda line: line | change if "dashget" in line else line)
    check_all(url, tmp_path)


@pytest.mark.parametrize("name", RECORDS)
def test_a_line_about_a_file_of_a_foreign_record_is_read_or_passed_over(
    server: FaultServer, tmp_path: Path, name: str
) -> None:
    url = publish(server)
    mirror(url, tmp_path / "m", checksums=True)
    change = RECORDS[name]
    record = tmp_path / "m/.dashget/record.jsonl"
    replaced(record, lambda line: line | change if line.get("path") == "v/1.m4s" else line)
    check_all(url, tmp_path)
    sums = (tmp_path / "run4/m/SHA256SUMS").read_text().splitlines()
    assert all(".." not in line for line in sums)


def test_a_line_without_an_end_is_passed_over_or_told(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    mirror(url, tmp_path / "m")
    record = tmp_path / "m/.dashget/record.jsonl"
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(lines[0] + b"x" * 3_000_000 + b"\n" + b"".join(lines[1:]))
    ended = run("verify", "m", cwd=tmp_path)
    assert ended.code == 0, ended.err
    with record.open("r+b") as file:
        file.truncate(1 << 40)
    ended = run("verify", "m", cwd=tmp_path)
    assert ended.code == 6
    assert "a line without an end" in ended.err
    assert "move .dashget/record.jsonl away" in ended.err


def test_a_manifest_without_an_end_is_told(server: FaultServer, tmp_path: Path) -> None:
    mirror(publish(server), tmp_path / "m")
    os.truncate(tmp_path / "m/x.mpd", 1 << 40)
    record = tmp_path / "m/.dashget/record.jsonl"
    replaced(
        record, lambda line: line | {"size": 1 << 40} if "mpd" in line.get("path", "") else line
    )
    replaced(record, lambda line: {k: v for k, v in line.items() if k != "sha256"})
    ended = run("verify", "m", cwd=tmp_path)
    assert ended.code == 6
    assert "no document's size" in ended.err


def planted_part(root: Path, **change: object) -> None:
    """Leave a part of the second file, as an earlier run would have; some of it is changed."""
    parts = root / ".dashget/parts"
    parts.mkdir(parents=True)
    part = part_name("v/2.m4s")
    (parts / part).write_bytes(b"\2" * 500)
    lines: list[dict[str, Any]] = [
        {"part": part, "path": "v/2.m4s", "url": "URL", "validator": '"2"', "size": 2000},
        {"part": part, "span": [0, 499]},
    ]
    lines[0] |= {key: value for key, value in change.items() if key != "span"}
    lines[1] |= {key: value for key, value in change.items() if key in ("span", "part")}
    with (parts / "journal.jsonl").open("wb") as journal:
        for line in lines:
            text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
            crc = binascii.crc32(text.encode("utf-8", "surrogatepass"))
            journal.write(f'{text[:-1]},"crc":{crc}}}\n'.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "change",
    [
        {"validator": f'"2"{CRLF}'},
        {"validator": '"\u4e2d"'},
        {"validator": '"' + "2" * 100_000 + '"'},
        {"validator": '"\x00"'},
        {"modified": CRLF},
        {"date": CRLF},
        {"source": f"http://127.0.0.1/{CRLF}"},
        {"size": -1},
        {"size": 1 << 70},
        {"span": [-500, 499]},
        {"span": [499, 0]},
        {"span": [0, 1 << 70]},
        {"part": "../../../outside/file"},
        {"part": "/etc/passwd"},
        {"path": "../outside/file"},
        {"path": "v/3.m4s"},
    ],
    ids=str,
)
def test_a_journal_of_somebody_else_reaches_no_request(
    server: FaultServer, tmp_path: Path, change: dict[str, object]
) -> None:
    url = publish(server)
    planted_part(tmp_path / "m", **{"url": url.replace("x.mpd", "v/2.m4s"), **change})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_bytes(b"own")
    assert mirror(url, tmp_path / "m")[0].complete
    assert (tmp_path / "m/v/2.m4s").read_bytes() == b"\2" * 2000
    assert (tmp_path / "outside/file").read_bytes() == b"own"
    for seen in server.seen:
        assert "x-planted" not in {name.lower() for name in seen.headers}


def test_a_sound_journal_of_the_same_kind_is_believed(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    planted_part(tmp_path / "m", url=url.replace("x.mpd", "v/2.m4s"))
    summary, events = mirror(url, tmp_path / "m")
    assert summary.complete
    assert events.outcomes()["v/2.m4s"] == "resumed"


@pytest.mark.parametrize(
    "file", ["../../outside/file", "/etc/passwd", "../record.jsonl", "x\n.xml"]
)
def test_the_index_of_remote_elements_names_only_what_was_kept(
    server: FaultServer, tmp_path: Path, file: str
) -> None:
    url = publish(server)
    mirror(url, tmp_path / "m")
    kept = tmp_path / "m/.dashget/remote"
    kept.mkdir()
    entry = {"href": "p.xml", "url": "http://h/p.xml", "file": file}
    (kept / "index.jsonl").write_text(json.dumps(entry) + "\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_bytes(b"own")
    assert read_remote(Mirror.at(tmp_path / "m", read_only=True)) == ()
    ended = run("verify", "m", cwd=tmp_path)
    assert ended.code == 0, ended.err


def test_a_remote_element_that_was_changed_is_not_what_was_fetched(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        keep_remote(store, [("p.xml", "http://h/p.xml", b"<Period/>"), ("q", "http://h/q", b"q")])
    first = next((tmp_path / ".dashget/remote").glob("*.xml"))
    first.write_bytes(b"<Period><BaseURL>http://elsewhere/</BaseURL></Period>")
    found = read_remote(Mirror.at(tmp_path, read_only=True))
    assert len(found) == 1, "the other one is sound"
