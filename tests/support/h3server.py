"""A minimal HTTP/3 server (RFC 9114) that breaks off streams and connections by script.

Each path has a list of answers; every request takes the next one, and the last one stays.
It takes an ``Answer`` as ``FaultServer`` does, as far as it means something here:

- ``cut_by="close"`` closes the QUIC connection, ``"reset"`` resets the stream, and
  ``"hang"`` never sends the rest. The bytes before have reached the client by then.
- ``drop`` does the same without any answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Self

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated, QuicEvent

from tests.support.faultserver import Answer, Seen, refuse, select

_DEADLINE_SECONDS = 10
_IDLE_SECONDS = 30.0


class H3Server:
    """The server; a context manager, with an event loop in a thread of its own.

    ``certificate`` and ``key`` are paths. Nobody listens on the TCP port of that number.
    """

    def __init__(self, certificate: str, key: str) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self._scripts: dict[str, list[Answer]] = {}
        self._configuration = QuicConfiguration(
            is_client=False, alpn_protocols=H3_ALPN, idle_timeout=_IDLE_SECONDS
        )
        self._configuration.load_cert_chain(certificate, key)
        self._reserved, self._listener = _bind()
        self.port = int(self._listener.getsockname()[1])
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def url(self, path: str) -> str:
        """Return the absolute URL of a path."""
        return f"https://127.0.0.1:{self.port}{path}"

    def on(self, path: str, *answers: Answer) -> str:
        """Set the script of a path; return the path's URL. Only before it is asked for."""
        self._scripts[path] = list(answers)
        return self.url(path)

    def asked(self, path: str) -> list[Seen]:
        """Return the requests for a path, in order."""
        return [seen for seen in self.seen if seen.path == path]

    def choose(self, seen: Seen) -> Answer:
        """Record a request; return its answer."""
        self.seen.append(seen)
        script = self._scripts.get(seen.path)
        if not script:
            return refuse(404)
        return script.pop(0) if len(script) > 1 else script[0]

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_DEADLINE_SECONDS):
            raise TimeoutError("the HTTP/3 server does not start")
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_DEADLINE_SECONDS)
        self._reserved.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()

        def converse(quic: QuicConnection, **options: object) -> QuicConnectionProtocol:
            self.connections += 1
            return _Conversation(self, quic)

        transport, server = await self._loop.create_datagram_endpoint(
            lambda: QuicServer(configuration=self._configuration, create_protocol=converse),
            sock=self._listener,
        )
        self._ready.set()
        await self._stop.wait()
        server.close()
        transport.close()


class _Conversation(QuicConnectionProtocol):
    """One connection."""

    def __init__(self, server: H3Server, quic: QuicConnection) -> None:
        super().__init__(quic)
        self._server = server
        self._number = server.connections
        self._http: H3Connection | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
        elif isinstance(event, ConnectionTerminated):
            for task in self._tasks:
                task.cancel()
        if self._http is None:
            return
        for received in self._http.handle_event(event):
            if isinstance(received, HeadersReceived):
                fields = {name.decode(): value.decode() for name, value in received.headers}
                seen = Seen(fields[":method"], fields[":path"], fields, self._number)
                answer = self._server.choose(seen)
                task = asyncio.ensure_future(self._answer(received.stream_id, seen, answer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer(self, stream: int, seen: Seen, answer: Answer) -> None:
        assert self._http is not None
        if answer.drop is not None:
            self._end(stream, answer.drop)
            return
        head, body = _compose(answer, seen)
        empty = seen.method == "HEAD" or not body
        self._http.send_headers(stream, head, end_stream=empty and answer.cut is None)
        if not empty:
            part = body[: answer.cut]
            self._http.send_data(stream, part, end_stream=answer.cut is None)
        self.transmit()
        if answer.cut is not None:
            with contextlib.suppress(ConnectionError):
                # The answer to a ping says that what was sent before it has arrived.
                await self.ping()
                self._end(stream, answer.cut_by)

    def _end(self, stream: int, how: str) -> None:
        if how == "reset":
            self._quic.reset_stream(stream, ErrorCode.H3_INTERNAL_ERROR)
            self.transmit()
        elif how == "close":
            self.close(error_code=ErrorCode.H3_INTERNAL_ERROR)


def _compose(answer: Answer, seen: Seen) -> tuple[list[tuple[bytes, bytes]], bytes]:
    status, headers, body = answer.status, list(answer.headers), answer.body
    if status == 200:
        status, body, described = select(answer, seen)
        if described is not None:
            headers.append(("content-range", described))
    if answer.etag is not None:
        headers.append(("etag", answer.etag))
    if answer.length is not None:
        headers.append(("content-length", str(len(body) + answer.length)))
    head = [(b":status", str(status).encode())]
    return head + [(name.lower().encode(), value.encode()) for name, value in headers], body


def _bind() -> tuple[socket.socket, socket.socket]:
    """Return a TCP socket that refuses and a UDP socket, of the same port."""
    while True:
        reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        reserved.bind(("127.0.0.1", 0))
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listener.bind(reserved.getsockname())
        except OSError:
            reserved.close()
            listener.close()
        else:
            return reserved, listener
