"""Content codings: which names mean one, and whether a body begins as coded bytes would.

DashGet asks for bodies without a coding. Servers name one all the same: S3 keeps what an upload
said (``aws-chunked``), others put a character set there, or ``gzip`` beside plain bytes.
"""

from __future__ import annotations

from typing import Final

_CODINGS: Final = frozenset(
    ("gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd", "dcb", "dcz", "exi")
)
"""The names that change the bytes (IANA's registry). All others mean nothing."""
DECODABLE: Final = frozenset(("gzip", "x-gzip", "deflate"))
_MAGIC: Final = {
    "gzip": b"\x1f\x8b",
    "x-gzip": b"\x1f\x8b",
    "compress": b"\x1f\x9d",
    "x-compress": b"\x1f\x9d",
    "zstd": b"\x28\xb5\x2f\xfd",
}
_PLAIN: Final = (
    b"\x1a\x45\xdf\xa3", b"WEBVTT", b"\xef\xbb\xbf", b"<?xml", b"<tt", b"<MPD", b"<!--", b"\x89PNG",
    b"\xff\xd8\xff", b"RIFF",
)  # fmt: skip
_BOXES: Final = (b"ftyp", b"styp", b"moof", b"moov", b"sidx", b"emsg", b"prft", b"free")


def coding_of(value: str | None) -> str | None:
    """Return the coding that was applied last, by ``Content-Encoding``; None if it means none."""
    if not value:
        return None
    named = [name.strip().lower() for name in value.split(",")]
    return next((name for name in reversed(named) if name in _CODINGS), None)


def begins_plain(coding: str, beginning: bytes) -> bool:
    """Return True if a body with such a beginning cannot be in this coding."""
    if not beginning:
        return False
    magic = _MAGIC.get(coding)
    if magic is not None:
        return not beginning.startswith(magic[: len(beginning)])
    return beginning.startswith(_PLAIN) or beginning[4:8] in _BOXES
