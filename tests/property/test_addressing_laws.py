"""Laws of segment lists: exactness, and agreement between the addressing modes."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from math import ceil
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashget.mpd.parse import parse_mpd
from dashget.mpd.pattern import DurationPattern
from dashget.mpd.presentation import PeriodSpan, Window
from dashget.mpd.resolve import resolve
from dashget.mpd.timeline import SegmentTimeline
from dashget.segments import Segment, SegmentIndex, SegmentKind, address
from dashget.segments.index import available_range, derived_count
from dashget.segments.timeline import Bounds, Run, iter_runs

timescales = st.sampled_from([1, 10, 1000, 12800, 24000, 30000, 44100, 48000, 90000, 10_000_000])
seconds = st.fractions(min_value=Fraction(1, 100), max_value=500, max_denominator=10**6)


def index_of(information: str, *, duration: Fraction | None, type_: str = "static") -> SegmentIndex:
    shown = "" if duration is None else f'mediaPresentationDuration="{xs_duration(duration)}"'
    document = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT1S" '
        f'type="{type_}" {shown}><Period><AdaptationSet mimeType="video/mp4">{information}'
        '<Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>'
    )
    presentation = resolve(parse_mpd(document.encode()), url="http://h/m.mpd")
    return address(presentation.periods[0].adaptation_sets[0].representations[0])


def xs_duration(value: Fraction) -> str:
    """Format seconds with all their decimals; the value must have finitely many."""
    scaled = value * 10**12
    assert scaled.denominator == 1
    whole, rest = divmod(scaled.numerator, 10**12)
    return f"PT{whole}.{rest:012d}S"


def times(index: SegmentIndex) -> list[tuple[Fraction | None, int | None]]:
    return [(s.start, s.duration) for s in index if s.kind is SegmentKind.MEDIA]


decimals = st.integers(min_value=10**10, max_value=300 * 10**12).map(lambda n: Fraction(n, 10**12))


@given(decimals, timescales, st.integers(1, 10**7))
def test_derived_segments_cover_the_period_and_no_more(
    period: Fraction, timescale: int, duration: int
) -> None:
    segment = Fraction(duration, timescale)
    if period / segment > 500:
        return
    found = times(
        index_of(
            f'<SegmentTemplate timescale="{timescale}" duration="{duration}" media="$Number$"/>',
            duration=period,
        )
    )
    count = len(found)
    assert [start for start, _ in found] == [k * segment for k in range(count)]
    assert count * segment >= period
    assert (count - 1) * segment < period


@given(decimals, st.integers(1, 10**6), st.integers(1, 10**7), st.integers(0, 6))
def test_a_decimal_point_moved_in_timescale_and_duration_changes_no_segment(
    period: Fraction, timescale: int, duration: int, places: int
) -> None:
    if period * timescale / duration > 200:
        return

    def document(shown: str, rows: str) -> str:
        scale, length = (shown % number for number in (timescale, duration))
        return (
            f'<SegmentTemplate timescale="{scale}" duration="{length}" media="$Number$">{rows}'
            "</SegmentTemplate>"
        )

    moved = f"%de-{places}"
    for rows in ("", '<SegmentTimeline><S d="{}" r="-1"/></SegmentTimeline>'):
        whole = index_of(document("%d", rows.format(duration)), duration=period)
        parts = index_of(document(moved, rows.format(moved % duration)), duration=period)
        assert [s.start for s in whole] == [s.start for s in parts]


@given(seconds, seconds)
def test_the_segment_count_is_the_quotient_rounded_up(period: Fraction, segment: Fraction) -> None:
    assert derived_count(period, segment) == ceil(period / segment)


@given(timescales, st.integers(1, 10**6), st.integers(1, 60), st.integers(0, 10**9))
def test_four_addressing_modes_of_one_presentation_agree(
    timescale: int, duration: int, count: int, offset: int
) -> None:
    period = Fraction(duration * count, timescale)
    if period.denominator not in (1, 2, 4, 5, 8, 10, 20, 25, 40, 50, 100, 125, 200, 250, 500, 1000):
        return
    common = f'timescale="{timescale}"'
    shifted = f'{common} presentationTimeOffset="{offset}"'
    by_number = index_of(
        f'<SegmentTemplate {common} duration="{duration}" media="$Number$"/>', duration=period
    )
    by_timeline = index_of(
        f'<SegmentTemplate {shifted} media="$Number$"><SegmentTimeline>'
        f'<S t="{offset}" d="{duration}" r="{count - 1}"/></SegmentTimeline></SegmentTemplate>',
        duration=period,
    )
    by_open_repeat = index_of(
        f'<SegmentTemplate {shifted} media="$Number$"><SegmentTimeline>'
        f'<S t="{offset}" d="{duration}" r="-1"/></SegmentTimeline></SegmentTemplate>',
        duration=period,
    )
    by_list = index_of(
        f'<SegmentList {common} duration="{duration}">'
        + "".join(f'<SegmentURL media="{n}"/>' for n in range(1, count + 1))
        + "</SegmentList>",
        duration=period,
    )
    expected = media(by_number)
    assert media(by_timeline) == expected
    assert media(by_open_repeat) == expected
    assert media(by_list) == expected


def media(index: SegmentIndex) -> list[tuple[str, int | None, Fraction | None, int | None]]:
    return [(s.url, s.number, s.start, s.duration) for s in index]


rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 10**6)),
        st.integers(1, 10**4),
        st.integers(0, 5),
        st.one_of(st.none(), st.integers(0, 1000)),
    ),
    max_size=12,
)


@given(rows, st.integers(0, 100))
def test_runs_equal_the_naive_expansion_of_the_rows(
    listed: list[tuple[int | None, int, int, int | None]], start_number: int
) -> None:
    timeline = SegmentTimeline()
    expected: list[tuple[int, int, int]] = []
    number, time = start_number, 0
    for t, d, r, n in listed:
        timeline.append(t, d, r, n)
        time = time if t is None else t
        number = number if n is None else n
        for _ in range(r + 1):
            expected.append((number, time, d))
            number, time = number + 1, time + d
    found = [
        (run.number + i, run.time + i * run.duration, run.duration)
        for run in iter_runs(timeline, start_number, Bounds())
        for i in range(run.count)
    ]
    assert found == expected
    assert len(timeline) == len(listed)


@given(
    st.integers(0, 10**6),
    st.integers(1, 10**4),
    st.integers(0, 10**6),
)
def test_an_open_repeat_fills_the_time_until_the_next_row(t: int, d: int, following: int) -> None:
    timeline = SegmentTimeline()
    timeline.append(t, d, -1)
    timeline.append(following, 5)
    runs = list(iter_runs(timeline, 1, Bounds()))
    assert runs[-1].time == following
    if following > t:
        assert (runs[0].count - 1) * d < following - t <= runs[0].count * d
    else:
        assert runs[0].count == 0


spans = st.builds(
    PeriodSpan,
    st.just(0),
    st.none(),
    seconds,
    st.one_of(st.none(), seconds),
)


@given(spans, seconds, st.one_of(st.none(), seconds), seconds, seconds, st.booleans())
def test_the_available_segments_only_move_forward(
    span: PeriodSpan,
    segment: Fraction,
    depth: Fraction | None,
    now: Fraction,
    later: Fraction,
    early: bool,
) -> None:
    count = None if span.duration is None else derived_count(span.duration, segment)
    offset = segment / 2 if early else Fraction(0)

    def at(moment: Fraction) -> range:
        return available_range(Window(moment, depth), span, segment, offset, count)

    first, second = at(now), at(now + later)
    assert first.start <= second.start
    assert first.stop <= second.stop
    assert first.start >= 0
    if count is not None:
        assert second.stop <= count
    for k in first:
        end = span.start + (k + 1) * segment
        if count is None or k < count - 1:
            assert end <= now + offset
        if depth is not None:
            assert end + depth + segment >= now


@given(st.data())
def test_counting_agrees_with_iterating(data: Any) -> None:
    listed = data.draw(rows)
    text = "".join(
        f'<S d="{d}" r="{r}"'
        + ("" if t is None else f' t="{t}"')
        + ("" if n is None else f' n="{n}"')
        + "/>"
        for t, d, r, n in listed
    )
    index = index_of(
        '<SegmentTemplate initialization="i" media="$Number$-$Time$"><SegmentTimeline>'
        f"{text}</SegmentTimeline></SegmentTemplate>",
        duration=Fraction(100),
    )
    found: list[Segment] = list(index)
    assert index.count() == sum(s.kind is SegmentKind.MEDIA for s in found)
    assert found == list(index)
    assert {s.address for s in found} <= set(index.addresses())


@given(
    timescales, st.integers(1, 10**6), st.integers(1, 20), st.integers(1, 12), st.integers(0, 10**9)
)
def test_the_parts_of_a_sequence_tile_it_exactly_in_every_addressing_mode(
    timescale: int, duration: int, count: int, parts: int, offset: int
) -> None:
    period = Fraction(duration * count, timescale)
    if 10**12 % period.denominator:
        return
    common = f'timescale="{timescale}" media="$Number$-$SubNumber$"'
    timed = f'{common} presentationTimeOffset="{offset}"'
    derived = index_of(
        f'<SegmentTemplate {common} duration="{duration}" k="{parts}"/>', duration=period
    )
    listed = [
        index_of(
            f"<SegmentTemplate {timed} {more}><SegmentTimeline>{row}</SegmentTimeline>"
            "</SegmentTemplate>",
            duration=period,
        )
        for more, row in (
            ("", f'<S t="{offset}" d="{duration}" k="{parts}" r="{count - 1}"/>'),
            ("", f'<S t="{offset}" d="{duration}" k="{parts}" r="-1"/>'),
            (f'k="{parts}"', f'<S t="{offset}" d="{duration}" r="{count - 1}"/>'),
            (
                "",
                f'<Pattern id="p"><P d="{duration}" r="{count}"/></Pattern>'
                f'<S t="{offset}" p="p" pE="1" k="{parts}" r="{count - 1}"/>',
            ),
        )
    ]
    expected = media(derived)
    assert [url for url, *_ in expected] == [
        f"http://h/{n}-{j}" for n in range(1, count + 1) for j in range(parts)
    ]
    starts = [start for _, _, start, _ in expected]
    assert starts == [Fraction(duration * i, parts * timescale) for i in range(count * parts)]
    ticks = [length or 0 for *_, length in expected]
    for i in range(count):
        assert sum(ticks[i * parts : (i + 1) * parts]) == duration
    for index in listed:
        assert media(index) == expected
        assert index.count() == len(expected)


pairs = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 50)), min_size=1, max_size=4)


@given(pairs, st.integers(0, 30), st.integers(0, 40), st.fractions(0, 900, max_denominator=7))
def test_the_arithmetic_of_a_pattern_is_that_of_its_durations(
    listed: list[tuple[int, int]], entry: int, count: int, ticks: Fraction
) -> None:
    pattern = DurationPattern.of(listed)
    cycle = [length for repeats, length in listed for _ in range(repeats)]
    lengths = [cycle[(entry + i) % len(cycle)] for i in range(1000)]
    assert pattern.span(entry, count) == sum(lengths[:count])
    ends = list(accumulate(lengths))
    assert pattern.complete(entry, ticks) == sum(end <= ticks for end in ends)
    assert pattern.needed(entry, ticks) == sum(end < ticks for end in ends) + (ticks > 0)
    run = Run(1, 5, 0, count, pattern=pattern, entry=entry)
    assert [length for _, length in run.segments()] == lengths[:count]
    assert run.end == 5 + sum(lengths[:count])


@given(pairs, st.integers(0, 30), st.integers(1, 40), st.integers(1, 3))
def test_a_pattern_means_the_rows_that_it_stands_for(
    listed: list[tuple[int, int]], entry: int, count: int, parts: int
) -> None:
    cycle = [length for repeats, length in listed for _ in range(repeats)]
    rows = "".join(f'<S d="{cycle[(entry + i) % len(cycle)]}" k="{parts}"/>' for i in range(count))
    pattern = "".join(f'<P d="{length}" r="{repeats - 1}"/>' for repeats, length in listed)
    short = (
        f'<Pattern id="a">{pattern}</Pattern><S p="a" pE="{entry}" r="{count - 1}" k="{parts}"/>'
    )
    document = (
        '<SegmentTemplate media="$Time$-$SubNumber$"><SegmentTimeline>{}</SegmentTimeline>'
        "</SegmentTemplate>"
    )
    one = index_of(document.format(short + '<S d="1"/>'), duration=Fraction(9))
    other = index_of(document.format(rows + '<S d="1"/>'), duration=Fraction(9))
    assert list(one) == list(other)
    assert one.count() == other.count() == len(list(one))
