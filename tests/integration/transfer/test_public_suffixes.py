"""Cookies for whole registries of names (``co.uk``, ``github.io``) are taken from nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tests.support.sinks import Transfers

REFUSED = [
    ("a.co.uk", "co.uk", "b.co.uk"),
    ("a.co.uk", "CO.UK", "b.co.uk"),
    ("a.co.uk", ".co.uk", "b.co.uk"),
    ("a.co.uk", "co.uk.", "b.co.uk"),
    ("a.com", "com", "b.com"),
    ("a.github.io", "github.io", "b.github.io"),
    ("a.s3.amazonaws.com", "s3.amazonaws.com", "b.s3.amazonaws.com"),
    ("a.cloudfront.net", "cloudfront.net", "b.cloudfront.net"),
    ("a.akamaized.net", "akamaized.net", "b.akamaized.net"),
    ("a.x.kawasaki.jp", "x.kawasaki.jp", "b.x.kawasaki.jp"),
    ("a.xn--p1ai", "xn--p1ai", "b.xn--p1ai"),
    ("a.nowhere-at-all", "nowhere-at-all", "b.nowhere-at-all"),
    ("203.0.113.4", "113.4", "198.51.113.4"),
    ("a.example.org", "other.example", "other.example"),
    ("a.example.org", "b.a.example.org", "b.a.example.org"),
]
TAKEN = [
    ("a.example.org", "example.org", "b.example.org"),
    ("a.city.kawasaki.jp", "city.kawasaki.jp", "b.city.kawasaki.jp"),
]


class _Names(ThreadingHTTPServer):
    """A proxy that is the server of every name: it sets a cookie at ``/set``."""

    cookie = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.cookies: dict[str, str | None] = {}


class _Answering(BaseHTTPRequestHandler):
    server: _Names

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.cookies[path] = self.headers.get("Cookie")
        self.send_response(200)
        if path == "/set":
            self.send_header("Set-Cookie", self.server.cookie)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def names() -> Iterator[_Names]:
    with _Names() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sent(names: _Names, host: str, domain: str, other: str) -> str | None:
    names.cookie = f"k=v; Domain={domain}; Path=/"
    with Transfers(retries=0, proxy=f"http://127.0.0.1:{names.server_port}") as transfers:
        transfers.get(f"http://{host}/set")
        transfers.get(f"http://{other}/other")
    return names.cookies["/other"]


@pytest.mark.parametrize(("host", "domain", "other"), REFUSED, ids=lambda name: name)
def test_a_cookie_for_a_registry_of_names_reaches_no_other_host(
    host: str, domain: str, other: str, names: _Names
) -> None:
    assert sent(names, host, domain, other) is None


@pytest.mark.parametrize(("host", "domain", "other"), TAKEN, ids=lambda name: name)
def test_a_cookie_for_a_domain_of_its_own_reaches_its_hosts(
    host: str, domain: str, other: str, names: _Names
) -> None:
    assert sent(names, host, domain, other) == "k=v"
