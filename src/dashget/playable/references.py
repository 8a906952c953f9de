"""Decide if the references of a document lead to the mirror's files, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from dashget.common.lateregex import late
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track

_NAMED: Final = late(
    rb"\b(?:xmlns(?::[\w.-]+)?|schemeIdUri|schemaLocation|moreInformationURL)\s*=\s*"
    rb"(?:\"[^\"<]*\"|'[^'<]*')"
)
_SCHEMES: Final = (
    *("http", "https", "ws", "wss", "ftp", "ftps", "file", "rtmp", "rtmp[a-z]", "rtsp", "mms"),
    *("smb", "blob"),
)
_ODD: Final = late(
    rb":(?!//)(?i:" + "|".join(rf"(?<=\b{scheme}:)" for scheme in _SCHEMES).encode() + rb")"
)
"""A scheme without ``//`` behind it. It begins with the colon, so that megabytes take no time."""
_ABOVE: Final = late(rb"\.\.[/\s\"'<]")
_BROKEN: Final = late(rb"/[\t\r\n]+/")
"""Ways to spell a host or a folder above that most documents have no use for."""
_MARKS: Final = (b"&#", b"\\", b"event:callback:")
_HOLD_BINARY: Final = (b"base64", b"ContentProtection", b"pssh", b":pro", b"<pro", b"Binary")
"""What a document with bytes in Base64 has somewhere."""


def lead_to_mirror(url: str, tracks: Sequence[Track], layout: Layout) -> bool:
    """Return True if every resource has the same path relative to the MPD as in the mirror."""
    directory = url.partition("?")[0].rpartition("/")[0] + "/"
    for track in tracks:
        for address in track.index.addresses():
            marked = address.patterns[0].marked
            if not marked.startswith(directory):
                return False
            if unquote(marked[len(directory) :]) != layout.pattern(address).marked:
                return False
    return True


def may_lead_out(data: bytes) -> bool:
    """Return True unless a document in UTF-8 certainly names a host in identifiers only."""
    if any(odd in data for odd in _MARKS) or _ODD.search(data):
        return True
    if b".." in data and _ABOVE.search(data):
        return True
    # Not compiled for most documents, which have no line that ends so.
    if any(end in data for end in (b"/\t", b"/\r", b"/\n")) and _BROKEN.search(data):
        return True
    if data.find(b"<?", 5) >= 0:
        # An instruction, such as a style sheet. The declaration begins before.
        return True
    if any(mark in data for mark in _HOLD_BINARY):
        # Loaded late: most documents hold nothing in Base64.
        from dashget.playable.coded import may_name_coded_host

        if may_name_coded_host(data):
            return True
    slashes = data.count(b"//")
    return slashes > 0 and slashes != sum(m[0].count(b"//") for m in _NAMED.finditer(data))
