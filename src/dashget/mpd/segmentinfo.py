"""Read SegmentBase, SegmentList and SegmentTemplate (5.3.9)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from dashget.common.byterange import ByteRange
from dashget.errors import Issue
from dashget.mpd.attributes import Attributes
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import (
    ListedSegment,
    Offset,
    SegmentBase,
    SegmentList,
    SegmentTemplate,
    UrlReference,
)
from dashget.mpd.timeline import SegmentTimeline
from dashget.mpd.values import Remark, read_count, read_ticks
from dashget.mpd.xmltree import Element

if TYPE_CHECKING:
    from dashget.mpd.pattern import DurationPattern

_PATTERNS: Final = "5.3.9.6"
"""The clause about Pattern, and the rows that use one."""


def read_segment_base(element: Element, where: str, log: IssueLog) -> SegmentBase:
    """Read SegmentBase."""
    read = Attributes(element, where, log)
    return SegmentBase(**_base(read), invalid=read.invalid)


def read_segment_list(element: Element, where: str, log: IssueLog) -> SegmentList:
    """Read SegmentList; ``segments`` is None if it has no SegmentURL."""
    rows = element.listed or []
    segments = tuple(
        _listed(row, f"{where}/SegmentURL[{i}]", element.line, log) for i, row in enumerate(rows, 1)
    )
    read = Attributes(element, where, log)
    return SegmentList(**_multiple(read), segments=segments or None, invalid=read.invalid)


def read_segment_template(element: Element, where: str, log: IssueLog) -> SegmentTemplate:
    """Read SegmentTemplate; the templates stay text until they are resolved."""
    read = Attributes(element, where, log)
    return SegmentTemplate(
        **_multiple(read),
        parts=read.count("k"),
        media=read.raw("media"),
        index=read.text("index"),
        initialization_template=read.text("initialization"),
        bitstream_switching_template=read.text("bitstreamSwitching"),
        invalid=read.invalid,
    )


def read_offset(read: Attributes, *, vital: bool = False) -> Offset | None:
    """Read ``@availabilityTimeOffset``: a number of seconds or ``INF``."""
    text = read.text("availabilityTimeOffset")
    if text is None:
        return None
    if text.upper() in ("INF", "+INF", "INFINITY"):
        return Offset(None)
    seconds = read.number("availabilityTimeOffset", vital=vital)
    return None if seconds is None else Offset(seconds)


def _base(read: Attributes) -> dict[str, Any]:
    element, where, log = read.element, read.where, read.log
    return {
        "where": where,
        "line": element.line,
        "timescale": read.ticks("timescale", above=0),
        "presentation_time_offset": read.ticks("presentationTimeOffset"),
        "presentation_duration": read.number("presentationDuration"),
        "time_shift_buffer_depth": read.seconds("timeShiftBufferDepth"),
        "index_range": read.byte_range("indexRange"),
        "index_range_exact": read.boolean("indexRangeExact"),
        "availability_time_offset": read_offset(read, vital=True),
        "availability_time_complete": read.boolean("availabilityTimeComplete"),
        "ept_delta": read.number("eptDelta"),
        "pd_delta": read.number("pdDelta"),
        "initialization": _reference(element, "Initialization", where, log),
        "representation_index": _reference(element, "RepresentationIndex", where, log),
        "more": tuple(_more_references(element, where, log)),
    }


def _multiple(read: Attributes) -> dict[str, Any]:
    element, where, log = read.element, read.where, read.log
    timeline = _only(element, "SegmentTimeline", where, log)
    return {
        **_base(read),
        "duration": read.ticks("duration", above=0),
        "start_number": read.count("startNumber"),
        "end_number": read.count("endNumber"),
        "timeline": None if timeline is None else _timeline(timeline, where, log),
        "bitstream_switching": _reference(element, "BitstreamSwitching", where, log),
    }


def _reference(element: Element, name: str, where: str, log: IssueLog) -> UrlReference | None:
    child = _only(element, name, where, log)
    return None if child is None else _read_reference(child, f"{where}/{name}", log)


def _more_references(
    element: Element, where: str, log: IssueLog
) -> Iterator[tuple[str, UrlReference]]:
    """Yield the second reference of each name and those after it: some players take the last."""
    if len(element.children) < 2:
        return
    for name in ("Initialization", "RepresentationIndex", "BitstreamSwitching"):
        for number, child in enumerate(islice(element.all(name), 1, None), 2):
            yield name, _read_reference(child, f"{where}/{name}[{number}]", log)


def _read_reference(child: Element, where: str, log: IssueLog) -> UrlReference:
    read = Attributes(child, where, log)
    return UrlReference(
        where=read.where,
        line=child.line,
        source_url=read.text("sourceURL"),
        range=read.byte_range("range"),
        invalid=read.invalid.get("range"),
    )


def _only(element: Element, name: str, where: str, log: IssueLog) -> Element | None:
    """Return the child of this name; the first of several, with a warning."""
    found = tuple(element.all(name))
    if len(found) > 1:
        log.warn(f"{len(found)} {name} elements; the first is used", where, element.line, "5.3.9")
    return found[0] if found else None


def _listed(row: dict[str, str], where: str, line: int | None, log: IssueLog) -> ListedSegment:
    media, index = row.get("media"), row.get("index")
    issue = None
    ranges: list[ByteRange | None] = []
    for name in ("mediaRange", "indexRange"):
        text, found = row.get(name), None
        if text is not None:
            try:
                found = ByteRange.parse(text)
            except ValueError as err:
                wrong = Issue(f"@{name}: {err}", where, line, "5.3.9.3.2")
                if name == "indexRange" and index is None:
                    log.unneeded(wrong)
                else:
                    issue = issue or wrong
        ranges.append(found)
    return ListedSegment(
        None if media is None else media.strip(),
        ranges[0],
        None if index is None else index.strip(),
        ranges[1],
        issue,
    )


def _timeline(element: Element, parent: str, log: IssueLog) -> SegmentTimeline:
    timeline = element.timeline or SegmentTimeline()
    timeline.where = f"{parent}/SegmentTimeline"
    timeline.line = element.line
    patterns = _patterns(element, timeline.where, log)
    for index, (attributes, line) in sorted(timeline.odd.items()):
        if "p" in attributes:
            _take_pattern(timeline, index, attributes, line, log, patterns)
        else:
            _mend(timeline, index, attributes, line, log)
    timeline.odd.clear()
    timeline.settle()
    _note_breaks(timeline, log)
    for index, duration in timeline.endless():
        if "r" in timeline.invalid.get(index, ()):
            continue
        issue = Issue(
            f"@d is {duration} with a negative @r: no number of segments can fill the time",
            f"{timeline.where}/S[{index + 1}]",
            element.line,
            "5.3.9.6.2",
        )
        timeline.invalid.setdefault(index, {}).setdefault("d", issue)
    return timeline


def _note_breaks(timeline: SegmentTimeline, log: IssueLog) -> None:
    gap, overlap = timeline.breaks()
    timeline.gaps = 0 if gap is None else gap.count
    for found, name in ((gap, "a gap"), (overlap, "an overlap")):
        if found is not None:
            ticks = Fraction(found.ticks, timeline.scale)
            unit = "tick" if ticks == 1 else "ticks"
            more = f", and {found.count - 1} more" if found.count > 1 else ""
            log.warn(
                f"{name} of {ticks} {unit} before S[{found.position + 1}]{more}; "
                "@t is used as written",
                timeline.where,
                timeline.line,
                "5.3.9.6.2",
            )


def _mend(
    timeline: SegmentTimeline, index: int, attributes: dict[str, str], line: int, log: IssueLog
) -> None:
    """Read an ``S`` with other values than plain numbers; note the invalid ones."""
    where = f"{timeline.where}/S[{index + 1}]"
    values: dict[str, int | Fraction | None] = dict.fromkeys("tdrnk")
    invalid: dict[str, Issue] = {}
    for name in values:
        try:
            value, remark = _row_value(attributes.get(name), name)
        except ValueError as err:
            invalid[name] = Issue(f"@{name}{err}", where, line, "5.3.9.6.2")
            continue
        values[name] = value
        if remark is not None:
            log.warn(f"@{name}: {remark}", where, line, "5.3.9.6.2")
    if "d" not in attributes:
        invalid["d"] = Issue("@d is missing", where, line, "5.3.9.6.2")
    if invalid:
        timeline.invalid[index] = invalid
    counts = {name: None if values[name] is None else int(values[name] or 0) for name in "rnk"}
    timeline.mend(index, values["t"], values["d"] or 0, counts["r"] or 0, counts["n"], counts["k"])


def _take_pattern(
    timeline: SegmentTimeline,
    index: int,
    attributes: dict[str, str],
    line: int,
    log: IssueLog,
    patterns: dict[str, DurationPattern | Issue],
) -> None:
    """Read an ``S`` that takes its durations from a Pattern; ``@d`` has no meaning there."""
    where = f"{timeline.where}/S[{index + 1}]"
    name, entry = attributes["p"].strip(), 0
    if "d" in attributes:
        log.warn("@d beside @p; the durations of the Pattern are used", where, line, _PATTERNS)
    _mend(timeline, index, {**attributes, "d": "0"}, line, log)
    pattern: DurationPattern | Issue = patterns.get(name) or Issue(
        f"@p: the timeline has no Pattern {name!r}", where, line, _PATTERNS
    )
    try:
        value, remark = _row_value(attributes.get("pE"), "pE")
        entry = int(value or 0)
        if remark is not None:
            log.warn(f"@pE: {remark}", where, line, _PATTERNS)
    except ValueError as err:
        pattern = Issue(f"@pE{err}", where, line, _PATTERNS)
    if isinstance(pattern, Issue):
        # Neither the number of segments nor any time is known.
        timeline.invalid.setdefault(index, {})["r"] = pattern
    else:
        timeline.set_pattern(index, pattern, entry)


def _patterns(timeline: Element, parent: str, log: IssueLog) -> dict[str, DurationPattern | Issue]:
    """Read the Patterns of a timeline by ``@id``; an issue stands for one that is invalid."""
    found: dict[str, DurationPattern | Issue] = {}
    for position, element in enumerate(timeline.all("Pattern"), 1):
        where = f"{parent}/Pattern[{position}]"
        name = element.attributes.get("id", "").strip()
        if name in found:
            log.warn(f"another Pattern {name!r}; the first is used", where, element.line, _PATTERNS)
            continue
        found[name] = _pattern(element, where, log)
    return found


def _pattern(element: Element, where: str, log: IssueLog) -> DurationPattern | Issue:
    from dashget.mpd.pattern import DurationPattern

    pairs = []
    for position, child in enumerate(element.all("P"), 1):
        read = Attributes(child, f"{where}/P[{position}]", log)
        ticks, repeats = read.ticks("d", above=0), read.count("r")
        for issue in read.invalid.values():
            return issue
        if ticks is None:
            return Issue("@d is missing", read.where, child.line, _PATTERNS)
        pairs.append((1 + (repeats or 0), ticks))
    if not pairs:
        return Issue("the Pattern has no P", where, element.line, _PATTERNS)
    return DurationPattern.of(pairs)


def _row_value(text: str | None, name: str) -> tuple[int | Fraction | None, Remark]:
    """Read a value of an ``S``; the text of a ValueError follows the attribute's name."""
    if text is None:
        return None, None
    try:
        value, remark = (read_ticks if name in ("t", "d") else read_count)(text)
    except ValueError as err:
        raise ValueError(f": {err}") from None
    if value < 0 and name != "r":
        raise ValueError(f" is {value}, below 0")
    return value, remark
