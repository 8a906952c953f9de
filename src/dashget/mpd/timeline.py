"""Store the rows of a SegmentTimeline, as written, in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.errors import Issue

if TYPE_CHECKING:
    from dashget.mpd.pattern import DurationPattern
    from dashget.mpd.survey import Columns, Reused, Survey

_ABSENT: Final = 2**64 - 1
"""Stands for a missing ``S@t`` in the compact column."""
_NONE: Final = -1
"""Stands for it in a column of numbers of any size."""


class Break(msgspec.Struct, frozen=True):
    """The gaps or overlaps of a timeline: place and size of the first, and their number."""

    position: int
    ticks: int
    count: int


class SegmentTimeline:
    """SegmentTimeline (5.3.9.6): a million ``S`` elements take 24 MB.

    Fractions of a tick stay exact: all times and durations are in ``1 / scale`` ticks.

    Iteration yields ``(t, d, r, n, k)`` per ``S``, with None for a missing ``@t``, ``@n`` or ``@k``
    and the default 0 for ``@r``. ``odd`` has the rows with other values than plain
    numbers, by position, until ``parse`` has read them; ``invalid`` has the issues of values that
    could not be read, by position and attribute. ``gaps`` counts the rows that begin later than
    the row before ends.
    """

    __slots__ = (
        "_absent",
        "_durations",
        "_exact",
        "_numbers",
        "_patterns",
        "_repeats",
        "_sequences",
        "_survey",
        "_times",
        "followed",
        "gaps",
        "invalid",
        "line",
        "odd",
        "reused",
        "scale",
        "serial",
        "span",
        "where",
    )

    def __init__(self, where: str = "", line: int | None = None) -> None:
        self.where = where
        self.line = line
        self.odd: dict[int, tuple[dict[str, str], int]] = {}
        self.invalid: dict[int, dict[str, Issue]] = {}
        self.gaps = 0
        self.scale = 1
        self.span: tuple[int, int] | None = None
        """Where its element begins and ends in the text."""
        self.serial: int | None = None
        """Its number, if what follows from its rows is kept for a later document."""
        self.reused: Reused | None = None
        """The rows that it has of an earlier one."""
        self.followed: SegmentTimeline | None = None
        """The earlier one, until this one is surveyed."""
        self._survey: Survey | None = None
        self._times: array[int] | list[int] = array("Q")
        self._durations: array[int] | list[int] = array("Q")
        self._repeats: array[int] | list[int] = array("q")
        self._absent = _ABSENT
        self._exact: dict[int, tuple[int | Fraction | None, int | Fraction, int]] = {}
        self._numbers: dict[int, int] = {}
        self._sequences: dict[int, int] = {}
        self._patterns: dict[int, tuple[DurationPattern, int]] = {}

    def append(
        self, t: int | None, d: int, r: int = 0, n: int | None = None, k: int | None = None
    ) -> None:
        """Add an ``S``; raise OverflowError if a value does not fit into 64 bits."""
        index = len(self._times)
        if t == _ABSENT:
            raise OverflowError(f"a time of {t}")
        self._durations.append(d)
        self._repeats.append(r)
        if n is not None:
            self._numbers[index] = n
        if k is not None:
            self._sequences[index] = k
        self._times.append(_ABSENT if t is None else t)

    def append_odd(self, attributes: dict[str, str], line: int) -> None:
        """Add an ``S`` with odd values, to be read by ``parse``."""
        index = len(self._times)
        for column in (self._durations, self._repeats):
            del column[index:]
        self._numbers.pop(index, None)
        self._sequences.pop(index, None)
        self.odd[index] = (attributes, line)
        self.append(None, 0)

    def mend(
        self,
        index: int,
        t: int | Fraction | None,
        d: int | Fraction,
        r: int,
        n: int | None,
        k: int | None,
    ) -> None:
        """Set the values of an odd ``S``, which may be fractions and of any size.

        Call ``settle`` after the last one.
        """
        self._exact[index] = t, d, r
        if n is not None:
            self._numbers[index] = n
        if k is not None:
            self._sequences[index] = k

    def set_pattern(self, index: int, pattern: DurationPattern, entry: int) -> None:
        """Let the segments of a row take durations of a pattern, from an entry on."""
        self._patterns[index] = pattern, entry

    def pattern_at(self, position: int) -> tuple[DurationPattern, int] | None:
        """Return the pattern of a row, and the entry with which it begins, if it has one."""
        return self._patterns.get(position) if self._patterns else None

    def settle(self) -> None:
        """Take over the values of the odd rows: into the compact columns if they fit."""
        exact, self._exact = self._exact, {}
        cut = lcm(*(pattern.scale for pattern, _ in self._patterns.values()))
        if cut == 1 and all(_fits(*row) for row in exact.values()):
            for index, (t, d, r) in exact.items():
                self._times[index] = _ABSENT if t is None else int(t)
                self._durations[index] = int(d)
                self._repeats[index] = r
            return
        values = (value for t, d, _ in exact.values() for value in (t or 0, d))
        scale = lcm(cut, *(Fraction(value).denominator for value in values))
        self._spread(scale)
        for index, (t, d, r) in exact.items():
            self._times[index] = _NONE if t is None else int(t * scale)
            self._durations[index] = int(d * scale)
            self._repeats[index] = r

    def rescaled(self, factor: int) -> SegmentTimeline:
        """Return the timeline in units that are ``factor`` times smaller."""
        if factor == 1:
            return self
        copy = SegmentTimeline(self.where, self.line)
        copy.gaps, copy.invalid, copy.scale = self.gaps, self.invalid, self.scale
        copy._times, copy._durations, copy._repeats = self._times, self._durations, self._repeats
        copy._numbers, copy._sequences, copy._absent = (
            self._numbers,
            self._sequences,
            self._absent,
        )
        copy._patterns = self._patterns
        copy._spread(factor)
        return copy

    def _spread(self, factor: int) -> None:
        """Replace the columns by lists of numbers of any size, in smaller units."""
        absent, self._absent = self._absent, _NONE
        self._times = [_NONE if time == absent else time * factor for time in self._times]
        self._durations = [duration * factor for duration in self._durations]
        self._repeats = list(self._repeats)
        self.scale *= factor
        if not self._patterns:
            return
        distinct = {id(pattern): pattern for pattern, _ in self._patterns.values()}
        scaled = {known: p.scaled(self.scale // p.scale) for known, p in distinct.items()}
        self._patterns = {
            index: (scaled[id(pattern)], entry)
            for index, (pattern, entry) in self._patterns.items()
        }

    @property
    def is_compact(self) -> bool:
        """True if all rows are plain numbers that fit into the compact columns."""
        odd = self.odd or self.invalid or self._numbers or self._sequences or self._patterns
        return not odd and self.scale == 1 and isinstance(self._times, array)

    def reuse(self, at: int, earlier: SegmentTimeline, first: int, count: int) -> None:
        """Put rows of an earlier timeline in the place of the odd row at a position.

        Both have to be compact otherwise.
        """
        self.odd.pop(at)
        for mine, theirs in (
            (self._times, earlier._times),
            (self._durations, earlier._durations),
            (self._repeats, earlier._repeats),
        ):
            mine[at : at + 1] = theirs[first : first + count]  # type: ignore[assignment]  # both are arrays, of the same type
        from dashget.mpd.survey import Reused

        if earlier.serial is not None:
            self.reused, self.followed = Reused(earlier.serial, at, first, count), earlier

    def survey(self) -> Survey | None:
        """Return what follows from the rows, if that is kept for a later document."""
        if self._survey is None and self.serial is not None and self.is_compact and len(self):
            # Loaded late, here and below: one document alone needs none of it.
            from dashget.mpd.survey import survey, survey_again

            columns, earlier = self._columns(), self.followed
            known = None if earlier is None else earlier.survey()
            if known is not None and self.reused is not None and earlier is not None:
                self._survey = survey_again(columns, self.reused, known, earlier._repeats)
            if self._survey is None:
                self.reused = None
                self._survey = survey(columns)
            if self._survey is None:
                self.serial = None
        self.followed = None
        return self._survey

    def spans(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """Yield begin, duration and number of segments of rows of a surveyed timeline."""
        from dashget.mpd.survey import iter_spans

        assert self._survey is not None  # noqa: S101  # the caller has asked for it
        return iter_spans(self._survey, self._columns(), first, last)

    def _columns(self) -> Columns:
        from dashget.mpd.survey import Columns

        return Columns(self._times, self._durations, self._repeats, self._absent)

    def endless(self) -> list[tuple[int, int]]:
        """The positions and durations of rows that repeat a zero duration without end."""
        if self._survey is not None:
            return []
        if 0 not in self._durations:
            return []
        rows = enumerate(zip(self._durations, self._repeats, strict=True))
        return [
            (index, d) for index, (d, r) in rows if d == 0 and r < 0 and index not in self._patterns
        ]

    def breaks(self) -> tuple[Break | None, Break | None]:
        """Return the gaps and overlaps: rows whose ``@t`` is not the end of the row before.

        A row after a negative ``@r`` is neither: the row before it extends to its ``@t``. After an
        invalid row it is not known.
        """
        surveyed = self.survey()
        if surveyed is not None:
            return _first_of(surveyed, overlaps=False), _first_of(surveyed, overlaps=True)
        found: list[Break | None] = [None, None]
        expected: int | None = None
        rows = zip(self._times, self._durations, self._repeats, strict=True)
        absent, patterns = self._absent, self._patterns
        for index, (t, d, r) in enumerate(rows):
            if t == absent:
                t = expected or 0
            elif expected is not None and t != expected:
                which = t < expected
                first = found[which]
                found[which] = Break(
                    index if first is None else first.position,
                    abs(t - expected) if first is None else first.ticks,
                    1 if first is None else first.count + 1,
                )
            if r < 0 or index in self.invalid:
                expected = None
            else:
                expected = t + (self._span(index, d, r) if patterns else (r + 1) * d)
        return found[False], found[True]

    @property
    def pattern_size(self) -> int:
        """The pairs of all patterns that are in use."""
        if not self._patterns:
            return 0
        distinct = {id(pattern): pattern for pattern, _ in self._patterns.values()}
        return sum(len(pattern.pairs) for pattern in distinct.values())

    @property
    def has_patterns(self) -> bool:
        """True if a row takes its durations from a pattern."""
        return bool(self._patterns)

    @property
    def runs_on(self) -> bool:
        """True if the last row repeats until the end of the Period."""
        return len(self._repeats) > 0 and self._repeats[-1] < 0

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[tuple[int | None, int, int, int | None, int | None]]:
        rows = zip(self._times, self._durations, self._repeats, strict=True)
        numbers, sequences, absent = self._numbers, self._sequences, self._absent
        if not numbers and not sequences:
            for t, d, r in rows:
                yield None if t == absent else t, d, r, None, None
            return
        for i, (t, d, r) in enumerate(rows):
            yield None if t == absent else t, d, r, numbers.get(i), sequences.get(i)

    def time_at(self, position: int) -> int | None:
        """Return the ``@t`` of a row; None if it has none, or if there is no such row."""
        if position >= len(self._times) or self._times[position] == self._absent:
            return None
        return self._times[position]

    @property
    def end(self) -> int | None:
        """The end of the last segment in ticks; None if a row repeats without a number."""
        if self._survey is not None and self._survey.in_order:
            return self._survey.end
        if not len(self) or min(self._repeats) < 0:
            return None
        latest = time = 0
        absent, patterns = self._absent, self._patterns
        rows = zip(self._times, self._durations, self._repeats, strict=True)
        for index, (t, d, r) in enumerate(rows):
            ticks = self._span(index, d, r) if patterns else (r + 1) * d
            time = (time if t == absent else t) + ticks
            latest = max(latest, time)
        return latest

    @property
    def is_plain(self) -> bool:
        """True if all rows are whole and closed: their number and end are quickly known."""
        if self._survey is not None:
            return True
        odd = self.invalid or self.scale != 1 or self._sequences or self._patterns
        return not odd and min(self._repeats, default=0) >= 0

    def _span(self, index: int, d: int, r: int) -> int:
        """Return the ticks of the segments of a row."""
        if index not in self._patterns:
            return (r + 1) * d
        pattern, entry = self._patterns[index]
        return pattern.span(entry, r + 1)

    @property
    def closed_count(self) -> int | None:
        """The number of segments of all rows; None if a row repeats without a number."""
        if self._survey is not None:
            return self._survey.segments
        if min(self._repeats, default=0) < 0:
            return None
        return len(self) + sum(self._repeats)


def _first_of(surveyed: Survey, *, overlaps: bool) -> Break | None:
    """Return the gaps, or the overlaps."""
    found = [(position, ticks) for position, ticks, other in surveyed.breaks if other is overlaps]
    return Break(*found[0], len(found)) if found else None


def _fits(t: int | Fraction | None, d: int | Fraction, r: int) -> bool:
    """Return True if the values of an ``S`` fit into the compact columns."""
    whole = isinstance(t, int | None) and isinstance(d, int)
    return whole and (t or 0) < _ABSENT and d <= _ABSENT and -(2**63) <= r < 2**63
