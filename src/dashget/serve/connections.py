"""Limit the connections of a server: how many there are, and how long each may wait. No I/O.

Whoever can connect may open connections and send nothing, or read nothing. So their number has a
limit, and when one more comes, the one that has been without progress for the longest time is
closed: a player that reads or asks goes on. Nobody but this machine itself may have all of them.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

_NETWORK_BITS: Final = 64
"""What one machine or household has of IPv6 at least."""


class Limits(msgspec.Struct, frozen=True):
    """How many connections there are at most, and how long one may wait for a request."""

    most: int = 256
    most_of_one: int = 64
    """Those from one address, or network of IPv6, other than this machine."""
    waiting_seconds: float = 60.0
    """From the beginning, or the last answer, to a whole request."""


class _Connection(msgspec.Struct):
    source: str
    close: Callable[[], object]
    since: float
    """When it last made progress: it began, asked, was sent something, or has its answer."""
    answering: bool = False


class Connections:
    """The open connections of one server, each under a key of its own."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._open: dict[Hashable, _Connection] = {}

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, key: Hashable, address: str, close: Callable[[], object]) -> None:
        """Add a connection; one that has made no progress for long is closed if need be."""
        source = source_of(address)
        if source and self._count(source) >= self._limits.most_of_one:
            self._close_oldest(source)
        elif len(self._open) >= self._limits.most:
            sources = Counter(connection.source for connection in self._open.values())
            self._close_oldest(sources.most_common(1)[0][0])
        self._open[key] = _Connection(source, close, self._clock())

    def closed(self, key: Hashable) -> None:
        """Remove a connection."""
        self._open.pop(key, None)

    @contextmanager
    def answering(self, key: Hashable) -> Iterator[None]:
        """Mark a connection while its request is answered: it may take its time then."""
        self.went_on(key)
        self._mark(key, answering=True)
        try:
            yield
        finally:
            self._mark(key, answering=False)
            self.went_on(key)

    def went_on(self, key: Hashable) -> None:
        """Note that a connection makes progress."""
        if key in self._open:
            self._open[key].since = self._clock()

    def close_waiting(self) -> None:
        """Close the connections that have not sent a whole request in time."""
        until = self._clock() - self._limits.waiting_seconds
        for key, connection in list(self._open.items()):
            if not connection.answering and connection.since <= until:
                self._close(key)

    def _mark(self, key: Hashable, *, answering: bool) -> None:
        if key in self._open:
            self._open[key].answering = answering

    def _count(self, source: str) -> int:
        return sum(1 for connection in self._open.values() if connection.source == source)

    def _close_oldest(self, source: str) -> None:
        of_it = (key for key, found in self._open.items() if found.source == source)
        self._close(min(of_it, key=lambda key: self._open[key].since))

    def _close(self, key: Hashable) -> None:
        # It counts no more, even if the loop tells the end of it later.
        self._open.pop(key).close()


def source_of(address: str) -> str:
    """Return who is behind an address: it, its network of IPv6, or "" for this machine."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_loopback:
        return ""
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
