"""Where redirects will lead, as far as those seen before tell.

A request to a host that redirects becomes one to the host where it leads, which may have as
many as it is to have. So a host is not asked for more than the one behind it has room for. A
forecast may be wrong: what is redirected nevertheless to a host without room waits there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dashget.transfer.http.origin import Origin


class Forecast:
    """Where the redirects of each host led last. For one run, with its lock held."""

    __slots__ = ("_led_from", "leads")

    def __init__(self) -> None:
        self.leads: dict[Origin, Origin] = {}
        """Empty in most runs, which makes it the cheapest question."""
        self._led_from: dict[Origin, set[Origin]] = {}

    def redirected(self, origin: Origin, target: Origin) -> None:
        """Take note that a host has redirected to a target, unless that is on the same host."""
        if target is origin or self.leads.get(origin) is target:
            return
        self.answered(origin)
        self.leads[origin] = target
        self._led_from.setdefault(target, set()).add(origin)

    def answered(self, origin: Origin) -> None:
        """Take note that a host has answered itself."""
        target = self.leads.pop(origin, None)
        if target is not None:
            self._led_from[target].discard(origin)

    def iter_ahead(self, origin: Origin) -> Iterator[Origin]:
        """Yield the hosts where requests to ``origin`` will lead, one after the other."""
        passed = {origin}
        following = self.leads.get(origin)
        while following is not None and following not in passed:
            yield following
            passed.add(following)
            following = self.leads.get(following)

    def expected(self, target: Origin, busy: Mapping[Origin, int]) -> int:
        """Return how many requests a host has, or will have, of those that are in flight."""
        count, met, left = 0, {target}, [target]
        while left:
            origin = left.pop()
            count += busy.get(origin, 0)
            before = self._led_from.get(origin, set()) - met
            met |= before
            left += before
        return count
