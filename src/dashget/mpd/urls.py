"""URL references by RFC 3986, to the letter; ``urllib.parse.urljoin`` deviates from it.

Text may hold the private-use characters that stand for template fields: they pass through
as they are. Other characters that no URL may hold are percent-encoded, and what is
encoded already stays.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.mpd.markers import RANGE

_SCHEME: Final = late(r"[A-Za-z][A-Za-z0-9+.-]*")
_PLAIN: Final = late(
    rf"(?![./])(?:[!$&'()*+,;=@A-Z_a-z0-9~-]|[{RANGE}]|/(?!\.)|(?<!/)\.)+", re.ASCII
)
_ILLEGAL: Final = late(rf"%(?![0-9A-Fa-f]{{2}})|(?![{RANGE}])[^!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~]")
_CONTROL: Final = late(r"[\t\r\n]")


class Url(msgspec.Struct, frozen=True):
    """The components of a URL reference, without its fragment; None is an absent one."""

    scheme: str | None
    authority: str | None
    path: str
    query: str | None

    @classmethod
    def parse(cls, text: str) -> Url:
        """Split a reference (RFC 3986, appendix B)."""
        rest = text.partition("#")[0]
        scheme: str | None = None
        head, colon, tail = rest.partition(":")
        if colon and _SCHEME.fullmatch(head):
            scheme, rest = head.lower(), tail
        before, mark, query = rest.partition("?")
        authority: str | None = None
        if before.startswith("//"):
            authority, slash, path = before[2:].partition("/")
            before = slash + path
        return cls(scheme, authority, before, query if mark else None)

    def __str__(self) -> str:
        text = "" if self.scheme is None else f"{self.scheme}:"
        if self.authority is not None:
            text += f"//{self.authority}"
        text += self.path
        return text if self.query is None else f"{text}?{self.query}"

    @property
    def host(self) -> str:
        """The host, lower case, without user and port."""
        host = (self.authority or "").rpartition("@")[2]
        name, colon, port = host.rpartition(":")
        has_port = colon and (not port or port.isdecimal())
        return (name if has_port else host).lower()

    @property
    def origin(self) -> tuple[str | None, str, str | None]:
        """Scheme, host and port (RFC 6454), the default port as None."""
        match = re.search(r":(\d+)$", self.authority or "")
        port = match[1] if match else None
        if (self.scheme, port) in (("http", "80"), ("https", "443")):
            port = None
        return self.scheme, self.host, port


def resolve_reference(base: str, reference: str) -> str:
    """Resolve a reference against an absolute URL (RFC 3986, 5.2.2), and encode what is illegal.

    The fragment is dropped: it is never sent. ``data:`` URLs stay as they are. The base is
    taken to be in normal form already, as everything is that comes from here.
    """
    if _PLAIN.fullmatch(reference):
        directory = _directory(base)
        if directory is not None:
            return directory + reference
    text = _CONTROL.sub("", reference.strip())
    ref = Url.parse(text)
    if ref.scheme == "data":
        return text
    return encode(str(_transform(Url.parse(base), ref)))


def encode(url: str) -> str:
    """Percent-encode, as UTF-8, the characters that a URL cannot hold outside its authority."""
    parts = Url.parse(url)
    path = _ILLEGAL.sub(_percent, parts.path)
    query = None if parts.query is None else _ILLEGAL.sub(_percent, parts.query)
    return str(Url(parts.scheme, parts.authority, path, query))


def is_absolute(reference: str) -> bool:
    """Whether a reference has a scheme, so that no base is needed."""
    return Url.parse(reference.strip()).scheme is not None


def _directory(base: str) -> str | None:
    """Give a hierarchical URL up to the last slash of its path; None where it has no path."""
    end = base.find("?")
    begin = base.find("//") + 2
    last = base.rfind("/", begin, len(base) if end < 0 else end)
    return base[: last + 1] if begin > 1 and last >= 0 else None


def _transform(base: Url, ref: Url) -> Url:
    if ref.scheme is not None:
        return Url(ref.scheme, ref.authority, _without_dots(ref.path), ref.query)
    if ref.authority is not None:
        return Url(base.scheme, ref.authority, _without_dots(ref.path), ref.query)
    if not ref.path:
        query = base.query if ref.query is None else ref.query
        return Url(base.scheme, base.authority, base.path, query)
    path = ref.path if ref.path.startswith("/") else _merge(base, ref.path)
    return Url(base.scheme, base.authority, _without_dots(path), ref.query)


def _merge(base: Url, path: str) -> str:
    """RFC 3986, 5.2.3."""
    if base.authority is not None and not base.path:
        return f"/{path}"
    return base.path[: base.path.rfind("/") + 1] + path


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4: a ``..`` above the root has no effect."""
    if "." not in path:
        return path
    rooted = path.startswith("/")
    segments = path[1:].split("/") if rooted else path.split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return ("/" if rooted else "") + "/".join(kept)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))
