"""An HTTP/1.1 server that does what a script says, faults included.

Each path has a list of answers; every request takes the next one, and the last one stays.
An ``Answer`` is correct unless it is told otherwise: it knows validators, ``Range`` and
``If-Range`` (RFC 9110, 13 and 14). All faults are fields of it. Everything that was asked
is kept in ``FaultServer.seen``.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")
_ALERT = b"\x15\x03\x03\x00\x02\x02\x50"
"""Fatal, internal_error (RFC 8446, 5.1 and 6)."""
_RECORD = b"\x17\x03\x03"
TLS_ENDS = {
    "vanish": b"",
    "record": _RECORD + b"\x10\x00" + bytes(100),
    "damage": _RECORD + b"\x00\x40" + bytes(64),
}


@dataclass(frozen=True)
class Answer:
    """One response. ``body`` is the whole resource, also where a range of it is asked for."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    etag: str | None = None
    last_modified: str | None = None

    ranges: bool = True
    """False: a Range is ignored, the answer is 200 with everything."""
    range_shift: int = 0
    """The bytes and the Content-Range of a 206 begin this much later than asked."""
    total_shift: int = 0
    """Content-Range tells a total that is this much too large."""
    total_known: bool = True
    """False: Content-Range has an asterisk in the place of the total."""
    if_range: bool = True
    """False: If-Range is ignored, and a 206 sent whatever it says."""
    terse: bool = False
    """A 206 to If-Range leaves Last-Modified out, as RFC 9110, 15.3.7 wants it."""

    to_range: Answer | None = None
    """The answer to a request with a Range, in the place of this one."""
    at_most: int | None = None
    """A 206 has so many bytes at most, and says so in its Content-Range."""
    all_as_206: bool = False
    """A 206 has all bytes, from the first on, and says so in its Content-Range."""

    length: int | None = 0
    """Added to the true Content-Length; None sends none and closes at the end."""
    chunked: bool = False
    unterminated: bool = False
    """The last chunk of a chunked body is missing."""
    swell: bytes = b""
    """Added to the body of a 206, after what its Content-Range says; framed and counted with it."""
    extra: bytes = b""
    """Sent after the body, behind its framing."""
    coding: str | None = None
    """Content-Encoding that is claimed."""

    cut: int | None = None
    """Break off after this many bytes of the body."""
    cut_by: str = "close"
    """``close``, ``reset`` (RST), ``hang`` until the server stops or the client leaves; over TLS
    ``close`` is an orderly end, and ``vanish``, ``record`` and ``damage`` are none: see ``break_tls``."""
    drip: tuple[int, float] | None = None
    """Send pieces of so many bytes with pauses of so many seconds."""
    drip_after: int = 0
    """So much comes at once, before the pieces."""
    hold: threading.Event | None = None
    """Send nothing before this is set."""
    hold_after: int | None = None
    """Send the head and so many bytes of the body all the same."""
    drop: str | None = None
    """Answer nothing at all: ``close``, ``reset`` or ``hang``."""
    then_close: bool = False
    """Close the connection after the answer without having said so."""
    raw: bytes | None = None
    """Send this instead of anything sensible, then close."""
    raw_stays: bool = False
    """Keep the connection open after it."""
    note: Callable[[Seen], None] | None = None
    """Called with each request before it is answered."""


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    connection: int
    order: tuple[str, ...] = field(default=(), repr=False)
    peer: str = ""
    """Address that it came from."""


def redirect(location: str, status: int = 302) -> Answer:
    """Answer with a redirect."""
    return Answer(status=status, headers=(("Location", location),))


