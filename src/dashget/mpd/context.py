"""The state of one call of ``resolve``: the log, the parsed templates, the policy for URLs.

The policy also finds references that lead to the manifest itself instead of to media: an empty
``<BaseURL>`` beside SegmentBase, ``media=""`` and ``media="#t=0"`` all resolve to the manifest's
own URL. Under another query, it may be another resource, unless its name says that it is an MPD.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

import msgspec

from dashget.common.url import DEFAULT_PORTS, Url, UrlError, http_origin
from dashget.errors import Issue
from dashget.mpd.budget import Budget
from dashget.mpd.issues import IssueLog
from dashget.mpd.markers import MARKER, with_digits
from dashget.mpd.template import Address, Template, parse_template


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


_WEB: Final = ("http", "https")


class Place(msgspec.Struct, frozen=True):
    """A place in the document, for messages."""

    where: str
    line: int | None


class Context:
    """State that lives as long as one call of ``resolve``.

    ``manifest`` is the URL that the document came from. It decides which URLs the document may
    contain: http(s) only from http(s), only https from https (also if a saved document came from
    there), local files only from a local file. ``document`` is the URL that references are
    resolved against. ``no_window`` tells why it
    is unknown which segments of a dynamic presentation are available; with ``whole_buffer``, none
    is removed again.
    """

    def __init__(
        self,
        log: IssueLog,
        budget: Budget,
        manifest: str,
        document: str,
        *,
        allow_downgrade: bool,
        dynamic: bool = False,
        no_window: Issue | None = None,
        whole_buffer: bool = True,
    ) -> None:
        self.log = log
        self.budget = budget
        self.dynamic = dynamic
        self.no_window = no_window
        self.whole_buffer = whole_buffer
        self.document = document
        self.manifest = Url.parse(manifest)
        self._secure = "https" in (self.manifest.scheme, Url.parse(document).scheme)
        self.itself = Manifest(manifest, document)
        self._allow_downgrade = allow_downgrade
        self._templates: dict[str, Template] = {}
        self._allowed: set[str] = set()

    def template(self, text: str, place: Place) -> Template:
        """Parse a template, once per text; warn about odd parts at its first place."""
        template = self._templates.get(text)
        if template is None:
            template, remarks = parse_template(text)
            self._templates[text] = template
            for remark in remarks:
                self.log.warn_once(remark, place.where, place.line, "5.3.9.4.4")
        return template

    def refusal(self, url: str) -> str | None:
        """Return the reason why the document may not contain this URL; None if it may."""
        origin = url[: url.find("/", 8) + 1]
        if origin in self._allowed:
            return None
        refusal = self._refusal(url)
        if refusal is None and origin:
            self._allowed.add(origin)
        return refusal

    def _refusal(self, url: str) -> str | None:
        parts = Url.parse(url)
        local = self.manifest.scheme not in _WEB
        if parts.scheme is None:
            return f"{shown(url)} is relative, but there is no base URL"
        if parts.scheme in _WEB:
            try:
                # A template may have a field in the host.
                http_origin(Url.parse(with_digits(url)))
            except UrlError as error:
                return f"{shown(url)} is not a valid URL: {error}"
            if self._secure and parts.scheme == "http" and not self._allow_downgrade:
                return f"{shown(url)} leads from https to http, which is not allowed"
            return None
        if parts.scheme == "data" or (parts.scheme == "file" and local):
            return None
        if parts.scheme == "file":
            return f"{shown(url)} is a local file, which a remote manifest may not contain"
        return f"{shown(url)} has an unsupported scheme: {parts.scheme}"


def shown(url: str) -> str:
    """Return a URL for a message: in quotes, without password, fields as $, of limited length."""
    url = MARKER.sub("$", Url.parse(url).shown)
    return repr(url if len(url) <= 200 else f"{url[:200]}...")
