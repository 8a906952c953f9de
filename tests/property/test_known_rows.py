"""What is kept of the document before changes nothing but the time that the next one takes.

Documents follow one another as those of a live presentation do, with anything else that may
happen to their timelines; each is read with what is known, and by itself.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashget.errors import MPDSyntaxError
from dashget.live.changes import Lines
from dashget.live.listing import Version
from dashget.live.reading import read_version
from dashget.live.rows import KnownRows
from dashget.mpd import knowntimelines
from dashget.mpd.budget import Budget
from dashget.mpd.knowntimelines import KnownTimelines
from dashget.mpd.model import MPD
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.mpd.timeline import SegmentTimeline
from dashget.planning.plan import make_layout
from dashget.planning.tracks import make_tracks

_HEAD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" profiles="p" minBufferTime="PT1S"'
    ' availabilityStartTime="2026-01-01T00:00:00Z" publishTime="2026-01-01T00:00:{read:02}Z"'
    ' minimumUpdatePeriod="PT1S" timeShiftBufferDepth="PT60S"><Period id="p" start="PT0S">'
)
_SET = (
    '<AdaptationSet id="{track}" contentType="video" mimeType="video/mp4" codecs="avc1.4d401e">'
    '<SegmentTemplate timescale="10" startNumber="{number}" media="t{track}/{name}.m4s"'
    ' initialization="t{track}/init.mp4">{timeline}</SegmentTemplate>'
    '<Representation id="t{track}" bandwidth="8000"/></AdaptationSet>'
)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have short timelines taken for long ones."""
    monkeypatch.setattr(knowntimelines, "_LEAST_BYTES", 100)
    monkeypatch.setattr(knowntimelines, "_LEAST_ROWS", 4)


class Stream:
    """The timeline of a track, as rows of text that follow one another."""

    def __init__(self, rows: int, *, timed: bool, steps: tuple[int, ...]) -> None:
        self.timed = timed
        self.number = 1
        self.rows: list[dict[str, int | str]] = []
        self.steps = steps
        self.end = 0
        for _ in range(rows):
            self.append()

    def append(self, gap: int = 0, repeats: int = 0) -> None:
        """Add a row at the end."""
        duration = self.steps[len(self.rows) % len(self.steps)]
        row: dict[str, int | str] = {"d": duration}
        if self.timed or gap or not self.rows:
            row = {"t": self.end + gap, **row}
        if repeats:
            row["r"] = repeats
        self.rows.append(row)
        self.end += gap + duration * (repeats + 1)

    def slide(self, count: int) -> None:
        """Remove rows from the front; the next one has its time."""
        times = self.times()
        count = min(count, len(self.rows) - 1)
        self.number += sum(int(row.get("r", 0)) + 1 for row in self.rows[:count])
        self.rows = [dict(row) for row in self.rows[count:]]
        self.rows[0] = {"t": times[count], **self.rows[0], "t": times[count]}  # noqa: F601

    def times(self) -> list[int]:
        """Return when each row begins."""
        time, times = 0, []
        for row in self.rows:
            time = int(row.get("t", time))
            times.append(time)
            time += (int(row.get("r", 0)) + 1) * int(row["d"])
        return times

    def text(self, between: str) -> str:
        """Return the timeline."""
        rows = between.join(
            "<S " + " ".join(f'{name}="{value}"' for name, value in row.items()) + "/>"
            for row in self.rows
        )
        return f"<SegmentTimeline>{between}{rows}{between}</SegmentTimeline>"


def document(streams: list[Stream], read: int, *, name: str, between: str) -> str:
    sets = [
        _SET.format(track=track, number=each.number, name=name, timeline=each.text(between))
        for track, each in enumerate(streams)
    ]
    return f"{_HEAD.format(read=read)}{''.join(sets)}</Period></MPD>"


def timelines(mpd: MPD) -> list[SegmentTimeline]:
    found = []
    for period in mpd.periods:
        for adaptation_set in period.adaptation_sets:
            template: Any = adaptation_set.segment_template
            if template is not None and template.timeline is not None:
                found.append(template.timeline)
    return found


def facts(mpd: MPD, budget: Budget) -> list[Any]:
    return [
        [
            (
                list(each), each.breaks(), each.end, each.closed_count, each.is_plain, each.gaps,
                each.invalid, each.endless(), each.line, each.runs_on,
            )
            for each in timelines(mpd)
        ],
        mpd.warnings, mpd.problems, budget.work, budget.elements,
    ]  # fmt: skip


