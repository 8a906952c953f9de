"""Events in segments that end the validity of manifests (ISO/IEC 23009-1, 5.10.4).

An event names the ``@publishTime`` up to which manifests expire. It may hold what takes their
place: a patch (value 2), or the next manifest (3). The same event comes in each track, and in each
segment until its time: it counts once.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

from dashget.live.line import Line
from dashget.live.spans import Run
from dashget.media.events import EventMessage
from dashget.mpd.values import read_date_time

_WITH_PATCH: Final = "2"
_WITH_MANIFEST: Final = "3"
_VALUES: Final = ("1", _WITH_PATCH, _WITH_MANIFEST)
_MOST_SEEN: Final = 256


class Given(msgspec.Struct, frozen=True):
    """What came in an event in place of the manifest."""

    data: bytes
    is_patch: bool


class Expiry(msgspec.Struct, frozen=True):
    """A new event."""

    publish: float | None
    """The ``@publishTime`` of the newest manifest that expires; None: nobody says."""
    given: Given | None = None


class Expiries:
    """Knows which events have come."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[object, ...], None] = OrderedDict()

    def take(self, event: EventMessage, current: float | None) -> Expiry | None:
        """Return what an event means; None if it has come before, or is over.

        ``current`` is the ``@publishTime`` of the newest manifest.
        """
        if event.value not in _VALUES:
            return None
        text, document = event.words
        publish = _moment(text)
        if publish is not None and current is not None and current > publish:
            return None
        key = (event.value, text, event.id if publish is None else None, hash(document))
        if key in self._seen:
            return None
        self._seen[key] = None
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        given = None
        if document and event.value in (_WITH_PATCH, _WITH_MANIFEST):
            given = Given(document, event.value == _WITH_PATCH)
        return Expiry(publish, given)


def begin_of(event: EventMessage, line: Line, run: Run) -> float:
    """Return the server time at which an event of a segment begins, not before the segment ends.

    One without time and duration is meant to end with its segment.
    """
    end = line.wall(run.end)
    if event.is_delta:
        return max(end, line.wall(run.time) + event.time / event.timescale)
    return max(end, line.wall(0) + event.time / event.timescale - line.shift / line.scale)


def _moment(text: str) -> float | None:
    try:
        return float(read_date_time(text)[0]) if text else None
    except (ValueError, OverflowError):
        return None
