"""A small HTTP/1.1 server on the loopback interface, with resources from memory."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple

from dashget.errors import DashGetError

_LAST_MODIFIED: Final = "Thu, 01 Jan 2026 00:00:00 GMT"
_RANGE: Final = re.compile(r"bytes=(\d{1,9})-(\d{0,9})")
_TYPES: Final = {
    "mpd": "application/dash+xml",
    "mp4": "video/mp4",
    "m4s": "video/iso.segment",
    "vtt": "text/vtt",
}
_STOP_POLL_SECONDS: Final = 0.02
"""How often the server looks if it is to end."""
_REACH_SECONDS: Final = 5


class _Resource(NamedTuple):
    data: bytes
    content_type: str
    etag: str

    @classmethod
    def of(cls, url: str, data: bytes) -> _Resource:
        content_type = _TYPES.get(url.rpartition(".")[2], "application/octet-stream")
        return cls(data, content_type, f'"{sha256(data).hexdigest()[:16]}"')


@contextlib.contextmanager
def serving(resources: Mapping[str, bytes], *, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve resources by their URL, and nothing else, while the context lasts.

    Yields the URL of the server, to be used as an HTTP proxy: a request names the complete URL
    of its resource. GET and HEAD are answered, also for one byte range. Raises DashGetError where
    no server can be started.
    """
    try:
        server = _start(host, resources)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DashGetError(
            f"cannot start the demo's server on {host}: {reason[:1].lower()}{reason[1:]}",
            hint="check that the loopback interface of this machine is up",
        ) from error
    thread = threading.Thread(target=server.serve_forever, args=(_STOP_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _start(host: str, resources: Mapping[str, bytes]) -> _Server:
    """Return a server that listens; OSError where it cannot be reached from this machine."""
    server = _Server((host, 0), {url: _Resource.of(url, resources[url]) for url in resources})
    try:
        # An interface that is down lets a server listen all the same.
        socket.create_connection((host, server.server_address[1]), _REACH_SECONDS).close()
    except OSError:
        server.server_close()
        raise
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], resources: Mapping[str, _Resource]) -> None:
        self.resources = resources
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the look-up of a host name that ``HTTPServer`` makes."""
        super(ThreadingHTTPServer, self).server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that close their connection early, as at Ctrl-C."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Send a resource, or the part of it that was asked for."""
        self.wfile.write(self._begin())

    def do_HEAD(self) -> None:
        """Send only the head of the response to GET."""
        self._begin()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write nothing: the terminal belongs to the command."""

    def _begin(self) -> bytes:
        """Send the head of the response; return its body."""
        resource = self.server.resources.get(self.path)
        if resource is None:
            return self._send_head(404, b"", {})
        headers = {
            "Content-Type": resource.content_type,
            "ETag": resource.etag,
            "Last-Modified": _LAST_MODIFIED,
            "Accept-Ranges": "bytes",
        }
        size = len(resource.data)
        asked = self._range(resource, size)
        if asked is None:
            return self._send_head(200, resource.data, headers)
        if not asked:
            return self._send_head(416, b"", {**headers, "Content-Range": f"bytes */{size}"})
        content_range = f"bytes {asked.start}-{asked.stop - 1}/{size}"
        body = resource.data[asked.start : asked.stop]
        return self._send_head(206, body, {**headers, "Content-Range": content_range})

    def _range(self, resource: _Resource, size: int) -> range | None:
        """Return the byte range of the request, empty if it is unsatisfiable; None for all."""
        found = _RANGE.fullmatch(self.headers.get("Range", ""))
        condition = self.headers.get("If-Range", resource.etag)
        if found is None or condition not in (resource.etag, _LAST_MODIFIED):
            return None
        first = int(found[1])
        last = int(found[2]) if found[2] else size - 1
        return range(first, min(last + 1, size))

    def _send_head(self, status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return body
