"""The options of transfers: all that a user can choose about requests, in one struct."""

from __future__ import annotations

import enum
import os
from typing import Final, Literal

from dashget.common.secrets import HidesSecrets
from dashget.common.validation import (
    DAY_SECONDS,
    Check,
    FieldError,
    Wrong,
    check,
    each,
    flag,
    instance,
    optional,
    path,
    seconds,
    text,
    whole,
)
from dashget.transfer.settings.givenfile import GivenFile

MIB = 1024 * 1024
MOST_TO_FIND = 64
"""The most transfers that measuring tries, unless an option names another limit."""
USUALLY_IN_FLIGHT: Final = 4
_MOST_IN_FLIGHT: Final = 1000
_MOST_TIMES: Final = 1000
_NOT_IN_NAME: Final = frozenset(' :()<>@,;"')
_SHOWN_CHARACTERS: Final = 80
_TOKEN: Final = frozenset(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
"""The characters of a header's name (RFC 9110, 5.6.2)."""
_LONGEST_NAME: Final = 100
PROXY_VARIABLES: Final = {
    "http": ("http_proxy", "all_proxy", "ALL_PROXY"),
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
}
"""The variables that libcurl reads, in its order; it ignores ``HTTP_PROXY``."""


class HttpVersion(enum.Enum):
    """The version of HTTP; the values are those of ``--http``."""

    AUTO = "auto"
    """HTTP/2 over TLS where the server offers it, else HTTP/1.1."""
    HTTP_1_1 = "1.1"
    HTTP_2 = "2"
    HTTP_3 = "3"


class OriginHeader(HidesSecrets, frozen=True):
    """A header for one origin only; its value may be a secret."""

    secrets = ("value",)

    origin: str
    """``scheme://host[:port]``, ``host:port``, or a host name for any scheme and port of it."""
    name: str
    value: str


class TransferOptions(HidesSecrets, frozen=True, kw_only=True):
    """The options of an engine.

    Secrets are: ``Authorization`` and ``Cookie`` among ``headers``, ``cookies``,
    ``cookie_file`` entries, ``user``, netrc entries and the client certificate. They go to
    the origin of each manifest that the user opened and to what ``send_credentials_to`` names;
    other headers go to every host. ``repr`` masks all of these, the values of all headers,
    ``append_query`` and the password of ``proxy``.

    None means "not given" throughout. UsageError for invalid values; those that depend on this
    machine or its libcurl are checked when an engine is made.
    """

    in_flight: int | Literal["auto"] | None = None
    """Transfers in flight at once; ``auto`` finds the best number by measuring. None: four, for a
    recording 16."""
    max_in_flight: int = MOST_TO_FIND
    """The most transfers that measuring tries."""
    max_per_host: int | None = None
    """Requests to one host at once; None: as many as in flight. When measuring None means 16,
    or 16 connections where requests share them (HTTP/2 and 3); up to 48 over a long link, while
    short requests mostly wait and more of them bring more."""

    max_time_seconds: float | None = None
    """Longest time for one call (``open``, ``mirror``, ``verify``, ...), all of it: then it ends as
    if it were stopped. None: no limit."""
    timeout_seconds: float = 30.0
    """Longest time without a byte before a transfer counts as stalled. Not a total.
    The head of an answer may take twice as long, however it comes."""
    document_timeout_seconds: float = 300.0
    """Longest time for all requests for a document together (a manifest, a remote element, a clock,
    an index), without pauses."""
    document_limits: int = 1
    """How many times the usual limits a manifest may cost: bytes, elements, work, remote elements,
    clocks, length of URLs."""
    connect_timeout_seconds: float = 15.0
    speed_limit: int | None = None
    """Bytes a second; a connection that brings less for ``speed_time_seconds`` is given up, which
    counts as a failed attempt. None: one that crawls while others to its host run is replaced,
    which does not. 0: neither."""
    speed_time_seconds: float | None = None
    """How long; None: 30 with a ``speed_limit``, else 10."""
    retries: int | None = None
    """Retries on each URL of a file after a temporary failure. None: five, but none for a host that
    cannot be reached and never could be: that is said at once."""
    run_retries: int | None = None
    """Retries in the whole run; None: 200 and one more for every two files started."""
    backoff_seconds: float = 0.5
    """Ceiling of the first pause before a retry; it doubles with every further one."""
    backoff_limit_seconds: float = 30.0
    retry_after_limit_seconds: float = 300.0
    """The longest pause that a server may ask for; with a longer one its files fail."""
    host_patience_seconds: float = 300.0
    """How long a host that fails in one way for all is paused and probed before its files fail,
    which costs them no retries until then. 0: each failure is the file's."""

    user_agent: str = "DashGet"
    headers: tuple[tuple[str, str], ...] = ()
    origin_headers: tuple[OriginHeader, ...] = ()
    send_credentials_to: tuple[str, ...] = ()
    """Hosts, ``host:port`` or origins that get the secrets as well; ``all`` for every one."""
    user: str | None = None
    """``name:password``"""
    netrc: str | os.PathLike[str] | GivenFile | None = None
    """A netrc file with credentials: its path, or its content."""
    cookie_file: str | os.PathLike[str] | GivenFile | None = None
    """A cookie file in Netscape's format; each cookie goes to the domain that it names."""
    cookies: tuple[str, ...] = ()
    """``name=value`` pairs."""
    keep_headers: tuple[str, ...] = ()
    """Names of response headers to keep in the record and in events, such as ``Cache-Control``.
    ``Set-Cookie`` is a secret, and is refused."""
    append_query: str | None = None
    """Text that is added, unchanged, to the query of every request to the manifest's origin."""

    proxy: str | None = None
    """Proxy URL (http, https, socks4, socks4a, socks5, socks5h); ``""`` for none, even if
    the environment names one. None: as the environment says."""
    no_proxy: str | None = None
    cacert: str | os.PathLike[str] | None = None
    cert: str | os.PathLike[str] | None = None
    private_key: str | os.PathLike[str] | None = None
    insecure: bool = False
    interface: str | None = None
    """Local interface, address or host name to send from."""
    http: HttpVersion = HttpVersion.AUTO
    limit_rate: int | None = None
    """Bytes a second over all transfers."""

    max_redirects: int = 10
    allow_downgrade: bool = False
    """True if https may redirect to http, and a manifest from https may name http URLs."""
    allow_private: bool = False
    """True if a manifest may lead to private and loopback addresses of other origins than its
    own."""
    public_only: bool = False
    """True if not even the origin that was given may have a private address: for services."""

    range_threshold: int = 16 * MIB
    """A resource at least this large is fetched in parallel ranges."""
    range_size: int = 8 * MIB
    """The size of one such range."""
    overtake_seconds: float = 2.0
    """At the end of a run, a second request races a transfer that is slow for this long."""
    loops: int | None = None
    """Threads that drive transfers, all but the first only where files are large. None: two,
    where there is more than one processor, the second only where the first is never idle."""

    secrets = ("user", "cookies", "append_query")

    def __post_init__(self) -> None:
        """Check every field: options that exist are valid."""
        check(self, _RULES)
        if self.private_key is not None and self.cert is None:
            raise FieldError("private_key", Wrong("its certificate is missing", _KEY_HINT))
        if self.public_only and self.allow_private:
            raise FieldError("public_only", Wrong("allow_private says the opposite", _PUBLIC_HINT))

    @property
    def most_in_flight(self) -> int:
        """The most transfers at once."""
        chosen = self.in_flight
        return self.max_in_flight if chosen == "auto" else chosen or USUALLY_IN_FLIGHT


def is_header_text(value: str) -> bool:
    """Return True for text that is valid in a header; a line break would begin another one."""
    return value.isascii() and value.replace("\t", " ").isprintable()


def _header(name: object, value: object) -> Wrong | None:
    if not isinstance(name, str) or not isinstance(value, str):
        return Wrong("name and value must be text", _HEADERS_HINT)
    bare = name.strip()
    if not bare or not bare.isascii() or not bare.isprintable() or set(bare) & _NOT_IN_NAME:
        return Wrong(f"{bare[:_SHOWN_CHARACTERS]!r} is not a valid name", _HEADERS_HINT)
    if not is_header_text(value.strip()):
        return Wrong(
            f"the value of {bare} has a line break or a character beyond ASCII", _HEADERS_HINT
        )
    return None


def _pair(header: object) -> Wrong | None:
    if not isinstance(header, tuple | list) or len(header) != 2:
        return Wrong("not a pair of name and value", _HEADERS_HINT)
    return _header(*header)


def _bound(header: object) -> Wrong | None:
    if not isinstance(header, OriginHeader) or not isinstance(header.origin, str):
        return Wrong("not an OriginHeader", _BOUND_HINT)
    return _header(header.name, header.value)


def _cookie(pair: object) -> Wrong | None:
    name, equals, _ = pair.partition("=") if isinstance(pair, str) else ("", "", "")
    if isinstance(pair, str) and equals and name.strip() and is_header_text(pair):
        return None
    return Wrong("not NAME=VALUE in ASCII characters", _COOKIE_HINT)


def _kept_name(name: object) -> Wrong | None:
    is_name = isinstance(name, str) and set(name) <= _TOKEN and 0 < len(name) <= _LONGEST_NAME
    if not isinstance(name, str) or not is_name or "*" in name or name.lower() == "all":
        # No header has these names: who gives one means several headers.
        shown = repr(name)[:_SHOWN_CHARACTERS]
        hint = "one name each time, such as Cache-Control, without colon"
        return Wrong(f"{shown} is not the name of a header", hint)
    if name.lower() in ("set-cookie", "set-cookie2"):
        return Wrong(f"{name} is a secret, and is never recorded", "leave it out")
    return None


def _user_agent(value: object) -> Wrong | None:
    if isinstance(value, str) and not is_header_text(value):
        return Wrong(f"cannot be sent: {value[:_SHOWN_CHARACTERS]!r}")
    return text(value)


def _user(value: object) -> Wrong | None:
    if isinstance(value, str) and not value.isprintable():
        return Wrong("cannot be sent: it holds a control character")
    return text(value)


def _in_flight(value: object) -> Wrong | None:
    return None if value == "auto" else _IN_FLIGHT(value)


def _given_file(value: object) -> Wrong | None:
    if isinstance(value, str) or hasattr(value, "__fspath__"):
        return path(value)
    return None if isinstance(value, GivenFile) else path(value)


_HEADERS_HINT: Final = "write it as 'Name: value' or '@ORIGIN Name: value', in Python (name, value)"
_BOUND_HINT: Final = "make one with dashget.OriginHeader(origin, name, value)"
_COOKIE_HINT: Final = (
    "percent-encode other characters; pass a cookie file as --cookies FILE (cookie_file)"
)
_KEY_HINT: Final = "give --cert as well; a file that holds both is given as the certificate"
_PUBLIC_HINT: Final = "give one of --allow-private and --public-only"
_IN_FLIGHT: Final = whole(1, _MOST_IN_FLIGHT)
_MAYBE_TEXT: Final = optional(text)
_MAYBE_PATH: Final = optional(path)
_TIME: Final = seconds(positive=True)
_PAUSE: Final = seconds(positive=False)
_RULES: Final[dict[str, Check]] = {
    "in_flight": optional(_in_flight),
    "max_in_flight": whole(1, _MOST_IN_FLIGHT),
    "max_per_host": optional(whole(1)),
    "max_time_seconds": optional(seconds(positive=True, most=366 * DAY_SECONDS)),
    "timeout_seconds": _TIME,
    "document_timeout_seconds": _TIME,
    "document_limits": whole(1, _MOST_TIMES),
    "connect_timeout_seconds": _TIME,
    "speed_limit": optional(whole(0)),
    "speed_time_seconds": optional(_TIME),
    "retries": optional(whole(0)),
    "run_retries": optional(whole(0)),
    "backoff_seconds": _PAUSE,
    "backoff_limit_seconds": _PAUSE,
    "retry_after_limit_seconds": _PAUSE,
    "host_patience_seconds": _PAUSE,
    "user_agent": _user_agent,
    "headers": each(_pair, "such as (('Referer', 'https://host/'),)"),
    "origin_headers": each(_bound),
    "send_credentials_to": each(text, "such as ('cdn.example',)"),
    "user": optional(_user),
    "netrc": optional(_given_file),
    "cookie_file": optional(_given_file),
    "cookies": each(_cookie, "such as ('name=value',)"),
    "keep_headers": each(_kept_name, "such as ('Cache-Control',)"),
    "append_query": _MAYBE_TEXT,
    "proxy": _MAYBE_TEXT,
    "no_proxy": _MAYBE_TEXT,
    "cacert": _MAYBE_PATH,
    "cert": _MAYBE_PATH,
    "private_key": _MAYBE_PATH,
    "insecure": flag,
    "interface": _MAYBE_TEXT,
    "http": instance(HttpVersion, "such as dashget.HttpVersion.HTTP_2"),
    "limit_rate": optional(whole(1)),
    "max_redirects": whole(0),
    "allow_downgrade": flag,
    "allow_private": flag,
    "public_only": flag,
    "range_threshold": whole(1),
    "range_size": whole(1),
    "overtake_seconds": _PAUSE,
    "loops": optional(whole(1)),
}
