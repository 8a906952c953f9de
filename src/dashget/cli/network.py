"""The options of everything that makes requests, and their way into ``TransferOptions``."""

from __future__ import annotations

import getpass
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Group, Parameter

from dashget.errors import UsageError
from dashget.transfer.options import HttpVersion, OriginHeader, TransferOptions
from dashget.version import __version__

NETWORK: Final = Group("Network", sort_key=3)
SECRETS: Final = Group("Credentials (only for the manifest's own origin)", sort_key=4)
SAFETY: Final = Group("Trust", sort_key=5)

_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgG]?)(?:[bB](?:/s)?)?")
_SCALE: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_MOST_THREADS: Final = 1000


def _read_threads(text: str) -> int | None:
    if text.lower() == "auto":
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_THREADS:
        raise UsageError(
            f"--threads must be a number from 1 to {_MOST_THREADS}, or auto: {text}",
            hint="the default is 4",
        )
    return int(text)


Threads = Annotated[
    str,
    Parameter(
        name=["--threads", "-t"],
        alias="--max-threads",
        group=NETWORK,
        help="Transfers in flight, or auto to find the best number by measuring.",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True)
class NetworkArguments:
    """How to make requests."""

    base_url: Annotated[
        str | None,
        Parameter(group=NETWORK, help="The URL that a local file or standard input came from."),
    ] = None
    header: Annotated[
        list[str] | None,
        Parameter(
            name=["--header", "-H"],
            group=NETWORK,
            negative="",
            help="'Name: value' for every host, '@ORIGIN Name: value' for one; Authorization and"
            " Cookie only go to the manifest's origin.",
        ),
    ] = None
    user_agent: Annotated[str | None, Parameter(group=NETWORK, help="The User-Agent.")] = None
    timeout: Annotated[
        float, Parameter(group=NETWORK, help="Seconds without a byte until a transfer is stalled.")
    ] = 30.0
    connect_timeout: Annotated[
        float, Parameter(group=NETWORK, help="Seconds until a connection must stand.")
    ] = 15.0
    retries: Annotated[
        int, Parameter(group=NETWORK, help="Further attempts after a failure that may pass.")
    ] = 5
    limit_rate: Annotated[
        str | None,
        Parameter(group=NETWORK, help="Bytes a second over all transfers, as in 500k or 2M."),
    ] = None
    max_per_host: Annotated[
        int | None, Parameter(group=NETWORK, help="Most transfers at once from one host.")
    ] = None
    http: Annotated[
        Literal["auto", "1.1", "2", "3"], Parameter(group=NETWORK, help="Version of HTTP.")
    ] = "auto"
    proxy: Annotated[
        str | None,
        Parameter(
            group=NETWORK,
            help="http, https, socks4(a) or socks5(h) URL; '' for none. By default as the"
            " environment says.",
        ),
    ] = None
    no_proxy: Annotated[
        str | None, Parameter(group=NETWORK, help="Hosts to reach without the proxy.")
    ] = None
    interface: Annotated[
        str | None, Parameter(group=NETWORK, help="Local interface or address to send from.")
    ] = None
    max_redirects: Annotated[int, Parameter(group=NETWORK, help="Longest chain to follow.")] = 10
    append_query: Annotated[
        str | None,
        Parameter(group=NETWORK, help="Added to the query of requests to the manifest's origin."),
    ] = None
    user: Annotated[
        str | None, Parameter(group=SECRETS, help="NAME:PASSWORD; asks for a missing password.")
    ] = None
    netrc: Annotated[
        Path | None, Parameter(group=SECRETS, help="A netrc file to look credentials up in.")
    ] = None
    cookies: Annotated[
        Path | None, Parameter(group=SECRETS, help="A cookie file in Netscape's format.")
    ] = None
    cookie: Annotated[
        list[str] | None, Parameter(group=SECRETS, negative="", help="NAME=VALUE, repeatable.")
    ] = None
    cert: Annotated[Path | None, Parameter(group=SECRETS, help="Client certificate (PEM).")] = None
    key: Annotated[Path | None, Parameter(group=SECRETS, help="Its private key (PEM).")] = None
    send_credentials_to: Annotated[
        list[str] | None,
        Parameter(group=SECRETS, negative="", help="A host or origin that gets them too, or all."),
    ] = None
    cacert: Annotated[
        Path | None, Parameter(group=SAFETY, help="Certificates to trust in place of the system's.")
    ] = None
    insecure: Annotated[
        bool, Parameter(group=SAFETY, negative="", help="Do not verify TLS certificates.")
    ] = False
    allow_downgrade: Annotated[
        bool, Parameter(group=SAFETY, negative="", help="Let https lead to http.")
    ] = False
    allow_private: Annotated[
        bool,
        Parameter(group=SAFETY, negative="", help="Let a public host lead to private addresses."),
    ] = False

    def transfer(self, threads: str = "4") -> TransferOptions:
        """Make the engine's options; UsageError for values that cannot be meant."""
        self._check()
        plain, bound = _parse_headers(self.header or ())
        return TransferOptions(
            in_flight=_read_threads(threads),
            max_per_host=self.max_per_host,
            timeout_seconds=self.timeout,
            connect_timeout_seconds=self.connect_timeout,
            retries=self.retries,
            user_agent=self.user_agent or f"DashGet/{__version__}",
            headers=plain,
            origin_headers=bound,
            send_credentials_to=tuple(self.send_credentials_to or ()),
            user=None if self.user is None else _with_password(self.user),
            netrc=_existing(self.netrc, "--netrc"),
            cookie_file=_existing(self.cookies, "--cookies"),
            cookies=tuple(_parse_cookie(text) for text in self.cookie or ()),
            append_query=None if self.append_query is None else self.append_query.lstrip("?&"),
            proxy=self.proxy,
            no_proxy=self.no_proxy,
            cacert=_existing(self.cacert, "--cacert"),
            cert=_existing(self.cert, "--cert"),
            key=_existing(self.key, "--key"),
            insecure=self.insecure,
            interface=self.interface,
            http=HttpVersion(self.http),
            limit_rate=None if self.limit_rate is None else _parse_rate(self.limit_rate),
            max_redirects=self.max_redirects,
            allow_downgrade=self.allow_downgrade,
            allow_private=self.allow_private,
        )

    def _check(self) -> None:
        _require(
            math.isfinite(self.timeout) and self.timeout > 0,
            f"--timeout must be positive: {self.timeout:g}",
        )
        _require(
            math.isfinite(self.connect_timeout) and self.connect_timeout > 0,
            f"--connect-timeout must be positive: {self.connect_timeout:g}",
        )
        _require(self.retries >= 0, f"--retries must not be negative: {self.retries}")
        _require(
            self.max_redirects >= 0, f"--max-redirects must not be negative: {self.max_redirects}"
        )
        _require(
            self.max_per_host is None or self.max_per_host >= 1,
            f"--max-per-host must be at least 1: {self.max_per_host}",
        )
        _require(
            self.user_agent is None or _is_header_text(self.user_agent),
            f"--user-agent cannot be sent: {self.user_agent!r}",
        )
        _require(self.key is None or self.cert is not None, "--key needs --cert")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise UsageError(message, hint="see: dashget --help")


def _parse_headers(
    texts: list[str] | tuple[str, ...],
) -> tuple[tuple[tuple[str, str], ...], tuple[OriginHeader, ...]]:
    """Split ``Name: value`` from ``@ORIGIN Name: value``."""
    plain: list[tuple[str, str]] = []
    bound: list[OriginHeader] = []
    for text in texts:
        if text.startswith("@"):
            origin, _, header = text[1:].partition(" ")
            name, value = _parse_header(header, text)
            bound.append(OriginHeader(origin, name, value))
        else:
            plain.append(_parse_header(text, text))
    return tuple(plain), tuple(bound)


def _parse_header(text: str, given: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name = name.strip()
    printable = name.isascii() and name.isprintable() and " " not in name
    if not colon or not name or not printable or not _is_header_text(value.strip()):
        raise UsageError(
            f"not a header: {given!r}", hint="write it as 'Name: value', in ASCII characters"
        )
    return name, value.strip()


def _is_header_text(text: str) -> bool:
    """Whether a text can stand in a header; a line break in it would begin another one."""
    return text.isascii() and text.replace("\t", " ").isprintable()


def _parse_cookie(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not equals or not name.strip() or not _is_header_text(text):
        raise UsageError(f"not a cookie: {text!r}", hint="write it as NAME=VALUE")
    return text


def _parse_rate(text: str) -> int:
    match = _RATE.fullmatch(text.strip())
    rate = int(float(match[1]) * _SCALE[match[2].lower()]) if match else 0
    if rate < 1:
        raise UsageError(f"--limit-rate is not a rate: {text!r}", hint="such as 500k or 2M")
    return rate


def _existing(path: Path | None, option: str) -> str | None:
    if path is not None and not path.is_file():
        raise UsageError(f"{option}: there is no file {str(path)!r}", hint="check the path")
    return None if path is None else str(path)


def _with_password(user: str, ask: Callable[[str], str] = getpass.getpass) -> str:
    if ":" in user:
        return user
    if not sys.stdin.isatty():
        raise UsageError("--user has no password", hint="write it as NAME:PASSWORD")
    return f"{user}:{ask(f'Password for {user}: ')}"