def version_of(mpd: MPD, read: int, known: KnownRows | None) -> Version:
    now = Fraction(1_767_225_600 + 30 + read)
    presentation = resolve(mpd, url="http://h/m.mpd", now=now)
    layout, tracks = make_layout(presentation), make_tracks(presentation)
    return read_version(mpd, presentation, tracks, layout, str(read), known)


class Reader:
    """Reads documents, and learns what they list."""

    def __init__(self, *, known: bool) -> None:
        self.timelines = KnownTimelines("mark") if known else None
        self.rows = KnownRows() if known else None
        self.lines = Lines()
        self.last = -1.0

    def read(self, text: str, read: int) -> list[Any]:
        """Return all that a document has brought, or the message about what is wrong with it."""
        budget = Budget()
        try:
            mpd = parse_mpd(text.encode(), budget=budget, known=self.timelines)
        except MPDSyntaxError as error:
            return [error.message]
        told = facts(mpd, budget)
        version = version_of(mpd, read, self.rows)
        rows = [(each.key, each.rows, each.once != (), each.step) for each in version.listings]
        accepted = self.lines.accept(version, 0.0)
        if read % 3:  # what was not learnt at one read is learnt at the next
            for line in self.lines:
                for _ in line.learn(math.inf, -math.inf, math.inf):
                    pass
                while (first := line.pending.first) is not None:
                    line.recorded.add(line.pending.take(first.time) or first)
        states = [
            (
                line.id, line.key, line.current, list(line.known), list(line.holes),
                list(line.recorded), list(line.withdrawn),
            )
            for line in self.lines
        ]  # fmt: skip
        return [told, rows, accepted.kind, accepted.changes, states]


EDITS = st.one_of(
    st.tuples(st.just("slide"), st.integers(0, 5)),
    st.tuples(st.just("append"), st.integers(1, 4)),
    st.tuples(st.just("gap"), st.integers(1, 30)),
    st.tuples(st.just("repeat"), st.integers(1, 3)),
    st.tuples(st.just("longer"), st.integers(1, 3)),
    st.tuples(st.just("insert"), st.integers(0, 26)),
    st.tuples(st.just("change"), st.integers(0, 26)),
    st.tuples(st.just("drop"), st.integers(1, 20)),
    st.tuples(st.just("open"), st.just(0)),
    st.tuples(st.just("number"), st.integers(1, 3)),
    st.tuples(st.just("odd"), st.integers(0, 26)),
    st.tuples(st.just("zero"), st.integers(0, 26)),
    st.tuples(st.just("begin-again"), st.just(0)),
    st.tuples(st.just("swap"), st.just(0)),
    st.tuples(st.just("comment"), st.integers(0, 9)),
    st.tuples(st.just("hide"), st.integers(0, 9)),
    st.tuples(st.just("cdata"), st.integers(0, 9)),
    st.tuples(st.just("child"), st.integers(0, 26)),
    st.tuples(st.just("cut"), st.integers(1, 400)),
)


def edit(streams: list[Stream], what: str, value: int, track: int) -> None:
    """Change the timeline of a track; what concerns the text is done by ``damage``."""
    stream = streams[track % len(streams)]
    rows, at = stream.rows, min(value, len(stream.rows) - 1)
    if what == "slide":
        stream.slide(value)
    elif what == "append":
        for _ in range(value):
            stream.append()
    elif what == "gap":
        stream.append(gap=value)
    elif what == "repeat":
        stream.append(repeats=value)
    elif what == "longer":
        rows[-1] = {**rows[-1], "r": int(rows[-1].get("r", 0)) + value}
        stream.end += value * int(rows[-1]["d"])
    elif what == "insert":
        rows.insert(at, dict(rows[at]))
    elif what == "change":
        rows[at] = {**rows[at], "d": int(rows[at]["d"]) + 1}
    elif what == "drop":
        del rows[max(1, len(rows) - value) :]
    elif what == "open":
        rows[-1] = {**rows[-1], "r": -1}
        stream.append()
    elif what == "number":
        stream.number += value
    elif what == "odd":
        rows[at] = {**rows[at], "d": "2_0"}
    elif what == "zero":
        rows[at] = {**rows[at], "d": 0}
    elif what == "begin-again":
        streams[track % len(streams)] = Stream(24, timed=stream.timed, steps=stream.steps)
    elif what == "swap":
        streams.reverse()


