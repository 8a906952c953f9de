"""Decide who may ask a server for what, and what a browser may do with the answer. No I/O.

A page of any web site can make a browser ask servers on its user's machine. By DNS rebinding it
even makes them believe that they are asked by its own name, so only known names of this machine
are answered. The page that plays is only for itself; ``serve`` lets every page read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from dashget.common.numbers import is_digits

Header = Callable[[str], str | None]

COMMON: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "DashGet",
}
MIRRORED: Final = {
    **COMMON,
    # Whatever a file of a mirror is, it is no page: it gets no script, no form and no origin.
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    # Files of a mirror that is being written are replaced: a browser asks if its copy is good.
    "Cache-Control": "no-cache",
    "Accept-Ranges": "bytes",
}
OPEN: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "Accept-Ranges, Content-Length, Content-Range, Content-Type, Date, ETag, Last-Modified"
    ),
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Timing-Allow-Origin": "*",
}
"""For ``serve``: pages of other origins may read the files."""
PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}
CLOSED: Final = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""For ``play``: only the page reads the files."""
_ANY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 - compared with
_LOOPBACK: Final = "localhost"


class Hosts(msgspec.Struct, frozen=True):
    """The names by which a server may be asked: those of its own machine.

    ``given`` is the value of ``--host``, and ``own`` the name of the machine. A server on
    loopback is asked by loopback addresses and ``localhost`` only; another one by any address,
    which no DNS can fake, and by the names of the machine.
    """

    given: str
    own: str

    @property
    def local(self) -> bool:
        """True if the server is for this machine only."""
        address = _address(self.given)
        if address is None:
            return self.given.lower() == _LOOPBACK
        return address.is_loopback

    def allows(self, host: str | None) -> bool:
        """Return True for a ``Host`` header that names this server."""
        name = _name_of(host or "").lower().removesuffix(".")
        address = _address(name)
        if address is not None:
            return address.is_loopback or not self.local
        if name == _LOOPBACK:
            return True
        own = self.own.lower()
        known = {self.given.lower()} if self.local else {self.given.lower(), own, f"{own}.local"}
        return bool(name) and name in known

    def shown(self, port: int) -> str:
        """Return host and port as the user may type them into a browser."""
        if self.given in _ANY_ADDRESS:
            return f"{self.own or _LOOPBACK}:{port}"
        return f"[{self.given}]:{port}" if ":" in self.given else f"{self.given}:{port}"


def is_foreign(header: Header, *, page: bool) -> bool:
    """Return True for a request that a page of another origin makes.

    ``page`` is True if the page itself is asked for: a link to it may stand anywhere.
    """
    origin = header("Origin")
    if origin is not None and origin.partition("://")[2].lower() != (header("Host") or "").lower():
        return True
    site = header("Sec-Fetch-Site")
    if site in (None, "same-origin", "none"):
        return False
    return not (page and header("Sec-Fetch-Mode") == "navigate")


def page_headers(host: str) -> Mapping[str, str]:
    """Return the headers of the page; ``host`` is the one that it was asked by.

    Scripts and styles come from the page's own folder, never from that of a mirror. Media Source
    Extensions play from ``blob:``.
    """
    own = f"http://{host}/.dashget/"
    policy = (
        "default-src 'none'",
        f"script-src {own}",
        f"style-src {own}",
        "img-src 'self' blob: data:",
        "media-src 'self' blob: data:",
        "connect-src 'self' blob: data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        **COMMON,
        **CLOSED,
        "Content-Security-Policy": "; ".join(policy),
        "Cache-Control": "no-cache",
    }


def _name_of(host: str) -> str:
    """Return a ``Host`` header without its port, and an IPv6 address without its brackets.

    One with anything else in it, a user for example, has no name.
    """
    if host.startswith("["):
        name, end, port = host[1:].partition("]")
        name = name if end else ""
    else:
        name, colon, port = host.partition(":")
        port = colon + port
    return name if port in ("", ":") or (port[0] == ":" and is_digits(port[1:])) else ""


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
