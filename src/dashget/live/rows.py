"""The rows of plain timelines as runs, most of which are those of the version before."""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from dashget.live.spans import Run
from dashget.mpd.survey import Survey
from dashget.mpd.timeline import SegmentTimeline


class Rows(msgspec.Struct, frozen=True, eq=False):
    """All rows; ``fresh`` are those that are not in ``base``, the rows of an earlier version."""

    all: tuple[Run, ...]
    base: tuple[Run, ...] | None = None
    fresh: tuple[Run, ...] = ()
    in_order: bool = False
    """True if they are sorted by time and by number, and none overlaps another."""


class KnownRows:
    """The rows of the last version's timelines, for the next version. Call ``turn`` in between."""

    def __init__(self) -> None:
        self._old: dict[int, list[tuple[Run, ...]]] = {}
        self._new: dict[tuple[int, int], Rows] = {}

    def turn(self) -> None:
        """Let the rows that were made since the last turn be those of the version before."""
        self._old = {}
        for (serial, _), rows in self._new.items():
            self._old.setdefault(serial, []).append(rows.all)
        self._new = {}

    def rows(self, timeline: SegmentTimeline, start_number: int) -> Rows | None:
        """Return the rows of a timeline; None if it is not a plain one."""
        surveyed = timeline.survey()
        if surveyed is None or timeline.serial is None:
            return None
        key = timeline.serial, start_number
        if key not in self._new:
            self._new[key] = self._again(timeline, surveyed, start_number) or Rows(
                _runs(timeline, 0, len(timeline), start_number), in_order=surveyed.in_order
            )
        return self._new[key]

    def _again(self, timeline: SegmentTimeline, surveyed: Survey, start_number: int) -> Rows | None:
        """Return the rows with those of the version before; None if these have other numbers."""
        reused = timeline.reused
        if reused is None:
            return None
        head = _runs(timeline, 0, reused.at, start_number)
        number = _next(head, start_number)
        for old in self._old.get(reused.serial, ()):
            middle = old[reused.first : reused.first + reused.count]
            if middle[0].number == number:
                after = reused.at + reused.count
                tail = _runs(timeline, after, len(timeline), _next(middle, number))
                return Rows((*head, *middle, *tail), old, head + tail, surveyed.in_order)
        return None


def _runs(timeline: SegmentTimeline, first: int, last: int, number: int) -> tuple[Run, ...]:
    """Return rows as runs, of which the first has a number."""
    runs: list[Run] = []
    for begin, duration, count in timeline.spans(first, last):
        # What has no duration takes a tick, so that it is known by its place.
        runs.append(Run(begin, max(duration, 1), count, number))
        number += count
    return tuple(runs)


def _next(runs: tuple[Run, ...], number: int) -> int:
    """Return the number after that of the last segment; ``number`` if there is none."""
    return runs[-1].number + runs[-1].count if runs else number


def find_number(rows: tuple[Run, ...], number: int) -> Run | None:
    """Return the row with a number, of rows that are sorted by it."""
    at = bisect_right(rows, number, key=_number) - 1
    row = rows[at] if at >= 0 else None
    return row if row is not None and number < row.number + row.count else None


def _number(run: Run) -> int:
    return run.number
