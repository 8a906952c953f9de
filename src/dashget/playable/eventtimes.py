"""The times of the events in an ``EventStream``."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from dashget.mpd.values import read_integer
from dashget.playable.tree import Element

EVENT: Final = "Event"
STREAM: Final = "EventStream"
_LARGEST_SCALE: Final = 1 << 31
_MOST_TICKS: Final = 1 << 53
"""Players work with numbers that are exact up to here."""


def move_events(stream: Element, seconds: Fraction) -> None:
    """Have the time of a stream begin so much later: its Period has lost its begin.

    Ticks are cut if the new begin is between two. A stream whose times cannot be read stays.
    """
    scale = read_ticks(stream, "timescale", 1)
    offset = read_ticks(stream, "presentationTimeOffset", 0)
    if not scale or offset is None:
        return
    later = seconds * scale
    factor = later.denominator
    events = list(stream.all(EVENT)) if factor > 1 else []
    times = [
        (event, name, read_ticks(event, name, 0))
        for event in events
        for name in ("presentationTime", "duration")
        if name in event.attributes
    ]
    if scale * factor >= _LARGEST_SCALE or any(time is None for _, _, time in times):
        factor = 1
        times = []
    for event, name, time in times:
        event.attributes[name] = str((time or 0) * factor)
    if factor > 1:
        stream.attributes["timescale"] = str(scale * factor)
    stream.attributes["presentationTimeOffset"] = str(round((offset + later) * factor))


def read_ticks(element: Element, name: str, default: int | None) -> int | None:
    """Return a number of ticks; None for one that makes no sense."""
    text = element.attributes.get(name)
    if text is None:
        return default
    try:
        value, _ = read_integer(text)
    except ValueError:
        return None
    return value if 0 <= value < _MOST_TICKS else None
