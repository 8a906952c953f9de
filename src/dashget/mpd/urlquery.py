"""Add URL parameters (ISO/IEC 23009-1, Annex I): a query string for every segment URL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.url import Url, UrlError
from dashget.mpd.budget import RAISED_BY, Budget
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import DescriptorElement, UrlQuery
from dashget.mpd.template import escape_markers

SCHEMES: Final = frozenset({"urn:mpeg:dash:urlparam:2014", "urn:mpeg:dash:urlparam:2016"})
_PLACEHOLDER: Final = late(r"\$(?:(querypart)|query:([^$]+)|header:([^$]+)|)\$")


class RequestQuery(msgspec.Struct, frozen=True):
    """The query to add; ``origin`` restricts it to URLs of the manifest's own origin."""

    text: str
    origin: tuple[str | None, str | None, int | None] | None = None

    def add_to(self, url: str) -> str:
        """Return the URL with the query added (I.2.2)."""
        if not self.text or url[:5].lower() == "data:":
            return url
        if self.origin is not None and _origin(Url.parse(url)) != self.origin:
            return url
        return f"{url}{'&' if '?' in url else '?'}{self.text}"


def request_query(
    descriptors: Iterable[DescriptorElement], manifest: Url, log: IssueLog, budget: Budget
) -> RequestQuery | None:
    """Return the query that the first Annex I descriptor asks for; None without one."""
    for descriptor in descriptors:
        query = descriptor.url_query
        if descriptor.scheme in SCHEMES and query is not None:
            return _build(query, manifest, log, budget)
    return None


def _build(query: UrlQuery, manifest: Url, log: IssueLog, budget: Budget) -> RequestQuery | None:
    if "segment" not in query.include_in_requests:
        return None
    own = manifest.query if query.use_mpd_url_query else None
    given = "&".join(part.lstrip("?&") for part in (own, query.query_string) if part)
    template = "$querypart$" if query.query_template is None else query.query_template
    if "$header:" in template or query.header_param_source:
        log.warn(
            "URL parameters from HTTP headers are not supported; ignored",
            query.where,
            query.line,
            "I.3",
        )
    budget.spend(len(given) + len(template), "URL parameters")
    values = dict(part.partition("=")[::2] for part in given.split("&"))

    def fill(match: re.Match[str]) -> str:
        if match[1]:
            return given
        if match[2]:
            return values.get(match[2], "")
        return "" if match[3] else "$"

    size = len(template)
    for match in _PLACEHOLDER.finditer(template):
        size += len(fill(match))
        if size > budget.limits.max_url:
            log.problem(
                f"the URL parameters have more than {budget.limits.max_url:,} characters;"
                f" {RAISED_BY}",
                query.where,
                query.line,
                "I.2.2",
            )
            return None
    text = escape_markers(_PLACEHOLDER.sub(fill, template)).strip("&?")
    return RequestQuery(text, _origin(manifest) if query.same_origin_only else None)


def _origin(url: Url) -> tuple[str | None, str | None, int | None]:
    """Return the origin of a URL; three times None if its host or port is invalid."""
    try:
        return url.origin
    except UrlError:
        return None, None, None
