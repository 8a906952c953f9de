"""A small forward proxy for tests: HTTP (absolute URLs and CONNECT) and SOCKS5."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from urllib.parse import urlsplit


class ProxyServer:
    """Relays, and keeps the first line and headers (or the SOCKS target) of every request."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._open: list[socket.socket] = []

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
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            first = client.recv(1, socket.MSG_PEEK)
            if first == b"\x05":
                self._socks(client)
            else:
                self._http(client)
        client.close()

    def _http(self, client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        self.seen.append(head.decode("latin-1"))
        method, target, _ = head.decode("latin-1").split(" ", 2)
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            server = self._connect(host, int(port))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            parts = urlsplit(target)
            server = self._connect(parts.hostname or "", parts.port or 80)
            path = parts.path.encode() or b"/"
            server.sendall(head.replace(target.encode(), path, 1))
        self._relay(client, server)

    def _socks(self, client: socket.socket) -> None:
        count = client.recv(2)[1]
        client.recv(count)
        client.sendall(b"\x05\x00")
        _, _, _, kind = client.recv(4)
        if kind == 1:
            host = socket.inet_ntoa(client.recv(4))
        else:
            host = client.recv(client.recv(1)[0]).decode()
        (port,) = struct.unpack(">H", client.recv(2))
        self.seen.append(f"SOCKS {kind} {host}:{port}")
        server = self._connect("127.0.0.1", port)
        client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        self._relay(client, server)

    def _connect(self, host: str, port: int) -> socket.socket:
        server = socket.create_connection((host, port), timeout=5)
        self._open.append(server)
        return server

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        self._threads.append(back)
        back.start()
        _pump(client, server)
        back.join(5)
        server.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
