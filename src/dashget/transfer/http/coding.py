"""Content codings: which names mean one, and whether a body begins as coded bytes would.

DashGet asks for bodies without a coding. Servers name one all the same: S3 keeps what an upload
said (``aws-chunked``, or a true ``gzip``), others put a character set there, or ``gzip`` beside
plain bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_CODINGS: Final = frozenset(
    ("gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd", "dcb", "dcz", "exi")
)
"""The names that change the bytes (IANA's registry). All others mean nothing."""
_ALIASES: Final = {"x-gzip": "gzip", "x-compress": "compress"}
"""RFC 9110, 8.4.1: to be taken for the same."""
_DECODABLE: Final = frozenset(("gzip", "deflate"))
_DECODED_AT_MOST: Final = 2
_MAGIC: Final = {"gzip": b"\x1f\x8b", "compress": b"\x1f\x9d", "zstd": b"\x28\xb5\x2f\xfd"}
_PLAIN: Final = (
    b"\x1a\x45\xdf\xa3", b"WEBVTT", b"\xef\xbb\xbf", b"<?xml", b"<tt", b"<MPD", b"<!--", b"\x89PNG",
    b"\xff\xd8\xff", b"RIFF",
)  # fmt: skip
_BOXES: Final = (b"ftyp", b"styp", b"moof", b"moov", b"sidx", b"emsg", b"prft", b"free")


def codings_of(value: str | None) -> tuple[str, ...]:
    """Return the codings that ``Content-Encoding`` names, in the order of their application."""
    if not value:
        return ()
    named = (name.strip().lower() for name in value.split(","))
    return tuple(_ALIASES.get(name, name) for name in named if name in _CODINGS)


def are_decodable(codings: Sequence[str]) -> bool:
    """Return True if DashGet can remove these codings."""
    return len(codings) <= _DECODED_AT_MOST and _DECODABLE.issuperset(codings)


def begins_plain(coding: str, beginning: bytes) -> bool:
    """Return True if a body with such a beginning cannot be in this coding."""
    if not beginning:
        return False
    magic = _MAGIC.get(coding)
    if magic is not None:
        return not beginning.startswith(magic[: len(beginning)])
    if beginning.startswith(_PLAIN) or beginning[4:8] in _BOXES:
        return True
    if coding == "deflate":
        # Loaded late: few servers name it.
        from dashget.common.contentcoding import begins_like

        return not begins_like(coding, beginning)
    return False
