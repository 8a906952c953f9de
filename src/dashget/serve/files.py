"""Send a file of a mirror, or ranges of it.

The kernel copies the bytes of large files (``sendfile``). A file that turns out shorter than it
was when its answer began ends the connection, so that nobody takes it for whole.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from email.utils import formatdate
from typing import BinaryIO, Final

import msgspec
from aiohttp import web

from dashget.common.byterange import ByteRange
from dashget.serve.conditions import Decision, FileVersion, Header, decide, version_of
from dashget.serve.mediatypes import LOOKED_AT_BYTES, type_by_content, type_by_name
from dashget.store.reading import ReadableFile

_STRETCH_BYTES: Final = 4 << 20
"""What is sent of a large file before it counts as progress."""
_SMALL_BYTES: Final = 1 << 16
"""A body of this size is read at once: that is quicker than to set up ``sendfile``."""


class Opened(msgspec.Struct, frozen=True):
    """An open file with what is known about it."""

    file: BinaryIO
    version: FileVersion
    media_type: str
    decision: Decision
    body: bytes | None = None
    """All that is to be sent, if it is little."""


async def send_file(
    request: web.BaseRequest,
    opener: Callable[[], ReadableFile],
    path: str,
    headers: Mapping[str, str],
    went_on: Callable[[], object],
) -> web.StreamResponse:
    """Answer a GET or HEAD with a file; OSError if it cannot be opened or read.

    ``opener`` is called in a thread: a disk may be slow. ``path`` tells the media type;
    ``went_on`` is called whenever some of it has been sent.
    """
    opened = await asyncio.to_thread(_open, opener, path, request.method, _reader_of(request))
    with closing(opened.file):
        response = web.StreamResponse(status=opened.decision.status, headers=headers)
        _describe(response, opened)
        if request.method == "HEAD" or response.status in (304, 412, 416):
            if response.status != 200:
                response.content_length = 0 if response.status != 304 else None
            await response.prepare(request)
            await response.write_eof()
            return response
        await _send_body(request, response, opened, went_on)
    return response


def _reader_of(request: web.BaseRequest) -> Header:
    """Return a reader of headers that joins those which are given more than once."""
    found = request.headers

    def read(name: str) -> str | None:
        return ", ".join(found.getall(name)) if name in found else None

    return read


def _open(opener: Callable[[], ReadableFile], path: str, method: str, header: Header) -> Opened:
    file, size, number, modified_ns, changed_ns = opener()
    try:
        version = version_of(size, number, modified_ns, changed_ns, now=time.time())
        media_type = type_by_name(path)
        if media_type is None:
            media_type = type_by_content(file.read(LOOKED_AT_BYTES))
        decision = decide(method, header, version)
        body = _little(file, method, version.size, decision)
    except BaseException:
        file.close()
        raise
    return Opened(file, version, media_type, decision, body)


def _little(file: BinaryIO, method: str, size: int, decision: Decision) -> bytes | None:
    """Read what is to be sent if it is little, and in one piece."""
    if method != "GET" or decision.status not in (200, 206) or len(decision.ranges) > 1:
        return None
    first, last = 0, size - 1
    for span in decision.ranges:
        first, last = span.first, _last(span)
    count = last - first + 1
    if count > _SMALL_BYTES:
        return None
    file.seek(first)
    return file.read(count)


def _describe(response: web.StreamResponse, opened: Opened) -> None:
    """Set the headers that the file decides."""
    version, decision = opened.version, opened.decision
    response.headers["ETag"] = version.etag
    if version.modified is not None:
        response.headers["Last-Modified"] = formatdate(version.modified, usegmt=True)
    if decision.status == 200:
        response.content_length = version.size
    elif decision.status == 416:
        response.headers["Content-Range"] = f"bytes */{version.size}"
    elif len(decision.ranges) == 1:
        (span,) = decision.ranges
        response.headers["Content-Range"] = _content_range(span, version.size)
        response.content_length = span.size_bytes
    if decision.status in (200, 206):
        response.headers["Content-Type"] = opened.media_type


async def _send_body(
    request: web.BaseRequest,
    response: web.StreamResponse,
    opened: Opened,
    went_on: Callable[[], object],
) -> None:
    ranges = opened.decision.ranges
    if len(ranges) > 1:
        await _send_parts(request, response, opened, went_on)
        return
    await response.prepare(request)
    expected = response.content_length or 0
    if opened.body is not None:
        if len(opened.body) != expected:
            raise OSError("the file has become shorter")
        await response.write(opened.body)
    elif expected:
        first = ranges[0].first if ranges else 0
        await _copy(request, response, opened.file, first, expected, went_on)
    await response.write_eof()


async def _send_parts(
    request: web.BaseRequest,
    response: web.StreamResponse,
    opened: Opened,
    went_on: Callable[[], object],
) -> None:
    """Send several ranges as ``multipart/byteranges`` (RFC 9110, 14.6)."""
    boundary = secrets.token_hex(16)
    parts = list(_iter_parts(opened, boundary))
    end = f"\r\n--{boundary}--\r\n".encode()
    total = sum(len(head) + (span.size_bytes or 0) for head, span in parts) + len(end)
    response.headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    response.content_length = total
    await response.prepare(request)
    for head, span in parts:
        await response.write(head)
        size = span.size_bytes or 0
        await _copy(request, response, opened.file, span.first, size, went_on)
        went_on()
    await response.write(end)
    await response.write_eof()


def _iter_parts(opened: Opened, boundary: str) -> Iterator[tuple[bytes, ByteRange]]:
    """Yield the head of each part with its range."""
    for span in opened.decision.ranges:
        lines = (
            f"\r\n--{boundary}",
            f"Content-Type: {opened.media_type}",
            f"Content-Range: {_content_range(span, opened.version.size)}",
        )
        yield "\r\n".join((*lines, "", "")).encode(), span


async def _copy(
    request: web.BaseRequest,
    response: web.StreamResponse,
    file: BinaryIO,
    first: int,
    count: int,
    went_on: Callable[[], object],
) -> None:
    """Send a stretch of the file; ConnectionError if the client has gone, OSError if it ends."""
    if count <= _SMALL_BYTES:
        file.seek(first)
        data = file.read(count)
        if len(data) != count:
            raise OSError("the file has become shorter")
        await response.write(data)
        return
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has gone")
    for begin in range(first, first + count, _STRETCH_BYTES):
        size = min(_STRETCH_BYTES, first + count - begin)
        if await asyncio.get_running_loop().sendfile(transport, file, begin, size) != size:
            raise OSError("the file has become shorter")
        went_on()


def _content_range(span: ByteRange, size: int) -> str:
    return f"bytes {span.first}-{_last(span)}/{size}"


def _last(span: ByteRange) -> int:
    """Return the last byte of a closed range."""
    return span.first if span.last is None else span.last