def damage(text: str, what: str, value: int) -> str:
    """Change the text of a document."""
    if what == "comment":
        return text.replace("<S ", "<!-- <S d='1'/> --><S ", value)
    if what == "hide":
        begin = text.find("<SegmentTimeline>")
        return f"{text[:begin]}<!-- {text[begin : begin + 400]} -->{text[begin:]}"
    if what == "cdata":
        begin, end = text.find("<SegmentTimeline>"), text.find("</SegmentTimeline>")
        return f"{text[: begin + 17]}<![CDATA[{text[begin + 17 : end]}]]>{text[end:]}"
    if what == "child":
        parts = text.split("<S ")
        at = min(value + 1, len(parts) - 1)
        return "<S ".join(parts[:at]) + "<Other/><S " + "<S ".join(parts[at:])
    if what == "cut":
        return text[:-value]
    return text


Step = tuple[tuple[str, int], int, bool]
STEPS = st.lists(st.tuples(EDITS, st.integers(0, 1), st.booleans()), min_size=2, max_size=8)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    STEPS,
    st.booleans(),
    st.sampled_from(["", "\n", "\r\n"]),
    st.sampled_from(["$Time$", "$Number$"]),
    st.sampled_from([(20,), (21, 19), (20, 21, 19, 20)]),
)
@example([(("slide", 2), 0, True), (("append", 2), 0, True)] * 3, True, "\n", "$Number$", (21, 19))
@example([(("insert", 12), 0, True), (("append", 1), 0, True)] * 3, True, "", "$Time$", (20,))
@example([(("hide", 0), 0, True), (("slide", 1), 0, True)] * 2, True, "", "$Time$", (20,))
def test_documents_read_with_what_is_known_are_the_same(
    steps: list[Step], timed: bool, between: str, name: str, durations: tuple[int, ...]
) -> None:
    streams = [Stream(24, timed=timed, steps=durations), Stream(30, timed=True, steps=(20,))]
    alone, knowing = Reader(known=False), Reader(known=True)
    for read, ((what, value), track, goes_on) in enumerate(steps):
        edit(streams, what, value, track)
        if goes_on:
            for stream in streams:
                stream.slide(1)
                stream.append()
        text = damage(document(streams, read, name=name, between=between), what, value)
        assert knowing.read(text, read) == alone.read(text, read)


CASES = [
    *[("slide", k) for k in (0, 1, 5)], *[("append", k) for k in (1, 4)], ("gap", 1), ("gap", 30),
    ("repeat", 2), ("longer", 2), *[("insert", k) for k in (1, 12, 23)],
    *[("change", k) for k in (0, 1, 2, 12, 23)], *[("drop", k) for k in (1, 2, 12, 20)],
    ("open", 0), ("number", 1), *[("odd", k) for k in (0, 1, 12, 23)],
    *[("zero", k) for k in (0, 1, 12, 23)], ("begin-again", 0), ("swap", 0), ("comment", 0),
    ("comment", 1), ("comment", 9), ("hide", 0), ("cdata", 0), ("child", 0), ("child", 1),
    ("child", 12), ("cut", 1), ("cut", 300),
]  # fmt: skip


@pytest.mark.parametrize(("what", "value"), CASES)
@pytest.mark.parametrize("timed", [True, False])
def test_whatever_happens_to_a_stream_that_goes_on(what: str, value: int, timed: bool) -> None:
    for name, between, when in (("$Number$", "\n", 3), ("$Time$", "", 2), ("$Number$", "", 4)):
        streams = [Stream(24, timed=timed, steps=(21, 19)), Stream(30, timed=True, steps=(20,))]
        alone, knowing = Reader(known=False), Reader(known=True)
        for read in range(8):
            now = read == when
            if now:
                edit(streams, what, value, 0)
            for stream in streams:
                stream.slide(1)
                stream.append()
            text = document(streams, read, name=name, between=between)
            text = damage(text, what, value) if now else text
            assert knowing.read(text, read) == alone.read(text, read)


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("between", ["", "\n"])
def test_what_is_known_is_not_parsed_again(
    timed: bool, between: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of the next documents come from the one before: only a few are in the text."""
    sizes: list[int] = []

    def read_tree(text: bytes, *others: Any) -> Any:
        sizes.append(len(text))
        return knowntimelines_read_tree(text, *others)

    knowntimelines_read_tree = knowntimelines.read_tree
    monkeypatch.setattr(knowntimelines, "read_tree", read_tree)
    streams = [Stream(500, timed=timed, steps=(21, 19)), Stream(500, timed=timed, steps=(20,))]
    reader = Reader(known=True)
    for read in range(5):
        for stream in streams:
            stream.slide(2)
            stream.append()
        text = document(streams, read, name="$Time$", between=between)
        reader.read(text, read)
        # It is read again before there is another one.
        parse_mpd(text.encode(), known=reader.timelines)
    assert len(sizes) == 10
    assert max(sizes[1:]) < sizes[0] / 5
    assert {len(line.listing.fresh) for line in reader.lines} <= {2, 3}
