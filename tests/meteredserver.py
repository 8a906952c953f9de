"""A slow server that counts what it sends, and strikes when a number is reached.

It serves a directory with everything that ``FaultServer`` knows about ranges and
validators. Bodies leave in small pieces with a pause after each, so that few bytes are on
their way at any moment, and what was sent is what a client could have had.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faultserver import Answer, FaultServer, Seen

MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"


@dataclass(frozen=True)
class Pace:
    """How a body leaves: pieces of so many bytes, a pause of so many seconds after each."""

    piece: int
    pause_seconds: float


class MeteredServer(FaultServer):
    """Serve ``files`` (path without the slash -> bytes) at a pace, and count."""

    def __init__(self, files: dict[str, bytes], pace: Pace, *, uncounted: frozenset[str]) -> None:
        super().__init__()
        self.sent = 0
        """Bytes of bodies sent so far, but for those of ``uncounted`` paths."""
        self._pace = pace
        self._counter = threading.Lock()
        self._threshold: int | None = None
        self._strike: Callable[[], None] = _nothing
        self._delay = 0.0
        self._cuts = 0
        self._plain = {id(data) for name, data in files.items() if name in uncounted}
        for name, data in files.items():
            validator = f'"{len(data):x}-{hash(data) & 0xFFFFFFFF:x}"'
            self.on(f"/{name}", Answer(data, etag=validator, last_modified=MODIFIED))

    def arm(self, after: int, delay_seconds: float, strike: Callable[[], None]) -> None:
        """Call ``strike`` once ``after`` more bytes have left, and a moment has passed."""
        with self._counter:
            self._threshold = self.sent + after
            self._delay = delay_seconds
            self._strike = strike

    def disarm(self) -> bool:
        """Take the strike back; False if it was made already."""
        with self._counter:
            armed = self._threshold is not None
            self._threshold = None
            return armed

    def cut(self) -> None:
        """Send nothing more in answer to what was asked so far: nobody is left to take it.

        What a client that has stopped did not take out of its sockets any more does not
        count as sent: on a busy machine that can be a lot. (Linux tells; elsewhere it counts.)
        """
        self._cuts += 1
        unread = sum(_iter_unread(self.port))
        with self._counter:
            self.sent -= unread

    def _serve(self, connection: socket.socket, seen: Seen) -> bool:
        self._tally(0)
        return super()._serve(connection, seen)

    def _send_body(self, connection: socket.socket, body: bytes, answer: Answer) -> bool:
        counted = id(answer.body) not in self._plain
        view, cuts = memoryview(body), self._cuts
        for start in range(0, len(view), self._pace.piece):
            if self._cuts != cuts:
                return False
            piece = view[start : start + self._pace.piece]
            connection.sendall(piece)
            self._tally(len(piece) if counted else 0)
            if self._stopping.wait(self._pace.pause_seconds):
                return False
        return True

    def _tally(self, size: int) -> None:
        with self._counter:
            self.sent += size
            if self._threshold is None or self.sent < self._threshold:
                return
            self._threshold = None
            strike, delay = self._strike, self._delay
        threading.Thread(target=_after, args=(delay, strike), daemon=True).start()


def _iter_unread(port: int) -> Iterator[int]:
    """Yield how many bytes wait in each socket whose other side is ``port`` of this host."""
    try:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        _, _, remote, _, queues = line.split()[:5]
        if int(remote.partition(":")[2], 16) == port:
            yield int(queues.partition(":")[2], 16)


def _after(seconds: float, strike: Callable[[], None]) -> None:
    time.sleep(seconds)
    strike()


def _nothing() -> None:
    return
