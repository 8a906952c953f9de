"""A minimal HTTP/2 server that breaks streams and connections by script (RFC 9113).

It does not look at what is asked: each request takes the next step of the script, and the
last one stays. Bodies must fit in the initial flow-control window.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from dataclasses import dataclass

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x7
_END_STREAM, _END_HEADERS, _ACK = 0x1, 0x4, 0x1
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM = 0x0, 0x2, 0x7, 0xB


@dataclass(frozen=True)
class Step:
    """How one request ends: whole, or by RST_STREAM or GOAWAY after ``upto`` bytes."""

    body: bytes
    upto: int | None = None
    reset: int | None = None
    """Error code of a RST_STREAM."""
    goaway: int | None = None
    """Error code of a GOAWAY; the connection is closed after it."""
    disowned: bool = False
    """The GOAWAY says that this request was not looked at."""
    head: bool = True
    mute: bool = False
    """Nothing is answered on this connection from now on, though it stays open."""


class H2Server:
    """The server; needs a TLS context, since HTTP/2 is agreed upon by ALPN."""

    def __init__(self, tls: ssl.SSLContext, *steps: Step) -> None:
        tls.set_alpn_protocols(["h2"])
        self._tls = tls
        self._steps = list(steps)
        self._lock = threading.Lock()
        self.requests = 0
        self.connections = 0
        self._open: list[socket.socket] = []
        self._mute: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}/a"

    def __enter__(self) -> H2Server:
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
                plain, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._converse, args=(plain,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _converse(self, plain: socket.socket) -> None:
        try:
            connection = self._tls.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        with self._lock:
            self._open.append(connection)
            self.connections += 1
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as reader:
            if reader.read(len(_PREFACE)) != _PREFACE:
                return
            connection.sendall(_frame(_SETTINGS, 0, 0, b""))
            while header := reader.read(9):
                size = int.from_bytes(header[:3], "big")
                kind, flags, stream = header[3], header[4], int.from_bytes(header[5:], "big")
                reader.read(size)
                if kind == _SETTINGS and not flags & _ACK:
                    connection.sendall(_frame(_SETTINGS, _ACK, 0, b""))
                elif kind == _HEADERS and not self._answer(connection, stream):
                    return

    def _answer(self, connection: socket.socket, stream: int) -> bool:
        """Play the next step; say whether the connection stays open."""
        with self._lock:
            self.requests += 1
            if connection in self._mute:
                return True
            step = self._steps[0]
            if len(self._steps) > 1:
                del self._steps[0]
        if step.mute:
            self._mute.add(connection)
            return True
        if step.head:
            # :status 200 and content-length from HPACK's static table (RFC 7541, appendix A).
            length = str(len(step.body)).encode()
            fields = b"\x88\x0f\x0d" + bytes([len(length)]) + length
            connection.sendall(_frame(_HEADERS, _END_HEADERS, stream, fields))
        if step.upto is None and step.reset is None and step.goaway is None:
            connection.sendall(_frame(_DATA, _END_STREAM, stream, step.body))
            return True
        if step.upto:
            connection.sendall(_frame(_DATA, 0, stream, step.body[: step.upto]))
        if step.reset is not None:
            connection.sendall(_frame(_RST_STREAM, 0, stream, struct.pack(">I", step.reset)))
            return True
        last = max(0, stream - 2) if step.disowned else stream
        if step.goaway is not None:
            connection.sendall(_frame(_GOAWAY, 0, 0, struct.pack(">II", last, step.goaway)))
        return False


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload
    )
