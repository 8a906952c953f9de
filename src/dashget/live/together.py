"""When a recording has video and audio together: what is alone is left out of its local MPD.

Browsers play where they have all kinds of media that a presentation has. Over a stretch that lacks
one of them a player comes only if it has loaded what lies behind it, so one that is longer than
what it loads ahead is its end, whether the Period goes on or is cut; and a Period that lacks one is
refused by some. What is left out shows nothing in any of them.

Where a recording has hardly any sound, or hardly any picture, leaving out what lacks it would leave
nothing: then that kind is what is left out. Of all ways the one counts that leaves out the least.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import msgspec

from dashget.live.groups import Group
from dashget.live.pieces import (
    Piece,
    Row,
    Span,
    Ticks,
    row_time,
    spans_of,
    ticks_per_second,
    usual_duration,
)
from dashget.live.spans import Run


class Shown(msgspec.Struct, frozen=True, eq=False):
    """When each main kind of media of a Period of the presentation is recorded."""

    announced: frozenset[str]
    """The main kinds that the presentation has there."""
    spans: Mapping[str, Sequence[Span]]
    """When each kind is there: sorted, and none touches another. A kind that is not among them, and
    is announced, is missing."""
    unknown: frozenset[str]
    """The kinds of which nobody knows when they are there: those of files without times."""
    step: int
    """The usual duration of a segment, of the track whose segments are the shortest."""
    per_second: int
    """The ticks in which all this is."""

    def wanted(self, kinds: Iterable[str]) -> frozenset[str]:
        """Return the kinds that have to be there, where a local MPD has some kinds."""
        return (self.announced & frozenset(kinds)) or self.announced

    def together(self, kinds: Iterable[str]) -> list[Span]:
        """Return when all kinds are there that have to be; what is too short is none."""
        found: list[Span] | None = None
        for kind in self.wanted(kinds) - self.unknown:
            spans = self.spans.get(kind, ())
            found = list(spans) if found is None else common(found, spans)
        return [(begin, end) for begin, end in found or () if 2 * (end - begin) >= self.step]

    def left_out(self, kinds: Iterable[str]) -> Fraction:
        """Return how many seconds of media a local MPD of some kinds leaves out."""
        wanted = self.wanted(kinds)
        together = length(self.together(kinds)) if wanted - self.unknown else 0
        ticks = sum(
            length(spans) - (together if kind in wanted else 0)
            for kind, spans in self.spans.items()
            if kind not in self.unknown
        )
        return Fraction(ticks, self.per_second)


def chosen_kinds(periods: Sequence[Shown]) -> frozenset[str]:
    """Return the main kinds that a local MPD has: those with which the least is left out."""
    recorded = sorted({kind for period in periods for kind in (*period.spans, *period.unknown)})
    ways = [frozenset(recorded), *(frozenset([kind]) for kind in reversed(recorded))]
    return min(ways, key=lambda kinds: sum(period.left_out(kinds) for period in periods))


def united(spans: Iterable[Span], slack: int) -> list[Span]:
    """Return spans sorted; those that are less than ``slack`` apart are one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin - found[-1][1] < slack:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found


def common(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """Return what is in both."""
    found: list[Span] = []
    at = beside = 0
    while at < len(one) and beside < len(other):
        begin = max(one[at][0], other[beside][0])
        end = min(one[at][1], other[beside][1])
        if begin < end:
            found.append((begin, end))
        if one[at][1] < other[beside][1]:
            at += 1
        else:
            beside += 1
    return found


def length(spans: Iterable[Span]) -> int:
    """Return how long spans are."""
    return sum(end - begin for begin, end in spans)


def leave_out(groups: Sequence[Group]) -> list[Group]:
    """Return Periods without the segments that lack what players need beside them."""
    main = [(group, _main_of(group)) for group in groups if group.tracks and group.announced]
    if not main:
        return list(groups)
    kinds = chosen_kinds([period for _, period in main])
    left = {id(group) for group, period in main if not _keep_together(group, period, kinds)}
    return [group for group in groups if id(group) not in left]


def _main_of(group: Group) -> Shown:
    """Return when video and audio of a Period of the presentation are recorded."""
    spans: dict[str, list[Span]] = {}
    steps: list[int] = []
    pieces = [piece for track in group.tracks.values() for piece in track.pieces]
    per_second = ticks_per_second((*pieces, *group.singles))
    for piece in pieces:
        if piece.look.kind:
            ticks = Ticks(piece, per_second)
            steps.append(ticks.lasting(usual_duration(piece)))
            spans.setdefault(piece.look.kind, []).extend(spans_of(piece, ticks))
    unknown: set[str] = set()
    for piece in group.singles:
        if piece.look.kind and piece.rows:
            ticks = Ticks(piece, per_second)
            span = ticks.at(piece.rows[0].time), ticks.at(piece.rows[-1].end)
            spans.setdefault(piece.look.kind, []).append(span)
        elif piece.look.kind:
            unknown.add(piece.look.kind)
    step = min(steps, default=0)
    return Shown(
        announced=frozenset(group.announced.union(spans, unknown)),
        spans={kind: united(found, step // 4) for kind, found in spans.items()},
        unknown=frozenset(unknown),
        step=step,
        per_second=per_second,
    )


def _keep_together(group: Group, period: Shown, kinds: frozenset[str]) -> bool:
    """Take from a Period what is alone; return False if nothing is left."""
    wanted = group.wanted = period.wanted(kinds)
    group.singles = [
        piece for piece in group.singles if not piece.look.kind or piece.look.kind in wanted
    ]
    spans = period.together(kinds) if wanted - period.unknown else None
    for name, track in tuple(group.tracks.items()):
        if track.look.kind and track.look.kind not in wanted:
            track.pieces = []
        elif spans is not None:
            track.pieces = [
                msgspec.structs.replace(piece, rows=rows)
                for piece in track.pieces
                for ticks in (Ticks(piece, period.per_second),)
                if (rows := list(_within(piece, spans, ticks, period.step // 10)))
            ]
        if not track.pieces:
            del group.tracks[name]
    group.bound()
    return bool(group.tracks)


def _within(piece: Piece, spans: Sequence[Span], ticks: Ticks, least: int) -> Iterator[Run | Row]:
    """Yield the segments that run in a span for longer than ``least``, or than half of them."""
    rows = piece.rows
    taken, at = 0, 0
    for number in range(max(bisect_right(spans, (ticks.at(rows[0].time),)) - 1, 0), len(spans)):
        if at == len(rows):
            break
        low, high = spans[number]
        lowest, highest = ticks.ceil(low), ticks.floor(high)
        if at + 1 < len(rows) and rows[at + 1].time <= lowest:
            at, taken = bisect_right(rows, lowest, at + 1, key=row_time) - 1, 0
        while at < len(rows) and ticks.at(rows[at].time) < high:
            row = rows[at]
            if not taken and lowest <= row.time and row.end <= highest:
                yield row
                at += 1
                continue
            slack = min(least, ticks.lasting(row.duration) // 2)
            step = max(ticks.lasting(row.duration), ticks.lasting(1), 1)
            begin = ticks.at(row.time)
            first = max((low + slack - begin) // step, taken, 0)
            last = min(-((begin - high + slack) // step), row.count)
            if first < last:
                yield row.part(first, last)
                taken = last
            if row.end > highest:
                break
            at, taken = at + 1, 0
