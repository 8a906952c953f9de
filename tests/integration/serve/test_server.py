"""``dashget serve``: files as they are, to whom they may go, and nothing else."""

from __future__ import annotations

import contextlib
import email
import os
import shutil
import socket
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.serve.conftest import LARGE, ODD
from tests.support.program import run
from tests.support.serving import Server, serving

SIZE = len(LARGE)


def test_the_local_mpd_is_at_the_address_that_is_printed(served: Server, show: Path) -> None:
    assert served.addresses == [f"http://127.0.0.1:{served.port}/show/manifest.local.mpd"]
    answer = served.get("/show/manifest.local.mpd")
    assert (answer.status, answer.body) == (200, (show / "manifest.local.mpd").read_bytes())
    assert answer.headers["content-type"] == "application/dash+xml"
    assert served.get("/").body.decode() == f"{served.addresses[0]}\n"


def test_every_file_of_the_mirror_is_served_as_it_is(served: Server, show: Path) -> None:
    files = [path for path in show.rglob("*") if path.is_file() and ".dashget" not in path.parts]
    assert len(files) > 50
    for path in files:
        answer = served.get(f"/show/{quote(str(path.relative_to(show)))}")
        assert (answer.status, answer.body) == (200, path.read_bytes()), path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox; default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-cache"


