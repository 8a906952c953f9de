"""Something else than a file has a file's name: each command says what it is, and none waits."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from tests.integration.mirror.presentation import manifest
from tests.support.builders import initialization, media_segment, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run
from tests.support.running import mirror, verify

HINT = "move or remove what has the file's name"


def bind(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


KINDS: dict[str, Callable[[Path], None]] = {
    "a directory": Path.mkdir,
    "a named pipe": os.mkfifo,
    "a socket": bind,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


def publish(server: FaultServer) -> str:
    server.on("/show/i.mp4", Answer(initialization()))
    for number in (1, 2, 3):
        server.on(f"/show/v/{number}.m4s", Answer(media_segment(number, b"")))
    content = numbered(kind='mimeType="video/mp4"', extra='initialization="i.mp4"')
    return server.on("/show/x.mpd", manifest(content))


@pytest.mark.parametrize("path", ["v/2.m4s", "v/3.m4s", "i.mp4"])
@pytest.mark.parametrize("kind", KINDS)
def test_get_and_verify_name_what_has_the_name(
    server: FaultServer, tmp_path: Path, kind: str, path: str
) -> None:
    url, place = publish(server), tmp_path / path
    place.parent.mkdir(exist_ok=True)
    KINDS[kind](place)
    (failure,) = mirror(url, tmp_path)[0].failures
    assert (failure.path, failure.reason) == (path, f"{kind} has the same name")
    assert (failure.hint or "").startswith(HINT)
    assert not server.asked(f"/show/{path}")
    for repair in (False, True):
        report, events = verify(tmp_path, repair=repair)
        found = (event for event in events if isinstance(event, dashget.Finding))
        (finding,) = (each for each in found if not each.note)
        assert (report.errors, finding.path) == (1, path)
        assert f"{kind} has its name" in finding.message
        assert (finding.hint or "").startswith(HINT)
    if kind == "a directory":
        place.rmdir()
    else:
        place.unlink()
    assert mirror(url, tmp_path)[0].complete


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_was_there_is_replaced_by_something_else(
    server: FaultServer, tmp_path: Path, kind: str
) -> None:
    url, place = publish(server), tmp_path / "m/v/2.m4s"
    assert mirror(url, tmp_path / "m")[0].complete
    place.unlink()
    KINDS[kind](place)
    ended = run("verify", "m", cwd=tmp_path)
    assert f"it was fetched, but {kind} has its name" in ended.out + ended.err
    assert HINT in ended.out + ended.err
    assert ended.code == 1
    ended = run("m", cwd=tmp_path)
    assert (ended.code, f"v/2.m4s: {kind} has the same name" in ended.err) == (1, True)
    ended = run("m", "--dry-run", cwd=tmp_path)
    assert "v/2.m4s" in ended.err


@pytest.mark.parametrize("kind", ["a named pipe", "a socket", "a file"])
def test_a_folder_that_is_something_else_is_named(
    server: FaultServer, tmp_path: Path, kind: str
) -> None:
    url = publish(server)
    KINDS.get(kind, Path.touch)(tmp_path / "v")
    summary, _ = mirror(url, tmp_path)
    assert {failure.path for failure in summary.failures} == {f"v/{n}.m4s" for n in (1, 2, 3)}
    for failure in summary.failures:
        assert "cannot be stored" in failure.reason
        assert f"{kind} has the name of a folder" in failure.reason
