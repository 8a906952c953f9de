"""Find out which segments have come in the place of others.

A cache that confuses its keys sends one segment under the name of another: sound inside, and a
hole all the same. It shows by its decode time. Manifests are imprecise, and presentations have
discontinuities, so only what is sure counts. A suspect is misplaced if

* its decode time is that of another segment of its Representation, to an eighth of a segment; and
* that segment is in its place with this very decode time, or three others are in theirs; and
* it is not one of a long row that is off by the same (see rows.py): then the presentation is so,
  and all that follow are compared with that; and
* all others of a shorter row have the time of another segment as well: what has come in the place
  of others can only be what is there, so the last two of a presentation that are late are not; and
* no segment beside it, which an earlier run or an earlier look has taken, is off by the same; and
* its decode time is not that of other suspects of other sizes, or of a stored segment beside it
  that is off as well: then the packager writes one time into all segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from dashget.common.numbers import nearest_float
from dashget.mirroring.clocks import Clock, Clocks, stored_time
from dashget.mirroring.files import PlannedFile
from dashget.mirroring.rows import is_alike, is_long, rows_of
from dashget.planning.plan import PlannedSegment, iter_plan
from dashget.planning.tracks import Track
from dashget.store import UNJUDGED_TIME, Mirror

_IN_PLACE: Final = 3


def misplaced(
    files: Mapping[PlannedFile, int], clocks: Clocks, store: Mirror
) -> tuple[dict[PlannedFile, str], set[PlannedFile]]:
    """Return the files that have come in the place of others, each with the reason.

    And those that are off their time and not explained: all files of their tracks decide about
    them in the end (see times.py). ``files`` has the size of each of them in bytes.
    """
    unsure: set[PlannedFile] = set()
    tracks: dict[int, list[PlannedFile]] = {}
    for file in files:
        tracks.setdefault(file.planned.track.key, []).append(file)
    wrong: dict[PlannedFile, str] = {}
    for own in tracks.values():
        track = own[0].planned.track
        # Some came before their initialization segment.
        off = [file for file in own if clocks.is_suspect(file)]
        suspects = _without_one_time(off, files)
        clock = clocks.of(track)
        if clocks.is_to_come(track):
            # All of the track decide when the segment that tells their clock has come.
            clocks.doubtful[id(track)] = track
            for file in own:
                file.unjudged = UNJUDGED_TIME
        if clock is None or not off:
            continue
        clocks.doubtful[id(track)] = track
        unsure.update(off)
        if not suspects:
            continue
        rows = [
            [file for file in row if abs(clock.off(file)) > clock.tolerance(file)]
            for row in _follow(clock, suspects, unsure)
        ]
        places = dict(_places(clock, [file for row in rows for file in row], track, clocks))
        sure: dict[PlannedFile, str] = {}
        for file in (file for row in rows if all(map(places.__contains__, row)) for file in row):
            other = places[file]
            if stored_time(store, other) == file.ticks or clock.in_place >= _IN_PLACE:
                sure[file] = _reason(clock, file, other)
        for file, beside in _beside(sure, track, clocks):
            if _is_off_alike(store, clock, file, beside):
                sure.pop(file, None)
        wrong.update(sure)
    return wrong, unsure


def _without_one_time(
    suspects: list[PlannedFile], sizes: Mapping[PlannedFile, int]
) -> list[PlannedFile]:
    """Leave out suspects of different sizes that all have one decode time."""
    told: dict[int | None, set[int]] = {}
    for file in suspects:
        told.setdefault(file.ticks, set()).add(sizes[file])
    return [file for file in suspects if len(told[file.ticks]) == 1]


def _follow(
    clock: Clock, suspects: list[PlannedFile], unsure: set[PlannedFile]
) -> list[list[PlannedFile]]:
    """Set the clock by long rows that are off by the same; return the rows of other suspects.

    Those in long rows are ``unsure`` no longer, but the first: it is what tells a later run that
    others of its track may be wrong beside them, if this one is killed before it decides.
    """

    def goes_on(before: PlannedFile, file: PlannedFile) -> bool:
        one, two = before.planned.segment, file.planned.segment
        follows = (one.time or 0) + (one.duration or 0) == two.time
        return follows and is_alike(clock.off(before), clock.off(file), clock.tolerance(file))

    suspects.sort(key=lambda file: file.planned.segment.time or 0)
    rows = rows_of(suspects, goes_on)
    long = [row for row in rows if is_long(len(row))]
    if long:
        clock.common += clock.off(long[-1][-1])
        for row in long:
            unsure.difference_update(row[1:])
    return [row for row in rows if not is_long(len(row))]


def _places(
    clock: Clock, files: Sequence[PlannedFile], track: Track, clocks: Clocks
) -> Iterator[tuple[PlannedFile, PlannedSegment]]:
    """Yield each file with the other segment of its track whose time it has."""
    if clocks.layout is None or not files:
        return
    scale = clock.media_timescale
    wanted = {file: (file.ticks or 0) * clock.timescale - clock.common for file in files}
    for planned in iter_plan((track,), clocks.layout):
        time, duration = planned.segment.time, planned.segment.duration
        if time is None or not duration:
            continue
        for file, at in tuple(wanted.items()):
            if 8 * abs((time + clock.base) * scale - at) <= duration * scale:
                del wanted[file]
                if planned.path != file.path:
                    yield file, planned


def _beside(
    files: Iterable[PlannedFile], track: Track, clocks: Clocks
) -> list[tuple[PlannedFile, PlannedSegment]]:
    """Return each file with the segments of its track just before and after it."""
    starts: dict[int, PlannedFile] = {}
    ends: dict[int, PlannedFile] = {}
    for file in files:
        start = file.planned.segment.time or 0
        starts[start] = ends[start + (file.planned.segment.duration or 0)] = file
    if clocks.layout is None or not starts:
        return []
    found: list[tuple[PlannedFile, PlannedSegment]] = []
    for planned in iter_plan((track,), clocks.layout):
        time, duration = planned.segment.time, planned.segment.duration
        if time is not None and duration:
            near = starts.get(time + duration), ends.get(time)
            found.extend((file, planned) for file in near if file is not None)
    return found


def _is_off_alike(store: Mirror, clock: Clock, file: PlannedFile, planned: PlannedSegment) -> bool:
    """Return True if a segment that is stored is off by the same, or off and has the same time."""
    beside = PlannedFile(planned, planned.path, (), ticks=stored_time(store, planned))
    if beside.ticks is None:
        return False
    if beside.ticks == file.ticks:
        return abs(clock.off(beside)) > clock.tolerance(beside)
    return is_alike(clock.off(beside), clock.off(file), clock.tolerance(file))


def _reason(clock: Clock, file: PlannedFile, other: PlannedSegment) -> str:
    from fractions import Fraction

    off = Fraction(clock.off(file), clock.timescale * clock.media_timescale)
    return (
        f"the server sent another segment, that of {other.path}: its media time is"
        f" {nearest_float(off):+.3f} s off"
    )