def test_a_name_is_decoded_once(served: Server) -> None:
    assert served.get(f"/show/{quote(ODD)}?a=b").body == b"odd"
    assert served.get(f"/show/{quote(quote(ODD))}").status == 404


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("bytes=0-99999", 0, 99_999),
        ("bytes=5-5", 5, 5),
        ("bytes=1000000-", 1_000_000, SIZE - 1),
        ("bytes=-7", SIZE - 7, SIZE - 1),
        ("bytes=70000-" + "9" * 30, 70_000, SIZE - 1),
        (f"bytes=0-{SIZE - 1}", 0, SIZE - 1),
    ],
)
def test_one_range_is_sent_as_it_was_asked_for(
    text: str, first: int, last: int, served: Server
) -> None:
    answer = served.get("/show/large.m4s", {"Range": text})
    assert (answer.status, answer.body) == (206, LARGE[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"


def test_several_ranges_are_sent_as_parts(served: Server) -> None:
    answer = served.get("/show/large.m4s", {"Range": "bytes=0-9,200000-400000,-5"})
    assert answer.status == 206
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + answer.body).get_payload()
    assert isinstance(parts, list)
    expected = [(0, 9), (200_000, 400_000), (SIZE - 5, SIZE - 1)]
    assert len(parts) == 3
    for part, (first, last) in zip(parts, expected, strict=True):
        assert part["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
        assert part["Content-Type"] == "video/mp4"
    for first, last in expected:
        assert LARGE[first : last + 1] in answer.body


def test_a_range_outside_of_the_file_names_its_size(served: Server) -> None:
    answer = served.get("/show/large.m4s", {"Range": f"bytes={SIZE}-"})
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"
    assert served.get("/show/empty.m4s", {"Range": "bytes=0-"}).status == 200


def test_head_tells_what_get_would_send(served: Server) -> None:
    answer = served.get("/show/large.m4s", {"Range": "bytes=0-1"}, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["accept-ranges"] == "bytes"
    assert served.get("/show/missing", method="HEAD").body == b""


def test_an_unchanged_file_is_not_sent_again(served: Server) -> None:
    etag = served.get("/show/large.m4s").headers["etag"]
    answer = served.get("/show/large.m4s", {"If-None-Match": etag})
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == etag
    assert served.get("/show/large.m4s", {"If-Match": '"x"'}).status == 412
    ranged = {"Range": "bytes=0-1", "If-Range": '"x"'}
    assert served.get("/show/large.m4s", ranged).status == 200


def test_a_file_that_is_replaced_is_another_version(served: Server, show: Path) -> None:
    """Of the same size and time, as a live mirror may have them."""
    path = show / "live.m4s"
    path.write_bytes(b"one")
    os.utime(path, (1_000_000, 1_000_000))
    first = served.get("/show/live.m4s")
    fresh = show / "fresh"
    fresh.write_bytes(b"two")
    os.utime(fresh, (1_000_000, 1_000_000))
    fresh.rename(path)
    second = served.get("/show/live.m4s", {"If-None-Match": first.headers["etag"]})
    assert (second.status, second.body) == (200, b"two")


def test_a_file_that_becomes_shorter_ends_the_connection(served: Server, show: Path) -> None:
    path = show / "shrinking.m4s"
    size = 64 << 20
    with path.open("wb") as file:
        file.truncate(size)
    with served.connect() as connection:
        request = f"GET /show/{path.name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        connection.sendall(request.encode())
        received = len(connection.recv(1000))
        os.truncate(path, 1000)
        while True:
            try:
                piece = connection.recv(1 << 20)
            except ConnectionResetError:
                break
            if not piece:
                break
            received += len(piece)
    assert received < size
    assert served.get("/show/empty.m4s").status == 200


@pytest.mark.parametrize("name", ["page.html", "run.js"])
def test_nothing_of_a_mirror_is_a_page_or_a_script(name: str, served: Server) -> None:
    answer = served.get(f"/show/{name}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-security-policy"].startswith("sandbox;")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/show/.dashget/record.jsonl", 403),
        ("/show/%2edashget/record.jsonl", 403),
        ("/show/.DASHGET/record.jsonl", 403),
        ("/show/bars/../.dashget/record.jsonl", 403),
        ("/show/../show/manifest.mpd", 403),
        ("/show/%2e%2e/show/manifest.mpd", 403),
        ("/show/..%2f..%2fetc/passwd", 404),
        ("/show/bars%2fvideo-360p/1.m4s", 404),
        ("/show/bars%00", 404),
        ("/show//manifest.mpd", 403),
        ("/show/bars", 403),
        ("/show/", 403),
        ("/show", 403),
        ("/", 200),
        ("/other/manifest.mpd", 404),
        ("/show/missing.m4s", 404),
        ("//etc/passwd", 404),
        ("http://127.0.0.1/etc/passwd", 404),
        ("*", 400),
    ],
)
def test_what_is_not_served(path: str, status: int, served: Server) -> None:
    answer = served.get(path)
    assert answer.status == status
    assert b"root:" not in answer.body


@pytest.mark.parametrize("host", ["evil.example", "", "localhost.evil.example:80"])
def test_another_host_name_is_not_answered(host: str, served: Server) -> None:
    assert served.get("/show/manifest.mpd", {"Host": host}).status in (400, 421)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PROPFIND"])
def test_nothing_can_be_changed(method: str, served: Server) -> None:
    answer = served.get("/show/manifest.mpd", method=method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_pages_of_other_origins_may_read(served: Server) -> None:
    origin = {"Origin": "https://player.example", "Sec-Fetch-Site": "cross-site"}
    answer = served.get("/show/large.m4s", {**origin, "Range": "bytes=0-9"})
    assert answer.status == 206
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Content-Range" in answer.headers["access-control-expose-headers"]
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
    preflight = served.get("/show/large.m4s", {**origin, **asked}, method="OPTIONS")
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-headers"] == "*"


def test_several_mirrors_have_names_of_their_own(show: Path, tmp_path: Path) -> None:
    other = tmp_path / "show"
    shutil.copytree(show, other)
    (other / "who").write_text("other")
    with serving("serve", show, other, show, cwd=tmp_path, lines=2) as server:
        paths = [address.partition(str(server.port))[2] for address in server.addresses]
        assert paths == ["/show/manifest.local.mpd", "/show-2/manifest.local.mpd"]
        assert server.get("/show-2/who").body == b"other"
        assert server.get("/show/who").status == 404


def test_the_current_directory_has_the_name_of_its_folder(show: Path) -> None:
    with serving("serve", ".", cwd=show) as server:
        assert server.addresses[0].endswith("/show/manifest.local.mpd")


def test_ctrl_c_ends_it_at_once_although_connections_are_open(show: Path) -> None:
    (show / "huge.m4s").write_bytes(b"")
    os.truncate(show / "huge.m4s", 1 << 30)
    with serving("serve", show, cwd=show.parent) as server:
        with server.connect() as idle, server.connect() as reading:
            reading.sendall(b"GET /show/huge.m4s HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert reading.recv(100)
            idle.sendall(b"GET /show/huge.m4s HTTP/1.1\r\n")
            code, err = server.interrupt()
        assert (code, err) == (-2, "Ctrl-C ends the server\n")


def test_a_port_that_is_taken_is_named(show: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("serve", show, "--port", str(port), cwd=show.parent)
    assert ended.code == 2
    assert f"cannot listen on 127.0.0.1, port {port}: address already in use\n" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--port", "70000"], "--port: not a port: 70000"),
        (["--port", "-1"], "--port: not a port: -1"),
        (["--host", ""], "--host: no address"),
        (["--host", "no-such-host.invalid"], "cannot listen on no-such-host.invalid, port 0: "),
    ],
)
def test_an_address_that_cannot_be_used_is_named(
    words: list[str], sentence: str, show: Path
) -> None:
    ended = run("serve", show, *words, cwd=show.parent)
    assert ended.code == 2
    assert ended.err.startswith(f"dashget: error: {sentence}")
    assert ended.err.count("\n") == 2


def test_a_directory_that_is_no_mirror_is_named(show: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing"):
        ended = run("serve", show, name, cwd=tmp_path)
        assert ended.code == 6
        assert f"dashget: error: {name} is missing or empty\n" in ended.err
    shutil.copytree(show, tmp_path / "show")
    (tmp_path / "show" / "manifest.local.mpd").unlink()
    ended = run("serve", "show", cwd=tmp_path)
    assert ended.code == 6
    assert "hint: dashget verify --repair show writes it\n" in ended.err
    assert run("verify", "--repair", "show", cwd=tmp_path).code == 0
    assert (tmp_path / "show" / "manifest.local.mpd").exists()


OWN = b"Host: 127.0.0.1\r\n"
ODD_REQUESTS = {
    "a length and chunks": (b"POST / HTTP/1.1\r\n" + OWN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\n" + OWN + b"Host: evil.example\r\n\r\n", 400),
    "two hosts, the other first": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + OWN + b"\r\n", 400),
    "a host on the next line": (b"GET / HTTP/1.1\r\nHost:\r\n 127.0.0.1\r\n\r\n", 400),
    "no host": (b"GET /show/manifest.mpd HTTP/1.0\r\n\r\n", 421),
    "another host in the target": (b"GET http://evil.example/show/manifest.mpd HTTP/1.1\r\n" + OWN + b"\r\n", 404),
    "a user in the target": (b"GET http://127.0.0.1@evil.example/show/manifest.mpd HTTP/1.1\r\n" + OWN + b"\r\n", 404),
    "a tunnel": (b"CONNECT evil.example:80 HTTP/1.1\r\n" + OWN + b"\r\n", 405),
    "a preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a long line": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + OWN + b"\r\n", 400),
    "many fields": (b"GET / HTTP/1.1\r\n" + OWN + b"X: a\r\n" * 20_000 + b"\r\n", 400),
    "a long field": (b"GET / HTTP/1.1\r\n" + OWN + b"X: " + b"a" * 100_000 + b"\r\n\r\n", 400),
    "a null": (b"GET /show/\0 HTTP/1.1\r\n" + OWN + b"\r\n", 400),
    "bytes that are no UTF-8": (b"GET /show/\xff\xfe HTTP/1.1\r\n" + OWN + b"\r\n", 400),
    "no hexadecimal": (b"GET /show/%zz HTTP/1.1\r\n" + OWN + b"\r\n", 404),
    "dots in too many bytes": (b"GET /show/%c0%ae%c0%ae/out HTTP/1.1\r\n" + OWN + b"\r\n", 404),
    "dots and backslashes": (b"GET /show/..\\..\\out HTTP/1.1\r\n" + OWN + b"\r\n", 403),
    "dots and a semicolon": (b"GET /show/..;/out HTTP/1.1\r\n" + OWN + b"\r\n", 404),
    "a line break": (b"GET /show/%0d%0aSet-Cookie:a HTTP/1.1\r\n" + OWN + b"\r\n", 404),
    "a length below zero": (b"GET / HTTP/1.1\r\n" + OWN + b"Content-Length: -1\r\n\r\n", 400),
    "an echo": (b"TRACE / HTTP/1.1\r\n" + OWN + b"Cookie: a\r\n\r\n", 405),
    "a compressed body": (b"POST / HTTP/1.1\r\n" + OWN + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 405),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_REQUESTS)
def test_an_odd_request_is_refused_and_the_server_goes_on(name: str, served: Server) -> None:
    request, status = ODD_REQUESTS[name]
    with served.connect() as connection, contextlib.suppress(ConnectionError):
        connection.sendall(request)
        answer = connection.recv(4096)
        assert answer.split(b" ", 2)[1] == str(status).encode()
        assert b"\r\nSet-Cookie" not in answer
    assert served.get("/show/empty.m4s").status == 200
