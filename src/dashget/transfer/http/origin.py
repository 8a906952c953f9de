"""Origins: the headers and secrets for each, its state, and which redirects are followed.

Secrets go to the origin of the manifest and to those that the user named. All of this is decided
once for each origin; a request then finds its origin by the beginning of the URL.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

from dashget.common.foreigntext import printable_url
from dashget.common.lateregex import late
from dashget.common.secrets import HidesSecrets
from dashget.common.url import DEFAULT_PORTS, Url, UrlError, http_origin, tidy
from dashget.errors import UsageError
from dashget.transfer.contract import Request
from dashget.transfer.http.addresses import Peer
from dashget.transfer.http.failure import Failure, policy_failure
from dashget.transfer.http.guard import Guard, downgrade_refused
from dashget.transfer.settings.options import TransferOptions

if TYPE_CHECKING:
    from dashget.transfer.settings.hosts import HostPattern

_SECRET_HEADERS = frozenset({"authorization", "cookie"})
_RANGES = "DashGet fetches whole files, and requests ranges itself when it resumes or divides one"
_NO_BODY = "requests have no body"
_OWN_HEADERS = {
    "accept-encoding": "DashGet always requests bodies without content coding",
    "range": _RANGES,
    "if-range": _RANGES,
    "content-length": _NO_BODY,
    "transfer-encoding": _NO_BODY,
    "te": "DashGet always requests bodies without transfer coding",
}
"""The headers that only DashGet may set, with the reason."""
_ALL = "all"
_CODING = "Accept-Encoding: identity"
_SHOWN_CHARACTERS = 80
_UNSENT = late(r"[\x00-\x20\x7f]")
_NOT_ENCODED = "!#$%&'()*+,/:;=?@[]~-._"


class Origin(Peer):
    """One scheme, host and port: the headers and secrets of its requests, and its state."""

    __slots__ = (
        "at_work", "cookie", "downgraded", "good", "headers", "home", "home_has_query", "login",
        "multiplexes", "not_before", "query", "retags", "round_trip_seconds", "trusted",
        "wavers",
    )  # fmt: skip

    def __init__(self, scheme: str, host: str, port: int) -> None:
        super().__init__(scheme, host, port)
        self.downgraded = False
        """True if only a manifest from https led here: nothing that the user gave goes with it."""
        self.trusted = False
        self.home = False
        """True if the user opened a manifest from it."""
        self.home_has_query = False
        """True if the URL of that manifest has a query."""
        self.headers: list[str] = []
        self.cookie: str | None = None
        self.login: tuple[bytes, bytes] | None = None
        """Name and password."""
        self.query: str | None = None
        self.multiplexes = False
        """True if its last answer came over HTTP/2 or 3, where requests can share a connection."""
        self.round_trip_seconds: float | None = None
        """The shortest time that a connection to it took to open; None until it is known."""
        self.not_before = 0.0
        """Clock time until which ``Retry-After`` holds requests back."""
        self.retags = False
        """True if its ETags were seen to differ for the same bytes."""
        self.wavers = False
        """True if its times were seen to do so, too."""
        self.at_work: object = None
        """What last showed that it answers requests, another object each time; None: nothing."""
        self.good: Request | None = None
        """The last request with a good answer."""

    def matches(self, pattern: HostPattern) -> bool:
        """Return True if a user has named this origin by ``pattern``."""
        return pattern.matches(self.scheme, self.host, self.port)


class Origins:
    """Every origin that an engine has met. UsageError for invalid names of origins or headers."""

    def __init__(self, options: TransferOptions) -> None:
        self._options = options
        self._known: dict[str, Origin] = {}
        self._by_key: dict[str, Origin] = {}
        self._homes: dict[tuple[str, str, int], _Home] = {}
        """The origin of each manifest that the user opened."""
        self._downgrades = False
        """True if a manifest from https may lead to http."""
        self._user: str | None = options.user
        self._netrc = None
        if options.netrc is not None:
            from dashget.transfer.settings.netrc import netrc_of

            self._netrc = netrc_of(options.netrc)
        self._common = [_CODING]
        self._secret: list[str] = []
        for name, value in options.headers:
            line = header_line(name, value)
            kind = name.strip().lower()
            if kind == "proxy-authorization":
                continue
            (self._secret if kind in _SECRET_HEADERS else self._common).append(line)
        self._bound = [
            (
                _pattern(extra.origin, "origin_headers"),
                header_line(extra.name, extra.value),
            )
            for extra in options.origin_headers
        ]
        names = options.send_credentials_to
        self._trusts_all = any(name.lower() == _ALL for name in names)
        self._trusted = [
            _pattern(name, "send_credentials_to") for name in names if name.lower() != _ALL
        ]

    def trust(self, url: str, user: str | None = None) -> None:
        """Send the secrets to the origin of a manifest that the user opened.

        ``user`` is the ``name:password`` of the manifest's URL; ``TransferOptions.user`` goes
        before it. An invalid URL changes nothing: it is refused when it is requested.
        """
        parts = _home_of(url)
        if parts is None:
            return
        self._homes[parts] = _Home("?" in url, user)
        if self._options.user is None and user is not None:
            self._user = user
        self._note_downgrades(parts)
        known = self._by_key.get(Origin(*parts).key)
        if known is not None:
            self._equip_anew([known])

    def _note_downgrades(self, home: tuple[str, str, int]) -> None:
        """Take the user's headers, cookies and logins from http origins, if https leads there."""
        if home[0] == "https" and self._options.allow_downgrade and not self._downgrades:
            self._downgrades = True
            self._equip_anew([each for each in self._by_key.values() if each.scheme == "http"])

    def _equip_anew(self, origins: list[Origin]) -> None:
        """Put new objects in the place of origins: handles are dressed for the earlier ones."""
        successors: dict[Origin, Origin] = {}
        for known in origins:
            made = Origin(known.scheme, known.host, known.port)
            self._equip(made)
            made.not_before, made.multiplexes = known.not_before, known.multiplexes
            made.at_work, made.good = known.at_work, known.good
            made.round_trip_seconds = known.round_trip_seconds
            made.was_public, made.only_private = known.was_public, known.only_private
            made.addresses = known.addresses
            self._by_key[made.key] = successors[known] = made
        self._known = {start: successors.get(each, each) for start, each in self._known.items()}

    def return_to(self, url: str) -> None:
        """Make the origin of a manifest that a record names a home, if it may have the secrets."""
        parts = _home_of(url)
        if parts is None or parts in self._homes:
            return
        named = self._trusts_all or any(map(Origin(*parts).matches, self._trusted))
        if self._has_secrets() and not named:
            place = Origin(*parts).key
            raise UsageError(
                f"the credentials are not sent to {place}, which only the mirror's record names",
                hint=f"if it is the right one, add --send-credentials-to {place}",
            )
        self.trust(url)

    def _has_secrets(self) -> bool:
        options = self._options
        given = (options.user, options.netrc, options.cookies, options.cert, options.append_query)
        return bool(self._secret or any(given))

    def good_elsewhere(self, origin: Origin) -> Request | None:
        """Return a request that another origin has answered well, if there is one."""
        others = (each.good for each in self._by_key.values() if each is not origin)
        return next((good for good in others if good is not None), None)

    def guard(self, home: str | None = None) -> Guard:
        """Return the limits for requests that the manifest at ``home`` names.

        A ``home`` that is not on a web server gives no private address. Without ``home``, every
        manifest that the user opened sets its limits; before the first one there are none.
        """
        options = self._options
        parts = None if home is None else _home_of(home)
        homes = list(self._homes) if home is None else [] if parts is None else [parts]
        for each in homes:
            self._note_downgrades(each)
        return Guard(
            https_only=not options.allow_downgrade and any(each[0] == "https" for each in homes),
            public_only=not options.allow_private and bool(home is not None or homes),
            given=frozenset()
            if options.public_only
            else frozenset(Origin(*each).key for each in homes),
            proxy=options.proxy,
            no_proxy=options.no_proxy,
            looked_up=_looked_up(options.proxy),
        )

    def of(self, url: str) -> Origin | Failure:
        """Return the origin of an absolute URL; a Failure if it is invalid or not http(s)."""
        end = url.find("/", 8)
        start = url if end < 0 else url[:end]
        found = self._known.get(start)
        return found if found is not None else self._learn(start)

    def _learn(self, start: str) -> Origin | Failure:
        url = Url.parse(start)
        try:
            parts = http_origin(url)
        except UrlError as error:
            if url.scheme is None or url.scheme in DEFAULT_PORTS:
                return policy_failure(f"not a valid URL: {error}")
            return policy_failure(f"{url.scheme}: URLs are not fetched, only http and https")
        made = Origin(*parts)
        origin = self._by_key.get(made.key)
        if origin is None:
            # Before another run, in a thread of its own, can find it.
            self._equip(made)
            origin = self._by_key.setdefault(made.key, made)
        if len(self._known) < 10_000:
            self._known[start] = origin
        return origin

    def _equip(self, origin: Origin) -> None:
        options = self._options
        home = self._homes.get((origin.scheme, origin.host, origin.port))
        origin.downgraded = self._downgrades and home is None and origin.scheme == "http"
        if origin.downgraded:
            named = (line for place, line in self._bound if place.scheme and origin.matches(place))
            origin.headers = [_CODING, *named]
            return
        origin.trusted = (
            home is not None or self._trusts_all or any(map(origin.matches, self._trusted))
        )
        origin.headers = list(self._common)
        if origin.trusted:
            origin.headers += self._secret
            origin.cookie = "; ".join(options.cookies) or None
            user = self._user if home is None else options.user or home.user
            origin.login = self._login(origin.host, user)
        if home is not None:
            origin.home, origin.home_has_query = True, home.has_query
            origin.query = options.append_query
        origin.headers += [line for place, line in self._bound if origin.matches(place)]

    def _login(self, host: str, user: str | None) -> tuple[bytes, bytes] | None:
        """Return name and password for a host: those of ``user``, else of the netrc file."""
        if user is not None:
            name, _, password = user.encode().partition(b":")
            return name, password
        found = None if self._netrc is None else self._netrc.login(host)
        return None if found is None else (found.name, found.password)

    def redirect(self, url: str, location: str) -> str | Failure:
        """Return the URL that a redirect leads to; a Failure if it is not followed."""
        target = Url.parse(url).join(Url.parse(_decoded(location)))
        if target.scheme not in DEFAULT_PORTS:
            return policy_failure(f"redirect to a {target.scheme}: URL refused")
        try:
            http_origin(target)
        except UrlError as error:
            shown = self.shown(str(target))[:_SHOWN_CHARACTERS]
            return policy_failure(f"redirect to an invalid URL ({error}): {shown}")
        downgrades = target.scheme == "http" and url[:6].lower() == "https:"
        if downgrades and not self._options.allow_downgrade:
            return downgrade_refused("redirect from https to http refused")
        return str(target)

    def shown(self, url: str) -> str:
        """Return the URL of a redirect without secrets."""
        return shown(url, appended=self._options.append_query)


