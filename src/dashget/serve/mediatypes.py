"""The media type under which a file of a mirror is sent. No I/O.

A mirror comes from a stranger: none of its files is ever sent as something that a browser runs or
lays out, whatever it is called. What is called like no media is looked at, since names of segments
may have any ending; the rest is a series of bytes.
"""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = "application/octet-stream"
LOOKED_AT_BYTES: Final = 512
"""The size of the beginning of a file by which its type is told."""
_BY_ENDING: Final = {
    "mpd": "application/dash+xml",
    "mp4": "video/mp4",
    "m4s": "video/mp4",
    "m4v": "video/mp4",
    "m4i": "video/mp4",
    "mp4v": "video/mp4",
    "cmfv": "video/mp4",
    "dash": "video/mp4",
    "m4a": "audio/mp4",
    "mp4a": "audio/mp4",
    "cmfa": "audio/mp4",
    "cmft": "application/mp4",
    "m4t": "application/mp4",
    "webm": "video/webm",
    "weba": "audio/webm",
    "mkv": "video/x-matroska",
    "ts": "video/mp2t",
    "m2t": "video/mp2t",
    "m2ts": "video/mp2t",
    "aac": "audio/aac",
    "mp3": "audio/mpeg",
    "ac3": "audio/ac3",
    "ec3": "audio/eac3",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "vtt": "text/vtt; charset=utf-8",
    "webvtt": "text/vtt; charset=utf-8",
    "srt": "application/x-subrip",
    "ttml": "application/ttml+xml",
    "ttml2": "application/ttml+xml",
    "dfxp": "application/ttml+xml",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "avif": "image/avif",
    "txt": "text/plain; charset=utf-8",
}
_BOXES: Final = frozenset(
    (b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"emsg", b"prft", b"free", b"ssix")
)
_BEGINNINGS: Final = (
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"\x1f\x43\xb6\x75", "video/webm"),
    (b"WEBVTT", "text/vtt; charset=utf-8"),
    (b"\xef\xbb\xbfWEBVTT", "text/vtt; charset=utf-8"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
)
_PACKET: Final = 188


def type_by_name(path: str) -> str | None:
    """Return the media type that the ending of a name tells; None if it tells none."""
    name = path.rpartition("/")[2]
    return _BY_ENDING.get(name.rpartition(".")[2].lower()) if "." in name else None


def type_by_content(beginning: bytes) -> str:
    """Return the media type of a file that begins with these bytes."""
    if beginning[4:8] in _BOXES:
        return "video/mp4"
    if beginning[:1] == b"G" and beginning[_PACKET : _PACKET + 1] == b"G":
        return "video/mp2t"
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _BEGINNINGS if beginning.startswith(start)), UNKNOWN)
