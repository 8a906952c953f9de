"""Which recorded segments are in which Period of the presentation."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import msgspec

from dashget.live.listing import Axis
from dashget.live.pieces import Look, Piece, RecordedLine, Row, Rows, Track, row_time
from dashget.live.spans import Run
from dashget.live.stretches import Stretch


class Group:
    """A Period of the presentation, with the tracks of which something is recorded."""

    def __init__(self, id: str, generation: int, start: Fraction) -> None:  # noqa: A002
        self.id = id
        self.generation = generation
        self.start = start
        self.tracks: dict[str, Track] = {}
        self.singles: list[Piece] = []
        """Files of which each is a whole Representation."""
        self.announced: set[str] = set()
        """The main kinds of tracks that the presentation has there."""
        self.wanted = frozenset[str]()
        """Those that a Period of the local MPD must have."""
        self.begin = Fraction(0)
        self.end = Fraction(0)

    def bound(self) -> None:
        for track in self.tracks.values():
            track.pieces.sort(key=begin_of)
        pieces = [piece for track in self.tracks.values() for piece in track.pieces]
        self.begin = min((piece.begin for piece in pieces), default=self.start)
        ends = (piece.end for piece in (pieces or self.singles) if piece.rows)
        self.end = max(ends, default=self.begin)


class Unrecorded(msgspec.Struct, frozen=True, eq=False):
    """A line of which nothing is recorded."""

    generation: int
    stretches: Sequence[Stretch]


def find_groups(
    lines: Iterable[RecordedLine],
    stretches: Mapping[int, Sequence[Stretch]],
    looks: Mapping[int, Look],
    unrecorded: Sequence[Unrecorded],
) -> list[Group]:
    """Return the Periods of the presentation with what is recorded of each.

    Those without an id are told by their times.
    """
    lines = sorted(lines, key=_weight)
    named: dict[tuple[int, str], Group] = {}
    unnamed: list[Group] = []
    taken: dict[tuple[int, str], list[RecordedLine]] = {}
    singles: list[Piece] = []
    for line, whole in _sequences(lines, stretches):
        known = _alike(stretches.get(line.id, ()), looks)
        for at, stretch in enumerate(known):
            look = looks[stretch.shape]
            until = known[at + 1].time if at + 1 < len(known) else None
            rows = list(_between(whole, stretch.time if at else None, until))
            if look.single:
                singles.append(Piece(line, stretch, look, rows))
                continue
            earlier = [] if look.listed else taken.setdefault((line.generation, look.media), [])
            if any(other is not line for other in earlier):
                # The same names on another axis: what is known by both is the same.
                others = [other for other in earlier if other is not line]
                rows = list(_unknown(rows, line, others, look))
            if line not in earlier:
                earlier.append(line)
            if not rows:
                continue
            group = _group_for(stretch, line, rows, named, unnamed)
            track = group.tracks.setdefault(look.track, Track())
            track.pieces.append(Piece(line, stretch, look, rows))
    for piece in singles:
        _group_of_single(piece, named, unnamed).singles.append(piece)
    groups = [*named.values(), *unnamed]
    known_lines = [(line.generation, stretches.get(line.id, ())) for line in lines]
    for generation, told in (*known_lines, *((o.generation, o.stretches) for o in unrecorded)):
        for stretch in told:
            kind = looks[stretch.shape].kind if stretch.shape in looks else ""
            if kind:
                _announce(kind, generation, stretch, named, unnamed)
    for group in groups:
        group.bound()
    return groups


def _announce(
    kind: str,
    generation: int,
    stretch: Stretch,
    named: Mapping[tuple[int, str], Group],
    unnamed: Sequence[Group],
) -> None:
    """Note that the presentation has a main kind of tracks in a Period."""
    if stretch.period:
        group = named.get((generation, stretch.period))
        if group is not None:
            group.announced.add(kind)
        return
    for group in unnamed:
        if group.generation == generation and group.start == stretch.start:
            group.announced.add(kind)


def _weight(line: RecordedLine) -> tuple[int, bool, int]:
    """Return what comes first of lines that give the same names other times.

    The first documents of some packagers have no times, or wrong ones.
    """
    return line.generation, _has_no_times(line), -sum(run.count for run in line.recorded)


def _has_no_times(line: RecordedLine) -> bool:
    return line.key.endswith(f" {Axis.NAME.value}")


def _alike(known: Sequence[Stretch], looks: Mapping[int, Look]) -> list[Stretch]:
    """Return stretches; those that go on but for estimates are one, with the newest of these."""
    found: list[Stretch] = []
    for stretch in known:
        if stretch.shape not in looks:
            continue
        last = found[-1] if found else None
        if (
            last is not None
            and looks[last.shape].essence == looks[stretch.shape].essence
            and (last.period, last.shift, last.tick_parts)
            == (stretch.period, stretch.shift, stretch.tick_parts)
            and last.origin == stretch.origin
        ):
            found[-1] = msgspec.structs.replace(last, shape=stretch.shape)
        else:
            found.append(stretch)
    return found


def _group_for(
    stretch: Stretch,
    line: RecordedLine,
    rows: Rows,
    named: dict[tuple[int, str], Group],
    unnamed: list[Group],
) -> Group:
    """Return the group of a stretch; Periods without an id are one if they run at the same time."""
    if stretch.period:
        key = line.generation, stretch.period
        if key not in named:
            named[key] = Group(stretch.period, line.generation, stretch.start)
        return named[key]
    begin = stretch.wall(rows[0].time, line.scale)
    end = stretch.wall(rows[-1].end, line.scale)
    for group in unnamed:
        if group.generation != line.generation:
            continue
        common = min(group.end, end) - max(group.begin, begin)
        if group.start == stretch.start or common > min(group.end - group.begin, end - begin) / 2:
            group.begin, group.end = min(group.begin, begin), max(group.end, end)
            group.start = min(group.start, stretch.start)
            return group
    made = Group("", line.generation, stretch.start)
    made.begin, made.end = begin, end
    unnamed.append(made)
    return made


def _group_of_single(
    piece: Piece, named: dict[tuple[int, str], Group], unnamed: list[Group]
) -> Group:
    """Return the group of a single file, which tells little of when its Period is."""
    stretch, generation = piece.stretch, piece.line.generation
    if not stretch.period:
        own = [group for group in unnamed if group.generation == generation]
        same = [group for group in own if group.start == stretch.start]
        for group in (*same, *(group for group in own if group.end > stretch.start)):
            return group
        unnamed.append(Group("", generation, stretch.start))
        return unnamed[-1]
    key = generation, stretch.period
    if key not in named:
        named[key] = Group(stretch.period, generation, stretch.start)
    return named[key]


def _sequences(
    lines: Iterable[RecordedLine], stretches: Mapping[int, Sequence[Stretch]]
) -> Iterator[tuple[RecordedLine, Rows]]:
    """Yield each line with its rows; the lines of the parts of sequences as one."""
    parts: dict[tuple[int, str], dict[int, RecordedLine]] = {}
    for line in lines:
        known = stretches.get(line.id)
        if not known:
            continue
        name, marked, rest = line.key.rpartition("#")
        if not marked or not rest.partition(" ")[0].isdigit():
            yield line, line.recorded
        else:
            key = line.generation, f"{name}{rest.partition(' ')[2]}"
            parts.setdefault(key, {})[known[0].sub_number] = line
    for found in parts.values():
        first = found.get(0)
        if first is not None:
            yield first, list(_joined(found))


def _joined(lines: Mapping[int, RecordedLine]) -> Iterator[Row]:
    """Yield sequences as rows: those of the first part, each with the parts that follow it."""
    for run in lines[0].recorded:
        bounds = {0, run.count}
        covers: list[list[tuple[int, int]]] = []
        for sub in range(1, max(lines) + 1):
            line = lines.get(sub)
            cover = [] if line is None else list(_positions(line, run))
            covers.append(cover)
            bounds.update(bound for pair in cover for bound in pair)
        marks = sorted(bounds)
        for begin, end in itertools.pairwise(marks):
            parts = 1
            for cover in covers:
                if not any(first <= begin < last for first, last in cover):
                    break
                parts += 1
            part = run.part(begin, end)
            yield Row(part.time, part.duration, part.count, part.number, parts)


def _positions(line: RecordedLine, run: Run) -> Iterator[tuple[int, int]]:
    for other in line.recorded:
        begin = max(other.number, run.number) - run.number
        end = min(other.number + other.count, run.number + run.count) - run.number
        if begin < end and other.time < run.end and other.end > run.time:
            yield begin, end


def _between(rows: Rows, begin: int | None, until: int | None) -> Iterator[Run | Row]:
    """Yield the segments that begin at ``begin`` or later, and before ``until``."""
    start = 0 if begin is None else max(bisect_right(rows, begin, key=row_time) - 1, 0)
    stop = len(rows) if until is None else bisect_left(rows, until, key=row_time)
    for at in range(start, stop):
        row = rows[at]
        step = max(row.duration, 1)
        first = 0 if begin is None else min(max(-((row.time - begin) // step), 0), row.count)
        last = row.count if until is None else min(max(-((row.time - until) // step), 0), row.count)
        if first == 0 and last == row.count:
            yield row
        elif first < last:
            yield row.part(first, last)


def _unknown(
    rows: Iterable[Run | Row], line: RecordedLine, others: Sequence[RecordedLine], look: Look
) -> Iterator[Run | Row]:
    """Yield the segments that none of the other lines has, by their number or at their time."""
    if _has_no_times(line):
        return
    for row in rows:
        for at in range(row.count):
            one = row.part(at, at + 1)
            if look.numbered:
                if not any(_has_number(other, one.number) for other in others):
                    yield one
                continue
            middle = line.origin + (one.time + one.duration / 2) / line.scale
            if not any(_has(other, middle) for other in others):
                yield one


def _has_number(line: RecordedLine, number: int) -> bool:
    return any(run.number <= number < run.number + run.count for run in line.recorded)


def _has(line: RecordedLine, wall: float) -> bool:
    tick = math.floor((wall - line.origin) * line.scale)
    return any(run.time <= tick < run.end for run in line.recorded)


def begin_of(part: Group | Piece) -> Fraction:
    """Return the server time at which something begins."""
    return part.begin


def slack_of(group: Group) -> Fraction:
    """Return half of the shortest segment at the begin of a Period, in seconds."""
    return (
        min(
            Fraction(piece.rows[0].duration, 2 * piece.line.scale)
            for track in group.tracks.values()
            for piece in track.pieces[:1]
        )
        if group.tracks
        else Fraction(1, 2)
    )
