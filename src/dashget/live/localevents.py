"""Put the events of a recording into the Periods of its local MPD, each at its time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from dashget.errors import MPDError
from dashget.live.coverage import PlayedPeriod
from dashget.live.events import begin_of
from dashget.live.facts import EventFact
from dashget.mpd.budget import Budget
from dashget.mpd.issues import IssueLog
from dashget.playable.eventstreams import EVENT, STREAM
from dashget.playable.localmpd import LEADS_AWAY
from dashget.playable.reading import read
from dashget.playable.tree import Element
from dashget.playable.waysout import drop_ways_out
from dashget.playable.writing import attribute_text

_BEFORE: Final = frozenset(
    ["BaseURL", "SegmentBase", "SegmentList", "SegmentTemplate", "AssetIdentifier"]
)
"""What stands before the events of a Period."""
_LARGEST_SCALE: Final = 1 << 31


class _Placed(msgspec.Struct, frozen=True, eq=False):
    """An event, and its seconds from the start of its Period of the local MPD."""

    fact: EventFact
    moment: Fraction


def placed_events(
    events: Iterable[EventFact], periods: Sequence[PlayedPeriod], end: Fraction
) -> list[list[_Placed]]:
    """Return the events of each Period, of a local MPD that ends at a time.

    An event is in the Period that holds its time. One that has begun before all that is recorded of
    its Period is in the first, if it still runs there.
    """
    found: list[list[_Placed]] = [[] for _ in periods]
    pieces: dict[tuple[int, str], list[int]] = {}
    for at, period in enumerate(periods):
        pieces.setdefault((period.generation, period.id), []).append(at)
    for fact in events:
        known = pieces.get((fact.generation, fact.period))
        if known is None:
            continue
        start = Fraction(fact.start)
        nominal = min((periods[at].nominal for at in known), key=lambda each: abs(each - start))
        own = [at for at in known if periods[at].nominal == nominal]
        begin = begin_of(fact) - periods[own[0]].moved
        if fact.period:
            begin += nominal - start
        at = max((at for at in own if periods[at].start <= begin), default=own[0])
        moment = begin - periods[at].start
        limit = periods[at + 1].start if at + 1 < len(periods) else end
        if begin < limit and (moment >= 0 or moment + Fraction(fact.d or 0, fact.scale) > 0):
            found[at].append(_Placed(fact, moment))
    return found


def write_events(period: Element, placed: Sequence[_Placed], budget: Budget) -> None:
    """Write the events of a Period: one stream for all of one kind."""
    streams: dict[str, tuple[Element, list[tuple[_Placed, Element]]]] = {}
    for each in placed:
        read_one = _read(each.fact, budget)
        if read_one is None:
            continue
        stream, event = read_one
        key = f"{attribute_text(stream.attributes)} {each.fact.scale}"
        streams.setdefault(key, (stream, []))[1].append((each, event))
    following = next((c for c in period if c.name and c.name not in _BEFORE), None)
    for stream, events in streams.values():
        period.insert(stream, following)
        for event in _timed(stream, events):
            stream.append(event)


def _read(fact: EventFact, budget: Budget) -> tuple[Element, Element] | None:
    """Return a stream without events, and an event; None for one that leads out, or is none."""
    try:
        root = read(fact.event.encode(), budget).root
    except MPDError:
        return None
    drop_ways_out(root, LEADS_AWAY, IssueLog())
    period = root.find("Period")
    stream = None if period is None else period.find(STREAM)
    event = None if stream is None else stream.find(EVENT)
    if stream is None or event is None:
        return None
    declared = {name: space for level in stream.levels() for name, space in level.declared.items()}
    stream.take_out()
    event.take_out()
    for child in stream:
        child.remove()
    stream.text = stream.tail = event.tail = ""
    event.declared = {**declared, **event.declared}
    return stream, event


def _timed(stream: Element, events: Sequence[tuple[_Placed, Element]]) -> Iterator[Element]:
    """Give a stream its clock; yield its events with their times, in order, each once.

    Ticks are cut if the Period starts between two, so that the times stay exact.
    """
    first = events[0][0]
    offset = Fraction(first.fact.t, first.fact.scale) - first.moment
    offset = max(offset, Fraction(0), *(-each.moment for each, _ in events))
    scale = first.fact.scale
    exact = [offset * scale, *((each.moment + offset) * scale for each, _ in events)]
    factor = math.lcm(*{value.denominator for value in exact})
    if scale * factor >= _LARGEST_SCALE:
        factor = max((_LARGEST_SCALE - 1) // scale, 1)
    stream.attributes["timescale"] = str(scale * factor)
    stream.attributes["presentationTimeOffset"] = str(round(offset * scale * factor))
    seen: set[tuple[int, str, int | None]] = set()
    timed: list[tuple[int, Element]] = []
    for each, event in events:
        ticks = round((each.moment + offset) * scale * factor)
        key = ticks, each.fact.event, each.fact.d
        if key in seen:
            continue
        seen.add(key)
        event.attributes = {"presentationTime": str(ticks), **event.attributes}
        if each.fact.d is not None:
            event.attributes["duration"] = str(each.fact.d * factor)
        timed.append((ticks, event))
    timed.sort(key=_ticks)
    return (event for _, event in timed)


def _ticks(timed: tuple[int, Element]) -> int:
    return timed[0]
