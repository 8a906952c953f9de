"""The server of the demo: real requests over a real socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from dashget.demo.server import serving
from dashget.errors import DashGetError

URL = "http://h.example/a/1.m4s"
BODY = b"0123456789"


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with serving({URL: BODY, "http://h.example/a/x.mpd": b"<MPD/>"}) as proxy:
        yield address_of(proxy)


def address_of(proxy: str) -> tuple[str, int]:
    parts = urlsplit(proxy)
    assert parts.scheme == "http"
    assert parts.hostname == "127.0.0.1"
    assert parts.port
    return parts.hostname, parts.port


def ask(
    address: tuple[str, int], target: str, method: str = "GET", **headers: str
) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(*address, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, headers=named)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_a_resource_is_sent_with_length_type_and_validators(address: tuple[str, int]) -> None:
    response, body = ask(address, URL)
    assert (response.status, response.version, body) == (200, 11, BODY)
    assert response.headers["Content-Length"] == "10"
    assert response.headers["Content-Type"] == "video/iso.segment"
    assert response.headers["ETag"].startswith('"')
    assert response.headers["Last-Modified"].endswith(" GMT")
    assert response.headers["Accept-Ranges"] == "bytes"


def test_head_is_answered_like_get_without_the_body(address: tuple[str, int]) -> None:
    response, body = ask(address, URL, "HEAD")
    assert (response.status, response.headers["Content-Length"], body) == (200, "10", b"")


@pytest.mark.parametrize(
    ("asked", "status", "content_range", "body"),
    [
        ("bytes=2-4", 206, "bytes 2-4/10", b"234"),
        ("bytes=7-", 206, "bytes 7-9/10", b"789"),
        ("bytes=7-99", 206, "bytes 7-9/10", b"789"),
        ("bytes=10-", 416, "bytes */10", b""),
        ("bytes=5-4", 416, "bytes */10", b""),
        ("lines=1-2", 200, None, BODY),
        ("bytes=0-1,3-4", 200, None, BODY),
    ],
)
def test_one_byte_range_is_served(
    asked: str, status: int, content_range: str | None, body: bytes, address: tuple[str, int]
) -> None:
    response, got = ask(address, URL, Range=asked)
    assert (response.status, response.headers["Content-Range"], got) == (
        status,
        content_range,
        body,
    )
    assert response.headers["Content-Length"] == str(len(body))


def test_a_range_is_served_only_under_a_matching_validator(address: tuple[str, int]) -> None:
    etag = ask(address, URL)[0].headers["ETag"]
    assert ask(address, URL, Range="bytes=8-", If_Range=etag)[1] == b"89"
    assert ask(address, URL, Range="bytes=8-", If_Range='"other"')[1] == BODY


@pytest.mark.parametrize(
    "target",
    ["/a/1.m4s", "http://h.example/a/", "http://other.example/a/1.m4s", "http://h.example/a/../x"],
)
def test_nothing_else_is_served(target: str, address: tuple[str, int]) -> None:
    response, body = ask(address, target)
    assert (response.status, body) == (404, b"")


def test_one_connection_serves_several_requests(address: tuple[str, int]) -> None:
    connection = HTTPConnection(*address, timeout=20)
    for _ in range(3):
        connection.request("GET", URL)
        assert connection.getresponse().read() == BODY
    connection.close()


def test_a_client_that_goes_away_leaves_no_message(
    address: tuple[str, int], capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(address, timeout=20) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.sendall(f"GET {URL} HTTP/1.1\r\nHost: h.exam".encode())
    assert ask(address, URL)[1] == BODY
    for thread in threading.enumerate():
        if "process_request" in thread.name:
            thread.join(20)
    assert capfd.readouterr() == ("", "")


def test_the_server_ends_with_its_context_also_after_an_exception() -> None:
    addresses = []
    with contextlib.suppress(KeyboardInterrupt), serving({URL: BODY}) as proxy:
        addresses.append(address_of(proxy))
        raise KeyboardInterrupt
    with pytest.raises(ConnectionRefusedError):
        ask(addresses[0], URL)
    assert not [each for each in threading.enumerate() if "serve_forever" in each.name]


def test_without_a_loopback_interface_the_error_says_so() -> None:
    with pytest.raises(DashGetError) as caught, serving({}, host="192.0.2.1"):
        pass
    assert caught.value.message.startswith("cannot start the demo's server on 192.0.2.1: c")
    assert "loopback interface" in (caught.value.hint or "")
