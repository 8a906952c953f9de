"""Look for URLs of hosts inside Base64: players read boxes of protection, and ask such hosts.

A PlayReady object has a header in UTF-16 with the elements ``LA_URL`` and ``LUI_URL``, which may be
missing (its checksum is one of the key, not of the header). Shaka Player asks ``LA_URL`` for a
licence if the application names no server, wherever the object stands: in ``pro`` or in ``pssh``.
"""

from __future__ import annotations

from binascii import a2b_base64
from typing import Final

from dashget.common.lateregex import late

_NO_BASE64: Final = late(r"[^A-Za-z0-9+/]")
_NAMESPACE: Final = late(
    r"""xmlns(?::[\w.-]{1,64})?\s{0,99}=\s{0,99}(?:"[^"]{0,999}"|'[^']{0,999}')"""
)
_URL: Final = late(
    r"(?i:(?:https?|wss?|ftps?|file|rtmp[a-z]?|rtsp|mms|smb)):[/\\]{2}"
    r"|<(?:[\w.-]{1,64}:)?(?:LA|LUI)_URL(?![^<>]{0,200}/>|>\s{0,200}</)"
)
"""A URL in bytes, or the element of a PlayReady header that has one, in whichever spelling."""
_TEXTS: Final = late(rb">([A-Za-z0-9+/=_\s-]{24,})<")
_BOXES: Final = late(rb"<(?:[\w.-]{1,64}:)?(?:pssh|pro|Binary)(?![\w.-])[^<>]{0,999}(?<!/)>")
_PLAIN_BOX: Final = late(rb"[A-Za-z0-9+/=_\s-]*+</")


def names_coded_host(text: str) -> bool:
    """Return True if bytes in Base64 hold the URL of a host, in ASCII, UTF-8 or UTF-16.

    The namespace of a PlayReady header, which is a URL as well, is none of a host.
    """
    digits = _NO_BASE64.sub("", text.replace("-", "+").replace("_", "/"))
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    plain = a2b_base64(digits + "=" * (-len(digits) % 4)).replace(b"\0", b"").decode("latin-1")
    return _URL.search(_NAMESPACE.sub("", plain)) is not None


def may_name_coded_host(data: bytes) -> bool:
    """Return True unless no Base64 of a document in UTF-8 certainly holds the URL of a host."""
    if b"base64" in data:
        return True
    if any(_PLAIN_BOX.match(data, box.end()) is None for box in _BOXES.finditer(data)):
        # Joined from several pieces, or written with references.
        return True
    texts = (found[1].decode("latin-1") for found in _TEXTS.finditer(data))
    return any(map(names_coded_host, texts))
