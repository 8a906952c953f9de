"""The URL references of a manifest: resolved by RFC 3986, and made fit to be sent.

Text may hold the private-use characters that stand for template fields: they pass through
as they are. Other characters that are invalid in a URL are percent-encoded; encoded ones
stay.
"""

from __future__ import annotations

import re
from typing import Final

from dashget.common.lateregex import late
from dashget.common.url import Url, tidy
from dashget.mpd.markers import RANGE, is_marker

_IN_PATHS: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!$&'()*+,;=@_~-./"
)
_AT_BEGINNING: Final = ("", ".", "/")
_LEGAL: Final = _IN_PATHS | frozenset("#:?")
_ILLEGAL: Final = late(rf"%(?![0-9A-Fa-f]{{2}})|(?![{RANGE}])[^!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~]")


def resolve_reference(base: str, reference: str) -> str:
    """Resolve a reference against an absolute URL, and encode invalid characters.

    The fragment is dropped: it is never sent. ``data:`` URLs stay as they are. The base has to
    be encoded already, as every result of this function is.
    """
    if _is_plain(reference):
        directory = _directory(base)
        if directory is not None:
            return directory + reference
    text = tidy(reference)
    parsed = Url.parse(text)
    if parsed.scheme == "data":
        return text
    return encode(str(Url.parse(base).join(parsed)))


def encode(url: str) -> str:
    """Percent-encode, as UTF-8, the invalid characters of path and query."""
    parts = Url.parse(url)
    path = _legal(parts.path)
    query = None if parts.query is None else _legal(parts.query)
    return str(Url(parts.scheme, parts.authority, path, query))


def _is_plain(reference: str) -> bool:
    """Return True for a path without a dot segment, to be appended to a directory as it is.

    No regular expression: most manifests have fewer references than compiling one would take.
    """
    return (
        reference[:1] not in _AT_BEGINNING
        and "/." not in reference
        and all(map(is_marker, set(reference) - _IN_PATHS))
    )


def _legal(text: str) -> str:
    """Percent-encode the characters that are invalid in a path or query."""
    if "%" not in text and all(map(is_marker, set(text) - _LEGAL)):
        return text
    return _ILLEGAL.sub(_percent, text)


def is_absolute(reference: str) -> bool:
    """Return True for a reference with a scheme, which needs no base."""
    return Url.parse(reference.strip()).scheme is not None


def _directory(base: str) -> str | None:
    """Return a URL up to the last slash of its path; None if it has no authority or path."""
    end = base.find("?")
    begin = base.find("//") + 2
    last = base.rfind("/", begin, len(base) if end < 0 else end)
    return base[: last + 1] if begin > 1 and last >= 0 else None


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))
