"""A small forward proxy for tests: HTTP (absolute URLs and CONNECT), SOCKS4, 4a and 5."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from urllib.parse import urlsplit


class ProxyServer:
    """Relays, and keeps the first line and headers (or the SOCKS target) of every request.

    Whatever host a SOCKS client names, it gets to loopback, unless the proxy is ``honest``. With
    ``tls`` clients come over TLS.
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, port: int = 0, honest: bool = False
    ) -> None:
        self.seen: list[str] = []
        self._tls = tls
        self._honest = honest
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._open: list[socket.socket] = []

    def url(self, scheme: str) -> str:
        """Return what ``--proxy`` is to be."""
        return f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> ProxyServer:
        self._threads[0].start()
        return self

    def __exit__(self, *exception: object) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            self._start(self._serve, client)

    def _start(self, target: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
                self._open.append(client)
                self._http(client)
                return
            first = client.recv(1, socket.MSG_PEEK)
            if first == b"\x04":
                self._socks4(client)
            elif first == b"\x05":
                self._socks5(client)
            else:
                self._http(client)
        client.close()

    def _http(self, client: socket.socket) -> None:
        servers: list[socket.socket] = []
        while True:
            head = _until(client, b"\r\n\r\n")
            self.seen.append(head.decode("latin-1"))
            method, target, _ = head.decode("latin-1").split(" ", 2)
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                server = self._connect(host, int(port))
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._relay(client, server)
                return
            parts = urlsplit(target)
            server = self._connect(parts.hostname or "", parts.port or 80)
            path = parts._replace(scheme="", netloc="").geturl() or "/"
            servers.append(server)
            if len(servers) > 1:
                # All of its answer has come, or the client would not ask for the next thing.
                servers[-2].shutdown(socket.SHUT_RDWR)
            server.sendall(head.replace(target.encode(), path.encode(), 1))
            self._start(_answer, server, client, servers)

    def _socks4(self, client: socket.socket) -> None:
        _, _, port, address = struct.unpack(">BBH4s", _exactly(client, 8))
        _until(client, b"\0")
        host = socket.inet_ntoa(address)
        kind = "4"
        if address[:3] == bytes(3):
            kind, host = "4a", _until(client, b"\0")[:-1].decode()
        self.seen.append(f"SOCKS {kind} {host}:{port}")
        server = self._connect(host if self._honest else "127.0.0.1", port)
        client.sendall(b"\x00\x5a" + bytes(6))
        self._relay(client, server)

    def _socks5(self, client: socket.socket) -> None:
        _exactly(client, _exactly(client, 2)[1])
        client.sendall(b"\x05\x00")
        kind = _exactly(client, 4)[3]
        if kind == 1:
            host = socket.inet_ntoa(_exactly(client, 4))
        elif kind == 4:
            host = socket.inet_ntop(socket.AF_INET6, _exactly(client, 16))
        else:
            host = _exactly(client, _exactly(client, 1)[0]).decode()
        (port,) = struct.unpack(">H", _exactly(client, 2))
        self.seen.append(f"SOCKS {'5h' if kind == 3 else '5'} {host}:{port}")
        server = self._connect(host if self._honest else "127.0.0.1", port)
        client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        self._relay(client, server)

    def _connect(self, host: str, port: int) -> socket.socket:
        server = socket.create_connection((host, port), timeout=5)
        self._open.append(server)
        return server

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        back = self._start(_pump, server, client)
        _pump(client, server)
        back.join(5)
        server.close()


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = client.recv(size - len(data))
        if not piece:
            raise ConnectionError("closed by the client")
        data += piece
    return data


def _until(client: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        data += _exactly(client, 1)
    return data


def _answer(server: socket.socket, client: socket.socket, servers: list[socket.socket]) -> None:
    """Pass on what a server says, and its end, unless the client has gone on to another."""
    _copy(server, client)
    if servers[-1] is server:
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


def _pump(source: socket.socket, target: socket.socket) -> None:
    _copy(source, target)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
