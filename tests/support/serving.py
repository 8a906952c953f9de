"""``dashget serve`` and ``dashget play`` as processes, and requests to them as they stand."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.support.program import DEADLINE_SECONDS, start


class Answer(NamedTuple):
    """A response: its headers have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes


class Server(NamedTuple):
    """A server that runs."""

    process: subprocess.Popen[str]
    addresses: list[str]
    """What it has written on standard output, line by line."""

    @property
    def port(self) -> int:
        return urlsplit(self.addresses[0]).port or 80

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> Answer:
        """Send a request with the path as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        with contextlib.closing(connection):
            given = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_SECONDS)

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C; return the exit code and what was written on standard error."""
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, err


@contextlib.contextmanager
def serving(
    *words: str | Path, cwd: Path, lines: int = 1, more: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start the program with a command that serves; wait for its lines on standard output."""
    process = start(*words, cwd=cwd, more=more)
    try:
        assert process.stdout is not None
        addresses = [process.stdout.readline().rstrip("\n") for _ in range(lines)]
        if not all(addresses):
            raise RuntimeError(process.communicate(timeout=DEADLINE_SECONDS)[1])
        yield Server(process, addresses)
    finally:
        process.kill()
        process.communicate()