def refuse(status: int, **headers: str) -> Answer:
    """Answer with an error and a body of its own; underscores in names become hyphens."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(b"<html>an error page</html>", status=status, headers=named)


class FaultServer:
    """The server; a context manager. One thread per connection, all ended on exit."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        self.seen: list[Seen] = []
        self.unknown = refuse(404)
        """The answer for a path without a script."""
        self._scripts: dict[str, list[Answer]] = {}
        self._tls = tls
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._count = 0
        self.most_at_once = 0
        self._at_once = 0
        self.handshakes: list[str] = []
        """Failures of the first TLS handshakes, in order, before all others succeed: see
        ``fail_handshake``."""
        self._listener = socket.create_server((address, 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self.address = address

    def url(self, path: str, *, host: str | None = None) -> str:
        """Return the absolute URL of a path."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{host or self.address}:{self.port}{path}"

    def on(self, path: str, *answers: Answer) -> str:
        """Set the script of a path (with its query); return the path's URL."""
        with self._lock:
            self._scripts[path] = list(answers)
        return self.url(path)

    def asked(self, path: str) -> list[Seen]:
        """Return the requests for a path, in order."""
        return [seen for seen in self.seen if seen.path == path]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            open_now = list(self._connections)
        for connection in open_now:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, (peer, _) = self._listener.accept()
            except OSError:
                return
            self._count += 1
            self._start(self._converse, connection, self._count, peer)

    def _converse(self, connection: socket.socket, number: int, peer: str) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._tls is not None:
                fault = self._choose_handshake(number)
                if fault is not None:
                    fail_handshake(connection, fault)
                    return
                connection = self._tls.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            with self._lock:
                self._connections.add(connection)
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
            if isinstance(connection, ssl.SSLSocket):
                shake_hands(connection)
            with connection, connection.makefile("rb") as reader:
                while not self._stopping.is_set():
                    seen = _read_request(reader.readline, number, peer)
                    if seen is None or not self._serve(connection, seen):
                        return
        except (OSError, ValueError):
            connection.close()
        finally:
            with self._lock:
                if connection in self._connections:
                    self._connections.discard(connection)
                    self._at_once -= 1

    def _serve(self, connection: socket.socket, seen: Seen) -> bool:
        """Answer one request; say whether the connection stays open."""
        with self._lock:
            self.seen.append(seen)
            answer = self._choose(seen)
        if answer.note is not None:
            answer.note(seen)
        if answer.hold_after is None and not self._wait(answer):
            return False
        if answer.drop is not None:
            return self._end(connection, answer.drop)
        if answer.raw is not None:
            connection.sendall(answer.raw)
            return answer.raw_stays
        head, body, closing = _compose(answer, seen)
        connection.sendall(head)
        if seen.method == "HEAD":
            return not closing
        if not self._send_body(connection, body, answer):
            return False
        if closing or answer.then_close:
            say_goodbye(connection)
            return False
        return True

    def _wait(self, answer: Answer) -> bool:
        """Wait until an answer is to be sent; False if it never will be."""
        while answer.hold is not None and not answer.hold.wait(0.05):
            if self._stopping.is_set():
                return False
        return True

    def _choose_handshake(self, number: int) -> str | None:
        """Return how the handshake of a connection fails; None: it does not."""
        with self._lock:
            return self.handshakes.pop(0) if self.handshakes else None

    def _choose(self, seen: Seen) -> Answer:
        """Return the answer to a request that is already in ``seen``; the lock is held."""
        script = self._scripts.get(seen.path)
        if not script:
            return self.unknown
        answer = script.pop(0) if len(script) > 1 else script[0]
        if answer.to_range is not None and "range" in seen.headers:
            return answer.to_range
        return answer

    def _send_body(self, connection: socket.socket, body: bytes, answer: Answer) -> bool:
        whole = body if answer.cut is None else body[: answer.cut]
        if answer.hold_after is not None:
            connection.sendall(whole[: answer.hold_after])
            if not self._wait(answer):
                return False
            whole = whole[answer.hold_after :]
        if answer.drip is None:
            connection.sendall(whole)
        else:
            size, seconds = answer.drip
            connection.sendall(whole[: answer.drip_after])
            for start in range(answer.drip_after, len(whole), size):
                connection.sendall(whole[start : start + size])
                if self._stopping.wait(seconds):
                    return False
        if answer.cut is not None:
            return self._end(connection, answer.cut_by)
        return True

    def _end(self, connection: socket.socket, how: str) -> bool:
        if how == "close":
            say_goodbye(connection)
        elif how == "reset":
            reset(connection)
        elif how in TLS_ENDS:
            break_tls(connection, how)
        elif how == "hang":
            connection.settimeout(0.05)
            while not self._stopping.is_set():
                try:
                    if not connection.recv(4096):
                        break
                except TimeoutError:
                    continue
        return False


def reset(connection: socket.socket) -> None:
    """Have the connection end with RST once it is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say_goodbye(connection: socket.socket) -> None:
    """End TLS in order, where it is spoken: what has come is all there is (RFC 8446, 6.1)."""
    if isinstance(connection, ssl.SSLSocket):
        connection.settimeout(5)
        with contextlib.suppress(OSError):
            connection.unwrap()


def fail_handshake(connection: socket.socket, how: str) -> None:
    """Take what a client says first, then ``close``, ``reset``, or send an ``alert`` and close."""
    with connection:
        connection.recv(65536)
        if how == "reset":
            reset(connection)
        elif how == "alert":
            connection.sendall(_ALERT)


def shake_hands(connection: ssl.SSLSocket) -> None:
    """Agree upon TLS. Where that fails, the client gets to read why.

    It may have sent a request already, and to close on that would be a reset.
    """
    try:
        connection.do_handshake()
    except ssl.SSLError:
        connection.settimeout(5)
        socket.socket.shutdown(connection, socket.SHUT_WR)
        while socket.socket.recv(connection, 65536):
            pass
        raise


def break_tls(connection: socket.socket, how: str) -> None:
    """Send what makes the connection end in the middle of things, TLS included.

    ``record``: the beginning of a record; ``damage``: one that was altered on its way;
    ``vanish``: nothing at all. Without close_notify the end may be an attacker's work.
    """
    # Past TLS, to the socket below it.
    socket.socket.sendall(connection, TLS_ENDS[how])


def _read_request(readline: Callable[[], bytes], number: int, peer: str) -> Seen | None:
    line = readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    order: list[str] = []
    while True:
        name, colon, value = readline().decode("latin-1").partition(":")
        if not colon:
            return Seen(line[0], line[1], headers, number, tuple(order), peer)
        headers[name.strip().lower()] = value.strip()
        order.append(name)


def _compose(answer: Answer, seen: Seen) -> tuple[bytes, bytes, bool]:
    """Return head and body of an answer, and whether the end of the body is the connection's."""
    status, headers, body = prepare(answer, seen)
    closing = seen.headers.get("connection", "").lower() == "close"
    if answer.chunked:
        headers.append(("Transfer-Encoding", "chunked"))
        body = _chunks(body, ended=not answer.unterminated)
        closing = closing or answer.unterminated
    elif answer.length is None:
        headers.append(("Connection", "close"))
        closing = True
    else:
        headers.append(("Content-Length", str(len(body) + answer.length)))
        closing = closing or answer.length != 0
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Odd"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1"), body + answer.extra, closing


def prepare(answer: Answer, seen: Seen) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and body of an answer as they are in every version of HTTP."""
    status, headers, body = answer.status, list(answer.headers), answer.body
    if answer.etag is not None:
        headers.append(("ETag", answer.etag))
    modified = answer.last_modified
    if status == 200:
        status, body, described = select(answer, seen)
        if described is not None:
            if answer.terse and "if-range" in seen.headers:
                modified = None
            headers.append(("Content-Range", described))
            body += answer.swell
    if modified is not None:
        headers.append(("Last-Modified", modified))
    if answer.coding is not None:
        headers.append(("Content-Encoding", answer.coding))
    if not any(name == "Date" for name, _ in headers):
        headers.append(("Date", http_date(time.time())))
    return status, headers, body


def select(answer: Answer, seen: Seen) -> tuple[int, bytes, str | None]:
    """Return status, bytes and Content-Range for what a request's Range asks."""
    body, wanted = answer.body, seen.headers.get("range")
    condition = seen.headers.get("if-range")
    if condition is not None and answer.if_range:
        strong = answer.etag is not None and not answer.etag.startswith("W/")
        current = answer.etag if condition.startswith('"') else answer.last_modified
        if condition != current or (condition.startswith('"') and not strong):
            wanted = None
    match = _RANGE.match(wanted) if wanted is not None else None
    if match is None or not answer.ranges:
        return 200, body, None
    first = 0 if answer.all_as_206 else int(match[1]) + answer.range_shift
    last = min(int(match[2]) if match[2] else len(body) - 1, len(body) - 1)
    if answer.all_as_206:
        last = len(body) - 1
    if answer.at_most is not None:
        last = min(last, first + answer.at_most - 1)
    total = len(body) + answer.total_shift if answer.total_known else "*"
    if first >= len(body):
        return 416, b"", f"bytes */{len(body)}"
    return 206, body[first : last + 1], f"bytes {first}-{last}/{total}"


def _chunks(body: bytes, *, ended: bool) -> bytes:
    pieces = [body[i : i + 1000] for i in range(0, len(body), 1000)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return framed + (b"0\r\n\r\n" if ended else b"")


def http_date(seconds: float) -> str:
    """Return the HTTP form of a time (RFC 9110, 5.6.7)."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))
