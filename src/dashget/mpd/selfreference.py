"""Find references that lead to the manifest itself instead of to media.

An empty ``<BaseURL>`` beside SegmentBase, ``media=""`` and ``media="#t=0"`` all resolve to the
manifest's own URL. Under another query, it may be another resource, unless its name says that it
is an MPD.
"""

from __future__ import annotations

from urllib.parse import unquote

from dashget.common.url import DEFAULT_PORTS, Url
from dashget.mpd.template import Address


class Manifest:
    """The URLs of a manifest: where it came from, and what its references are resolved against."""

    def __init__(self, *urls: str) -> None:
        self._places = {_place(url) for url in urls}
        self._queries = {(*_place(url), Url.parse(url).query or "") for url in urls}
        names = {place[1].rpartition("/")[2] for place in self._places}
        self._names = tuple(name for name in names if name)

    def is_at(self, url: str) -> bool:
        """Return True if a URL is that of the manifest."""
        place = _place(url)
        if place not in self._places:
            return False
        return place[1].endswith(".mpd") or (*place, Url.parse(url).query or "") in self._queries

    def may_be(self, reference: str) -> bool:
        """Return False for references that cannot lead to it; decided fast, for long lists."""
        if not reference or reference[0] in "?#.":
            return True
        folded = reference.lower()
        return not self._names or "%" in folded or any(name in folded for name in self._names)

    def leave_out(self, address: Address) -> Address | None:
        """Return an address without the URLs of the manifest; None if no other is left."""
        kept = tuple(p for p in address.patterns if not self.is_at(p.marked))
        if len(kept) == len(address.patterns):
            return address
        return Address(kept) if kept else None


def _place(url: str) -> tuple[str, str]:
    """Return origin and path of a URL, decoded and in lower case."""
    parts = Url.parse(url)
    scheme, authority = (parts.scheme or "").lower(), (parts.authority or "").lower()
    port = DEFAULT_PORTS.get(scheme)
    return f"{scheme}://{authority.removesuffix(f':{port}')}", unquote(parts.path).lower()
