"""Forecast where requests will be redirected, from the redirects seen before.

A request to a host that redirects becomes one to the target host, which may have all its
connections already. So a host gets no more requests than its target has room for. A forecast may
be wrong: a request that is redirected to a host without room waits there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dashget.transfer.http.origin import Origin


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
