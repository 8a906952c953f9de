"""An HTTP/2 server that breaks streams and connections by script (RFC 9113).

Each request takes the next step of the script, whatever it asks for, and the last one stays; a
subclass may look at the request. All streams of a connection get on, one frame each in turn.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.support import hpack
from tests.support.faultserver import (
    TLS_ENDS,
    Answer,
    Seen,
    break_tls,
    fail_handshake,
    prepare,
    say_goodbye,
    shake_hands,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0x0, 0x1, 0x2, 0x3, 0x4
PING, GOAWAY, WINDOW_UPDATE = 0x6, 0x7, 0x8
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0x0, 0x2, 0x7, 0x8, 0xB
_INITIAL_WINDOW_SIZE = 0x4
_LARGEST_FRAME = 16384
_HOLD_SECONDS = 0.02
"""Pause between two looks at held answers."""


@dataclass(frozen=True)
class Step:
    """Answer to one request: whole, or broken off in some way after ``upto`` bytes.

    Where neither ``reset`` nor ``goaway`` nor ``ends`` says how, the connection is closed.
    """

    body: bytes
    upto: int | None = None
    """None: where nothing is broken off, all of the body; else nothing."""
    reset: int | None = None
    """Error code of a RST_STREAM."""
    goaway: int | None = None
    """Error code of a GOAWAY; the connection is closed after it."""
    disowned: bool = False
    """The GOAWAY says that this request was not looked at. Those before it are answered."""
    leaving: bool = False
    """The GOAWAY is sent before the answer, and all is answered that came up to now."""
    ends: bool = False
    """The stream ends in order, as if the body were whole."""
    head: bool = True
    mute: bool = False
    """Nothing is answered on this connection from now on, though it stays open."""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = 0
    """Added to the true Content-Length; None sends none."""
    piece: int = _LARGEST_FRAME
    """The most that goes into one frame."""
    close: bool = False
    """The connection is closed after the answer without having said so."""
    hold: threading.Event | None = None
    """Send nothing before this is set."""
    tls: str | None = None
    """Way in which TLS ends in the middle of a body: see ``faultserver.break_tls``."""

    @property
    def broken(self) -> bool:
        """True if the stream does not end in order after the whole body."""
        return self.upto is not None or self.reset is not None or self._goes

    @property
    def _goes(self) -> bool:
        return self.goaway is not None and not self.leaving

    @property
    def sent(self) -> bytes:
        """The part of the body that is sent."""
        return self.body[: self.upto or 0] if self.broken else self.body

    @property
    def fields(self) -> list[hpack.Field]:
        """The head."""
        fields = [(":status", str(self.status)), *self.headers]
        if self.length is not None:
            fields.append(("content-length", str(len(self.body) + self.length)))
        return fields


def as_step(answer: Answer, seen: Seen) -> Step:
    """Return what comes nearest to an answer of ``FaultServer`` in HTTP/2."""
    if answer.drop is not None:
        return Step(b"", upto=0, head=False)
    status, headers, body = prepare(answer, seen)
    framed = answer.chunked or answer.length is None
    step = Step(
        body + answer.extra,
        upto=answer.cut,
        status=status,
        headers=tuple(headers),
        length=None if framed else (answer.length or 0) - len(answer.extra),
        piece=_LARGEST_FRAME if answer.drip is None else answer.drip[0],
        close=answer.then_close,
    )
    if answer.cut is None:
        return step
    if answer.cut_by in TLS_ENDS:
        return replace(step, tls=answer.cut_by)
    if answer.cut_by == "reset":
        return replace(step, reset=INTERNAL_ERROR)
    return replace(step, ends=True)


class H2Server:
    """The server; needs a TLS context, since HTTP/2 is agreed upon by ALPN."""

    def __init__(self, tls: ssl.SSLContext, *steps: Step) -> None:
        tls.set_alpn_protocols(["h2"])
        self._tls = tls
        self._steps = list(steps)
        self._lock = threading.Lock()
        self.seen: list[Seen] = []
        self.connections = 0
        self.most_at_once = 0
        """The most requests of one connection that were to be answered at the same time."""
        self._count = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def requests(self) -> int:
        """Number of requests so far."""
        return len(self.seen)

    def url(self, path: str) -> str:
        """Return the absolute URL of a path."""
        return f"https://127.0.0.1:{self.port}{path}"

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
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._count += 1
            self._open.append(plain)
            thread = threading.Thread(target=self._converse, args=(plain, self._count), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _converse(self, plain: socket.socket, number: int) -> None:
        fault = self._choose_handshake(number)
        with contextlib.suppress(OSError, ValueError, IndexError), plain:
            if fault is not None:
                fail_handshake(plain, fault)
                return
            connection = self._tls.wrap_socket(
                plain, server_side=True, do_handshake_on_connect=False
            )
            with connection:
                with self._lock:
                    self._open.append(connection)
                shake_hands(connection)
                with self._lock:
                    self.connections += 1
                _Conversation(self, connection, number).hold()

    def _choose_handshake(self, number: int) -> str | None:
        """Return how the handshake of a connection fails; None: it does not."""
        return None

    def _choose(self, seen: Seen) -> Step:
        """Return how a request is answered."""
        return self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]

    def take(self, seen: Seen, at_once: int) -> Step:
        """Note a request, beside which ``at_once - 1`` others wait, and choose its answer."""
        with self._lock:
            self.seen.append(seen)
            self.most_at_once = max(self.most_at_once, at_once)
            return self._choose(seen)


@dataclass
class _Answer:
    """A body that is on its way."""

    step: Step
    window: int
    data: bytes = field(init=False)
    position: int = 0
    headed: bool = False

    def __post_init__(self) -> None:
        self.data = self.step.sent

    @property
    def held(self) -> bool:
        """True if nothing may be sent yet."""
        return self.step.hold is not None and not self.step.hold.is_set()


class _Conversation:
    """One connection and its streams."""

    def __init__(self, server: H2Server, connection: ssl.SSLSocket, number: int) -> None:
        self._server = server
        self._connection = connection
        self._number = number
        # Not select(), which takes no descriptors from 1024 on.
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._arrived = bytearray()
        self._decoder = hpack.Decoder()
        self._answers: dict[int, _Answer] = {}
        self._window = self._first_window = 65535
        self._last: int | None = None
        """No stream after this one is answered any more."""
        self._ended = self._broken = self._mute = False

    def hold(self) -> None:
        """Converse until one side has enough."""
        if self._read(len(PREFACE)) != PREFACE:
            return
        self._send(SETTINGS, 0, 0, b"")
        while not self._ended:
            if self._send_some():
                ready = self._more_has_come(0)
            else:
                ready = not self._holds or self._more_has_come(_HOLD_SECONDS)
            if ready and not self._ended:
                header = self._read(9)
                size = int.from_bytes(header[:3], "big")
                stream = int.from_bytes(header[5:], "big") & 0x7FFFFFFF
                self._take(header[3], header[4], stream, self._read(size))
        if not self._broken:
            say_goodbye(self._connection)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == HEADERS:
            self._request(stream, _fields_block(flags, payload))
        elif kind == SETTINGS and not flags & ACK:
            self._settle(payload)
        elif kind == WINDOW_UPDATE:
            self._widen(stream, int.from_bytes(payload, "big"))
        elif kind == PING and not flags & ACK:
            self._send(PING, ACK, 0, payload)
        elif kind == RST_STREAM:
            self._answers.pop(stream, None)

    def _settle(self, payload: bytes) -> None:
        for start in range(0, len(payload), 6):
            name, value = struct.unpack(">HI", payload[start : start + 6])
            if name == _INITIAL_WINDOW_SIZE:
                for answer in self._answers.values():
                    answer.window += value - self._first_window
                self._first_window = value
        self._send(SETTINGS, ACK, 0, b"")

    def _widen(self, stream: int, size: int) -> None:
        if stream == 0:
            self._window += size
        elif stream in self._answers:
            self._answers[stream].window += size

    def _request(self, stream: int, block: bytes) -> None:
        seen = _seen(self._decoder.decode(block), self._number)
        if self._last is not None and stream > self._last:
            return
        step = self._server.take(seen, len(self._answers) + 1)
        if step.mute or self._mute:
            self._mute = True
            return
        if step.goaway is not None and (step.leaving or step.disowned):
            self._last = max(0, stream - 2) if step.disowned else stream
            self._send(GOAWAY, 0, 0, struct.pack(">II", self._last, step.goaway))
            if step.disowned:
                return
        self._answers[stream] = answer = _Answer(step, self._first_window)
        if seen.method == "HEAD":
            answer.data = b""

    def _send_some(self) -> bool:
        """Send one frame for each stream that may; say whether there was any."""
        sent = False
        for stream, answer in tuple(self._answers.items()):
            if answer.held:
                continue
            if not answer.headed:
                answer.headed = True
                if answer.step.head:
                    self._send(HEADERS, END_HEADERS, stream, hpack.encode(answer.step.fields))
            left = len(answer.data) - answer.position
            size = min(answer.step.piece, _LARGEST_FRAME, left, self._window, answer.window)
            if size > 0:
                piece = answer.data[answer.position : answer.position + size]
                self._send(DATA, 0, stream, piece)
                answer.position += size
                answer.window -= size
                self._window -= size
                sent = True
            if size == left:
                del self._answers[stream]
                self._finish(stream, answer.step)
                sent = True
            if self._ended:
                break
        return sent

    def _finish(self, stream: int, step: Step) -> None:
        if step.tls is not None:
            break_tls(self._connection, step.tls)
            self._ended = self._broken = True
        elif not step.broken or step.ends:
            self._send(DATA, END_STREAM, stream, b"")
            self._ended = step.close
        elif step.reset is not None:
            self._send(RST_STREAM, 0, stream, struct.pack(">I", step.reset))
        else:
            if step.goaway is not None:
                self._send(GOAWAY, 0, 0, struct.pack(">II", stream, step.goaway))
            self._ended = True

    def _send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self._connection.sendall(frame(kind, flags, stream, payload))

    @property
    def _holds(self) -> bool:
        return any(answer.held for answer in self._answers.values())

    def _more_has_come(self, seconds: float) -> bool:
        if self._arrived or self._connection.pending():
            return True
        return bool(self._poll.poll(seconds * 1000))

    def _read(self, size: int) -> bytes:
        while len(self._arrived) < size:
            data = self._connection.recv(65536)
            if not data:
                raise ConnectionError("closed by the client")
            self._arrived += data
        taken = bytes(self._arrived[:size])
        del self._arrived[:size]
        return taken


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame (RFC 9113, 4.1)."""
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream)
    return head + payload


def _fields_block(flags: int, payload: bytes) -> bytes:
    """Return the field block of a HEADERS frame without its padding and priority (6.2)."""
    if not flags & END_HEADERS:
        raise ValueError("requests with CONTINUATION are not read")
    if flags & PADDED:
        payload = payload[1 : len(payload) - payload[0]]
    return payload[5:] if flags & WITH_PRIORITY else payload


def _seen(fields: Sequence[hpack.Field], number: int) -> Seen:
    headers = dict(fields)
    method, path = headers.pop(":method"), headers.pop(":path")
    return Seen(method, path, headers, number, tuple(name for name, _ in fields))
