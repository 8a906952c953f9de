"""Clients that keep connections and use none of them: others are served all the same."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from dashget.common.stopping import Stop
from dashget.serve.connections import Limits
from dashget.serve.guards import Hosts
from dashget.serve.server import Address, Handler, serve
from dashget.serve.shows import close_shows, open_shows
from tests.support.program import DEADLINE_SECONDS
from tests.support.serving import Server

SMALL = b"GET /show/empty.m4s HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGE = b"GET /show/vast.m4s HTTP/1.1\r\nHost: localhost\r\n\r\n"
UNUSED = {
    "nothing is sent": b"",
    "half a request": b"GET / HTTP/1.1\r\nHost: local",
    "a body that never comes": SMALL[:-2] + b"Content-Length: 99999999\r\n\r\n",
    "an answer that nobody reads": LARGE,
    "ranges that nobody reads": LARGE[:-2] + b"Range: bytes=0-40000000,50000000-90000000\r\n\r\n",
    "a hundred requests at once": LARGE * 100,
}


@pytest.fixture(scope="module", autouse=True)
def vast(show: Path) -> Iterator[None]:
    """A file that no buffer holds."""
    with (show / "vast.m4s").open("wb") as file:
        file.truncate(200 << 20)
    yield
    (show / "vast.m4s").unlink()


@contextlib.contextmanager
def limited(show: Path, limits: Limits) -> Iterator[int]:
    """Serve a mirror with other limits; yields the port."""
    shows, stop, ports = open_shows([str(show)]), Stop(), Queue[int]()
    handler = Handler(shows, Hosts("127.0.0.1", "here"), None, limits)
    thread = threading.Thread(
        target=serve, args=(handler, Address("127.0.0.1", 0), stop, ports.put), daemon=True
    )
    thread.start()
    try:
        yield ports.get(timeout=DEADLINE_SECONDS)
    finally:
        stop.request()
        thread.join(DEADLINE_SECONDS)
        close_shows(shows)
    assert not thread.is_alive()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS)


def is_closed(connection: socket.socket) -> bool:
    """Read until the server ends a connection; False if it stays open and sends nothing."""
    connection.setblocking(False)
    try:
        while connection.recv(1 << 20):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize("kind", UNUSED)
def test_connections_without_progress_keep_nobody_out(kind: str, show: Path) -> None:
    with limited(show, Limits(most=4)) as port, contextlib.ExitStack() as stack:
        for _ in range(12):
            for _ in range(5):
                stack.enter_context(connect(port)).sendall(UNUSED[kind])
            with connect(port) as connection:
                connection.sendall(SMALL)
                assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_request_that_never_ends_is_given_up(show: Path) -> None:
    with limited(show, Limits(waiting_seconds=0.1)) as port, connect(port) as connection:
        connection.sendall(UNUSED["half a request"])
        with contextlib.suppress(ConnectionError):
            assert connection.recv(100) == b""


def test_of_hundreds_of_connections_the_oldest_are_closed(served: Server) -> None:
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(served.connect()) for _ in range(300)]
        for connection in opened:
            connection.sendall(b"GET / HTTP/1.1\r\n")
        assert served.get("/show/empty.m4s").status == 200
        closed = list(map(is_closed, opened))
    assert 300 - sum(closed) <= Limits().most
    assert closed == sorted(closed, reverse=True)
    assert closed[0]
