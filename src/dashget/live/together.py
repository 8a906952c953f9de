"""When a recording has video and audio together: what is alone is left out of its local MPD.

Browsers play where they have all kinds of media that a presentation has. Over a stretch that lacks
one of them a player comes only if it has loaded what lies behind it, so one that is longer than
what it loads ahead is its end, whether the Period goes on or is cut; and a Period that lacks one is
refused by some. What is left out shows nothing in any of them.

Where a recording has hardly any sound, or hardly any picture, leaving out what lacks it would leave
nothing: then that kind is what is left out. Of all ways the one counts that leaves out the least.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import msgspec

from dashget.live.groups import Group
from dashget.live.pieces import Piece, Row, Span, row_time, spans_of, usual_seconds
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
    step: Fraction
    """The usual duration of a segment, of the track whose segments are the shortest."""

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
        together = seconds(self.together(kinds)) if wanted - self.unknown else Fraction(0)
        return sum(
            (
                seconds(spans) - (together if kind in wanted else 0)
                for kind, spans in self.spans.items()
                if kind not in self.unknown
            ),
            Fraction(0),
        )


def chosen_kinds(periods: Sequence[Shown]) -> frozenset[str]:
    """Return the main kinds that a local MPD has: those with which the least is left out."""
    recorded = sorted({kind for period in periods for kind in (*period.spans, *period.unknown)})
    ways = [frozenset(recorded), *(frozenset([kind]) for kind in reversed(recorded))]
    return min(ways, key=lambda kinds: sum(period.left_out(kinds) for period in periods))


def united(spans: Iterable[Span], slack: Fraction) -> list[Span]:
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


def seconds(spans: Iterable[Span]) -> Fraction:
    """Return how long spans are."""
    return sum((end - begin for begin, end in spans), Fraction(0))


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
    steps: list[Fraction] = []
    for piece in (piece for track in group.tracks.values() for piece in track.pieces):
        if piece.look.kind:
            steps.append(usual_seconds(piece))
            spans.setdefault(piece.look.kind, []).extend(spans_of(piece))
    unknown: set[str] = set()
    for piece in group.singles:
        if piece.look.kind and piece.rows:
            spans.setdefault(piece.look.kind, []).append((piece.begin, piece.end))
        elif piece.look.kind:
            unknown.add(piece.look.kind)
    step = min(steps, default=Fraction(0))
    return Shown(
        announced=frozenset(group.announced.union(spans, unknown)),
        spans={kind: united(found, step / 4) for kind, found in spans.items()},
        unknown=frozenset(unknown),
        step=step,
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
                if (rows := list(_within(piece, spans, period.step / 10)))
            ]
        if not track.pieces:
            del group.tracks[name]
    group.bound()
    return bool(group.tracks)


def _within(piece: Piece, spans: Sequence[Span], least: Fraction) -> Iterator[Run | Row]:
    """Yield the segments that run in a span for longer than ``least``, or than half of them."""
    scale, origin, rows = piece.line.scale, piece.stretch.origin, piece.rows
    taken, at = 0, 0
    for begin, end in spans:
        low, high = (begin - origin) * scale, (end - origin) * scale
        lowest, highest = math.ceil(low), math.floor(high)
        before = bisect_right(rows, lowest, key=row_time) - 1
        if before > at:
            at, taken = before, 0
        while at < len(rows) and rows[at].time < high:
            row = rows[at]
            if not taken and lowest <= row.time and row.end <= highest:
                yield row
                at += 1
                continue
            slack = min(least * scale, Fraction(row.duration, 2))
            step = max(row.duration, 1)
            first = max(math.floor((low + slack - row.time) / step), taken, 0)
            last = min(math.ceil((high - slack - row.time) / step), row.count)
            if first < last:
                yield row.part(first, last)
                taken = last
            if row.end > high:
                break
            at, taken = at + 1, 0
