"""Secrets come from files and the environment, and do not stay on the command line."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from dashget.cli.options.givensecrets import SECRETS
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import DEADLINE_SECONDS, run, start

SINGLE = Answer(mpd(numbered()))
VALUES = {
    "user": ("me:secret", "bWU6c2VjcmV0"),
    "header": ("X-Key: secret", "secret"),
    "cookie": ("a=secret", "a=secret"),
    "append_query": ("token=secret", "token=secret"),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("way", ["file", "environment", "file in the environment"])
def test_a_secret_may_be_in_a_file_or_the_environment(
    name: str, way: str, server: FaultServer, tmp_path: Path
) -> None:
    url = server.on("/a.mpd", SINGLE)
    value, sent = VALUES[name]
    (tmp_path / "file").write_text(f"{value}\n", encoding="utf-8")
    words = [f"--{name.replace('_', '-')}", "@file"] if way == "file" else []
    more = {} if words else {SECRETS[name]: "@file" if "file" in way else value}
    server.on(f"/a.mpd?{VALUES['append_query'][0]}", SINGLE)
    ended = run("plan", url, *words, cwd=tmp_path, more=more)
    assert ended.code == 0, ended.err
    assert sent in f"{server.seen[-1].headers} {server.seen[-1].path}"


@pytest.mark.parametrize("name", SECRETS)
def test_a_file_that_cannot_be_read_is_an_error_that_quotes_nothing(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "bytes").write_bytes(b"\xffsecret")
    (tmp_path / "folder").mkdir()
    for file in ("gone", "folder", "bytes"):
        words = ("http://h.example/x.mpd", "--mux", "x.mp4") if name == "key" else ("plan", "x.mpd")
        ended = run(*words, f"--{name.replace('_', '-')}", f"@{file}", cwd=tmp_path)
        assert (ended.code, "secret" in ended.err) == (2, False)
        assert ended.err.startswith(f"dashget: error: --{name.replace('_', '-')}: cannot read")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_secret_stays_on_the_command_line(server: FaultServer, tmp_path: Path) -> None:
    asked, hold = threading.Event(), threading.Event()
    answer = Answer(SINGLE.body, hold=hold, note=lambda _: asked.set())
    url = server.on("/a.mpd", answer).replace("//", "//me:p\u00e4ssecret@")
    words = ("plan", url, "--user", "a:secret", "--cookie=b=secret", "-HX: secret", "-H", "Y: secret",
             "--header", "Z: secret", "--append-query", "t=secret", "--no-proxy", "seen")  # fmt: skip
    server.on("/a.mpd?t=secret", answer)
    with start(*words, cwd=tmp_path) as process:
        assert asked.wait(DEADLINE_SECONDS)
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        hold.set()
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, errors
    assert b"secret" not in line
    assert b"--user\0xxxxxxxx\0" in line
    assert line.endswith(b"--no-proxy\0seen\0")


def test_a_file_for_the_keys_of_tls_is_named(server: FaultServer, tmp_path: Path) -> None:
    url = server.on("/a.mpd", SINGLE)
    ended = run("plan", url, cwd=tmp_path, more={"SSLKEYLOGFILE": "keys.txt"})
    told = "warning: SSLKEYLOGFILE is set: the keys of all TLS connections go to 'keys.txt'"
    assert told in ended.err
    assert "SSLKEYLOGFILE" not in run("plan", url, cwd=tmp_path).err


def test_the_libraries_are_named_with_the_version() -> None:
    ended = run("--version", "-v", cwd=Path("/"))
    names = [line.split()[0] for line in ended.out.splitlines()]
    assert names[0] == "dashget"
    assert {"Python", "libcurl", "msgspec"} <= set(names)


@pytest.mark.parametrize(
    "user", ["me:secret", "secret", "me:s/secret", "me:s@secret", "me:s?secret"]
)
def test_user_and_password_in_a_url_of_a_manifest_are_not_shown(
    user: str, server: FaultServer, tmp_path: Path
) -> None:
    place = server.url("/v/").replace("//", f"//{user}@")
    link = f'xmlns:l="http://www.w3.org/1999/xlink" l:href="{place}" l:actuate="onLoad"'
    document = mpd(numbered(), before=f"<BaseURL>{place}</BaseURL>")
    url = server.on("/a.mpd", Answer(document.replace(b"<Period>", f"<Period {link}>".encode())))
    for words in (("list",), ("list", "--json"), ("plan",), ("plan", "--json")):
        ended = run(*words, url, "--retries", "0", cwd=tmp_path)
        assert "secret" not in ended.out + ended.err
