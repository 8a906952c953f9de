"""The failures of proxies, told apart from those of servers.

libcurl reports only that a proxy was used, and most failures of a proxy in the same words as
those of a server. Messages name the proxy by host and port: its URL may hold a password.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dashget.common.foreigntext import one_line
from dashget.transfer.curl.errors import (
    E_PROXY,
    curl_failure,
    is_about_certificates,
    is_about_proxy_url,
)
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.failure import Failure, status_failure, timeout_failure
from dashget.transfer.settings.proxies import OPTION, Proxy

_USED = getattr(pycurl, "USED_PROXY", None)
"""Missing in libcurl before 8.7."""
_REACHING = frozenset({pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_PROXY})
"""Errors that can only be about the first host of a connection."""
_NO_CERTIFICATE_HINT = "proxies get none: --cert is for servers"
_NO_TLS_HINT = "write http:// for a proxy without TLS, https:// for one with TLS"


class ProxyStage(msgspec.Struct, frozen=True):
    """The progress of a failed request through a proxy."""

    connected: bool
    """True if there was a connection to the proxy."""
    tunnelled: bool
    """True if the proxy accepted CONNECT, so that TLS is with the server."""

    @classmethod
    def of(cls, handle: Any, code: int, text: str) -> ProxyStage | None:
        """Read the stage from a handle whose request has failed; None if it used no proxy."""
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
    proxy: Proxy | None,
    stage: ProxyStage,
    code: int,
    text: str,
    os_error: int,
    limit_seconds: float,
) -> Failure | None:
    """Return the failure of a proxy; None if the failure is the server's.

    ``proxy`` is None if it is unknown which one was used. ``limit_seconds`` is the longest time
    to wait for a connection.
    """
    name = "the proxy" if proxy is None else f"the proxy {proxy}"
    source = "--proxy and the proxy variables" if proxy is None else proxy.source
    hint = f"check {source}, or connect without a proxy by {OPTION} ''"
    if code == pycurl.E_OPERATION_TIMEDOUT:
        if stage.tunnelled:
            return None
        # With a connection to the proxy, it may be the server that does not answer.
        through = f" through {name}" if stage.connected else ""
        reach = "" if stage.connected else f"{name} cannot be reached: "
        found = timeout_failure(
            f"no connection{through} within {limit_seconds:g} s", connecting=True
        )
        return _reworded(found, f"{reach}{found.message}", hint)
    found = curl_failure(code, text, os_error)
    if code == E_PROXY:
        return _reworded(found, f"{name} refused: {one_line(text)}", hint)
    if code == pycurl.E_RECV_ERROR and text.startswith("Proxy CONNECT aborted"):
        return _reworded(found, f"{name} closed the connection without an answer", hint)
    if code not in _REACHING:
        if proxy is None or proxy.scheme != "https" or stage.tunnelled:
            return None
        if is_about_certificates(code, text):
            return _reworded(found, f"{name} requires a client certificate", _NO_CERTIFICATE_HINT)
        if code == pycurl.E_SSL_CONNECT_ERROR:
            hint = f"check {source}: {_NO_TLS_HINT}"
        elif code == pycurl.E_PEER_FAILED_VERIFICATION:
            hint = found.hint or hint
        else:
            return None
    return _reworded(found, f"{name} cannot be reached: {found.message}", hint)


def tunnel_failure(proxy: Proxy | None, status: int, retry_after_seconds: float | None) -> Failure:
    """Return the failure of a proxy that refuses CONNECT with a status.

    Its redirects are never followed: the proxy could answer for any server without TLS
    (CVE-2009-1836).
    """
    found = status_failure(status, retry_after_seconds=retry_after_seconds)
    name = "the proxy" if proxy is None else f"the proxy {proxy}"
    return msgspec.structs.replace(found, message=f"{found.message} from {name}")


def _reworded(found: Failure, message: str, hint: str) -> Failure:
    return msgspec.structs.replace(found, message=message, hint=hint)
