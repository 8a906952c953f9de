"""Calls of libcurl that take too long are ended, by shutting the connection that it reads from."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from dashget.transfer.curl.links import Links
from dashget.transfer.run.watch import Watch
from dashget.transfer.settings.options import TransferOptions


class Loop:
    """What the watch sees of a loop."""

    def __init__(self) -> None:
        self.links = Links()
        self.calling = True
        self.next_tick = 1.0
        self.overlong_seconds = 0.0
        self.active: dict[Any, None] = {}


class Slot:
    def __init__(self, arrived: list[bytes]) -> None:
        self.arrived = arrived


class Connection:
    """A connection with both of its ends, the first of which the loop knows."""

    def __init__(self, kind: int = socket.SOCK_STREAM) -> None:
        if kind == socket.SOCK_STREAM:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                self.ours = socket.create_connection(listener.getsockname())
                self.theirs, _ = listener.accept()
        else:
            self.ours, self.theirs = (socket.socket(socket.AF_INET, kind) for _ in range(2))
            for end in (self.ours, self.theirs):
                end.bind(("127.0.0.1", 0))
            self.ours.connect(self.theirs.getsockname())
            self.theirs.connect(self.ours.getsockname())
        self.ours.setblocking(False)
        self.theirs.setblocking(False)

    @property
    def is_open(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return self.theirs.recv(1) != b""
        return True

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def connection(loop: Loop) -> Iterator[Connection]:
    with contextlib.closing(Connection()) as made:
        loop.links.note_socket(made.ours.fileno(), 0)
        yield made


def watching(loop: Loop, *, stopping: bool = False, timeout: float = 3.0) -> Watch:
    options = TransferOptions(timeout_seconds=timeout)
    run: Any = SimpleNamespace(shared=SimpleNamespace(options=options), stopping=stopping)
    loops: Any = (loop,)
    return Watch(run, loops, 0.5)


def looks_until_shut(watch: Watch, connection: Connection, most: int = 30) -> int | None:
    for number in range(most):
        if not connection.is_open:
            return number
        watch.look()
    return None


def test_a_call_ends_after_the_timeout(loop: Loop, connection: Connection) -> None:
    assert looks_until_shut(watching(loop), connection) == 7
    assert loop.overlong_seconds == 3.0


def test_a_busy_machine_has_two_seconds_whatever_the_timeout(
    loop: Loop, connection: Connection
) -> None:
    assert looks_until_shut(watching(loop, timeout=0.1), connection) == 5


def test_a_run_that_is_to_stop_waits_a_second(loop: Loop, connection: Connection) -> None:
    assert looks_until_shut(watching(loop, stopping=True), connection) == 3


def test_what_fills_the_memory_is_ended_sooner(loop: Loop, connection: Connection) -> None:
    pieces = [bytes(16384)]
    loop.active[Slot(pieces * 100)] = None
    watch = watching(loop)
    watch.look()
    watch.look()
    loop.active[Slot(pieces * 100_000)] = None
    watch.look()
    assert not connection.is_open


def test_short_calls_one_after_another_are_none_that_is_long(
    loop: Loop, connection: Connection
) -> None:
    watch = watching(loop)
    for tick in range(30):
        loop.next_tick = float(tick // 3)
        watch.look()
    assert connection.is_open
    loop.next_tick = 100.0
    for number in range(30):
        loop.calling = number % 3 > 0
        watch.look()
    assert connection.is_open


def test_time_in_dashget_itself_is_no_call_of_libcurl(loop: Loop, connection: Connection) -> None:
    loop.calling = False
    assert looks_until_shut(watching(loop, stopping=True), connection) is None


def test_only_the_connection_that_is_read_from_is_shut(loop: Loop, connection: Connection) -> None:
    with contextlib.closing(Connection()) as other:
        loop.links.note_socket(other.ours.fileno(), 0)
        other.theirs.send(bytes(1000))
        watch = watching(loop)
        for _ in range(6):
            watch.look()
            connection.theirs.send(b"x")
        watch.look()
        assert not connection.is_open
        assert other.is_open


def test_a_descriptor_that_is_anothers_by_now_is_left_alone(
    loop: Loop, connection: Connection
) -> None:
    with contextlib.closing(Connection()) as other:
        os.dup2(other.ours.fileno(), connection.ours.fileno())
        assert not connection.is_open
        for _ in range(10):
            watching(loop).look()
        watch = watching(loop)
        for _ in range(10):
            watch.look()
        assert loop.overlong_seconds
        assert other.is_open


def test_datagrams_come_in_no_more(loop: Loop) -> None:
    with contextlib.closing(Connection(socket.SOCK_DGRAM)) as connection:
        loop.links.note_socket(connection.ours.fileno(), 0)
        watch = watching(loop)
        for _ in range(8):
            watch.look()
        with contextlib.suppress(ConnectionRefusedError):
            connection.theirs.send(b"x")
        with pytest.raises(BlockingIOError):
            connection.ours.recv(1)
