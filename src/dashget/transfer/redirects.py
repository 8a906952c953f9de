"""Follow redirects, step by step, within bounds."""

from __future__ import annotations

from dashget.transfer.failure import Failure, policy_failure
from dashget.transfer.judge import Redirect
from dashget.transfer.origin import Origin, Origins, shown
from dashget.transfer.wire import Wire


def follow(
    wire: Wire, redirect: Redirect, origins: Origins, most: int
) -> tuple[str, Origin] | Failure:
    """Return URL and origin of the next request of an attempt, or why there is none."""
    target = origins.redirect(wire.url, redirect.location)
    if isinstance(target, Failure):
        return target
    wire.visited.add(wire.url)
    wire.hops += 1
    if target in wire.visited and not redirect.sets_cookie:
        return policy_failure(f"redirect loop at {shown(target)}")
    if wire.hops > most:
        return policy_failure(f"more than {most} redirects")
    origin = origins.of(target)
    return origin if isinstance(origin, Failure) else (target, origin)
