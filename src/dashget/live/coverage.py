"""What is recorded of each Representation, as the local MPD has it: Periods on one time line.

Every recorded segment of a template that players can show is in one Period, and none besides; where
a Period is cut while a segment of a track runs, that segment is in both, and players cut it there.
What they cannot show is video without the audio that the presentation has at that time, or audio
without the video (``together``).

A Period is cut at the end of a *hole*: dash.js takes a hole of all tracks for the end of a Period,
and no player finds the right file behind numbers that are missing (``S@n``). One that begins at the
end of the hole, while the one before it simply runs up to it, plays to the end in dash.js and in
Shaka Player. Generations follow one another: the times of an encoder that has begun again may be
those that were there before.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.live.listing import Axis
from dashget.live.names import Row as NameRow
from dashget.live.names import Series
from dashget.live.spans import Run
from dashget.live.stretches import Stretch
from dashget.live.together import Period as Together
from dashget.live.together import Span, chosen_kinds, common, seconds, united

if TYPE_CHECKING:
    from dashget.live.line import Line

_LARGEST_SCALE: Final = 1 << 31
_MICROSECONDS: Final = 1_000_000


class RecordedLine(msgspec.Struct, frozen=True, eq=False):
    """What is recorded of a line, at one moment."""

    id: int
    key: str
    generation: int
    scale: int
    origin: float
    """Server time at axis time 0, nearly."""
    recorded: tuple[Run, ...]
    names: Names | None = None
    """The names of its files, where each has one of its own."""

    @property
    def order(self) -> int:
        """What comes first of lines, as documents have them."""
        return self.id if self.names is None else self.names.line

    @classmethod
    def of(cls, line: Line) -> RecordedLine:
        """Return what is recorded of a line now."""
        origin = float(line.origins[0]) if line.origins else 0.0
        runs = tuple(line.recorded)
        return cls(line.id, line.key, line.generation, line.scale, origin, runs)


class Names(msgspec.Struct, frozen=True, eq=False):
    """The names of the files of a list, or of a single file, by their order numbers."""

    line: int
    rows: tuple[NameRow, ...]
    series: tuple[Series, ...]

    def __getitem__(self, n: int) -> str:
        row = self.rows[bisect_right(self.rows, n, key=_order) - 1]
        return self.series[row.series].name(row.number + (n - row.n) * row.step)


def _order(row: NameRow) -> int:
    return row.n


class Look(msgspec.Struct, frozen=True):
    """What of a shape matters for times: how its files are named, and which track it is."""

    shape: int
    track: str
    """The id of the Representation."""
    essence: str
    """The shape without estimates: stretches with the same one are one."""
    media: str
    numbered: bool
    """True if files are told by their numbers, and not by their times."""
    timed: bool
    """True if ``$Time$`` is in their names, so that ticks have to stay as they are."""
    kind: str = ""
    """``video`` or ``audio``; empty for what is neither."""
    listed: bool = False
    """True if its files are those of a list."""
    single: bool = False
    """True if all of it is one file."""

    @property
    def video(self) -> bool:
        """True for video."""
        return self.kind == "video"


class Row(msgspec.Struct, frozen=True, gc=False):
    """Segments in a row on the axis of their line, each in ``parts`` files."""

    time: int
    duration: int
    count: int
    number: int
    parts: int = 1

    @property
    def end(self) -> int:
        """Where the last one ends."""
        return self.time + self.duration * self.count

    def part(self, begin: int, end: int) -> Row:
        """Return those at positions ``begin`` up to, and without, ``end``."""
        time = self.time + begin * self.duration
        return Row(time, self.duration, end - begin, self.number + begin, self.parts)


Rows = Sequence[Run | Row]


def parts_of(row: Run | Row) -> int:
    """Return in how many files each segment is."""
    return row.parts if isinstance(row, Row) else 1


class Part(msgspec.Struct, frozen=True, eq=False):
    """The rows of a Representation in a Period. Times in the document are axis times and ``shift``,
    each times ``factor``."""

    line: RecordedLine
    stretch: Stretch
    rows: tuple[Run | Row, ...]
    """Empty for a single file that begins earlier than its Period, or ends later."""
    offset: int = 0
    """``@presentationTimeOffset``, with the factor."""
    factor: int = 1


class PlayedPeriod(msgspec.Struct, frozen=True, eq=False):
    """A Period of the local MPD: seconds from its begin, on server time before ``moved``."""

    start: Fraction
    nominal: Fraction
    """Server time at which the Period of the presentation starts."""
    moved: Fraction
    """Server time at the begin of the local MPD's time line."""
    id: str
    generation: int
    parts: tuple[Part, ...]
    first: bool
    """True for the first piece of a Period of the presentation."""


