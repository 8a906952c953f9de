"""Fetch a document: the MPD, or a remote element.

What is not whole is requested again. Servers that send everyone gzip or deflate are obeyed: the
document is decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dashget.errors import FetchError, Retry
from dashget.transfer.contract import Fetched, Patience, Request, Transfers, Validators
from dashget.transfer.http.failure import TOO_LARGE

_REQUESTS: Final = 3
_GZIP: Final = b"\x1f\x8b"
_CODINGS_AT_MOST: Final = 2
_XML_BEGINS: Final = (
    b"",
    b"<",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\0",
    b"\xef",
    b"\xff",
    b"\xfe",
    b"#",
    b"{",
)
"""How documents begin in any encoding, and what is often sent in their place."""
_MEMBERS_AT_MOST: Final = 20_000
_MANY_MEMBERS: Final = f"its compressed data has more than {_MEMBERS_AT_MOST:,} pieces"
_FIRST_STEP: Final = 1 << 10
_LARGER_HINT: Final = "check the URL; --document-limits 4 allows four times as much"


def fetch_document(
    url: str,
    engine: Transfers,
    most: int,
    is_whole: Callable[[bytes], bool],
    *,
    attempts: int | None = None,
    seconds: float | None = None,
    unless: Validators | None = None,
) -> tuple[Fetched, bytes]:
    """Return a document without its content coding; three answers are looked at.

    The last one is returned whether it is whole or not. ``attempts`` is how often a request is
    tried; None: as often as the engine's options say. ``seconds`` is how long it may take. Raises
    FetchError; of status 304 if the document is still the one that ``unless`` tells of.
    """
    left, patience = _REQUESTS, Patience(attempts=attempts, seconds=seconds)
    while True:
        left -= 1
        try:
            request = Request((url,), unless=unless)
            fetched, data = engine.fetch(request, max_bytes=most, patience=patience)
        except FetchError as error:
            if error.message.startswith(TOO_LARGE):
                error.hint = _LARGER_HINT
            raise
        try:
            document = decoded(data, most + 1, fetched.url)
        except FetchError:
            if not left:
                raise
        else:
            if is_whole(document) or not left:
                return fetched, document


def decoded(data: bytes, most: int, url: str) -> bytes:
    """Return at most so many bytes of a document without its codings.

    No XML begins like gzip or zlib data. What follows complete data is left out, as other readers
    do. Raises FetchError if the coded data is damaged or ends early.
    """
    for _ in range(_CODINGS_AT_MOST):
        if not _is_coded(data):
            return data if data[:1] in _XML_BEGINS else _without_bare_deflate(data, most)
        data = _decoded_once(data, most, url)
    return data


def _is_coded(data: bytes) -> bool:
    return data[:2] == _GZIP or (data[:1] == b"\x78" and not int.from_bytes(data[:2], "big") % 31)


def _decoded_once(data: bytes, most: int, url: str) -> bytes:
    import zlib

    document, at, members = bytearray(), 0, 0
    while _is_coded(data[at : at + 2]) and len(document) < most:
        members += 1
        if members > _MEMBERS_AT_MOST:
            raise FetchError(_MANY_MEMBERS, retry=Retry.NEVER, url=url)
        # 32: both forms, recognised by their heads (zlib.h, inflateInit2).
        decoder, step = zlib.decompressobj(32 + zlib.MAX_WBITS), _FIRST_STEP
        # Growing pieces, since what follows a member is copied when it ends.
        while not decoder.eof and at < len(data) and len(document) < most:
            piece = data[at : at + step]
            try:
                document += decoder.decompress(piece, most - len(document))
            except zlib.error as error:
                reason = f"its compressed data is damaged: {error}"
                raise FetchError(reason, retry=Retry.AGAIN, url=url) from error
            at, step = at + len(piece) - len(decoder.unused_data), 2 * step
        if not decoder.eof:
            if len(document) < most:
                raise FetchError("its compressed data ends early", retry=Retry.AGAIN, url=url)
            break
    return bytes(document)


def _without_bare_deflate(data: bytes, most: int) -> bytes:
    """Return the document in deflate data without the head of zlib, which old servers send."""
    import zlib

    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        document = decoder.decompress(data, most)
    except zlib.error:
        return data
    return document if decoder.eof and document[:1] in _XML_BEGINS else data
