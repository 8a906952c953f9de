"""What servers and the environment advertise beside an answer: other servers, endless heads."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.builders import mpd, numbered
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run

BODY = b"a segment"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"
BOMBS = {
    "a hundred thousand fields": HEAD + b"X: y\r\n" * 100_000,
    "a field of megabytes": HEAD + b"X: " + b"y" * 20_000_000 + b"\r\n",
    "megabytes of one field in lines": HEAD + b"X: y\r\n" + b" y\r\n" * 2_000_000,
    "a status line of megabytes": b"HTTP/1.1 200 " + b"O" * 20_000_000 + b"\r\n",
    "cookies without number": HEAD + b"".join(b"Set-Cookie: c%d=1\r\n" % n for n in range(20_000)),
    "fields of many names": HEAD + b"".join(b"X%d: 1\r\n" % n for n in range(50_000)),
}  # fmt: skip
PROXIES = (
    "http://127.0.0.1:1\r\nX-Planted: yes", "http://127.0.0.1:1/\x1b[31m", "\x01http://127.0.0.1:1",
    "http://a\tb:1", "http://\u202e127.0.0.1:1", "socks5://127.0.0.1:1\n", "http://[::1%25\x1b]:1",
)  # fmt: skip


@pytest.mark.parametrize("version", ["h2", "http/1.1", "h3"])
def test_another_server_that_is_advertised_is_not_asked(
    version: str, authority: Authority, tmp_path: Path
) -> None:
    with (
        FaultServer(tls=authority.server()) as server,
        FaultServer(tls=authority.server()) as other,
    ):
        place = other.url("/").split("/")[2]
        told = (("Alt-Svc", f'{version}="{place}"; ma=86400; persist=1'), ("Alt-Used", place))
        for number in (1, 2, 3):
            server.on(f"/v/{number}.m4s", Answer(BODY, headers=told))
        url = server.on("/x.mpd", Answer(mpd(numbered()), headers=told))
        for _ in range(2):
            ended = run(url, "-o", "m", "--verify", "--cacert", authority.certificate, cwd=tmp_path)
            assert ended.code == 0, ended.err
        assert other.seen == []


@pytest.mark.parametrize("of", ["the manifest", "a segment"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_head_without_end_is_no_answer(
    bomb: str, of: str, server: FaultServer, tmp_path: Path
) -> None:
    raw = Answer(raw=BOMBS[bomb] + b"\r\n" + BODY)
    for number in (1, 3):
        server.on(f"/v/{number}.m4s", Answer(BODY))
    server.on("/v/2.m4s", raw)
    url = server.on("/x.mpd", raw if of == "the manifest" else Answer(mpd(numbered())))
    began = time.monotonic()
    ended = run(url, "-o", "m", "--retries", "0", "--json", cwd=tmp_path)
    assert time.monotonic() - began < 30
    assert "Traceback" not in ended.err
    assert "internal error" not in ended.err
    assert ended.code == (5 if of == "the manifest" else 1), ended.err


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", PROXIES, ids=ascii)
def test_a_proxy_of_the_environment_with_control_characters_is_an_error(
    name: str, proxy: str, server: FaultServer, tmp_path: Path
) -> None:
    url = server.on("/x.mpd", Answer(mpd(numbered())))
    ended = run("plan", url, "--retries", "0", cwd=tmp_path, more={name: proxy})
    assert ended.code in (2, 5), ended.err
    assert ended.err.replace("\n", "").isprintable()
    assert server.seen == []
