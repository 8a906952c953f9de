"""Write the available segments of a live Representation as rows of a timeline, with their times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dashget.common.numbers import read_digits
from dashget.mpd.budget import ITEM, Budget
from dashget.planning.layout import Layout
from dashget.playable.addresses import path_reference
from dashget.playable.templates import add_reference
from dashget.playable.tree import Element
from dashget.playable.writing import attribute_text
from dashget.segments.segment import Segment


def list_by_template(
    template: Element, segments: Sequence[Segment], clock: Mapping[str, str]
) -> None:
    """Give a template the rows; ``clock`` has its timescale and its offset."""
    for attribute in ("duration", "endNumber", "availabilityTimeOffset"):
        template.attributes.pop(attribute, None)
    template.drop(("SegmentTimeline",))
    first_number = segments[0].number
    template.attributes.update(clock, startNumber=str(1 if first_number is None else first_number))
    template.child("SegmentTimeline").append(_rows(segments, [s.time or 0 for s in segments]))


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


def use_duration(listed: Element, times: Sequence[int], durations: Sequence[int]) -> None:
    """Give a list with a timeline ``@duration``, the only time of a list that dash.js reads.

    The timeline goes if both say the same. Else players that read it use it, and the mean is close
    enough for the others: the media itself tells its time.
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
    listed.attributes["duration"] = str(step)


def _rows(segments: Sequence[Segment], times: Sequence[int]) -> Element:
    listed = Element("")
    listed.rows = [f"{attribute_text(run)}/>" for run in _runs(segments, times)]
    return listed


def _runs(segments: Sequence[Segment], times: Sequence[int]) -> Iterator[dict[str, str]]:
    """Yield segments as ``S`` rows; a jump of the number is written as ``@n``."""
    first = 0
    for index in range(1, len(segments) + 1):
        if index < len(segments) and _runs_on(segments, times, index):
            continue
        row = {"t": str(times[first])}
        before = segments[first - 1].number if first else None
        number = segments[first].number
        if before is not None and number is not None and number != before + 1:
            row["n"] = str(number)
        row["d"] = str(segments[first].duration or 0)
        if index - first > 1:
            row["r"] = str(index - first - 1)
        yield row
        first = index


def _runs_on(segments: Sequence[Segment], times: Sequence[int], index: int) -> bool:
    one, following = segments[index - 1], segments[index]
    numbered = one.number is None or following.number == one.number + 1
    return (
        numbered
        and one.duration == following.duration
        and times[index] == times[index - 1] + (one.duration or 0)
    )
