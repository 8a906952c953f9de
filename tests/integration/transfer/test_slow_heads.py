"""Servers that never come to an end: heads, refusals and documents that drip byte by byte."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from dashget.errors import Retry
from tests.support.program import run
from tests.support.sinks import Transfers

PAUSE_SECONDS = 0.05
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
REFUSAL = b"HTTP/1.1 404 Not Found\r\nContent-Length: 99999\r\n\r\n"
MPD = b"<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'>"
DOCUMENT = b"HTTP/1.1 200 OK\r\n\r\n" + MPD


class Dripping:
    """Sends pieces to everyone who connects, with a pause before each, until it is closed."""

    def __init__(self, at_once: bytes, pieces: Iterable[bytes]) -> None:
        self._at_once = at_once
        self._pieces = tuple(itertools.islice(pieces, 5000))
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/m.mpd"
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(self._at_once)
                for piece in self._pieces:
                    if self._over.wait(PAUSE_SECONDS):
                        return
                    connection.sendall(piece)
            except OSError:
                return

    def close(self) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def letters(text: bytes) -> Iterator[bytes]:
    return (text[i : i + 1] for i in range(len(text)))


LINES = {
    "status line": (b"", letters(b"HTTP/1.1 200 " + b"O" * 5000)),
    "one field": (HEAD + b"X: ", itertools.repeat(b"x")),
}
ENDLESS = {
    "many fields": (HEAD, itertools.repeat(b"X: y\r\n")),
    "informational": (b"", itertools.repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n")),
    "continue": (b"", itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "processing": (b"", itertools.repeat(b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n")),
}
"""What drips, and never becomes an answer."""


@pytest.fixture
def dripping(request: pytest.FixtureRequest) -> Iterator[Dripping]:
    server = Dripping(*request.param)
    yield server
    server.close()


@pytest.mark.both_paths
@pytest.mark.parametrize("dripping", ENDLESS.values(), ids=ENDLESS, indirect=True)
def test_a_head_that_never_ends_is_given_up_after_twice_the_timeout(dripping: Dripping) -> None:
    with Transfers(retries=1, timeout_seconds=0.3) as transfers:
        error = transfers.fail(dripping.url)
    assert str(error) == "timed out: no complete answer within 0.6 s"
    assert error.retry is Retry.AGAIN
    assert dripping.connections == 2


@pytest.mark.both_paths
@pytest.mark.parametrize("dripping", LINES.values(), ids=LINES, indirect=True)
def test_a_line_that_never_ends_is_given_up(dripping: Dripping) -> None:
    with Transfers(retries=1, timeout_seconds=0.3) as transfers:
        error = transfers.fail(dripping.url)
    assert str(error) in ("timed out: no data for 0.3 s", "not an HTTP answer")
    assert dripping.connections == 2


@pytest.mark.parametrize(
    "dripping", [(REFUSAL, itertools.repeat(b"x"))], ids=["refusal"], indirect=True
)
def test_a_refusal_counts_though_its_body_never_ends(dripping: Dripping) -> None:
    with Transfers(retries=0, timeout_seconds=0.3) as transfers:
        error = transfers.fail(dripping.url)
    assert error.status == 404


@pytest.mark.parametrize(
    "dripping",
    [(DOCUMENT, itertools.repeat(b" ")), (DOCUMENT, itertools.repeat(b"<!---->"))],
    ids=["blanks", "comments"],
    indirect=True,
)
def test_a_manifest_that_never_ends_is_given_up(dripping: Dripping, tmp_path: Path) -> None:
    ended = run("list", dripping.url, "--document-timeout", "0.6", cwd=tmp_path)
    assert ended.code == 5
    assert "not complete within 0.6 s of requests" in ended.err
    assert "hint: allow more with --document-timeout SECONDS" in ended.err
    assert dripping.connections == 1


@pytest.mark.parametrize(
    "dripping", [(b"", itertools.repeat(b"HTTP/1.1 103 E\r\n\r\n"))], ids=["1xx"], indirect=True
)
def test_the_attempts_of_a_document_share_its_time(dripping: Dripping, tmp_path: Path) -> None:
    options = ("--timeout", "0.2", "--retries", "50", "--document-timeout", "1")
    ended = run("list", dripping.url, *options, cwd=tmp_path)
    assert ended.code == 5
    assert "not complete within 1 s of requests" in ended.err
    assert dripping.connections <= 4
