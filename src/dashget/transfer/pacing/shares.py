"""Share the transfers of a run, and the connections to a host, among its loops.

No loop can use another's connections, so each number, of all transfers or of those to one
host, is divided. With small files one loop drives all: there Python has more to do than
libcurl, and several threads only get in each other's way.

Requests share connections only where there are more of them than a host is to have connections,
also with HTTP/2: what a connection brings is bound by its one congestion window, which each lost
packet halves.

A request to a host that redirects becomes one to the target host, which may have all its
connections already. So a host gets no more requests than its target has room for, as the redirects
seen before let expect. A forecast may be wrong: a request that is redirected to a host without
room waits there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from dashget.transfer.http.origin import Origin
from dashget.transfer.pacing.concurrency import HOST_LIMIT, Concurrency
from dashget.transfer.settings.options import TransferOptions

_NO_LIMIT = 1_000_000


class Busy(Protocol):
    """The connections of one loop, as far as shares need to know them."""

    busy: dict[Origin, int]
    """Requests in flight per origin."""


class Shares:
    """The shares of the loops of a run."""

    __slots__ = ("_asked", "_concurrency", "_places", "forecast", "per_host", "wide")

    def __init__(
        self, options: TransferOptions, concurrency: Concurrency, links: Sequence[Busy]
    ) -> None:
        self._concurrency = concurrency
        self._places = {each: place for place, each in enumerate(links)}
        self.per_host = options.max_per_host
        """Connections to one host at most; None: as many as there are transfers."""
        self._asked = self.per_host is not None
        if self.per_host is None and options.in_flight == "auto":
            self.per_host = HOST_LIMIT
        self.wide = len(links) == 1
        """True if all loops take part."""
        self.forecast = Forecast()

    def of(self, links: Busy) -> int:
        """Return the most transfers that a loop drives at once."""
        return self._part(self._concurrency.limit, links)

    def has_room(self, origin: Origin, links: Busy) -> bool:
        """Return True if a loop may make one more request to a host, and to its redirect target."""
        return self.room(origin, links) > 0

    def room(self, origin: Origin, links: Busy) -> int:
        """Return how many more requests to a host a loop may make."""
        if self.per_host is None:
            return _NO_LIMIT
        room = _NO_LIMIT
        if not self._is_free(origin):
            most = self._most(origin)
            room = self._part(most, links) - links.busy.get(origin, 0)
            if len(self._places) > 1:
                # One loop may have had all of it, until now.
                room = min(room, most - sum(each.busy.get(origin, 0) for each in self._places))
        forecast = self.forecast
        if forecast.targets:
            for target in forecast.iter_ahead(origin):
                if not self._is_free(target):
                    part = self._part(self._most(target), links)
                    room = min(room, part - forecast.expected(target, links.busy))
        return max(0, room)

    def _most(self, origin: Origin) -> int:
        """Return the most requests that a host is to have at once."""
        if self._asked and self.per_host is not None:
            return self.per_host
        return self._concurrency.host_limit(origin.round_trip_seconds)

    def _is_free(self, origin: Origin) -> bool:
        """Return True if requests to a host have no limit: they share connections."""
        return origin.multiplexes and not self._asked

    def connections(self, links: Busy) -> int:
        """Return how many connections to a host a loop opens before requests share them."""
        return max(1, self._part(self.per_host or HOST_LIMIT, links))

    def kept(self, links: Busy) -> int:
        """Return how many connections to a host stay open while nobody uses them."""
        connections = self.connections(links)
        return connections if self._asked else max(connections, self.of(links))

    def streams(self, links: Busy) -> int:
        """Return how many requests share a connection, if the server allows that."""
        return max(1, -(-self.of(links) // self.connections(links)))

    def _part(self, whole: int, links: Busy) -> int:
        place = self._places[links]
        if not self.wide:
            return 0 if place else whole
        count = len(self._places)
        return (whole + count - 1 - place) // count


class Forecast:
    """Remembers the last redirect of each host. For one run, with its lock held."""

    __slots__ = ("_sources", "targets")

    def __init__(self) -> None:
        self.targets: dict[Origin, Origin] = {}
        """The target of each host that redirects; empty in most runs, which is quick to see."""
        self._sources: dict[Origin, set[Origin]] = {}

    def redirected(self, origin: Origin, target: Origin) -> None:
        """Record that a host has redirected to a target, unless that is on the same host."""
        if target is origin or self.targets.get(origin) is target:
            return
        self.answered(origin)
        self.targets[origin] = target
        self._sources.setdefault(target, set()).add(origin)

    def answered(self, origin: Origin) -> None:
        """Record that a host has answered itself."""
        target = self.targets.pop(origin, None)
        if target is not None:
            self._sources[target].discard(origin)

    def iter_ahead(self, origin: Origin) -> Iterator[Origin]:
        """Yield the hosts to which requests to ``origin`` will be redirected, in turn."""
        passed = {origin}
        following = self.targets.get(origin)
        while following is not None and following not in passed:
            yield following
            passed.add(following)
            following = self.targets.get(following)

    def expected(self, target: Origin, busy: Mapping[Origin, int]) -> int:
        """Return the number of requests in flight that a host has, or will have."""
        count, met, left = 0, {target}, [target]
        while left:
            origin = left.pop()
            count += busy.get(origin, 0)
            before = self._sources.get(origin, set()) - met
            met |= before
            left += before
        return count
