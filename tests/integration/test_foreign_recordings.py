"""A recording from somebody else: its record says what it likes, and nothing leaves the directory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.cli.commands.gaps import _line
from dashget.store import Mirror
from dashget.verification.recording import gaps_of
from tests.integration.mirror.presentation import segment
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run
from tests.support.running import TRANSFER, verify

OVER = 'availabilityStartTime="2026-01-01T00:00:00Z"'
SEGMENT = {"url": "http://h/x", "size": 3, "line": 1, "t": 2, "d": 2, "n": 1}
LINES: tuple[dict[str, Any], ...] = (
    {"line": 1, "key": "k", "label": "l", "scale": 1, "shift": 0, "origin": 1.0, "begin": 1.0},
    {"stretch": 1, "t": 2, "shape": 1, "start": "1", "origin": "1", "shift": 0, "parts": 1, "sub": 0},
    {"shape": 1, "mpd": "<MPD/>"},
    {"recorder": "begin", "at": 1.0, "from": 1.0},
    {"outage": 1.0, "until": 2.0},
    {"hole": 1, "t": 8, "until": 12},
    {"ends": 1, "t": 14},
    {"lost": 1, "t": 8, "d": 2, "n": 4, "count": 2, "reason": "not-there", "tries": 3, "statuses": [404],
     "since": 1.0, "until": 2.0},
    {"coverage": 1, "known": [2, 4], "holes": [8, 9], "recorded": [2, 2, 3, 1], "withdrawn": [],
     "missing": {"not-there": [8, 2, 1, 4]}, "expired": 1},
    {"held": 5, "here": ["v/1.m4s"]},
    {"expired": 5.0, "bytes": 5},
    {"path": "v/1.m4s", **SEGMENT},
)  # fmt: skip
VALUES = (
    "1e308", "-1e308", "1e999", "9" * 5000, str(2**63 - 1), str(-(2**63)), "0", "-1", "null", "1.5",
    '"1/0"', '"nan"', '"1e99999999"', f'"{"9" * 5000}"', '"\\u001b[31mX"', "[]", "[1]", "[1,0]", '["../x"]',
    "[1,2,-3,4]", f"[1,1,{2**61},1]", '{"not-there":[1,1]}', '"<MPD xmlns=\\"urn:x\\">"',
)  # fmt: skip
PATHS = (
    "../outside/file", "v/../../outside/file", "/outside", "v/../.dashget/lock", ".dashget/record.jsonl",
    ".DASHGET/lock", "DASHGE~1/lock", ".dashget\ufe0f/lock", "v//1.m4s", "", "v/\0", "v\\..\\x",
)  # fmt: skip


@pytest.fixture(scope="module")
def live() -> Iterator[str]:
    """The URL of a live presentation that is over."""
    with FaultServer() as server:
        for number in (1, 2, 3):
            server.on(f"/live/v/{number}.m4s", segment(number))
        yield server.on("/live/x.mpd", Answer(mpd(numbered(), kind="dynamic", more=OVER)))


@pytest.fixture(scope="module")
def recorded(live: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recorded") / "m"
    record(root, live)
    return root


def record(root: Path, url: str, **wishes: Any) -> None:
    with dashget.Session(options=TRANSFER, observer=lambda _: None) as session:
        session.record(url, root, wishes=dashget.Wishes(give_up=2.0, **wishes))


def gaps(root: Path, _: str) -> None:
    with Mirror.at(root, read_only=True) as store:
        header = store.header()
        assert header is not None
        assert all(line.isprintable() for line in map(_line, gaps_of(store, header.manifest)))


def check(root: Path, _: str) -> None:
    verify(root)


def keep(root: Path, url: str) -> None:
    record(root, url, keep_seconds=3600.0)


USES: tuple[Callable[[Path, str], None], ...] = (gaps, check, record, keep)


def with_lines(recorded: Path, root: Path, *lines: str) -> None:
    """Copy a recording, and put lines before its last one."""
    shutil.copytree(recorded, root)
    place = root / ".dashget/record.jsonl"
    before = place.read_text().splitlines()
    place.write_text("\n".join([*before[:-1], *lines, before[-1], ""]))


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
@pytest.mark.parametrize("line", LINES, ids=lambda line: next(iter(line)))
def test_whatever_all_lines_say_each_use_of_a_foreign_recording_ends(
    line: dict[str, Any],
    use: Callable[[Path, str], None],
    recorded: Path,
    live: str,
    tmp_path: Path,
) -> None:
    names = [name for name in line if name not in ("url", "path")]
    made = [
        json.dumps({**line, name: "@"}).replace('"@"', value) for name in names for value in VALUES
    ]
    with_lines(recorded, tmp_path / "m", *made)
    try:
        use(tmp_path / "m", live)
    except dashget.DashGetError as error:
        assert str(error).isprintable()  # noqa: PT017 - either is right


@pytest.mark.parametrize("path", PATHS)
def test_no_file_outside_of_a_foreign_recording_is_removed(
    path: str, recorded: Path, live: str, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"somebody's")
    with_lines(recorded, tmp_path / "m", json.dumps({**SEGMENT, "path": path}))
    held = json.dumps({"held": 3, "here": [path]})
    with_lines(recorded, tmp_path / "n", json.dumps({"path": path, "size": 3, "media": True}), held)
    for name in "mn":
        keep(tmp_path / name, live)
        left = [each.name for each in (tmp_path / name / ".dashget").iterdir()]
        assert {"lock", "record.jsonl"} <= set(left)
    assert (outside / "file").read_bytes() == b"somebody's"


def test_the_program_says_what_it_makes_of_a_foreign_recording(
    recorded: Path, tmp_path: Path
) -> None:
    lines = [json.dumps({**LINES[0], "line": 9, "label": "a\x1b[31m\u202eb", "origin": 1e300})]
    lines += [json.dumps({**LINES[7], "lost": 9}), json.dumps({**LINES[7], "t": 2**61})]
    with_lines(recorded, tmp_path / "m", *lines)
    for words in (("gaps", "m"), ("gaps", "m", "--json"), ("verify", "m")):
        ended = run(*words, cwd=tmp_path)
        assert ended.code in (0, 1)
        assert "Traceback" not in ended.err
        assert "\x1b" not in ended.out + ended.err
