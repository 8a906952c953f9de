"""Answer requests: find the mirror and the file, or a part of the page."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec
from aiohttp import web

from dashget.common.log import Log
from dashget.common.stopping import Stop
from dashget.errors import UsageError
from dashget.serve.connections import Connections, Limits
from dashget.serve.files import send_file
from dashget.serve.guards import CLOSED, COMMON, MIRRORED, OPEN, PREFLIGHT, Hosts, is_foreign
from dashget.serve.shows import Show

_READING: Final = ("GET", "HEAD")
_MISSING: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
_BUSY: Final = (errno.EMFILE, errno.ENFILE)
_CLOSE_SECONDS: Final = 0.1
_BACKLOG: Final = 256
_LOOK_SECONDS: Final = 1.0
"""How often connections that wait for too long are looked for."""
_LEFT_OPEN: Final = 64
"""Files that the program itself may have open."""
_LOG: Final = Log("dashget.serve", str)

Document = Callable[[str, str], "web.Response | None"]
"""Returns the part of the page with a path, for the host by which it is asked; None: no such."""


class Address(msgspec.Struct, frozen=True):
    """Where to listen: ``--host`` and ``--port``; port 0 is a free one."""

    host: str
    port: int


class Handler:
    """Answers the requests of one server. With a ``page`` only that may ask for files."""

    def __init__(
        self,
        shows: Sequence[Show],
        hosts: Hosts,
        page: Document | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._shows = {show.name: show for show in shows}
        self._hosts = hosts
        self._page = page
        self.connections = Connections(limits or _limits(), time.monotonic)
        self._headers: Mapping[str, str] = {**MIRRORED, **(OPEN if page is None else CLOSED)}

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        with self.connections.answering(request.protocol):
            return await self._answered(request)

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await self._answer(request)
        except (ConnectionError, RuntimeError):
            # The client has gone, as players do when they seek.
            _close(request)
            return web.Response()
        except Exception as error:  # noqa: BLE001 - the worker's edge: the others go on
            _LOG.debug(f"internal error: {error!r}")
            return _refusal(500, f"internal error: {type(error).__name__}")
        _LOG.debug(f"{request.method} {request.raw_path}: {response.status}")
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        header = request.headers.get
        path = request.raw_path.partition("?")[0]
        if not self._hosts.allows(header("Host")):
            return _refusal(421, "this server is asked by an address of its machine, or its name")
        if self._page is not None and is_foreign(header, page=path == "/"):
            return _refusal(403, "another site may not use this server")
        if request.method == "OPTIONS" and self._page is None:
            return web.Response(status=204, headers={**COMMON, **OPEN, **PREFLIGHT})
        if request.method not in _READING:
            return _refusal(405, "GET and HEAD only", {"Allow": ", ".join(_READING)})
        if self._page is not None:
            document = self._page(path, header("Host") or "")
            if document is not None:
                return document
        elif path == "/":
            return self._listing(request)
        return await self._file(request, path)

    async def _file(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        name, within = _split(path)
        show = self._shows.get(name)
        if show is None:
            return _refusal(404, "no such mirror", self._headers)
        try:
            opener = partial(show.tree.open, within)
            went_on = partial(self.connections.went_on, request.protocol)
            return await send_file(request, opener, within, self._headers, went_on)
        except ConnectionError:
            raise
        except OSError as error:
            if _is_begun(request):
                raise ConnectionResetError from error
            return self._failure(error)

    def _failure(self, error: OSError) -> web.Response:
        if isinstance(error, PermissionError):
            reason = f": {error.strerror}" if error.strerror else ""
            return _refusal(403, f"not a file that is served{reason}", self._headers)
        if error.errno in _MISSING:
            return _refusal(404, "no such file", self._headers)
        if error.errno in _BUSY:
            return _refusal(503, "too many open files", {**self._headers, "Retry-After": "1"})
        return _refusal(500, f"the file cannot be read: {error.strerror}", self._headers)

    def _listing(self, request: web.BaseRequest) -> web.Response:
        host = request.headers.get("Host")
        lines = (f"http://{host}{show.path}\n" for show in self._shows.values())
        return web.Response(text="".join(lines), headers={**COMMON, **OPEN})


def serve(handler: Handler, address: Address, stop: Stop, ready: Callable[[int], object]) -> None:
    """Answer requests until a stop is requested; ``ready`` gets the port.

    Raises UsageError if the address cannot be listened on.
    """
    listening = _listen(address)
    with contextlib.closing(listening), asyncio.Runner() as runner:
        runner.run(_serve(handler, listening, stop, ready))


async def _serve(
    handler: Handler, listening: socket.socket, stop: Stop, ready: Callable[[int], object]
) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    # What goes wrong with one connection, such as an end in the middle, is no news.
    loop.set_exception_handler(lambda _, context: _LOG.debug(context["message"]))
    server = _Server(handler, access_log=None, logger=_quiet_logger(), lingering_time=1.0)
    server.watched = handler.connections
    runner = web.ServerRunner(server, shutdown_timeout=_CLOSE_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listening, backlog=_BACKLOG).start()

        def end() -> None:
            loop.call_soon_threadsafe(ended.set)

        with stop.answered(), stop.calling(end):
            ready(listening.getsockname()[1])
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), _LOOK_SECONDS)
                handler.connections.close_waiting()
    finally:
        # Whoever still reads is not waited for.
        for connection in server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()


class _Server(web.Server):
    """The server of aiohttp, which tells of each connection."""

    watched: Connections

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Note a connection that has begun."""
        super().connection_made(handler, transport)
        address = (transport.get_extra_info("peername") or ("",))[0]
        self.watched.opened(handler, address, partial(_hang_up, transport))

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Note that a connection has ended."""
        super().connection_lost(handler, exc)
        self.watched.closed(handler)


def _hang_up(transport: asyncio.Transport) -> None:
    """End a connection; what is sent on it fails then.

    ``abort`` would close the socket under a ``sendfile``, whose number the loop then still waits
    for when the next connection has it.
    """
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def _limits() -> Limits:
    """Return the usual limits, or smaller ones where few files may be open: two a connection."""
    try:
        import resource
    except ImportError:
        return Limits()
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return Limits()
    most = Limits().most
    return Limits(most=max(1, min(most, (files - _LEFT_OPEN) // 2)))


def _quiet_logger() -> logging.Logger:
    """Return a logger whose records are shown with ``--debug`` only."""
    logger = logging.getLogger("dashget.serve.http")
    logger.addHandler(logging.NullHandler())
    return logger


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        reason = "no such address"
        if not isinstance(error, socket.gaierror):
            # Python adds the address to the words of the system.
            reason = os.strerror(error.errno or 0).lower()
        raise UsageError(
            f"cannot listen on {address.host}, port {address.port}: {reason}",
            hint="without --port a free port is taken; without --host the server is for this"
            " machine only",
        ) from error


def _split(path: str) -> tuple[str, str]:
    """Return the name of the show, and the path in its mirror, decoded once.

    A separator or NUL that was encoded makes the path one that is refused.
    """
    parts = [unquote_to_bytes(part) for part in path.split("/")[1:]]
    if any(b"/" in part or b"\0" in part for part in parts):
        return "", ""
    name, *within = (part.decode("utf-8", "surrogateescape") for part in parts or [b""])
    return name, "/".join(within)


def _refusal(status: int, text: str, headers: Mapping[str, str] = COMMON) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers=headers)


def _is_begun(request: web.BaseRequest) -> bool:
    """Return True if a part of an answer was sent already."""
    writer = request.writer
    return bool(getattr(writer, "output_size", 0))


def _close(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is not None:
        transport.abort()
