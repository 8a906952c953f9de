"""A slow server that counts what it sends, and strikes when a number is reached.

It serves a directory with everything that ``FaultServer`` knows about ranges and
validators. Bodies leave in small pieces with a pause after each, and none before the client
has taken the one before out of its socket (Linux tells): however busy the machine is, one
piece of each connection at most is on its way, and what was sent is what a client has had.
"""

from __future__ import annotations

import array
import errno
import fcntl
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.faultserver import Answer, FaultServer, Seen

MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"

_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NETLINK_SOCK_DIAG = 4
_SIOCOUTQNSD = 0x894B


@dataclass(frozen=True)
class Pace:
    """Speed of a body: pieces of so many bytes, a pause of so many seconds after each."""

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
        count as sent.
        """
        self._cuts += 1
        with self._lock:
            unread = sum(_unread(connection) or 0 for connection in self._connections)
        with self._counter:
            self.sent -= unread

    def _serve(self, connection: socket.socket, seen: Seen) -> bool:
        self._tally(0)
        return super()._serve(connection, seen)

    def _send_body(self, connection: socket.socket, body: bytes, answer: Answer) -> bool:
        counted = id(answer.body) not in self._plain
        view, cuts = memoryview(body), self._cuts
        for start in range(0, len(view), self._pace.piece):
            while unread := _unread(connection):
                if self._cuts != cuts or self._stopping.wait(self._pace.pause_seconds):
                    return False
            if unread is None or self._cuts != cuts:
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


def _unread(connection: socket.socket) -> int | None:
    """Return how many bytes were sent that the client, on this machine, has not taken yet.

    None where it has closed its socket. Where the system does not tell, it has taken all.
    """
    if not hasattr(socket, "AF_NETLINK"):
        return 0
    try:
        unsent = array.array("i", [0])
        fcntl.ioctl(connection, _SIOCOUTQNSD, unsent)
        waiting = _waiting(connection.getpeername(), connection.getsockname())
    except ValueError:  # closed on this side
        return None
    except OSError as error:
        return None if error.errno in (errno.ENOENT, errno.ENOTCONN, errno.EBADF) else 0
    return unsent[0] + waiting


def _waiting(own: tuple[str, int], other: tuple[str, int]) -> int:
    """Return how many bytes wait to be read from the socket of ``own``: see sock_diag(7)."""
    ports = struct.pack("!HH", own[1], other[1])
    hosts = b"".join(socket.inet_aton(host).ljust(16, b"\0") for host, _ in (own, other))
    anywhere, any_state = struct.pack("=III", 0, 2**32 - 1, 2**32 - 1), 2**32 - 1
    asked = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, any_state)
    asked += ports + hosts + anywhere
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as link:
        head = struct.pack("=IHHII", 16 + len(asked), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
        link.send(head + asked)
        told = link.recv(65536)
    (kind,) = struct.unpack_from("=H", told, 4)
    if kind != _SOCK_DIAG_BY_FAMILY:
        (number,) = struct.unpack_from("=i", told, 16)
        raise OSError(-number, "no such socket")
    (waiting,) = struct.unpack_from("=I", told, 16 + 4 + 48 + 4)
    return int(waiting)


def _after(seconds: float, strike: Callable[[], None]) -> None:
    time.sleep(seconds)
    strike()


def _nothing() -> None:
    return
