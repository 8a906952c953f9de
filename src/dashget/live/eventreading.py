"""Find the events of a document, read anew only where they may be others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from hashlib import sha256
from itertools import islice
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.errors import MPDError
from dashget.live.events import MOST_EVENTS
from dashget.live.facts import EventFact
from dashget.live.listing import Version
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.presentation import Presentation
from dashget.playable.eventstreams import events_in
from dashget.playable.shapes import fixed_part

_LONGEST: Final = 1 << 16
"""A longer event is left out."""
_IN_MANIFESTS: Final = "in the kept manifests alone"
_LONG: Final = (
    f"events of the manifest (EventStream) that are longer than {_LONGEST:,} characters are"
    f" {_IN_MANIFESTS}"
)
_MANY: Final = (
    f"of the events of one manifest (EventStream) the first {MOST_EVENTS:,} are recorded: the"
    f" others are {_IN_MANIFESTS}"
)
_UNREAD: Final = f"the events of the manifest (EventStream) are {_IN_MANIFESTS}: {{}}"
_MOVING: Final = late(rb"\s(?:publishTime|startNumber)\s*=\s*(?:\"[^\"<]*\"|'[^'<]*')")


class EventReader:
    """Finds the events of documents; one with the same events as the last is not read again."""

    def __init__(self, limits: WorkLimits) -> None:
        self._limits = limits
        self._key: tuple[object, ...] = ()
        self._events: tuple[EventFact, ...] = ()
        self.left_out: dict[str, str] = {}
        """What was left out of any document, for people, by its kind."""

    def give(
        self,
        version: Version,
        data: bytes,
        presentation: Presentation,
        remote: Mapping[str, bytes],
    ) -> Version:
        """Return a version with the events of its document."""
        if not any(b"EventStream" in text for text in (data, *remote.values())):
            return version
        fixed = fixed_part(data)
        key = (
            version.begin,
            sha256(_MOVING.sub(b"", fixed)).digest(),
            *((href, sha256(text).digest()) for href, text in sorted(remote.items())),
        )
        if key != self._key:
            begin = version.begin or Fraction(0)
            self._events = tuple(self._made(fixed, data, presentation, remote, begin))
            self._key = key
        return msgspec.structs.replace(version, events=self._events)

    def _made(
        self,
        fixed: bytes,
        data: bytes,
        presentation: Presentation,
        remote: Mapping[str, bytes],
        begin: Fraction,
    ) -> Iterator[EventFact]:
        problem: MPDError | None = None
        for text in (fixed, data):
            events = events_in(text, presentation, remote, Budget(self._limits))
            try:
                found = list(islice(events, MOST_EVENTS + 1))
            except MPDError as error:
                problem = error
                continue
            if len(found) > MOST_EVENTS:
                self.left_out["many events"] = _MANY
            for event in found[:MOST_EVENTS]:
                if len(event.mpd) <= _LONGEST:
                    yield EventFact(
                        event.mpd, event.time, event.scale, str(begin + event.period.start),
                        period=event.period.id or "", offset=event.offset, d=event.duration,
                    )  # fmt: skip
                else:
                    self.left_out["long events"] = _LONG
            return
        if problem is not None:
            self.left_out["events"] = _UNREAD.format(problem.message)
