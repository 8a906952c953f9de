"""State of one call of ``resolve``: the log, the parsed templates, the policy for URLs."""

from __future__ import annotations

from typing import Final

import msgspec

from dashget.common.url import Url, UrlError, http_origin
from dashget.errors import Issue
from dashget.mpd.budget import Budget
from dashget.mpd.issues import IssueLog
from dashget.mpd.markers import MARKER, with_digits
from dashget.mpd.selfreference import Manifest
from dashget.mpd.template import Template, parse_template

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
