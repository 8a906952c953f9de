"""The proxy of the tests itself, over raw sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer
from tests.support.proxyserver import ProxyServer

GET = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def server(server: FaultServer) -> FaultServer:
    server.on("/a", Answer(b"whole"))
    server.on("/a?b=1", Answer(b"with a query"))
    return server


@pytest.fixture
def proxy() -> Iterator[ProxyServer]:
    with ProxyServer() as running:
        yield running


def connect(proxy: ProxyServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def rest(connection: socket.socket) -> bytes:
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


def test_asks_the_server_for_an_absolute_url(server: FaultServer, proxy: ProxyServer) -> None:
    head = f"GET {server.url('/a?b=1')} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connect(proxy) as connection:
        connection.sendall(head.encode())
        assert rest(connection).endswith(b"\r\n\r\nwith a query")
    assert proxy.seen == [head]
    assert [seen.path for seen in server.seen] == ["/a?b=1"]


def test_passes_on_one_request_after_the_other(server: FaultServer, proxy: ProxyServer) -> None:
    heads = [f"GET {server.url(path)} HTTP/1.1\r\nHost: x\r\n\r\n" for path in ("/a", "/a?b=1")]
    with connect(proxy) as connection:
        for head, body in zip(heads, (b"whole", b"with a query"), strict=True):
            connection.sendall(head.encode())
            received = b""
            while not received.endswith(b"\r\n\r\n" + body):
                received += connection.recv(65536)
    assert proxy.seen == heads
    assert [seen.path for seen in server.seen] == ["/a", "/a?b=1"]


def test_opens_a_tunnel(server: FaultServer, proxy: ProxyServer) -> None:
    with connect(proxy) as connection:
        connection.sendall(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.sendall(GET)
        assert rest(connection).endswith(b"\r\n\r\nwhole")
    assert proxy.seen == [f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n\r\n"]


@pytest.mark.parametrize(
    ("address", "name", "seen"),
    [
        (b"\x7f\0\0\1", b"", "SOCKS 4 127.0.0.1"),
        (b"\0\0\0\1", b"a.example\0", "SOCKS 4a a.example"),
    ],
)
def test_speaks_socks_4(
    server: FaultServer, proxy: ProxyServer, address: bytes, name: bytes, seen: str
) -> None:
    with connect(proxy) as connection:
        connection.sendall(struct.pack(">BBH4s", 4, 1, server.port, address) + b"me\0" + name)
        assert connection.recv(8) == b"\x00\x5a\0\0\0\0\0\0"
        connection.sendall(GET)
        assert rest(connection).endswith(b"\r\n\r\nwhole")
    assert proxy.seen == [f"{seen}:{server.port}"]


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"\x01\x7f\0\0\1", "SOCKS 5 127.0.0.1"),
        (b"\x04" + bytes(15) + b"\1", "SOCKS 5 ::1"),
        (b"\x03\x09a.example", "SOCKS 5h a.example"),
    ],
)
def test_speaks_socks_5(server: FaultServer, proxy: ProxyServer, target: bytes, seen: str) -> None:
    with connect(proxy) as connection:
        connection.sendall(b"\x05\x02\x00\x02")
        assert connection.recv(2) == b"\x05\x00"
        connection.sendall(b"\x05\x01\x00" + target + struct.pack(">H", server.port))
        assert connection.recv(10)[:2] == b"\x05\x00"
        connection.sendall(GET)
        assert rest(connection).endswith(b"\r\n\r\nwhole")
    assert proxy.seen == [f"{seen}:{server.port}"]


def test_takes_clients_over_tls(
    server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority.make(tmp_path_factory.mktemp("ca"))
    with (
        ProxyServer(tls=authority.server()) as proxy,
        connect(proxy) as plain,
        authority.client().wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert len(proxy.seen) == 1
    assert server.seen == []


def test_ends_what_is_no_request(proxy: ProxyServer) -> None:
    with connect(proxy) as connection:
        connection.sendall(b"CONNECT\r\n\r\n")
        assert rest(connection) == b""
