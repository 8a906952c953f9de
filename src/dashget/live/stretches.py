"""Stretches of lines: from when on a line had which shape, in which Period, on which clock.

A line outlives its documents, and so do the *shapes* of its segments: what a player has to know of
them but for their times (``playable.shapes``). From stretches and recorded segments alone the local
MPD is made (``live.localmpd``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.live.descriptions import reshaped
from dashget.live.facts import ShapeFact, StretchFact
from dashget.live.line import Line
from dashget.live.listing import Listing
from dashget.live.spans import Run
from dashget.media.kind import SegmentKind

_FIRST_RENEWAL: Final = 4
_ESTIMATES: Final = late(
    r" (?:bandwidth|minBandwidth|maxBandwidth|frameRate|minFrameRate|maxFrameRate|minBufferTime"
    r"|segmentAlignment|subsegmentAlignment|startWithSAP|subsegmentStartsWithSAP|sar|par"
    r'|maxWidth|maxHeight|qualityRanking)="[^"]*"'
)


def essence(shape: str) -> str:
    """Return a shape without what packagers estimate: another one needs a Period of its own."""
    return _ESTIMATES.sub("", shape)


class Stretch(msgspec.Struct, frozen=True):
    """A line from an axis time on."""

    time: int
    shape: int
    period: str
    """The id of the Period; empty: it has none."""
    start: Fraction
    """Server time at which the Period starts."""
    origin: Fraction
    """Server time at axis time 0."""
    shift: int
    """Media time less axis time, in ticks."""
    tick_parts: int = 1
    sub_number: int = 0

    def wall(self, time: int, scale: int) -> Fraction:
        """Return the server time at an axis time."""
        return self.origin + Fraction(time, scale)


class Stretches:
    """The stretches of all lines, and the shapes that they have."""

    def __init__(self) -> None:
        self.of: dict[int, list[Stretch]] = {}
        """Those of each line, by its number, sorted by time."""
        self.shapes: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._renewed: dict[int, int] = {}
        """How many segments a line had when its estimates were kept last."""
        self._seen: dict[int, tuple[str, str, bool]] = {}
        """The last two shapes of a line that were compared, and if they are alike."""
        self._renewing: set[int] = set()
        """The lines whose next segments have another initialization segment."""

    def take_shape(self, fact: ShapeFact) -> None:
        """Take a shape that is known."""
        self.shapes[fact.shape] = fact.mpd
        self._numbers[fact.mpd] = fact.shape

    def take(self, fact: StretchFact) -> None:
        """Take a stretch that is known; one that makes no sense is passed over."""
        try:
            start, origin = Fraction(fact.start), Fraction(fact.origin)
        except (ValueError, ZeroDivisionError):
            return
        self._put(
            fact.stretch,
            Stretch(
                fact.t, fact.shape, fact.period, start, origin, fact.shift, fact.parts, fact.sub
            ),
        )

    def facts(self) -> Iterator[ShapeFact | StretchFact]:
        """Yield all that is known, as facts."""
        for number, mpd in self.shapes.items():
            yield ShapeFact(number, mpd)
        for line, stretches in self.of.items():
            for stretch in stretches:
                yield _fact(line, stretch)

    def copy(self) -> Stretches:
        """Return what is known now."""
        made = Stretches()
        made.of = {line: list(stretches) for line, stretches in self.of.items()}
        made.shapes = dict(self.shapes)
        made._numbers = dict(self._numbers)
        return made

    def forget(self, line: int, tick: int | None) -> None:
        """Forget the stretches of a line that end before an axis time."""
        known = self.of.get(line, [])
        if tick is not None and known:
            del known[: max(bisect_right(known, tick, key=_time) - 1, 0)]

    def describe(self, line: Line, run: Run) -> Iterator[ShapeFact | StretchFact]:
        """Learn what the newest document says of new segments; yield what is new."""
        listing = line.of(run.time)
        slack = Fraction(max(run.duration, 1), 2 * listing.scale)
        yield from self.learn(line.id, run.time, listing, slack, line.recorded.count)

    def learn(
        self, line: int, time: int, listing: Listing, slack: Fraction, recorded: int
    ) -> Iterator[ShapeFact | StretchFact]:
        """Learn what a document says of a line from an axis time, or an order number, on.

        ``slack`` is by how many seconds its clock may move; ``recorded`` is how much it has.
        """
        if not listing.shape or listing.kind is not SegmentKind.MEDIA:
            return
        known = self.of.get(line, [])
        at = bisect_right(known, time, key=_time)
        if at and self._goes_on(known[at - 1], line, listing, slack, recorded):
            return
        number, facts = self._number_of(listing.shape)
        yield from facts
        stretch = Stretch(
            time,
            number,
            "" if listing.period.startswith("#") else listing.period,
            listing.period_start,
            listing.origin,
            listing.shift,
            listing.tick_parts,
            listing.sub_number,
        )
        self._put(line, stretch)
        yield _fact(line, stretch)

    def reshape(
        self, line: int, period: str, start: Fraction, folder: str
    ) -> Iterator[ShapeFact | StretchFact]:
        """Have the segments of a Period described by what is in another folder."""
        for stretch in tuple(self.of.get(line, ())):
            if _is_of(stretch, period, start):
                number, facts = self._number_of(reshaped(self.shapes[stretch.shape], folder))
                yield from facts
                made = msgspec.structs.replace(stretch, shape=number)
                self._put(line, made)
                yield _fact(line, made)

    def renew(self, line: int) -> None:
        """Have the next segments of a line begin a stretch if their shape is another one."""
        self._renewing.add(line)

    def _number_of(self, shape: str) -> tuple[int, tuple[ShapeFact, ...]]:
        """Return the number of a shape, with its fact if it is new."""
        number = self._numbers.get(shape)
        if number is not None:
            return number, ()
        fact = ShapeFact(max(self.shapes, default=0) + 1, shape)
        self.take_shape(fact)
        return fact.shape, (fact,)

    def _goes_on(
        self, known: Stretch, line: int, listing: Listing, slack: Fraction, recorded: int
    ) -> bool:
        """Return True if a stretch goes on.

        A Period without an id is told by its clock alone. Of estimates, which some packagers
        change with each document, new ones are kept once twice as much is recorded.
        """
        if known.period != ("" if listing.period.startswith("#") else listing.period):
            return False
        moved = known.shift != listing.shift or abs(known.origin - listing.origin) > slack
        if moved and not known.period:
            return False
        shape = self.shapes.get(known.shape, "")
        if line in self._renewing:
            self._renewing.discard(line)
            return shape == listing.shape
        if shape == listing.shape or reshaped(shape, "") == reshaped(listing.shape, ""):
            return True
        seen = self._seen.get(line)
        if seen is None or seen[:2] != (shape, listing.shape):
            same = essence(shape) == essence(listing.shape)
            seen = self._seen[line] = shape, listing.shape, same
        if not seen[2] or recorded >= 2 * self._renewed.get(line, _FIRST_RENEWAL):
            self._renewed[line] = max(recorded, _FIRST_RENEWAL)
            return False
        return True

    def _put(self, line: int, stretch: Stretch) -> None:
        known = self.of.setdefault(line, [])
        at = bisect_right(known, stretch.time, key=_time)
        if at and known[at - 1].time == stretch.time:
            known[at - 1] = stretch
        else:
            known.insert(at, stretch)


def _fact(line: int, stretch: Stretch) -> StretchFact:
    return StretchFact(
        line,
        stretch.time,
        stretch.shape,
        str(stretch.start),
        str(stretch.origin),
        period=stretch.period,
        shift=stretch.shift,
        parts=stretch.tick_parts,
        sub=stretch.sub_number,
    )


def _time(stretch: Stretch) -> int:
    return stretch.time


def _is_of(stretch: Stretch, period: str, start: Fraction) -> bool:
    """Return True for a stretch of a Period, which has a name or is told by its start."""
    if period.startswith("#"):
        return not stretch.period and stretch.start == start
    return stretch.period == period
