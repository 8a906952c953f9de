"""How much later the media of a line begin than its documents say.

Some packagers keep the times of their input in the media, and write a manifest that counts from
zero: Shaka Packager does with low latency. Players put media where its own time belongs
(``tfdt``), and ask for it where the manifest has it: so they wait at the begin for what never
comes, and stop before the end. The local MPD has the times of the media, and so every segment of
such a line once the first two of them agree.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.live.facts import LateFact
from dashget.live.spans import Run
from dashget.live.stretches import Stretch, Stretches

if TYPE_CHECKING:
    from dashget.live.line import Line
    from dashget.live.pieces import RecordedLine

_LARGEST_SCALE: Final = 1 << 31
_MOST_CHANGES: Final = 64
"""So often the lateness of one line is believed to change."""
_LEAST: Final = Fraction(1, 8)
"""Of the length of a segment: by less than this all media may be off, as the standard allows."""


class _Seen(msgspec.Struct, frozen=True):
    """What one segment has told."""

    time: int
    late: Fraction


class MediaTimes:
    """The lateness of all lines: for each from an axis time on, the first also before it."""

    def __init__(self) -> None:
        self._known: dict[int, list[tuple[int, Fraction]]] = {}
        self._doubts: dict[int, _Seen] = {}
        """The last segment of a line that was off what is known."""

    def __len__(self) -> int:
        """Return how many facts are known."""
        return sum(map(len, self._known.values()))

    def facts(self) -> Iterator[LateFact]:
        """Yield all that is known, as facts."""
        for line, known in self._known.items():
            for time, late in known:
                yield LateFact(line, time, str(late))

    def take(self, fact: LateFact) -> bool:
        """Take a fact; return False for one that makes no sense, and for one too many."""
        try:
            late = Fraction(fact.by)
        except (ValueError, ZeroDivisionError):
            return False
        known = self._known.setdefault(fact.late, [])
        at = bisect_right(known, fact.t, key=_time)
        if at and known[at - 1][0] == fact.t:
            known[at - 1] = fact.t, late
        elif len(known) < _MOST_CHANGES:
            known.insert(at, (fact.t, late))
        else:
            return False
        return True

    def forget(self, line: int, tick: int | None) -> None:
        """Forget what ends before an axis time."""
        known = self._known.get(line, [])
        if tick is not None and known:
            del known[: max(bisect_right(known, tick, key=_time) - 1, 0)]

    def learn(self, line: Line, run: Run, media: Fraction) -> LateFact | None:
        """Learn when the media of a segment begin, in seconds of their own; return what is new.

        One segment alone may be another than it should be: the next one has to agree.
        """
        if not line.is_timed:
            return None
        listing = line.of(run.time)
        late = media - Fraction(run.time + listing.shift, listing.scale)
        length = Fraction(max(run.duration, 1), listing.scale)
        known = self._known.get(line.id)
        if known and abs(late - _at(known, run.time)) <= length:
            self._doubts.pop(line.id, None)
            return None
        doubt = self._doubts.get(line.id)
        if doubt is None or abs(late - doubt.late) > length / 2:
            self._doubts[line.id] = _Seen(run.time, late)
            return None
        del self._doubts[line.id]
        if not known and abs(doubt.late) <= length * _LEAST:
            late = Fraction(0)
        elif doubt.time <= run.time:
            late = doubt.late
        fact = LateFact(line.id, min(doubt.time, run.time), str(late))
        return fact if self.take(fact) else None

    def correct(
        self, lines: Iterable[RecordedLine], stretches: Stretches
    ) -> tuple[RecordedLine, ...]:
        """Give lines and stretches the times of the media, in place of those of the documents."""
        return tuple(self._corrected(line, stretches) for line in lines)

    def _corrected(self, line: RecordedLine, stretches: Stretches) -> RecordedLine:
        known = self._known.get(line.id)
        of = stretches.of.get(line.id)
        if not known or not of or not any(late for _, late in known):
            return line
        if any("$Time" in stretches.shapes.get(stretch.shape, "") for stretch in of):
            # The time in a name is that of the manifest.
            return line
        # No media begin before zero, whatever estimates say of the first of them.
        lowest = Fraction(-min(run.time for run in line.recorded) - of[0].shift, line.scale)
        known = [(time, max(late, lowest)) for time, late in known]
        factor = 1 if "#" in line.key else _factor(line.scale, known)
        made = msgspec.structs.replace(
            line,
            scale=line.scale * factor,
            recorded=tuple(
                Run(run.time * factor, run.duration * factor, run.count, run.number)
                for run in line.recorded
            ),
        )
        stretches.of[line.id] = list(_moved(of, known, made.scale, factor))
        return made


def _moved(
    stretches: Sequence[Stretch],
    known: Sequence[tuple[int, Fraction]],
    scale: int,
    factor: int,
) -> Iterator[Stretch]:
    """Yield stretches in finer ticks, with the times of their media; cut where lateness changes."""
    for at, stretch in enumerate(stretches):
        until = stretches[at + 1].time if at + 1 < len(stretches) else math.inf
        first = _at(known, stretch.time)
        changes = [each for each in known if stretch.time < each[0] < until]
        for time, late in _forward([(stretch.time, first), *changes]):
            ticks = round(late * scale)
            yield msgspec.structs.replace(
                stretch,
                time=time * factor,
                origin=stretch.origin + Fraction(ticks, scale),
                shift=stretch.shift * factor + ticks,
            )


def _forward(known: Iterable[tuple[int, Fraction]]) -> Iterator[tuple[int, Fraction]]:
    """Yield what is known in one stretch; media that go back would be where others are already."""
    last: Fraction | None = None
    for time, late in known:
        if last is None or late > last:
            last = late
            yield time, late


def _at(known: Sequence[tuple[int, Fraction]], time: int) -> Fraction:
    """Return the lateness at an axis time."""
    return known[max(bisect_right(known, time, key=_time) - 1, 0)][1]


def _time(each: tuple[int, Fraction]) -> int:
    return each[0]


def _factor(scale: int, known: Sequence[tuple[int, Fraction]]) -> int:
    """Return into how many parts ticks are cut so that lateness is a whole number of them."""
    factor = math.lcm(*((late * scale).denominator for _, late in known))
    return factor if factor * scale < _LARGEST_SCALE else 1
