"""Limits on where requests may lead: no downgrade, no private addresses.

One place decides, on the address that is about to be connected to, for each connection. What was
given by its URL may be at a private address: that scheme, host and port, and nothing that follows
from it (docs/decisions/0016). A name that has been at a public address stays public.
"""

from __future__ import annotations

import os

from dashget.common.secrets import HidesSecrets
from dashget.transfer.http.addresses import Peer, is_public, numbers_of
from dashget.transfer.http.failure import Failure, policy_failure, unknown_name

_ALLOW = "allow it with --allow-private"


class Guard(HidesSecrets, frozen=True):
    """Limits on where a manifest may lead, as the manifest's own address sets them."""

    https_only: bool = False
    """True if plain http is refused, because the manifest came over https."""
    public_only: bool = False
    """True if private addresses are refused, except to the origins in ``given``."""
    given: frozenset[str] = frozenset()
    """The keys of the origins that the user gave by a URL."""
    proxy: str | None = None
    """The proxy of the options, which may have a private address."""
    no_proxy: str | None = None
    """The hosts of the options that are reached without it."""
    looked_up: frozenset[str] = frozenset()
    """The schemes of URLs whose hosts are looked up here for a SOCKS proxy (socks4, socks5)."""
    secrets = ("proxy",)

    def refusal(self, origin: Peer) -> Failure | None:
        """Return why an origin is not asked at all; a name is judged when it is connected to.

        An address in the URL is judged here: a proxy would connect to it unseen.
        """
        if self.https_only and origin.scheme == "http":
            return downgrade_refused("a manifest from https names an http URL")
        if self.public_only and origin.is_private and origin.key not in self.given:
            return private_refused(origin, origin.host)
        if origin.scheme in self.looked_up and self.public_only and not origin.addresses:
            return self._look_up(origin)
        return None

    def _look_up(self, origin: Peer) -> Failure | None:
        """Choose the addresses that a SOCKS proxy is told for a name; return why there is none.

        libcurl would look the name up while it talks to the proxy, and ask nobody.
        """
        found = numbers_of(origin.host, origin.port)
        public = tuple(sorted(filter(is_public, found)))
        origin.was_public = origin.was_public or bool(public)
        if not found:
            return unknown_name(origin.host)
        if not public and (origin.key not in self.given or origin.was_public):
            return private_refused(origin, min(found))
        origin.addresses = public or tuple(sorted(found))
        return None

    def address_refused(self, origin: Peer, address: str, port: int) -> bool:
        """Return True if an origin may not be reached at ``address`` and ``port``.

        A proxy is the user's choice; what it reaches is its own business.
        """
        if not self.public_only:
            return False
        given = origin.key in self.given
        if given and address == origin.host:
            return False
        if is_public(address):
            origin.was_public = True
            return False
        if given and not origin.was_public and _is_only_private(origin):
            return False
        return not self._is_proxy(origin, address, port)

    def _is_proxy(self, origin: Peer, address: str, port: int) -> bool:
        """Return True for the address of the proxy that an origin is reached through."""
        from dashget.transfer.settings.proxies import bypasses, proxy_of

        proxy = proxy_of(origin.scheme, self.proxy, os.environ)
        if proxy is None or port != proxy.port:
            return False
        if port == origin.port and bypasses(origin.host, self.no_proxy, os.environ):
            return False
        return address.partition("%")[0] in numbers_of(proxy.host, port)


def downgrade_refused(message: str) -> Failure:
    """Return the failure of a request that would give up TLS."""
    return policy_failure(message, "allow it with --allow-downgrade")


def private_refused(origin: Peer, address: str) -> Failure:
    """Return the failure of a request to a private address that the user did not give."""
    return policy_failure(
        f"{origin.key} is at the private address {address}, where only the server of the given"
        " URL may be",
        _ALLOW,
    )


def _is_only_private(origin: Peer) -> bool:
    """Return True if a host has no public address; a name is looked up, once."""
    if origin.is_private:
        return True
    if origin.only_private is None:
        found = numbers_of(origin.host, origin.port)
        origin.only_private = bool(found) and not any(map(is_public, found))
    return origin.only_private
