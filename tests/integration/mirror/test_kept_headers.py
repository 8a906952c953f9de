"""``--keep-header``: response headers that are kept in the record and in events by choice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.integration.mirror.presentation import MODIFIED, manifest
from tests.support.builders import numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run
from tests.support.running import mirror, verify

SENT = (
    ("Cache-Control", "max-age=60"),
    ("X-Served-By", "edge-1"),
    ("Server-Timing", "cdn;dur=1"),
    ("server-timing", "origin;dur=20"),
    ("X-Other", "unwanted"),
)
KEPT = {
    "cache-control": "max-age=60",
    "x-served-by": "edge-1",
    "server-timing": "cdn;dur=1, origin;dur=20",
}
NAMES = ("Cache-Control", "x-served-by", "SERVER-TIMING", "X-Missing")
OPTIONS = [word for name in NAMES for word in ("--keep-header", name)]


def publish(
    server: FaultServer, headers: tuple[tuple[str, str], ...] = SENT, size: int = 2000, **more: Any
) -> str:
    for number in (1, 2, 3):
        body = bytes([number]) * size
        answer = Answer(body, headers=headers, etag=f'"{number}"', last_modified=MODIFIED, **more)
        server.on(f"/show/v/{number}.m4s", answer)
    document = manifest(numbered())
    return server.on("/show/x.mpd", Answer(document.body, headers=headers))


def recorded(root: Path) -> dict[str, dict[str, str] | None]:
    lines = (root / ".dashget/record.jsonl").read_text().splitlines()
    entries = map(json.loads, lines)
    return {entry["path"]: entry.get("kept_headers") for entry in entries if "path" in entry}


def keep(**more: Any) -> dashget.TransferOptions:
    options: dict[str, Any] = {"keep_headers": NAMES, "retries": 0, **more}
    return dashget.TransferOptions(**options)


@pytest.mark.both_paths
@pytest.mark.parametrize("size", [2000, 3_000_000])
def test_headers_that_were_chosen_are_in_the_record_and_in_events(
    server: FaultServer, tmp_path: Path, size: int
) -> None:
    transfer = keep(range_threshold=1 << 20, range_size=1 << 20)
    summary, events = mirror(publish(server, size=size), tmp_path, transfer=transfer)
    assert summary.complete
    assert set(map(str, recorded(tmp_path).values())) == {str(KEPT)}
    ends = [event for event in events if isinstance(event, dashget.FileFinished)]
    assert [event.kept_headers for event in ends] == [KEPT] * 3


def test_the_command_keeps_them_too(server: FaultServer, tmp_path: Path) -> None:
    ended = run(publish(server), "-o", "m", "--json", *OPTIONS, cwd=tmp_path)
    assert ended.code == 0, ended.err
    files = [event for event in ended.events if event["event"] == "file"]
    assert [event["kept_headers"] for event in files] == [KEPT] * 3
    assert recorded(tmp_path / "m")["v/2.m4s"] == KEPT


def test_without_the_option_nothing_is_kept(server: FaultServer, tmp_path: Path) -> None:
    _, events = mirror(publish(server), tmp_path)
    assert set(recorded(tmp_path).values()) == {None}
    ends = [event for event in events if isinstance(event, dashget.FileFinished)]
    assert {event.kept_headers for event in ends} == {None}


def test_the_last_answer_of_a_failed_file_is_kept_in_its_event(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", Answer(b"no", status=500, headers=SENT))
    _, events = mirror(url, tmp_path, transfer=keep())
    (failed,) = [e for e in events if isinstance(e, dashget.FileFinished) and e.status == 500]
    assert failed.kept_headers == KEPT


def test_adopted_resumed_and_repaired_files_have_theirs(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, size=900_000)
    body = b"\2" * 900_000
    cut = Answer(body, headers=SENT, etag='"2"', last_modified=MODIFIED, cut=500_000)
    server.on("/show/v/2.m4s", cut, refuse(500))
    mirror(url, tmp_path, transfer=keep())
    server.on("/show/v/2.m4s", Answer(body, headers=SENT, etag='"2"', last_modified=MODIFIED))
    summary, _ = mirror(url, tmp_path, transfer=keep())
    assert summary.outcomes[dashget.Outcome.RESUMED] == 1
    assert recorded(tmp_path)["v/2.m4s"] == KEPT
    (tmp_path / ".dashget/record.jsonl").unlink()
    summary, _ = mirror(url, tmp_path, transfer=keep())
    assert summary.outcomes == {dashget.Outcome.ADOPTED: 3}
    assert recorded(tmp_path)["v/2.m4s"] == KEPT
    (tmp_path / "v/3.m4s").unlink()
    ended = run("verify", tmp_path, "--repair", *OPTIONS, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert recorded(tmp_path)["v/3.m4s"] == KEPT


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\x1b[31mred\x07", "a\\x1b[31mred\\x07"),
        ("a\x0bb\x85", "a\\x0bb\\x85"),
        ("x" * 64 * 1024, f"{'x' * 1000}... (65,536 characters)"),
        ("naïve".encode().decode("latin-1"), "naïve"),
        ("na\xefve", "naïve"),
        ('"}\\,{"path":"v/9.m4s"', '"}\\,{"path":"v/9.m4s"'),
        ("\u202e".encode().decode("latin-1") + "gpj", "\\u202egpj"),
        ("one\r\n two", "one two"),
        ("one\r\nX-Served-By: two", "one, two"),
        ("", ""),
        ("   ", ""),
        (", ".join(["a=b"] * 10), ", ".join(["a=b"] * 10)),
    ],
    ids=[
        "escapes", "control characters", "64 KiB", "UTF-8", "Latin-1", "JSON", "direction",
        "folded", "split in two", "empty", "spaces", "list",
    ],
)  # fmt: skip
@pytest.mark.utf_8
def test_hostile_values_are_kept_as_harmless_text(
    server: FaultServer, tmp_path: Path, value: str, kept: str
) -> None:
    url = publish(server, (("X-Served-By", value),))
    ended = run(url, "-o", "m", "--json", *OPTIONS, cwd=tmp_path)
    assert ended.code == 0, ended.err
    found = recorded(tmp_path / "m")
    assert found.keys() == {"x.mpd", "v/1.m4s", "v/2.m4s", "v/3.m4s"}
    headers = found["v/2.m4s"] or {}
    assert headers == {"x-served-by": kept}
    for text in headers.values():
        assert text.isprintable()
    assert verify(tmp_path / "m")[0].sound


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Set-Cookie", "Set-Cookie is a secret, and is never recorded"),
        ("Cache-Control: x", "'Cache-Control: x' is not the name of a header"),
        ("", "'' is not the name of a header"),
        ("a,b", "'a,b' is not the name of a header"),
        ("*", "'*' is not the name of a header"),
        ("X-*", "'X-*' is not the name of a header"),
        ("all", "'all' is not the name of a header"),
        ("é", "'é' is not the name of a header"),
        ("a\nb", "'a\\nb' is not the name of a header"),
        ("x" * 101, "is not the name of a header"),
    ],
)
@pytest.mark.utf_8
def test_an_invalid_name_is_refused_before_the_first_request(
    server: FaultServer, tmp_path: Path, name: str, told: str
) -> None:
    url = publish(server)
    ended = run(url, f"--keep-header={name}", cwd=tmp_path)
    assert ended.code == 2
    assert "--keep-header: " in ended.err
    assert told in ended.err
    assert "hint: " in ended.err
    assert server.seen == []
