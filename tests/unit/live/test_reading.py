"""From real manifests to lines: axes, rows, what follows from a duration, files by name."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from dashget.errors import UnsupportedMPDError
from dashget.live.listing import Axis, Version
from dashget.live.reading import read_version
from dashget.live.spans import Run
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.plan import make_layout
from dashget.planning.tracks import make_tracks

BEGIN = 1_700_000_000
STAMP = "2023-11-14T22:13:20Z"


def read(inner: str, *, at: float = 100, head: str = "", period: str = 'start="PT0S"') -> Version:
    """Return what a live manifest of one Representation says ``at`` seconds after its begin."""
    text = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT1S"'
        f' type="dynamic" availabilityStartTime="{STAMP}" timeShiftBufferDepth="PT20S" {head}>'
        f'<Period id="p" {period}><AdaptationSet contentType="video" mimeType="video/mp4">{inner}'
        '<Representation id="v" bandwidth="8000"/></AdaptationSet></Period></MPD>'
    ).encode()
    mpd = parse_mpd(text)
    presentation = resolve(mpd, url="http://h/live/x.mpd", now=Fraction(BEGIN) + Fraction(at))
    layout = make_layout(presentation)
    return read_version(mpd, presentation, make_tracks(presentation), layout, "digest")


def runs(version: Version, at: float, since: int | None = None) -> list[Run]:
    return list(version.listings[0].runs(BEGIN + at, since))


NUMBERED = '<SegmentTemplate media="v/$Number$.m4s" duration="2" startNumber="5" {}/>'


def test_numbers_alone_lie_on_an_axis_of_their_own() -> None:
    version = read(NUMBERED.format('initialization="v/init.mp4" presentationTimeOffset="7"'))
    listing = version.listings[0]
    assert listing.axis is Axis.NUMBER
    assert listing.path(10, 5) == "v/5.m4s"
    assert listing.urls(10, 5) == ("http://h/live/v/5.m4s",)
    assert listing.media_time(10) == 7
    assert listing.wall(12) == BEGIN + 2
    assert [once.path for once in listing.once] == ["v/init.mp4"]


def test_only_complete_segments_are_announced_and_those_of_the_window_at_first() -> None:
    version = read(NUMBERED.format(""))
    assert runs(version, 1.99) == []
    assert runs(version, 2.0) == [Run(10, 2, 1, 5)]
    (run,) = runs(version, 101.0)
    assert (run.number, run.end) == (5 + 39, 110)
    assert runs(version, 101.0, since=104) == [Run(104, 2, 3, 52)]


def test_all_since_what_is_known_is_named_although_it_has_left_the_window() -> None:
    assert runs(read(NUMBERED.format("")), 101.0, since=20) == [Run(20, 2, 45, 10)]


def test_a_low_latency_offset_is_of_no_use() -> None:
    early = NUMBERED.format('availabilityTimeOffset="1.5" availabilityTimeComplete="false"')
    assert runs(read(early), 2.4) == [Run(10, 2, 1, 5)]


def test_all_is_there_at_once_with_an_offset_without_end() -> None:
    version = read(
        NUMBERED.format('availabilityTimeOffset="INF"'), period='start="PT0S" duration="PT20S"'
    )
    assert runs(version, 0.0) == [Run(10, 2, 10, 5)]


def test_the_last_segment_is_complete_when_its_period_is() -> None:
    version = read(NUMBERED.format(""), period='start="PT0S" duration="PT5S"')
    assert runs(version, 4.9) == [Run(10, 2, 2, 5)]
    assert runs(version, 5.0) == [Run(10, 2, 3, 5)]
    assert version.listings[0].next_edge(14) == BEGIN + 5
    assert version.listings[0].next_edge(16) == math.inf
    assert version.end == BEGIN + 5


TIMED = '<SegmentTemplate media="v/$Time$.m4s" timescale="10"><SegmentTimeline>{}</SegmentTimeline></SegmentTemplate>'


def test_a_timeline_lies_on_media_time() -> None:
    version = read(TIMED.format('<S t="100" d="20" r="2"/><S d="15"/>'))
    listing = version.listings[0]
    assert listing.axis is Axis.TIME
    assert runs(version, 100) == [Run(100, 20, 3, 1), Run(160, 15, 1, 4)]
    assert listing.path(160, 4) == "v/160.m4s"
    assert version.listed_end == BEGIN + 17.5
    assert version.explicit


def test_an_open_row_goes_on_without_another_read() -> None:
    version = read(TIMED.format('<S t="100" d="15"/><S t="120" d="20" r="-1"/>'), at=20)
    assert not version.explicit
    assert runs(version, 22.0, since=None)[0] == Run(100, 15, 1, 1)
    assert runs(version, 22.0, since=200)[-1] == Run(200, 20, 1, 6)
    # Times may move a little: it goes on with the next segment, under the name that it has.
    for since in (191, 209):
        assert runs(version, 22.0, since=since)[-1] == Run(200, 20, 1, 6)
    assert runs(version, 26.0, since=200)[-1].count == 3


def test_a_segment_without_duration_has_a_place() -> None:
    assert runs(read(TIMED.format('<S t="100" d="0"/>')), 100) == [Run(100, 1, 1, 1)]


def test_the_parts_of_a_sequence_are_lines() -> None:
    inner = TIMED.format('<S t="0" d="20" k="3"/>').replace("$Time$", "$Time$-$SubNumber$")
    version = read(inner)
    assert [each.path(0, 1) for each in version.listings] == ["v/0-0.m4s", "v/0-1.m4s", "v/0-2.m4s"]
    assert len({each.key for each in version.listings}) == 3


def test_an_open_row_that_has_no_segment_yet_is_open_all_the_same() -> None:
    version = read(TIMED.format('<S t="0" d="20" r="4"/><S t="200" d="20" r="-1"/>'), at=21)
    assert runs(version, 21.0) == [Run(0, 20, 5, 1)]
    assert runs(version, 24.0, since=100) == [Run(0, 20, 5, 1), Run(200, 20, 2, 6)]


def test_an_open_row_ends_with_its_last_number() -> None:
    inner = TIMED.format('<S t="0" d="20" r="-1"/>').replace("timescale", 'endNumber="3" timescale')
    version = read(inner, at=3)
    assert runs(version, 3.0) == [Run(0, 20, 1, 1)]
    assert runs(version, 60.0, since=20) == [Run(20, 20, 2, 2)]
    assert version.listings[0].next_edge(60) == math.inf


def test_an_open_row_takes_the_durations_of_a_pattern_in_turn() -> None:
    rows = '<Pattern id="a"><P d="30" r="1"/><P d="20"/></Pattern><S t="100" p="a" r="-1"/>'
    version = read(TIMED.format(rows), at=20)
    assert not version.explicit
    listing = version.listings[0]
    assert runs(version, 18.9, since=100) == [Run(100, 30, 2, 1), Run(160, 20, 1, 3)]
    assert runs(version, 24.0, since=180) == [Run(180, 30, 2, 4)]
    assert runs(version, 26.0, since=210) == [Run(210, 30, 1, 5), Run(240, 20, 1, 6)]
    assert [listing.next_edge(t) - BEGIN for t in (130, 160, 180)] == [16, 18, 21]
    # Of the window, and the time that one segment lasts.
    assert runs(version, 40.0)[0] == Run(160, 20, 1, 3)


def test_a_part_of_a_sequence_is_complete_before_the_sequence() -> None:
    inner = NUMBERED.format('k="4"').replace("$.m4s", "$-$SubNumber$.m4s")
    version = read(inner, period='start="PT0S" duration="PT5S"')
    edges = [each.next_edge(None) - BEGIN for each in version.listings]
    assert edges == [0.5, 1.0, 1.5, 2.0]
    # The Period ends within the third sequence: its last parts may be missing.
    assert [each.next_edge(14) - BEGIN for each in version.listings] == [4.5, 5.0, 5.0, 5.0]
    assert [each.doubtful for each in version.listings] == [False, True, True, True]


def test_sequences_of_too_many_parts_are_refused() -> None:
    inner = TIMED.format('<S t="0" d="20" k="1001"/>').replace("$Time$", "$Time$-$SubNumber$")
    with pytest.raises(UnsupportedMPDError, match=r"sequences of 1,001 segments \(@k\)"):
        read(inner)


def test_a_list_is_files_by_name() -> None:
    version = read(
        '<SegmentList duration="2"><Initialization sourceURL="i.mp4"/>'
        '<SegmentURL media="a.m4s"/><SegmentURL media="b.m4s"/></SegmentList>'
    )
    assert [once.path for once in version.listings[0].once] == ["a.m4s", "b.m4s", "i.mp4"]
    assert version.step == 2.0
    assert version.explicit


def test_a_line_is_the_same_whatever_its_period_and_token() -> None:
    one = read(NUMBERED.format(""))
    other = read(
        NUMBERED.format("").replace("$.m4s", "$.m4s?token=x"), period='id="q" start="PT2S"'
        .replace('id="q" ', ""),
    )  # fmt: skip
    assert one.listings[0].key == other.listings[0].key


def test_what_the_document_says_of_itself() -> None:
    version = read(
        f"<!-- -->{NUMBERED.format('')}",
        head='minimumUpdatePeriod="PT3S" publishTime="2023-11-14T22:13:30Z"',
    )
    assert (version.update, version.depth, version.publish) == (3.0, 20.0, BEGIN + 10)
    assert version.begin == BEGIN
    assert version.dynamic
    assert version.end is None
