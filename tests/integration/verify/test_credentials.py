"""Secrets stay away from the server that only a record names, and the record from other users."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import dashget
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run


@pytest.fixture
def mirror(server: FaultServer, tmp_path: Path) -> Path:
    url = server.on("/a.mpd", Answer(mpd(numbered())))
    for number in (1, 2, 3):
        server.on(f"/v/{number}.m4s", Answer(b"media"))
    assert run(url, "-o", "m", cwd=tmp_path).code == 0
    server.seen.clear()
    return tmp_path / "m"


GIVEN = (
    ("--user", "me:secret"),
    ("-H", "Authorization: Bearer secret"),
    ("-H", "Cookie: a=secret"),
    ("--cookie", "a=secret"),
    ("--append-query", "token=secret"),
    ("--netrc", "netrc"),
)


@pytest.mark.parametrize("task", ["--remote", "--repair"])
@pytest.mark.parametrize("given", GIVEN, ids=lambda given: given[1][:12])
def test_no_secret_goes_to_an_origin_that_only_the_record_names(
    given: tuple[str, str], task: str, server: FaultServer, mirror: Path
) -> None:
    (mirror.parent / "netrc").write_text("default login me password secret\n", encoding="utf-8")
    ended = run("verify", "m", task, *given, cwd=mirror.parent)
    origin = server.url("/").removesuffix("/")
    assert ended.code == 2
    assert "the credentials are not sent to" in ended.err
    assert f"hint: if it is the right one, add --send-credentials-to {origin}" in ended.err
    assert server.seen == []
    assert run("verify", "m", *given, cwd=mirror.parent).code == 0
    named = run(
        "verify", "m", "--remote", *given, "--send-credentials-to", origin, cwd=mirror.parent
    )
    assert (named.code, bool(server.seen)) == (0, True)
    assert "secret" in f"{server.seen[-1]}" or given[0] in ("--user", "--netrc")


def test_a_session_may_use_what_it_has_opened_itself(server: FaultServer, mirror: Path) -> None:
    with dashget.Session(user="me:secret") as session:
        session.open(server.url("/a.mpd"))
        assert session.verify(mirror, remote=True).sound
    with (
        dashget.Session(user="me:secret") as session,
        pytest.raises(dashget.UsageError, match="only the mirror's record names"),
    ):
        session.verify(mirror, remote=True)


@pytest.mark.skipif(os.name == "nt", reason="has no such permissions")
def test_the_control_directory_is_its_owners_only(server: FaultServer, mirror: Path) -> None:
    control = mirror / ".dashget"
    files = [path for path in control.iterdir() if path.is_file()]
    assert stat.S_IMODE(control.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    umask = os.umask(0)
    os.umask(umask)
    media = mirror / "v" / "1.m4s"
    assert stat.S_IMODE(media.stat().st_mode) == 0o666 & ~umask
    control.chmod(0o755)
    (control / "record.jsonl").chmod(0o644)
    assert run(server.url("/a.mpd"), "-o", "m", cwd=mirror.parent).code == 0
    assert stat.S_IMODE(control.stat().st_mode) == 0o700
