"""Limits on where a manifest and its redirects may lead: no downgrade, no private addresses."""

from __future__ import annotations

import os

from dashget.common.secrets import HidesSecrets
from dashget.transfer.http.failure import Failure, policy_failure


class Guard(HidesSecrets, frozen=True):
    """Limits on where a manifest may lead, as the manifest's own address sets them."""

    https_only: bool = False
    """True if plain http is refused, because the manifest came over https."""
    public: tuple[tuple[str, int], ...] = ()
    """Host and port of each public manifest, which may not lead to a private address."""
    proxy: str | None = None
    """The proxy of the options, which may have a private address."""

    def downgrade(self, url: str) -> Failure | None:
        """Return the failure of a plain http URL in a manifest that came over https."""
        if not self.https_only or url[:6].lower() == "https:":
            return None
        return downgrade_refused("a manifest from https names an http URL")

    def address_refused(self, host: str, address: str, port: int = 0) -> bool:
        """Return True if ``host`` may not be reached at ``address`` (and ``port``).

        A manifest from a public address sends nobody to a private one (docs/decisions/0016). A name
        is judged by the address that it is about to be reached at, not by a lookup before.
        A proxy is the user's choice; what it reaches is its own business.
        """
        homes = self.public
        if not homes or host.lower() in (home for home, _ in homes):
            return False
        return (
            not _is_public(address)
            and any(_host_is_public(*home) for home in homes)
            and not _is_proxy(address, port, self.proxy)
        )


def downgrade_refused(message: str) -> Failure:
    """Return the failure of a request that would give up TLS."""
    return policy_failure(message, "allow it with --allow-downgrade")


def _is_public(address: str) -> bool:
    import ipaddress

    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped.is_global
    return parsed.is_global


def is_private(host: str) -> bool:
    """Return True for an address that is not public; a name is not looked up."""
    import ipaddress

    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return not _is_public(host)


def _is_proxy(address: str, port: int, option: str | None) -> bool:
    """Return True for the address of a proxy: the user's, else one of the environment."""
    from dashget.transfer.settings.proxies import proxies

    plain = address.partition("%")[0]
    return any(
        port == proxy.port and plain in _addresses(proxy.host, port)
        for proxy in proxies(option, os.environ)
    )


def _addresses(host: str, port: int) -> frozenset[str]:
    import socket

    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return frozenset()
    return frozenset(str(entry[4][0]).partition("%")[0] for entry in found)


def _host_is_public(host: str, port: int) -> bool:
    return all(_is_public(address) for address in _addresses(host, port))