class _Piece(msgspec.Struct, frozen=True, eq=False):
    """What is recorded of a stretch of a line."""

    line: RecordedLine
    stretch: Stretch
    look: Look
    rows: list[Run | Row]

    def wall(self, time: int) -> Fraction:
        """Return the server time at an axis time."""
        return self.stretch.wall(time, self.line.scale)

    @property
    def begin(self) -> Fraction:
        return self.wall(self.rows[0].time)

    @property
    def end(self) -> Fraction:
        return self.wall(self.rows[-1].end)


class _Track:
    """A Representation in a Period of the presentation: its pieces, sorted by time."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []

    @property
    def look(self) -> Look:
        return self.pieces[-1].look


class _Group:
    """A Period of the presentation, with the tracks of which something is recorded."""

    def __init__(self, id: str, generation: int, start: Fraction) -> None:  # noqa: A002
        self.id = id
        self.generation = generation
        self.start = start
        self.tracks: dict[str, _Track] = {}
        self.singles: list[_Piece] = []
        """Files of which each is a whole Representation."""
        self.announced: set[str] = set()
        """The main kinds of tracks that the presentation has there."""
        self.wanted = frozenset[str]()
        """Those that a Period of the local MPD must have."""
        self.begin = Fraction(0)
        self.end = Fraction(0)

    def bound(self) -> None:
        for track in self.tracks.values():
            track.pieces.sort(key=_begin)
        pieces = [piece for track in self.tracks.values() for piece in track.pieces]
        self.begin = min((piece.begin for piece in pieces), default=self.start)
        ends = (piece.end for piece in (pieces or self.singles) if piece.rows)
        self.end = max(ends, default=self.begin)


def played_periods(
    lines: Iterable[RecordedLine],
    stretches: Mapping[int, Sequence[Stretch]],
    looks: Mapping[int, Look],
    unrecorded: Sequence[Unrecorded] = (),
    *,
    whole: bool = False,
) -> list[PlayedPeriod]:
    """Return the Periods that play what is recorded, in order.

    ``unrecorded`` is what else the presentation has. With ``whole`` nothing is left out, and a
    segment that runs where a Period is cut is in the first of the two alone.
    """
    groups = _groups(lines, stretches, looks, unrecorded)
    if not whole:
        groups = _leave_out(groups)
    found: list[PlayedPeriod] = []
    moved: Fraction | None = None
    end = Fraction(0)
    by_generation: dict[int, list[_Group]] = {}
    for group in groups:
        by_generation.setdefault(group.generation, []).append(group)
    for generation in sorted(by_generation):
        groups = sorted(by_generation[generation], key=_begin)
        begin = groups[0].begin
        if moved is None:
            moved = begin
        if begin - moved < end - _slack(groups[0]):
            # The times of an encoder that has begun again are taken already.
            moved = begin - end
        before: Fraction | None = None
        for group in groups:
            for period in _cut(group, moved, before, whole=whole):
                if not found:
                    moved = moved + period.start
                    period = msgspec.structs.replace(period, start=Fraction(0), moved=moved)
                found.append(period)
                before = period.start
            end = max(end, group.end - moved)
    return found


def _begin(part: _Group | _Piece) -> Fraction:
    return part.begin


def _slack(group: _Group) -> Fraction:
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


# Which segments are in which Period of the presentation.


class Unrecorded(msgspec.Struct, frozen=True, eq=False):
    """A line of which nothing is recorded."""

    generation: int
    stretches: Sequence[Stretch]


def _groups(
    lines: Iterable[RecordedLine],
    stretches: Mapping[int, Sequence[Stretch]],
    looks: Mapping[int, Look],
    unrecorded: Sequence[Unrecorded],
) -> list[_Group]:
    lines = sorted(lines, key=_weight)
    named: dict[tuple[int, str], _Group] = {}
    unnamed: list[_Group] = []
    taken: dict[tuple[int, str], list[RecordedLine]] = {}
    singles: list[_Piece] = []
    for line, whole in _sequences(lines, stretches):
        known = _alike(stretches.get(line.id, ()), looks)
        for at, stretch in enumerate(known):
            look = looks[stretch.shape]
            until = known[at + 1].time if at + 1 < len(known) else None
            rows = list(_between(whole, stretch.time if at else None, until))
            if look.single:
                singles.append(_Piece(line, stretch, look, rows))
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
            track = group.tracks.setdefault(look.track, _Track())
            track.pieces.append(_Piece(line, stretch, look, rows))
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
    named: Mapping[tuple[int, str], _Group],
    unnamed: Sequence[_Group],
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
    named: dict[tuple[int, str], _Group],
    unnamed: list[_Group],
) -> _Group:
    """Return the group of a stretch; Periods without an id are one if they run at the same time."""
    if stretch.period:
        key = line.generation, stretch.period
        if key not in named:
            named[key] = _Group(stretch.period, line.generation, stretch.start)
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
    made = _Group("", line.generation, stretch.start)
    made.begin, made.end = begin, end
    unnamed.append(made)
    return made


def _group_of_single(
    piece: _Piece, named: dict[tuple[int, str], _Group], unnamed: list[_Group]
) -> _Group:
    """Return the group of a single file, which tells little of when its Period is."""
    stretch, generation = piece.stretch, piece.line.generation
    if not stretch.period:
        own = [group for group in unnamed if group.generation == generation]
        same = [group for group in own if group.start == stretch.start]
        for group in (*same, *(group for group in own if group.end > stretch.start)):
            return group
        unnamed.append(_Group("", generation, stretch.start))
        return unnamed[-1]
    key = generation, stretch.period
    if key not in named:
        named[key] = _Group(stretch.period, generation, stretch.start)
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
    start = 0 if begin is None else max(bisect_right(rows, begin, key=_row_time) - 1, 0)
    stop = len(rows) if until is None else bisect_left(rows, until, key=_row_time)
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


# What is left out, since players cannot show it.


def _leave_out(groups: Sequence[_Group]) -> list[_Group]:
    """Return Periods without the segments that lack what players need beside them."""
    main = [(group, _main_of(group)) for group in groups if group.tracks and group.announced]
    if not main:
        return list(groups)
    kinds = chosen_kinds([period for _, period in main])
    left = {id(group) for group, period in main if not _keep_together(group, period, kinds)}
    return [group for group in groups if id(group) not in left]


def _main_of(group: _Group) -> Together:
    """Return when video and audio of a Period of the presentation are recorded."""
    spans: dict[str, list[Span]] = {}
    steps: list[Fraction] = []
    for piece in (piece for track in group.tracks.values() for piece in track.pieces):
        if piece.look.kind:
            steps.append(_usual(piece))
            spans.setdefault(piece.look.kind, []).extend(_spans(piece))
    unknown: set[str] = set()
    for piece in group.singles:
        if piece.look.kind and piece.rows:
            spans.setdefault(piece.look.kind, []).append((piece.begin, piece.end))
        elif piece.look.kind:
            unknown.add(piece.look.kind)
    step = min(steps, default=Fraction(0))
    return Together(
        announced=frozenset(group.announced.union(spans, unknown)),
        spans={kind: united(found, step / 4) for kind, found in spans.items()},
        unknown=frozenset(unknown),
        step=step,
    )


def _spans(piece: _Piece) -> Iterator[Span]:
    begin, end = piece.rows[0].time, piece.rows[0].end
    for row in piece.rows[1:]:
        if row.time != end:
            yield piece.wall(begin), piece.wall(end)
            begin = row.time
        end = row.end
    yield piece.wall(begin), piece.wall(end)


def _usual(piece: _Piece) -> Fraction:
    """Return the usual duration of a segment in seconds."""
    return Fraction(max(piece.rows, key=_count).duration, piece.line.scale)


def _count(row: Run | Row) -> int:
    return row.count


def _keep_together(group: _Group, period: Together, kinds: frozenset[str]) -> bool:
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


def _within(piece: _Piece, spans: Sequence[Span], least: Fraction) -> Iterator[Run | Row]:
    """Yield the segments that run in a span for longer than ``least``, or than half of them."""
    scale, origin, rows = piece.line.scale, piece.stretch.origin, piece.rows
    taken, at = 0, 0
    for begin, end in spans:
        low, high = (begin - origin) * scale, (end - origin) * scale
        first = bisect_right(rows, math.floor(low), key=_row_time) - 1
        if first > at:
            at, taken = first, 0
        while at < len(rows) and rows[at].time < high:
            row = rows[at]
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


# Where a Period is cut.


def _cut(
    group: _Group, moved: Fraction, before: Fraction | None, *, whole: bool
) -> Iterator[PlayedPeriod]:
    """Yield the pieces of a Period of the presentation; ``before`` is the start of the last one."""
    tracks = sorted(group.tracks.values(), key=_first_line)
    first = group.begin
    if before is not None and abs(group.begin - group.start) < 2 * _slack(group):
        first = group.start
    if before is not None and first - moved <= before:
        first = before + moved + Fraction(1, _MICROSECONDS)
    found = _cuts(tracks, whole=whole)
    cuts = [first, *(cut for cut in found if cut > max(first, group.begin))]
    heads = [_Head(track) for track in tracks]
    for at, cut in enumerate(cuts):
        until = cuts[at + 1] if at + 1 < len(cuts) else None
        taken = [
            part for head in heads for part in head.take(None if whole or not at else cut, until)
        ]
        if not taken and tracks:
            continue
        if at == 0 or not whole:
            taken += _singles(group, cut)
        if not group.wanted.issubset({look.kind for _, look in taken}):
            # The rest of a segment of text, where a cut was meant for one track alone.
            continue
        begin = _whole(cut, group.start, taken)
        yield PlayedPeriod(
            start=begin - moved,
            nominal=group.start,
            moved=moved,
            id=group.id,
            generation=group.generation,
            parts=tuple(_placed(part, look, begin) for part, look in taken),
            first=at == 0,
        )


def _singles(group: _Group, cut: Fraction) -> Iterator[tuple[Part, Look]]:
    """Yield the single files that do not end before a Period starts."""
    for piece in group.singles:
        if not piece.rows or piece.end > cut:
            rows = () if group.tracks else tuple(piece.rows)
            yield Part(piece.line, piece.stretch, rows), piece.look


def _first_line(track: _Track) -> int:
    return min(piece.line.order for piece in track.pieces)


class _Head:
    """Gives the rows of a track, cut after cut."""

    def __init__(self, track: _Track) -> None:
        self._rest = list(track.pieces)
        self._last: dict[int, Run | Row] = {}
        """The last segment that was given of each piece, by its position."""
        self._running: tuple[_Piece, Run | Row] | None = None

    def take(self, cut: Fraction | None, until: Fraction | None) -> list[tuple[Part, Look]]:
        """Return what begins before ``until``, and what runs at ``cut`` already."""
        found: list[tuple[Part, Look]] = []
        ended: tuple[_Piece, Run | Row] | None = None
        if self._running is not None and cut is not None and _runs(*self._running, cut):
            ended = self._running
        self._running = None
        for piece in tuple(self._rest):
            taken = _taken_before(piece, until)
            last = self._last.get(id(piece))
            if last is not None and cut is not None and _runs(piece, last, cut):
                taken.insert(0, last)
            if taken:
                row = taken[-1]
                self._last[id(piece)] = row.part(row.count - 1, row.count)
                found.append((Part(piece.line, piece.stretch, tuple(taken)), piece.look))
            if not piece.rows:
                self._rest.remove(piece)
                if (row_ := self._last.pop(id(piece), None)) is not None:
                    self._running = piece, row_
        if not found and ended is not None:
            # The last segment of a track that does not go on.
            piece, row = ended
            found.append((Part(piece.line, piece.stretch, (row,)), piece.look))
            self._running = ended
        return found


def _runs(piece: _Piece, row: Run | Row, cut: Fraction) -> bool:
    """Return True if a segment is cut in two, at a tenth of it at least."""
    begin, end = piece.wall(row.time), piece.wall(row.end)
    return min(end - cut, cut - begin) * 10 > end - begin


def _taken_before(piece: _Piece, until: Fraction | None) -> list[Run | Row]:
    """Remove and return what begins before a server time, a tenth of a segment aside."""
    rows = piece.rows
    taken: list[Run | Row] = []
    if until is None:
        taken.extend(rows)
        rows.clear()
        return taken
    tick = math.ceil((until - piece.stretch.origin) * piece.line.scale)
    for whole, row in enumerate(rows):
        limit = tick - row.duration // 10
        count = min(row.count, max(-((row.time - limit) // max(row.duration, 1)), 0))
        if count:
            taken.append(row.part(0, count))
        if count < row.count:
            rows[: whole + 1] = [row.part(count, row.count)]
            return taken
    rows.clear()
    return taken


def _cuts(tracks: Sequence[_Track], *, whole: bool) -> list[Fraction]:
    """Return the server times at which a Period has to be cut, sorted."""
    cuts = sorted(set(_ends_of_common_holes(tracks)))
    slack = Fraction(1, _MICROSECONDS)
    for low, high, track in sorted(_wanted(tracks, whole=whole), key=_high):
        at = bisect_right(cuts, high + slack) - 1
        if at < 0 or cuts[at] < low - slack:
            insort(cuts, _boundary(tracks, track, low, high))
    return cuts


def _wanted(
    tracks: Sequence[_Track], *, whole: bool
) -> Iterator[tuple[Fraction, Fraction, _Track]]:
    """Yield the times between which one track has to be cut."""
    for track in tracks:
        before: Fraction | None = None
        for piece in track.pieces:
            if before is not None:
                # Another shape: players need another initialization, or other words.
                yield min(before, piece.begin), piece.begin, track
            for one, other in _holes(piece, whole=whole):
                yield piece.wall(one.end), piece.wall(other.time), track
            before = piece.end
    if not whole:
        for kind in {track.look.kind for track in tracks} - {""}:
            yield from _changes([track for track in tracks if track.look.kind == kind])


def _holes(piece: _Piece, *, whole: bool) -> Iterator[tuple[Run | Row, Run | Row]]:
    """Yield what is before and behind each hole that a Period cannot have within it."""
    look = piece.look
    for one, other in itertools.pairwise(piece.rows):
        if look.numbered:
            if one.number + one.count != other.number:
                yield one, other
        elif (look.listed or (look.kind and not whole)) and (
            2 * (other.time - one.end) >= min(one.duration, other.duration)
        ):
            # Players count the files of a list. Of names with times, dash.js takes a hole for the
            # end of the Period once it has nothing else to load.
            yield one, other


def _changes(tracks: Sequence[_Track]) -> Iterator[tuple[Fraction, Fraction, _Track]]:
    """Yield between which times a track goes, or comes, while another one of its kind is there.

    A Period has those that run through it, but for a segment: players stay with the one that they
    have chosen, and wait for it.
    """
    spans = [
        (track, united((span for piece in track.pieces for span in _spans(piece)), Fraction(0)))
        for track in tracks
    ]
    begin = min(own[0][0] for _, own in spans)
    end = max(own[-1][1] for _, own in spans)
    for track, own in spans:
        step = _usual(track.pieces[0])
        others = united((one for other, them in spans if other is not track for one in them), step)
        edges = [begin, *(moment for span in own for moment in span), end]
        holes = list(zip(edges[::2], edges[1::2], strict=True))
        for gone, back in holes:
            if 2 * seconds(common([(gone, back)], others)) < 3 * step:
                continue
            if gone > begin:
                yield gone, gone + step / 2, track
            if back < end:
                yield back - step / 2, back, track


def _high(wanted: tuple[Fraction, Fraction, _Track]) -> Fraction:
    return wanted[1]


def _ends_of_common_holes(tracks: Sequence[_Track]) -> Iterator[Fraction]:
    """Yield the ends of the stretches in which no track of video or audio has a segment."""
    main = [track for track in tracks if track.look.kind] or tracks
    spans: list[tuple[Fraction, Fraction, Fraction]] = []
    for piece in (piece for track in main for piece in track.pieces):
        first = piece.rows[0]
        begin, end, step = first.time, first.end, first.duration
        for row in piece.rows[1:]:
            if 2 * (row.time - end) < min(row.duration, step):
                end, step = max(end, row.end), row.duration
                continue
            spans.append(_span(piece, begin, end, step))
            begin, end, step = row.time, row.end, row.duration
        spans.append(_span(piece, begin, end, step))
    reached: Fraction | None = None
    for start, last, slack in sorted(spans):
        if reached is not None and start - reached >= slack:
            yield start
        reached = last if reached is None else max(reached, last)


def _span(piece: _Piece, begin: int, end: int, step: int) -> tuple[Fraction, Fraction, Fraction]:
    """Return the server times of a stretch of segments, and the half of one."""
    return piece.wall(begin), piece.wall(end), Fraction(step, 2 * piece.line.scale)


def _boundary(tracks: Sequence[_Track], cut: _Track, low: Fraction, high: Fraction) -> Fraction:
    """Return the best time to cut between two: where the segments of another track meet.

    Video is asked first: of a segment of video that is cut, players show nothing before its next
    key frame.
    """
    for other in sorted(tracks, key=lambda track: not track.look.video):
        if other is cut:
            continue
        for piece in other.pieces:
            rows = piece.rows
            tick = math.floor((high - piece.stretch.origin) * piece.line.scale)
            at = bisect_right(rows, tick, key=_row_time) - 1
            if at < 0:
                continue
            row = rows[at]
            position = min((tick - row.time) // max(row.duration, 1), row.count)
            found = piece.wall(row.time + position * row.duration)
            if low <= found <= high:
                return found
    return high


def _row_time(row: Run | Row) -> int:
    return row.time


# Where a Period starts, in whole ticks of its tracks.


def _whole(cut: Fraction, start: Fraction, taken: Sequence[tuple[Part, Look]]) -> Fraction:
    """Return the last time up to a cut that is whole ticks of all tracks; most cuts are."""
    if all(_factor(part, look, cut) for part, look in taken):
        return cut
    each = math.gcd(_MICROSECONDS, *(part.line.scale for part, _ in taken))
    return start + Fraction(math.floor((cut - start) * each), each)


def _factor(part: Part, look: Look, at: Fraction) -> int:
    """Return by which ticks have to be cut so that a time is a whole number; 0: that is no way."""
    exact = (at - part.stretch.origin) * part.line.scale
    if exact.denominator == 1:
        return 1
    if look.timed or part.line.scale * exact.denominator >= _LARGEST_SCALE:
        return 0
    return exact.denominator


def _placed(part: Part, look: Look, begin: Fraction) -> Part:
    factor = _factor(part, look, begin) or 1
    exact = (begin - part.stretch.origin) * part.line.scale + part.stretch.shift
    offset = math.floor(exact * factor + Fraction(1, 2))
    return msgspec.structs.replace(part, offset=offset, factor=factor)
