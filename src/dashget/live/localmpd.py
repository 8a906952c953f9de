"""The local MPD of a recording, from its record alone: static, on one time line.

``coverage`` decides which segments are in which Period, and when it starts; here their shapes
become the document.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.errors import MPDError
from dashget.live.agenda import AGAIN
from dashget.live.coverage import Part, PlayedPeriod, played_periods
from dashget.live.facts import EventFact
from dashget.live.groups import Unrecorded
from dashget.live.localevents import placed_events, write_events
from dashget.live.localnames import write_list, write_single
from dashget.live.pieces import Look, RecordedLine, Row, Rows, parts_of
from dashget.live.placing import NamedFiles, placed
from dashget.live.spans import Run
from dashget.live.stretches import Stretch, Stretches, essence
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.presentation import ContentType
from dashget.mpd.ticks import nearest_tick
from dashget.playable.reading import Document, read
from dashget.playable.tree import Element, iso_duration
from dashget.playable.writing import attribute_text, write

if TYPE_CHECKING:
    from dashget.live.state import State

_BELOW: Final = {"MPD": "Period", "Period": "AdaptationSet", "AdaptationSet": "Representation"}
_FILES: Final = ("media", "initialization", "index", "bitstreamSwitching")
_REFERENCES: Final = ("Initialization", "RepresentationIndex", "BitstreamSwitching")
_MAIN: Final = (ContentType.VIDEO.value, ContentType.AUDIO.value)
_LIMITS: Final = WorkLimits(max_work=1 << 60)

MOST_PERIODS: Final = 10_000
"""The Periods of a local MPD: players read all of them before they begin."""
CUT: Final = (
    f"{{name}} has the first {MOST_PERIODS:,} Periods of a recording that is cut by more holes;"
    " what comes behind is on disk, and dashget gaps names the holes"
)


class _Shape(msgspec.Struct, frozen=True, eq=False):
    """A shape as a tree, and what of it matters for times."""

    document: Document
    period: Element
    adaptation_set: Element
    representation: Element
    look: Look
    set_key: str
    """What Representations of one set have in common."""


class Coverage(msgspec.Struct, frozen=True, eq=False):
    """What a recording has at one moment: all that its local MPD is made of."""

    lines: tuple[RecordedLine, ...]
    stretches: Stretches
    named: tuple[NamedFiles, ...] = ()
    unrecorded: tuple[tuple[int, int], ...] = ()
    """Generation and number of each line of which nothing is recorded."""
    events: tuple[EventFact, ...] = ()
    expired: float = -math.inf
    """Server time before which nothing is kept."""

    @classmethod
    def of(cls, state: State) -> Coverage:
        """Return it for the present moment; what comes later does not change it."""
        recorded = tuple(RecordedLine.of(line) for line in state.lines if line.recorded.count)
        named = tuple(NamedFiles.of(line) for line in state.named if line.rows.count)
        stretches = state.stretches.copy()
        lines = state.late.correct(recorded, stretches)
        unrecorded = (
            *((line.generation, line.id) for line in state.lines if not line.recorded.count),
            *((line.fact.generation, line.id) for line in state.named if not line.rows.count),
        )
        return cls(lines, stretches, named, unrecorded, tuple(state.events), state.expired)


class LocalMPD(msgspec.Struct, frozen=True, eq=False):
    """A local MPD, and if it is one of the first ``MOST_PERIODS`` alone."""

    data: bytes
    cut: bool


def local_mpd(coverage: Coverage, *, whole: bool = False) -> bytes | None:
    """Return the bytes of ``make_local``."""
    made = make_local(coverage, whole=whole)
    return None if made is None else made.data


def make_local(coverage: Coverage, *, whole: bool = False) -> LocalMPD | None:
    """Return the MPD that plays what is recorded; None while nothing is.

    It leaves out what players cannot show. With ``whole`` it has all, and each segment once: where
    a Period is cut while one runs, players need it in both.
    """
    budget = Budget(_LIMITS)
    lines, stretches = list(coverage.lines), coverage.stretches
    ids = {*(line.id for line in lines), *(files.id for files in coverage.named)}
    ids |= {line for _, line in coverage.unrecorded}
    used = {stretch.shape for line in ids for stretch in stretches.of.get(line, ())}
    shapes = dict(_read_shapes(stretches, used, budget))
    looks = {number: shape.look for number, shape in shapes.items()}
    of = dict[int, Sequence[Stretch]](stretches.of)
    for files in coverage.named:
        known = [each for each in stretches.of.get(files.id, ()) if each.shape in shapes]
        for line, stretch in placed(files, known):
            lines.append(line)
            of[line.id] = (stretch,)
    unrecorded = [
        Unrecorded(generation, stretches.of.get(line, ()))
        for generation, line in coverage.unrecorded
    ]
    most = MOST_PERIODS + 1
    periods = played_periods(lines, of, looks, unrecorded, most=most, whole=whole)
    if not periods:
        return None
    data = _write(periods[:MOST_PERIODS], shapes, coverage.events, budget)
    return LocalMPD(data, len(periods) == most)


def representations(stretches: Stretches) -> dict[int, set[str]]:
    """Return the ids of the Representations that each line has been."""
    budget = Budget(_LIMITS)
    shapes = dict(_read_shapes(stretches, set(stretches.shapes), budget))
    return {
        line: {shapes[each.shape].look.track for each in known if each.shape in shapes}
        for line, known in stretches.of.items()
    }


def _read_shapes(
    stretches: Stretches, used: set[int], budget: Budget
) -> Iterator[tuple[int, _Shape]]:
    for number in sorted(used):
        mpd = stretches.shapes.get(number)
        shape = None if mpd is None else _read_shape(number, mpd, budget)
        if shape is not None:
            yield number, shape


def _read_shape(number: int, mpd: str, budget: Budget) -> _Shape | None:
    """Return a shape; None for a text that is none."""
    try:
        document = read(mpd.encode(), budget)
    except MPDError:
        return None
    levels = [document.root]
    for name in ("Period", "AdaptationSet", "Representation"):
        found = levels[-1].find(name)
        if found is None:
            return None
        levels.append(found)
    _, period, adaptation_set, representation = levels
    template, listed = representation.find("SegmentTemplate"), representation.find("SegmentList")
    single = template is listed is None
    if single and representation.find("BaseURL") is None:
        return None
    media = "" if template is None else template.attributes.get("media", "")
    kinds = [
        level.attributes.get("contentType")
        or level.attributes.get("mimeType", "").partition("/")[0]
        for level in (representation, adaptation_set)
    ]
    kind = next(filter(None, kinds), "")
    look = Look(
        shape=number,
        track=representation.attributes.get("id", ""),
        essence=essence(mpd),
        media=media,
        numbered=template is not None and "$Time" not in media,
        timed="$Time" in media,
        kind=kind if kind in _MAIN else "",
        listed=listed is not None,
        single=single,
    )
    key = _text_of(adaptation_set, "Representation")
    return _Shape(document, period, adaptation_set, representation, look, key)


def _text_of(element: Element, without: str = "") -> str:
    """Return what an element says, to be compared."""
    inner = "".join(_text_of(child) for child in element if child.name and child.name != without)
    return f"<{element.name}{attribute_text(element.attributes)}>{element.text.strip()}{inner}"


def _write(
    periods: Sequence[PlayedPeriod],
    shapes: dict[int, _Shape],
    events: Sequence[EventFact],
    budget: Budget,
) -> bytes:
    newest = shapes[max(part.stretch.shape for period in periods for part in period.parts)]
    root = _copy(newest.document.root, budget)
    for shape in shapes.values():
        root.declared = {**shape.document.root.declared, **root.declared}
    following = _following(newest.document.root, "Period", root)
    ends = (_end(p) - period.moved for period in periods for p in period.parts if p.rows)
    end = max(ends, default=periods[-1].start)
    names = _Names()
    for period, own in zip(periods, placed_events(events, periods, end), strict=True):
        made = _period(period, shapes, names, budget)
        write_events(made, own, budget)
        root.insert(made, following)
    root.attributes["type"] = "static"
    if end > periods[-1].start:
        root.attributes["mediaPresentationDuration"] = iso_duration(end)
    return write(root, newest.document.namespace, budget)


def _end(part: Part) -> Fraction:
    return part.stretch.wall(part.rows[-1].end, part.line.scale)


def _copy(element: Element, budget: Budget) -> Element:
    """Return a copy without what is below it in the hierarchy of an MPD."""
    made = Element(element.name, dict(element.attributes))
    made.prefix, made.declared, made.text = element.prefix, element.declared, element.text
    for child in element:
        if child.name and child.name != _BELOW.get(element.name):
            made.append(child.copy(budget))
    return made


def _following(element: Element, name: str, copy: Element) -> Element | None:
    """Return the child of a copy before which the children of a name stand in the original."""
    after = 0
    found = False
    for child in element:
        found = found or child.name == name
        after += bool(found and child.name and child.name != name)
    last = copy.last
    for _ in range(after - 1):
        last = None if last is None else last.before
    return last if after else None


def _period(
    period: PlayedPeriod, shapes: dict[int, _Shape], names: _Names, budget: Budget
) -> Element:
    newest = shapes[max(part.stretch.shape for part in period.parts)]
    made = _copy(newest.period, budget)
    # In this order, as packagers write it.
    known = names.new(period.id or "p")
    made.attributes = {"id": known, "start": iso_duration(period.start), **made.attributes}
    following = _following(newest.period, "AdaptationSet", made)
    sets: dict[str, Element] = {}
    taken = _Names()
    for part in period.parts:
        shape = shapes[part.stretch.shape]
        adaptation_set = sets.get(shape.set_key)
        if adaptation_set is None:
            adaptation_set = sets[shape.set_key] = _copy(shape.adaptation_set, budget)
            made.insert(adaptation_set, following)
        behind = _following(shape.adaptation_set, "Representation", adaptation_set)
        representation = _representation(part, shape, budget)
        representation.attributes["id"] = taken.new(shape.look.track)
        adaptation_set.insert(representation, behind)
    return made


class _Names:
    """Names that are taken."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        """The last number that was tried behind each name."""

    def new(self, name: str) -> str:
        """Return a name that is not taken yet, and take it: one by one from the last try on."""
        number, new = self._last.get(name, 1), name
        while new in self._last:
            number += 1
            new = f"{name}.{number}"
        self._last[name] = number
        self._last.setdefault(new, 1)
        return new


def _representation(part: Part, shape: _Shape, budget: Budget) -> Element:
    made = shape.representation.copy(budget)
    line, stretch = part.line, part.stretch
    folder = f"{AGAIN}/{line.generation}/" if line.generation > 1 else ""
    if shape.look.single:
        write_single(made, part, folder)
        return made
    if shape.look.listed:
        write_list(made, part, folder, budget)
        return made
    template = made.child("SegmentTemplate")
    if folder:
        for name in _FILES:
            if name in template.attributes:
                template.attributes[name] = folder + template.attributes[name]
        for child in template:
            if child.name in _REFERENCES and "sourceURL" in child.attributes:
                child.attributes["sourceURL"] = folder + child.attributes["sourceURL"]
    if shape.look.timed and stretch.tick_parts > 1:
        scale, offset, rows = _cut_rows(part)
    else:
        scale, offset = line.scale * part.factor, part.offset
        rows = _rows(part.rows, stretch.shift, part.factor)
    template.attributes.update(
        timescale=str(scale),
        presentationTimeOffset=str(offset),
        startNumber=str(part.rows[0].number if shape.look.numbered else 0),
    )
    listed = Element("")
    listed.rows = rows
    timeline = Element("SegmentTimeline")
    timeline.prefix = template.prefix
    timeline.append(listed)
    template.insert(timeline, None)
    return made


def _rows(rows: Rows, shift: int, factor: int) -> list[str]:
    """Return the text of rows; the first has its time, and so has each after a hole."""
    several = any(parts_of(row) > 1 for row in rows)
    written: list[str] = []
    expected: int | None = None
    for row in _merged(rows):
        time = "" if row.time == expected else f' t="{(row.time + shift) * factor}"'
        repeat = f' r="{row.count - 1}"' if row.count > 1 else ""
        parts = f' k="{parts_of(row)}"' if several else ""
        written.append(f'{time} d="{row.duration * factor}"{repeat}{parts}/>')
        expected = row.end
    return written


def _merged(rows: Rows) -> Iterator[Run | Row]:
    """Yield rows; those that go on alike are one."""
    last: Run | Row | None = None
    for row in rows:
        if last is not None and _goes_on(last, row):
            last = msgspec.structs.replace(last, count=last.count + row.count)
            continue
        if last is not None:
            yield last
        last = row
    if last is not None:
        yield last


def _goes_on(one: Run | Row, other: Run | Row) -> bool:
    alike = one.duration == other.duration and parts_of(one) == parts_of(other)
    return alike and one.end == other.time


def _cut_rows(part: Part) -> tuple[int, int, list[str]]:
    """Return timescale, offset and rows where names have the nearest whole tick of the manifest."""
    parts, shift = part.stretch.tick_parts, part.stretch.shift
    found: list[tuple[int, int]] = []
    for row in part.rows:
        for at in range(row.count):
            begin = row.time + at * row.duration
            ticks = (
                nearest_tick(begin + shift, parts),
                nearest_tick(begin + row.duration + shift, parts),
            )
            found.append(ticks)
    rows = [f' t="{begin}" d="{max(end - begin, 1)}"/>' for begin, end in found]
    return part.line.scale // parts, nearest_tick(part.offset, parts), rows
