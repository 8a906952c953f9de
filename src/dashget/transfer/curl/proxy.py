"""Which proxy a request goes through, and which failures are the proxy's and not the server's.

libcurl says only that a proxy was used, and tells most of what goes wrong with one in the words
that it has for servers. The proxy is named by host and port: its URL may hold a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dashget.common.foreigntext import one_line
from dashget.common.url import Url, UrlError
from dashget.transfer.curl.errors import (
    E_PROXY,
    curl_failure,
    is_about_certificates,
    is_about_proxy_url,
)
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.failure import Failure, status_failure, timeout_failure

OPTION = "--proxy"
SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
_PORT = 1080
_TLS_PORT = 443
_VARIABLES = {
    "http": ("http_proxy", "all_proxy", "ALL_PROXY"),
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
}
"""Those that libcurl reads, in its order; ``HTTP_PROXY`` is not among them."""
_USED = getattr(pycurl, "USED_PROXY", None)
"""Unknown to a libcurl before 8.7."""
_REACHING = frozenset({pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_PROXY})
"""What can only be about the first host of a request's way."""
_NO_CERTIFICATE_HINT = "none is shown to proxies: --cert is for servers"
_NO_TLS_HINT = "an http:// proxy speaks no TLS, an https:// one does"


class Proxy(msgspec.Struct, frozen=True):
    """Where a proxy listens, and what has named it: the option, or a variable."""

    scheme: str
    host: str
    port: int
    source: str = OPTION

    @classmethod
    def parse(cls, text: str, source: str = OPTION) -> Proxy | None:
        """Read the URL of a proxy like libcurl; None if it is invalid."""
        url = Url.parse(text if "://" in text else f"http://{text}")
        try:
            host, port = url.host, url.given_port
        except UrlError:
            return None
        # An @ in path, query or fragment: host and port are part of a name and a password.
        misplaced = text.count("@") > (url.userinfo is not None)
        if url.scheme not in SCHEMES or host is None or misplaced:
            return None
        default = _TLS_PORT if url.scheme == "https" else _PORT
        return cls(url.scheme, host, port or default, source)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def proxies(option: str | None, environment: Mapping[str, str]) -> tuple[Proxy, ...]:
    """Return all proxies that requests may go through."""
    if option is not None:
        found = [Proxy.parse(option)]
    else:
        names = dict.fromkeys(name for names in _VARIABLES.values() for name in names)
        found = [Proxy.parse(environment.get(name, ""), name) for name in names]
    return tuple(proxy for proxy in found if proxy is not None)


def proxy_of(scheme: str, option: str | None, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for URLs of a scheme, where there is one and its host can be told."""
    if option is not None:
        return Proxy.parse(option)
    for name in _VARIABLES[scheme]:
        if environment.get(name):
            return Proxy.parse(environment[name], name)
    return None


class Way(msgspec.Struct, frozen=True):
    """How far a request came that went through a proxy."""

    connected: bool
    """Whether there was a connection to the proxy."""
    tunnelled: bool
    """Whether the proxy has answered CONNECT, so that TLS is the server's."""

    @classmethod
    def of(cls, handle: Any, code: int, text: str) -> Way | None:
        """Ask a handle whose request has failed; None where it used no proxy."""
        if is_about_proxy_url(text):
            used = True
        elif _USED is None:
            used = code in (pycurl.E_COULDNT_RESOLVE_PROXY, E_PROXY) or "proxy" in text.lower()
        else:
            used = bool(handle.getinfo(_USED))
        if not used:
            return None
        answer = handle.getinfo(pycurl.HTTP_CONNECTCODE)
        return cls(handle.getinfo(pycurl.CONNECT_TIME) > 0, 200 <= answer < 300)


def proxy_failure(
    proxy: Proxy | None, way: Way, code: int, text: str, os_error: int, limit_seconds: float
) -> Failure | None:
    """Return the failure of a proxy; None where the failure is not the proxy's.

    ``proxy`` is None where it cannot be told which one it is, ``limit_seconds`` how long a
    connection was waited for.
    """
    name = "the proxy" if proxy is None else f"the proxy {proxy}"
    source = "--proxy and the proxy variables" if proxy is None else proxy.source
    hint = f"check {source}, or go without a proxy with {OPTION} ''"
    if code == pycurl.E_OPERATION_TIMEDOUT:
        if way.tunnelled:
            return None
        # Once there is a connection, it may well be the server that the proxy waits for.
        through = f" through {name}" if way.connected else ""
        reach = "" if way.connected else f"{name} cannot be reached: "
        found = timeout_failure(
            f"no connection{through} within {limit_seconds:g} s", connecting=True
        )
        return _told(found, f"{reach}{found.message}", hint)
    found = curl_failure(code, text, os_error)
    if code == E_PROXY:
        return _told(found, f"{name} refused: {one_line(text)}", hint)
    if code == pycurl.E_RECV_ERROR and text.startswith("Proxy CONNECT aborted"):
        return _told(found, f"{name} closed the connection without an answer", hint)
    if code not in _REACHING:
        if proxy is None or proxy.scheme != "https" or way.tunnelled:
            return None
        if is_about_certificates(code, text):
            return _told(found, f"{name} wants a client certificate", _NO_CERTIFICATE_HINT)
        if code == pycurl.E_SSL_CONNECT_ERROR:
            hint = f"check {source}: {_NO_TLS_HINT}"
        elif code == pycurl.E_PEER_FAILED_VERIFICATION:
            hint = found.hint or hint
        else:
            return None
    return _told(found, f"{name} cannot be reached: {found.message}", hint)


def tunnel_failure(proxy: Proxy | None, status: int, retry_after_seconds: float | None) -> Failure:
    """Return the failure that a proxy's answer to CONNECT is, where it makes no tunnel.

    A redirect is none that is followed: the proxy would answer for any server, past TLS (as in
    CVE-2009-1836).
    """
    found = status_failure(status, retry_after_seconds=retry_after_seconds)
    name = "the proxy" if proxy is None else f"the proxy {proxy}"
    return msgspec.structs.replace(found, message=f"{found.message} from {name}")


def _told(found: Failure, message: str, hint: str) -> Failure:
    return msgspec.structs.replace(found, message=message, hint=hint)
