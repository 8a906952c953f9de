"""Tell public addresses from private ones, by the registries that ``ipaddress`` knows."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""What networks without IPv4 reach IPv4 hosts by (RFC 6052, 2.1)."""
_ISATAP = (0x00005EFE, 0x02005EFE)
"""The third quarter of an address that has an IPv4 address as its last one (RFC 5214, 6.1)."""
_LAST = 0xFFFFFFFF
_LATER = (
    *("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "100:0:0:1::/64"),
    *("2001:2::/48", "3fff::/20", "5f00::/16"),
)
"""What the registries took from the internet after some version of Python, or gave back in part."""


class Peer:
    """One scheme, host and port, and what is known about its addresses."""

    __slots__ = (
        "addresses", "host", "is_private", "key", "only_private", "port", "scheme", "was_public",
    )  # fmt: skip

    def __init__(self, scheme: str, host: str, port: int) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.key = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        self.is_private = is_private(host)
        """True for a private address; a name is judged by what it is reached at."""
        self.was_public = False
        """True if it was found at a public address."""
        self.only_private: bool | None = None
        """True if all addresses of its name are private; None: not looked up."""
        self.addresses: tuple[str, ...] = ()
        """The only addresses that its name may stand for; none: libcurl looks it up."""


def is_public(address: str) -> bool:
    """Return True for a unicast address of the internet; False for any other, and for no address.

    An IPv4 address inside an IPv6 address counts as well: a router may unpack it. An address with
    a zone is one of a single link.
    """
    if "%" in address:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return _is_plain_public(parsed)
    if parsed.ipv4_mapped is not None:
        return _is_plain_public(parsed.ipv4_mapped)
    number = int(parsed)
    embedded = ipaddress.IPv4Address(number & _LAST)
    if parsed in _TRANSLATED:
        return _is_plain_public(embedded)
    if number >> 32 & _LAST in _ISATAP and not _is_plain_public(embedded):
        return False
    # 6to4 and Teredo are gone from the internet: what is left of them are tunnels to anywhere.
    tunnelled = parsed.sixtofour is not None or parsed.teredo is not None
    return _is_plain_public(parsed) and not tunnelled and not parsed.is_site_local


def is_private(host: str) -> bool:
    """Return True for an address that is not public; a name is not looked up.

    ``localhost`` and what ends in it are the machine itself (RFC 6761, 6.3).
    """
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


def numbers_of(host: str, port: int) -> frozenset[str]:
    """Look up the addresses of a host, without zones; none if that fails."""
    import socket

    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(str(entry[4][0]).partition("%")[0] for entry in found)


def _is_plain_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    usual = address.is_global and not address.is_multicast and not address.is_reserved
    return usual and not any(address in network for network in _later())


@lru_cache(maxsize=1)
def _later() -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(map(ipaddress.ip_network, _LATER))
