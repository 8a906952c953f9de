"""The gaps of lists: what their files leave out, as far as documents and times tell."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from dashget.live.facts import Reason
from dashget.live.gap import Gap
from dashget.live.named import UNKNOWN, NamedLine
from dashget.live.names import Row

_LEAP_STEPS: Final = 10
_LEAP_SECONDS: Final = 60.0
"""Times that leap by more between neighbours are those of another clock."""

Why = Callable[[float, float], Reason]
"""Tells why nothing is recorded between two server times; ``ANNOUNCED`` if nobody knows why."""


def named_gaps(line: NamedLine, why: Why) -> Iterator[Gap]:
    """Yield the gaps of one list, and the files that are lost before and behind all others."""
    before: Row | None = None
    lost = sorted(line.lost)
    for row in line.rows:
        first = 0 if before is None else bisect_left(lost, _next(before))
        missing = lost[first : bisect_left(lost, row.n)]
        if before is None:
            if missing:
                begin = row.at - len(missing) * _length(row)
                yield _gap(line, begin, row.at, missing)
        else:
            yield from _between(line, before, row, missing, why)
        before = row
    if before is not None:
        missing = lost[bisect_left(lost, _next(before)) :]
        if missing:
            end = before.end
            yield _gap(line, end, end + len(missing) * _length(before), missing)
    for n, (reason, until) in line.short.items():
        cut = line.rows.find(n)
        if cut is not None:
            end = cut.end
            yield Gap(line.id, line.fact.label, end, max(end, until), None, reason)


def _between(line: NamedLine, before: Row, row: Row, missing: list[int], why: Why) -> Iterator[Gap]:
    begin = before.end
    hole = _hole(before, row)
    timed = hole is not None
    hole = max(row.at - begin if hole is None else hole, 0.0)
    end = begin + hole
    if missing:
        yield _gap(line, begin, end, missing)
    elif timed and hole * 2 < _length(row):
        return
    elif row.n == _next(before):
        if timed and hole <= max(_LEAP_SECONDS, _LEAP_STEPS * _length(row)):
            yield Gap(line.id, line.fact.label, begin, end, None, Reason.ANNOUNCED)
    elif row.n - _next(before) < UNKNOWN - 1:
        # They were announced, and an earlier recorder ended before they came.
        count = row.n - _next(before)
        yield Gap(line.id, line.fact.label, begin, end, count, Reason.PENDING)
    else:
        reason = why(begin, end)
        reason = reason if reason.is_loss else Reason.LEFT_WINDOW
        yield Gap(line.id, line.fact.label, begin, end, None, reason)


def _hole(before: Row, row: Row) -> float | None:
    """Return the seconds between two rows, by their media times; None if these do not tell."""
    if before.t is None or row.t is None or before.scale != row.scale:
        return None
    ticks = row.t - before.t - before.d * before.count
    return ticks / row.scale if 2 * ticks >= -row.d else None


def _gap(line: NamedLine, begin: float, end: float, missing: list[int]) -> Gap:
    return Gap(line.id, line.fact.label, begin, end, len(missing), line.lost[missing[0]])


def _next(row: Row) -> int:
    return row.n + row.count


def _length(row: Row) -> float:
    """Return how long a file lasts, in seconds; 0 if nobody knows."""
    return row.d / row.scale
