"""``data:`` URLs (RFC 2397): a resource that stands in the manifest itself."""

from __future__ import annotations

import binascii
from urllib.parse import unquote_to_bytes


def decode_data_url(url: str) -> bytes:
    """Return the bytes that a ``data:`` URL holds; ValueError if it is malformed."""
    scheme, _, rest = url.partition(":")
    head, comma, body = rest.partition(",")
    if scheme.lower() != "data" or not comma:
        raise ValueError("a data: URL has a comma before its content")
    content = unquote_to_bytes(body)
    if not head.lower().replace(" ", "").endswith(";base64"):
        return content
    content = b"".join(content.split())
    try:
        return binascii.a2b_base64(content + b"=" * (-len(content) % 4), strict_mode=True)
    except binascii.Error as error:
        raise ValueError(f"a data: URL with broken base64: {error}") from error
