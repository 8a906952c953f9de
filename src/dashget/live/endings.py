"""Lines that have ended, as their segments say: by the brand ``lmsg``, or by an event.

Nobody believes that at once: packagers err, and another document may go on. A list is asked
for all the same; where segments follow from a duration, one more is asked for. If it comes, or a
newer document has more, the line goes on. If nothing does until some time after the end, the
presentation is over, also while its manifest is still dynamic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dashget.live.line import Line
from dashget.live.listing import Axis, Version
from dashget.live.spans import Run
from dashget.live.state import State
from dashget.media.kind import SegmentKind

_STEPS: Final = 4
"""So many segments of the longest duration are waited for after the end."""
_LEAST_SECONDS: Final = 3.0
_TRIES: Final = 2
"""How often a segment beyond the end is asked for at least."""


class Endings:
    """The ends of all lines of a state."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._told_by: float | None = None
        """The publish time of the document in which a line has ended."""

    def end(self, line: Line, time: int) -> list[Line]:
        """Have a line end at an axis time; return the lines for which that is news."""
        if line.ended_at is not None and line.ended_at >= time:
            return []
        version = self._state.lines.version
        self._told_by = None if version is None else version.publish
        line.ended_at = time
        return [line]

    def end_all(self, server: float) -> list[Line]:
        """Have all lines end at a server time."""
        ended: list[Line] = []
        for line in self._current():
            ended += self.end(line, round((server - line.wall(0)) * line.scale))
        return ended

    def go_on(self, lines: Iterable[Line]) -> list[Line]:
        """Have lines go on; return those that had ended."""
        going = [line for line in lines if line.ended_at is not None]
        for line in going:
            line.ended_at = None
        return going

    def learn(self, version: Version) -> list[Line]:
        """Take a new document: lines of which it has more go on; return these."""
        newer = version.publish != self._told_by
        return self.go_on(
            line for line in self._current() if _has_more(line, newer=newer and version.dynamic)
        )

    def are_over(self, server: float, heard: float | None) -> bool:
        """Return True if all lines have ended, and nothing has come since.

        ``heard`` is the server time of the last manifest.
        """
        version = self._state.lines.version
        if version is None or not version.dynamic:
            return False
        lines = self._current()
        telling = [line for line in lines if _may_tell(line)]
        ends = [line.wall(line.ended_at) for line in telling if line.ended_at is not None]
        if not ends or len(ends) < len(telling):
            return False
        wait = max(_STEPS * version.longest_step, _LEAST_SECONDS)
        over = max(ends) + wait + max(line.lag.seconds for line in lines)
        if server < over or heard is None or heard < over - wait / 2:
            return False
        return all(
            not attempt.flying and attempt.tries >= _TRIES
            for line in telling
            for attempt in line.open.values()
            if line.is_beyond(attempt.run)
        )

    def withdraw(self) -> Iterator[tuple[Line, Run]]:
        """Withdraw what was asked for, or announced, beyond the ends; yield it."""
        lines = self._current()
        last = max(line.wall(line.ended_at) for line in lines if line.ended_at is not None)
        for line in lines:
            if line.ended_at is None:
                # Such as thumbnails, which cannot tell.
                line.ended_at = round((last - line.wall(0)) * line.scale)
            found = line.pending.take_from(line.ended_at - _usual(line) // 2)
            for time, attempt in tuple(line.open.items()):
                if line.is_beyond(attempt.run) and not attempt.flying:
                    del line.open[time]
                    found.append(attempt.run)
            for run in found:
                line.lose(run, None)
                yield line, run

    def _current(self) -> list[Line]:
        return [
            line
            for line in self._state.lines
            if line.current and line.listings and line.listing.axis is not Axis.NAME
        ]


def _may_tell(line: Line) -> bool:
    """Return True if the segments of a line can say that they are the last ones."""
    made_of = line.listing.representation
    if line.listing.kind is not SegmentKind.MEDIA:
        return False
    return made_of is None or (made_of.mime_type or "").lower().endswith("mp4")


def _usual(line: Line) -> int:
    """Return the duration of the segments of a line in ticks."""
    listing = line.listing
    return listing.step or (listing.rows[-1].duration if listing.rows else 0)


def _last_of(run: Run) -> Run:
    return run.part(run.count - 1, run.count)


def _has_more(line: Line, *, newer: bool) -> bool:
    """Return True if a document has segments beyond the end of a line."""
    if line.ended_at is None:
        return False
    for listing in line.listings:
        if listing.rows and line.is_beyond(_last_of(listing.rows[-1])):
            return True
        open_ = listing.step and (listing.stop is None or listing.stop > line.ended_at)
        if open_ and newer:
            return True
    return False
