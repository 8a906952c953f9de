"""The events of all versions of a manifest (``EventStream``), united: each is known once.

Two are the same if content and moment are; the moment on the clock, or in the same Period.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import msgspec

from dashget.live.facts import EventFact
from dashget.live.listing import Version
from dashget.live.movedperiods import MovedPeriods

MOST_EVENTS: Final = 20_000
MOST_BYTES: Final = 1 << 24
"""So much text all known events have at most."""


class Events:
    """The events that are known, in the order in which they were seen first."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], EventFact] = {}
        self._size = 0
        self._inside: dict[tuple[object, ...], tuple[object, ...]] = {}
        """The same by their place in their Period, which may move."""
        self._seen: tuple[EventFact, ...] = ()
        """Those of the last document."""
        self._moved = MovedPeriods()
        self._full = False

    def __iter__(self) -> Iterator[EventFact]:
        return iter(self._known.values())

    def __len__(self) -> int:
        return len(self._known)

    @property
    def is_full(self) -> bool:
        """True if one was left out, since too many are known."""
        return self._full

    def learn(self, version: Version, generation: int, expired: float) -> Iterator[EventFact]:
        """Learn what a document has; yield what is new and does not end before a server time."""
        if version.events:
            self._moved.follow(version)
        if version.events is self._seen:
            return
        self._seen = version.events
        for each in version.events:
            fact = msgspec.structs.replace(each, generation=generation)
            if self.take(fact, expired):
                yield fact

    def take(self, fact: EventFact, expired: float) -> bool:
        """Take an event; return True if it is new."""
        key, inside = _moment_of(fact), self._place_of(fact)
        if key in self._known or inside in self._inside or is_over(fact, expired):
            return False
        if len(self._known) >= MOST_EVENTS or self._size + len(fact.event) > MOST_BYTES:
            self._full = True
            return False
        self._known[key] = fact
        self._inside[inside] = key
        self._size += len(fact.event)
        return True

    def forget(self, expired: float) -> None:
        """Forget those that end before a server time."""
        over = [key for key, fact in self._known.items() if is_over(fact, expired)]
        for key in over:
            self._size -= len(self._known.pop(key).event)
        if over:
            self._inside = {a: b for a, b in self._inside.items() if b in self._known}

    def _place_of(self, fact: EventFact) -> tuple[object, ...]:
        """Return what tells an event apart in its Period, wherever that is by now."""
        start = Fraction(fact.start)
        period = fact.period or self._moved.first(start)
        moment = Fraction(fact.t - fact.offset, fact.scale)
        return fact.generation, period, moment, fact.d, fact.event


def is_over(fact: EventFact, time: float) -> bool:
    """Return True if an event ends before a server time; one without duration has none."""
    return begin_of(fact) + Fraction(fact.d or 0, fact.scale) < time


def begin_of(fact: EventFact) -> Fraction:
    """Return the server time of an event, by the document that had it."""
    return Fraction(fact.start) + Fraction(fact.t - fact.offset, fact.scale)


def _moment_of(fact: EventFact) -> tuple[object, ...]:
    return fact.generation, begin_of(fact), fact.d, fact.event
