"""Take the events out of a manifest's ``EventStream`` elements, each as a small MPD of its own.

Such an MPD has one event in its stream, as it was written but for its times. It is what a recording
keeps of it (``dashget.live.events``), and becomes a part of the local MPD later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

import msgspec

from dashget.errors import MPDError
from dashget.mpd.budget import Budget
from dashget.mpd.presentation import Period, Presentation
from dashget.playable.eventtimes import EVENT, STREAM, read_ticks
from dashget.playable.places import Places
from dashget.playable.reading import read
from dashget.playable.rewriting import include_all
from dashget.playable.tree import Element
from dashget.playable.writing import write

__all__ = ["EVENT", "STREAM", "FoundEvent", "events_in"]


class FoundEvent(msgspec.Struct, frozen=True):
    """An event; its times are ticks of ``scale`` to the second."""

    period: Period
    mpd: str
    """An MPD with this event alone, without its times."""
    time: int
    offset: int
    """``EventStream@presentationTimeOffset``: the time at the Period's start."""
    scale: int
    duration: int | None

    @property
    def moment(self) -> Fraction:
        """Seconds from the Period's start."""
        return Fraction(self.time - self.offset, self.scale)


def events_in(
    data: bytes, presentation: Presentation, remote: Mapping[str, bytes], budget: Budget
) -> Iterator[FoundEvent]:
    """Yield the events of a document; those whose times cannot be read have no place in it.

    Raises MPDError if the document cannot be read.
    """
    document = read(data, budget)
    include_all(document.root, remote, budget)
    places = Places(document.root)
    for period in presentation.periods:
        try:
            element = places[period.where]
        except MPDError:
            continue
        for stream in element.all(STREAM):
            scale = read_ticks(stream, "timescale", 1)
            offset = read_ticks(stream, "presentationTimeOffset", 0)
            if not scale or offset is None:
                continue
            for event in stream.all(EVENT):
                time = read_ticks(event, "presentationTime", 0)
                duration = read_ticks(event, "duration", None)
                if time is None or (duration is None and "duration" in event.attributes):
                    continue
                mpd = _alone(event, document.namespace, budget)
                yield FoundEvent(period, mpd, time, offset, scale, duration)


def _alone(event: Element, namespace: str, budget: Budget) -> str:
    made = event.copy(budget)
    made.tail = ""
    for name in ("presentationTime", "duration"):
        made.attributes.pop(name, None)
    for level in list(event.levels())[1:]:
        attributes = dict(level.attributes) if level.name == STREAM else {}
        attributes.pop("presentationTimeOffset", None)
        outer = Element(level.name, attributes)
        outer.prefix, outer.declared = level.prefix, level.declared
        outer.append(made)
        made = outer
    return write(made, namespace, budget).decode("utf-8", "replace")
