"""Decode ``data:`` URLs (RFC 2397): resources inside the manifest itself."""

from __future__ import annotations

import binascii
from urllib.parse import unquote_to_bytes


def decode_data_url(url: str) -> bytes:
    """Return the bytes in a ``data:`` URL; raise ValueError if it is malformed."""
    scheme, _, rest = url.partition(":")
    head, comma, body = rest.partition(",")
    if scheme.lower() != "data" or not comma:
        raise ValueError("malformed data: URL: missing comma before the content")
    content = unquote_to_bytes(body)
    if not head.lower().replace(" ", "").endswith(";base64"):
        return content
    content = b"".join(content.split())
    try:
        return binascii.a2b_base64(content + b"=" * (-len(content) % 4), strict_mode=True)
    except binascii.Error as error:
        raise ValueError(f"malformed data: URL: invalid base64: {error}") from error
