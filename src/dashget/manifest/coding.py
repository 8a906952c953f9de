"""Remove the content coding of a document that a server sends to everyone as gzip or deflate."""

from __future__ import annotations

from dashget.errors import FetchError, Retry


def decoded(data: bytes, most: int, url: str) -> bytes:
    """Return at most so many bytes of a document without its coding.

    No XML begins like gzip or zlib data. Raises FetchError if the coded data is damaged or ends
    early.
    """
    if data[:2] != b"\x1f\x8b" and (data[:1] != b"\x78" or int.from_bytes(data[:2], "big") % 31):
        return data
    import zlib

    document = bytearray()
    while data and len(document) < most:
        # 32: both forms, recognised by their heads (zlib.h, inflateInit2).
        decoder = zlib.decompressobj(32 + zlib.MAX_WBITS)
        try:
            document += decoder.decompress(data, most - len(document))
        except zlib.error as error:
            reason = f"its compressed data is damaged: {error}"
            raise FetchError(reason, retry=Retry.AGAIN, url=url) from error
        if not decoder.eof:
            if len(document) < most:
                raise FetchError("its compressed data ends early", retry=Retry.AGAIN, url=url)
            break
        data = decoder.unused_data
    return bytes(document)
