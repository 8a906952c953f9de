"""How to transfer: everything about requests that a user can choose, as one struct."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from dashget.transfer.givenfile import GivenFile

MIB = 1024 * 1024
MOST_TO_FIND = 64
"""How many transfers measuring goes up to, unless somebody says otherwise."""


class HttpVersion(enum.Enum):
    """Which version of HTTP to speak; the spelling is that of ``--http``."""

    AUTO = "auto"
    """HTTP/2 over TLS where the server offers it, else HTTP/1.1."""
    HTTP_1_1 = "1.1"
    HTTP_2 = "2"
    HTTP_3 = "3"


class OriginHeader(msgspec.Struct, frozen=True):
    """A header for one origin only, whether it is a secret or not."""

    origin: str
    """``scheme://host[:port]``, ``host:port``, or a host name for any scheme and port of it."""
    name: str
    value: str


class TransferOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The choices for one run.

    Secrets are: ``Authorization`` and ``Cookie`` among ``headers``, ``cookies``,
    ``cookie_file`` entries, ``user``, netrc entries and the client certificate. They go to
    the origin of ``origin`` and to what ``send_credentials_to`` names; other headers go to
    every host. None means "not given" throughout.
    """

    origin: str | None = None
    """URL of the manifest: its origin (scheme, host, port) is the one that gets secrets."""

    in_flight: int | None = 4
    """Transfers in flight in all; None finds the best number by measuring."""
    max_in_flight: int = MOST_TO_FIND
    """What the measuring never exceeds."""
    max_per_host: int | None = None
    """Requests to one host at once; None: as many as in flight. When measuring None means 16,
    or 16 connections where requests share them (HTTP/2 and 3)."""

    timeout_seconds: float = 30.0
    """Longest time without a byte before a transfer counts as stalled. Not a total."""
    connect_timeout_seconds: float = 15.0
    retries: int = 5
    """Further attempts on each URL of a file after the first."""
    run_retries: int | None = None
    """Retries in the whole run; None: 200 and one more for every two files started."""
    backoff_seconds: float = 0.5
    """Ceiling of the first pause before a retry; it doubles with every further one."""
    backoff_limit_seconds: float = 30.0
    retry_after_limit_seconds: float = 300.0
    """A server that asks for a longer pause is not waited for."""

    user_agent: str = "DashGet"
    headers: tuple[tuple[str, str], ...] = ()
    origin_headers: tuple[OriginHeader, ...] = ()
    send_credentials_to: tuple[str, ...] = ()
    """Hosts, ``host:port`` or origins that get the secrets as well; ``all`` for every one."""
    user: str | None = None
    """``name:password``"""
    netrc: str | GivenFile | None = None
    """Path of a netrc file to look credentials up in, or what was read of one."""
    cookie_file: str | GivenFile | None = None
    """Likewise of a file in Netscape's format; entries go to the domains that they name."""
    cookies: tuple[str, ...] = ()
    """``name=value`` pairs."""
    append_query: str | None = None
    """Added to the query of every request to the manifest's origin, as it is."""

    proxy: str | None = None
    """Proxy URL (http, https, socks4, socks4a, socks5, socks5h); ``""`` for none, even if
    the environment names one. None: as the environment says."""
    no_proxy: str | None = None
    cacert: str | None = None
    cert: str | None = None
    key: str | None = None
    insecure: bool = False
    interface: str | None = None
    """Local interface, address or host name to send from."""
    http: HttpVersion = HttpVersion.AUTO
    limit_rate: int | None = None
    """Bytes a second over all transfers."""

    max_redirects: int = 10
    allow_downgrade: bool = False
    """Whether https may redirect to, or a manifest from https may name, http."""
    allow_private: bool = False
    """Whether a public host may send us to a private or loopback address."""

    range_threshold: int = 16 * MIB
    """A resource at least this large is fetched in parallel ranges."""
    range_size: int = 8 * MIB
    """How much one such range spans."""
    overtake_seconds: float = 2.0
    """At the end of a run, a transfer that is slow for so long is raced by another."""
    loops: int | None = None
    """Threads that drive transfers. None: two, where there are four processors or more; with
    fewer the second only takes time from the first, and from a server on the same machine."""
