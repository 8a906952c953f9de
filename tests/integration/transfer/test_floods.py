"""Servers that send for ever as fast as they can, and never an answer: the request is given up.

Where libcurl reads on within one call, the program is run: a server that had to share the
interpreter with it would be too slow for that.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support import hpack
from tests.support.certificates import Authority
from tests.support.h2server import (
    ACK,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
)
from tests.support.program import run
from tests.support.sinks import Transfers

PUSH_PROMISE: Final = 0x5
CONTINUATION: Final = 0x9
UNKNOWN: Final = 0x21
SECONDS: Final = 60
"""What a request may take on a busy machine: it has 0.5 s, and twice that for an answer."""
PIECE: Final = 1 << 20
"""What is sent at once: so much that Python does not slow the flood down."""

OK = frame(HEADERS, END_HEADERS, 1, hpack.encode([(":status", "200")]))
EARLY = frame(HEADERS, END_HEADERS, 1, hpack.encode([(":status", "103"), ("x", "y" * 100)]))
FIELD = hpack.encode([("x", "y" * 4000)])
FLOODS: dict[str, tuple[bytes, bytes]] = {
    "fields that go on": (frame(HEADERS, 0, 1, FIELD), frame(CONTINUATION, 0, 1, FIELD)),
    "fields of nothing": (frame(HEADERS, 0, 1, FIELD), frame(CONTINUATION, 0, 1, b"")),
    "settings": (b"", frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 100) * 5)),
    "settings of nothing": (b"", frame(SETTINGS, 0, 0, b"")),
    "acknowledged settings": (b"", frame(SETTINGS, ACK, 0, b"")),
    "pings": (b"", frame(PING, 0, 0, b"12345678")),
    "answers to no ping": (b"", frame(PING, ACK, 0, b"12345678")),
    "resets": (b"", frame(RST_STREAM, 0, 1, struct.pack(">I", 8))),
    "goaways with reasons": (b"", frame(GOAWAY, 0, 0, struct.pack(">II", 2**31 - 1, 0) + bytes(16000))),
    "settings that change": (b"", b"".join(frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 100 + n)) for n in (0, 1))),
    "windows": (b"", frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1))),
    "windows of a stream": (b"", frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1))),
    "priorities": (b"", frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 1))),
    "unknown frames": (b"", frame(UNKNOWN, 0, 1, b"x" * 100)),
    "early answers": (b"", EARLY),
    "a body of nothing": (OK, frame(DATA, 0, 1, b"")),
    "a body of padding": (OK, frame(DATA, PADDED, 1, b"\xff" + bytes(255))),
    "pushes": (b"", frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + FIELD)),
    "frames that are too large": (b"", struct.pack(">I", 2**24 - 1)[1:] + b"\0\0\0\0\0\1" + b"x" * 9999),
}  # fmt: skip
GONE: Final = frame(GOAWAY, 0, 0, struct.pack(">II", 2**31 - 1, 0))
IN_ONE_CALL: dict[str, tuple[bytes, bytes]] = {
    "goaways": (b"", GONE),
    "goaways in a body": (OK, GONE),
    "goaways and single bytes of a body": (OK, GONE + frame(DATA, 0, 1, b"x")),
    "goaways and more of a body": (OK, GONE + frame(DATA, 0, 1, b"x" * 10000)),
    "goaways and bytes of a body now and then": (OK, GONE * 1000 + frame(DATA, 0, 1, b"x")),
}
"""Floods in which libcurl does not return to whoever has called it."""


class Flooding:
    """Sends its first frames once, and then another one as fast as it goes."""

    def __init__(self, tls: ssl.SSLContext, first: bytes, rest: bytes) -> None:
        tls.set_alpn_protocols(["h2"])
        self._tls, self._first = tls, first
        self._rest = rest * max(1, PIECE // len(rest))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}/m.mpd"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError), raw:
            raw.settimeout(SECONDS)
            with self._tls.wrap_socket(raw, server_side=True) as connection:
                seen = b""
                while not seen.startswith(PREFACE) or len(seen) < len(PREFACE) + 60:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    seen += piece
                connection.sendall(frame(SETTINGS, 0, 0, b"") + self._first)
                while True:
                    connection.sendall(self._rest)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def flooding(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Flooding]:
    server = Flooding(authority.server(), *(FLOODS | IN_ONE_CALL)[request.param])
    yield server
    server.close()


@pytest.mark.parametrize("flooding", FLOODS, indirect=True)
def test_a_flood_of_frames_is_given_up(flooding: Flooding, authority: Authority) -> None:
    began = time.monotonic()
    with Transfers(retries=0, timeout_seconds=0.5, cacert=authority.certificate) as transfers:
        transfers.fail(flooding.url)
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize("flooding", IN_ONE_CALL, indirect=True)
def test_a_flood_that_keeps_libcurl_in_one_call_is_ended(
    flooding: Flooding, authority: Authority, tmp_path: Path
) -> None:
    began = time.monotonic()
    ended = run(
        "get", flooding.url, "--cacert", authority.certificate, "--timeout", "0.5",
        "--retries", "0", cwd=tmp_path,
    )  # fmt: skip
    assert time.monotonic() - began < SECONDS
    assert ended.code == 5
    assert "timed out" in ended.err or "too large" in ended.err
