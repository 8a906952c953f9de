"""Write the available segments of a live Representation as rows of a timeline, with their times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import msgspec

from dashget.common.numbers import read_digits
from dashget.mpd.budget import ITEM, LISTED, Budget
from dashget.mpd.presentation import TemplateAddressing
from dashget.mpd.template import FieldName
from dashget.mpd.ticks import nearest_tick
from dashget.planning.layout import Layout
from dashget.playable.addresses import path_reference
from dashget.playable.templates import add_reference
from dashget.playable.tree import Element
from dashget.playable.writing import attribute_text
from dashget.segments.segment import Segment


class Whole(msgspec.Struct, frozen=True):
    """A segment or a sequence as a row of a timeline has it; ``parts`` is ``@k``."""

    number: int | None
    time: int
    duration: int
    parts: int = 1


class Cut(msgspec.Struct, frozen=True):
    """How rows tell the times of sequences that may end before their last part.

    Rows are in ``1 / factor`` ticks. ``part`` is the exact duration of a part in ticks, where the
    segments are derived; ``several`` is True if a row without ``@k`` would get one from elsewhere.
    """

    factor: int = 1
    part: Fraction | None = None
    several: bool = False

    @classmethod
    def of(cls, addressing: TemplateAddressing) -> Cut:
        """Return it for a template. Where ``$Time$`` names the files, ticks stay as they are."""
        parts, duration = addressing.sequence, addressing.duration
        if parts == 1 or addressing.timeline is not None or duration is None:
            return cls(several=parts > 1)
        part = Fraction(duration, parts)
        return cls(1 if names_time(addressing) else part.denominator, part, several=True)

    def length(self, parts: int, ticks: int) -> int:
        """Return the duration of a sequence of so many parts, which have ``ticks`` in all."""
        part = self.part
        if part is None:
            return ticks * self.factor
        return max(nearest_tick(parts * part.numerator * self.factor, part.denominator), 1)


def names_time(addressing: TemplateAddressing) -> bool:
    """Return True if the names of media segments have their times."""
    return any(field.name is FieldName.TIME for field in addressing.media.patterns[0].fields)


def list_by_template(
    template: Element,
    segments: Iterable[Segment],
    addressing: TemplateAddressing,
    offset: int,
    budget: Budget,
    *,
    most: int | None = None,
) -> bool:
    """Give a template the rows; return False, and change nothing, if they are more than ``most``.

    ``offset`` is ``@presentationTimeOffset`` in ticks.
    """
    cut, rows = Cut.of(addressing), list[str]()
    start: int | None = None
    for first, row in _runs(iter_wholes(segments, cut), several=cut.several):
        start = first.number if not rows else start
        rows.append(f"{attribute_text(row)}/>")
        if most is not None and len(rows) > most:
            return False
    budget.spend(LISTED * len(rows), "the timelines of the local MPD")
    for attribute in ("duration", "endNumber", "k", "availabilityTimeOffset"):
        template.attributes.pop(attribute, None)
    template.drop(("SegmentTimeline",))
    template.attributes.update(
        timescale=str(addressing.timescale * cut.factor),
        presentationTimeOffset=str(offset * cut.factor),
        startNumber=str(1 if start is None else start),
    )
    listed = Element("")
    listed.rows = rows
    template.child("SegmentTimeline").append(listed)
    return True


def list_by_name(
    template: Element,
    segments: Sequence[Segment],
    times: Sequence[int],
    clock: Mapping[str, str],
    layout: Layout,
    budget: Budget,
) -> None:
    """Replace a template by a list of files, where ``$Time$`` is not the time of the media.

    With ``@duration`` it lacks ``@presentationTimeOffset``, and of fractions it has whole ticks. No
    timeline can name such files and tell their times.
    """
    representation = template.parent
    if representation is None:
        return
    budget.spend(ITEM * len(segments), "the local MPD's list of segments")
    listed = Element("SegmentList", dict(clock))
    listed.prefix = template.prefix
    representation.insert(listed, template)
    for child in template:
        if child.name in ("Initialization", "RepresentationIndex"):
            child.take_out()
            listed.append(child)
    timeline = listed.child("SegmentTimeline")
    timeline.append(_rows(segments, times))
    use_duration(listed, times, [s.duration or 0 for s in segments])
    for segment in segments:
        listed.append(named := Element("SegmentURL", {"media": path_reference(segment, layout)}))
        named.prefix = listed.prefix
    if initialization := template.attributes.get("initialization"):
        add_reference(listed, "Initialization", initialization, None)
    template.remove()


def use_rows(listed: Element, times: Sequence[int], durations: Sequence[int]) -> None:
    """Give a list a timeline, or ``@duration`` alone where that says the same."""
    listed.child("SegmentTimeline")
    use_duration(listed, times, durations)


def use_duration(listed: Element, times: Sequence[int], durations: Sequence[int]) -> None:
    """Give a list with a timeline ``@duration`` alone, if both say the same.

    Else each file gets a row of its own, since dash.js (5.2) counts rows, and not segments. The
    mean is for players that read no timeline: the media itself tells its time.
    """
    step = max(durations, default=0)
    if step <= 0:
        return
    offset = read_digits(listed.attributes.get("presentationTimeOffset", "0").strip())
    even = offset is not None and all(t == offset + k * step for k, t in enumerate(times))
    if even and all(duration == step for duration in durations[:-1]):
        listed.drop(("SegmentTimeline",))
    else:
        step = max(sum(durations) // len(durations), 1)
        rows = Element("")
        rows.rows = list(_plain_rows(times, durations))
        timeline = listed.child("SegmentTimeline")
        for child in timeline:
            child.take_out()
        timeline.append(rows)
    listed.attributes["duration"] = str(step)


def _plain_rows(times: Sequence[int], durations: Sequence[int]) -> Iterator[str]:
    """Yield a row for each segment, with its time where that does not follow."""
    expected: int | None = None
    for time, duration in zip(times, durations, strict=True):
        begin = "" if time == expected else f' t="{time}"'
        yield f'{begin} d="{duration}"/>'
        expected = time + duration


def iter_wholes(segments: Iterable[Segment], cut: Cut) -> Iterator[Whole]:
    """Yield media segments, the parts of each sequence joined again."""
    head: Segment | None = None
    parts = ticks = 0
    for segment in segments:
        if head is not None and segment.sub_number and segment.number == head.number:
            parts, ticks = parts + 1, ticks + (segment.duration or 0)
            continue
        if head is not None:
            yield _whole(head, parts, ticks, cut)
        head, parts, ticks = segment, 1, segment.duration or 0
    if head is not None:
        yield _whole(head, parts, ticks, cut)


def _whole(head: Segment, parts: int, ticks: int, cut: Cut) -> Whole:
    return Whole(head.number, (head.time or 0) * cut.factor, cut.length(parts, ticks), parts)


def _rows(segments: Sequence[Segment], times: Sequence[int]) -> Element:
    timed = zip(segments, times, strict=True)
    wholes = (Whole(s.number, time, s.duration or 0) for s, time in timed)
    listed = Element("")
    listed.rows = [f"{attribute_text(row)}/>" for _, row in _runs(wholes)]
    return listed


def _runs(
    wholes: Iterable[Whole], *, several: bool = False
) -> Iterator[tuple[Whole, dict[str, str]]]:
    """Yield ``S`` rows, each with its first segment; a jump of the number is written as ``@n``."""
    first = last = before = None
    repeats = 0
    for whole in wholes:
        if first is not None and last is not None:
            if _runs_on(last, whole):
                last, repeats = whole, repeats + 1
                continue
            yield first, _row(first, repeats, before, several=several)
        first, before, last, repeats = whole, last, whole, 0
    if first is not None:
        yield first, _row(first, repeats, before, several=several)


def _row(first: Whole, repeats: int, before: Whole | None, *, several: bool) -> dict[str, str]:
    row = {"t": str(first.time)}
    known = before is not None and first.number is not None
    expected = first.number if before is None or before.number is None else before.number + 1
    if known and first.number != expected:
        row["n"] = str(first.number)
    row["d"] = str(first.duration)
    if repeats:
        row["r"] = str(repeats)
    if first.parts > 1 or several:
        row["k"] = str(first.parts)
    return row


def _runs_on(one: Whole, following: Whole) -> bool:
    numbered = one.number is None or following.number == one.number + 1
    same = (one.duration, one.parts) == (following.duration, following.parts)
    return numbered and same and following.time == one.time + one.duration