class _Home(HidesSecrets, frozen=True):
    """What the URL of a manifest adds to its origin."""

    has_query: bool
    user: str | None
    secrets = ("user",)


def header_line(name: str, value: str) -> str:
    """Return ``name: value`` for libcurl; UsageError for a header that only DashGet may set."""
    name, value = name.strip(), value.strip()
    hint = _OWN_HEADERS.get(name.lower())
    if hint is not None:
        raise UsageError(f"header {name} cannot be set: DashGet sets it itself", hint=hint)
    return f"{name}: {value}" if value else f"{name};"


def shown(url: str, *, appended: str | None = None) -> str:
    """Return a URL without credentials and control characters, for messages.

    A server that redirects repeats the query that it was asked with, in any form. An
    ``appended`` query is often a secret; then every query is replaced by dots.
    """
    parsed = Url.parse(url)
    if appended and parsed.query is not None:
        parsed = Url(parsed.scheme, parsed.authority, parsed.path, "...")
    return printable_url(parsed.shown)


def sendable(url: str, query: str | None) -> str:
    """Return the URL for libcurl: in ASCII, ``query`` appended. UrlError if its host is invalid."""
    if not url.isascii():
        url = str(Url.parse(url).to_ascii())
    if query:
        url, _, _ = url.partition("#")
        url += f"{'&' if '?' in url else '?'}{query}"
    return url


def _looked_up(proxy: str | None) -> frozenset[str]:
    """Return the schemes of URLs whose hosts are looked up here for a SOCKS proxy."""
    named = [proxy] if proxy is not None else os.environ.values()
    if not any("socks" in text.lower() for text in named):
        return frozenset()
    from dashget.transfer.settings.proxies import looks_up_here

    return frozenset(scheme for scheme in DEFAULT_PORTS if looks_up_here(scheme, proxy, os.environ))


def _home_of(url: str) -> tuple[str, str, int] | None:
    """Return the origin of a manifest; None if its URL is invalid, or neither http nor https."""
    try:
        return http_origin(Url.parse(url))
    except UrlError:
        return None


def _decoded(location: str) -> str:
    """Return a Location, whose bytes were read as Latin-1, as the text that was meant."""
    raw = location.encode("latin-1", "replace")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = quote(raw, safe=_NOT_ENCODED)
    return _UNSENT.sub(lambda match: f"%{ord(match[0]):02X}", tidy(text))


def _pattern(text: str, field: str) -> HostPattern:
    """Read the name of a host that the user gave. Loaded late: few runs name any."""
    from dashget.transfer.settings.hosts import HostPattern

    return HostPattern.parse(text, field)
