"""The plan: order, laziness, and its JSON form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction

import msgspec

from dashget.mirroring.expectation import expected_of
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.planning.layout import SafePath
from dashget.planning.limits import count_files
from dashget.planning.plan import PlannedSegment, iter_plan, make_layout, plan_line
from dashget.planning.selection import parse_selection
from dashget.planning.tracks import make_tracks, track_label

URL = "https://h.example/vod/x.mpd"


def presentation(
    periods: str, attributes: str = 'mediaPresentationDuration="PT8S"'
) -> Presentation:
    text = (
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT1S" '
        f'profiles="urn:mpeg:dash:profile:isoff-live:2011" {attributes}>{periods}</MPD>'
    )
    return resolve(parse_mpd(text.encode()), url=URL, now=datetime(2026, 1, 1, tzinfo=UTC))


def planned(shown: Presentation) -> Iterator[PlannedSegment]:
    return iter_plan(make_tracks(shown), make_layout(shown))


def adaptation_set(
    name: str, duration: int, *, mime: str = "video/mp4", ids: tuple[str, ...] = ("",)
) -> str:
    representations = "".join(f'<Representation id="{name}{i}" bandwidth="8000"/>' for i in ids)
    return (
        f'<AdaptationSet mimeType="{mime}"><SegmentTemplate timescale="1" duration="{duration}" '
        'initialization="$RepresentationID$/init.mp4" media="$RepresentationID$/$Number$.m4s"/>'
        f"{representations}</AdaptationSet>"
    )


TWO = f"<Period>{adaptation_set('v', 4)}{adaptation_set('a', 2, mime='audio/mp4')}</Period>"


def test_initialization_comes_first_then_media_by_start_time() -> None:
    assert [p.path for p in planned(presentation(TWO))] == [
        "v/init.mp4",
        "a/init.mp4",
        "v/1.m4s",
        "a/1.m4s",
        "a/2.m4s",
        "v/2.m4s",
        "a/3.m4s",
        "a/4.m4s",
    ]


def test_periods_follow_one_another() -> None:
    both = "".join(
        f'<Period id="{name}" duration="PT4S"><BaseURL>{name}/</BaseURL>{adaptation_set("v", 4)}</Period>'
        for name in ("one", "two")
    )
    assert [p.path for p in planned(presentation(both))] == [
        "one/v/init.mp4",
        "one/v/1.m4s",
        "two/v/init.mp4",
        "two/v/1.m4s",
    ]


def test_segments_that_start_together_are_in_document_order() -> None:
    one = f"<Period>{adaptation_set('v', 8, ids=('1', '2', '3'))}</Period>"
    paths = [p.path for p in planned(presentation(one))]
    assert paths[3:] == ["v1/1.m4s", "v2/1.m4s", "v3/1.m4s"]


def test_a_plan_is_a_stream() -> None:
    endless = (
        '<Period><AdaptationSet mimeType="video/mp4"><SegmentTemplate media="$Time$.m4s">'
        '<SegmentTimeline><S t="0" d="1" r="2000000000"/></SegmentTimeline></SegmentTemplate>'
        '<Representation id="v" bandwidth="1"/></AdaptationSet></Period>'
    )
    stream = planned(presentation(endless, 'mediaPresentationDuration="PT2000000001S"'))
    assert [next(stream).path for _ in range(3)] == ["0.m4s", "1.m4s", "2.m4s"]


def test_the_json_form_has_the_promised_keys_in_order() -> None:
    lines = [
        list(json.loads(msgspec.json.encode(plan_line(p))).items())
        for p in planned(presentation(TWO.replace("<Period>", '<Period id="p">')))
    ]
    assert [list(pair) for pair in lines[3]] == [
        ["period", "p"],
        ["period_index", 0],
        ["adaptation_set", 1],
        ["representation", "a"],
        ["kind", "media"],
        ["number", 1],
        ["time", 0],
        ["timescale", 1],
        ["start", 0.0],
        ["duration", 2.0],
        ["url", "https://h.example/vod/a/1.m4s"],
        ["range", None],
        ["explicit", False],
        ["path", "a/1.m4s"],
    ]
    assert dict(lines[0]) | {"timescale": None} == {
        "period": "p",
        "period_index": 0,
        "adaptation_set": 0,
        "representation": "v",
        "kind": "initialization",
        "number": None,
        "time": None,
        "timescale": None,
        "start": None,
        "duration": None,
        "url": "https://h.example/vod/v/init.mp4",
        "range": None,
        "explicit": True,
        "path": "v/init.mp4",
    }


def test_starts_are_the_doubles_nearest_to_the_exact_values() -> None:
    text = (
        '<Period start="PT0.1S"><AdaptationSet mimeType="video/mp4">'
        '<SegmentTemplate timescale="90000" presentationTimeOffset="7" media="$Number$.m4s">'
        '<SegmentTimeline><S t="0" d="3003" r="-1"/></SegmentTimeline></SegmentTemplate>'
        '<Representation id="v" bandwidth="1"/></AdaptationSet></Period>'
    )
    for p in planned(presentation(text)):
        line = plan_line(p)
        assert p.segment.number is not None
        exact = Fraction(1, 10) + Fraction((p.segment.number - 1) * 3003 - 7, 90000)
        assert line.start == float(exact)
        assert line.duration == float(Fraction(3003, 90000))


def test_segments_that_are_ranges_of_one_file_share_its_path() -> None:
    text = (
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="1">'
        '<BaseURL>v.mp4</BaseURL><SegmentList timescale="1" duration="4">'
        '<Initialization range="0-99"/><SegmentURL mediaRange="100-199"/>'
        '<SegmentURL mediaRange="200-299"/></SegmentList></Representation></AdaptationSet></Period>'
    )
    lines = [plan_line(p) for p in planned(presentation(text))]
    assert [line.range for line in lines] == ["0-99", "100-199", "200-299"]
    assert {line.path for line in lines} == {"v.mp4"}


def test_alternative_urls_follow_the_first_one() -> None:
    text = (
        "<BaseURL>https://one.example/</BaseURL><BaseURL>https://two.example/</BaseURL>"
        f"<Period>{adaptation_set('v', 8)}</Period>"
    )
    last = list(planned(presentation(text)))[-1]
    assert last.urls == ("https://one.example/v/1.m4s", "https://two.example/v/1.m4s")


def test_tracks_count_their_files_and_estimate_their_bytes() -> None:
    tracks = make_tracks(presentation(TWO))
    assert count_files(tracks) == (3, 5)
    assert [track.bytes_estimated for track in tracks] == [8000, 8000]
    assert [track.key for track in tracks] == [0, 1]


def test_a_track_label_shows_language_bandwidth_and_id() -> None:
    text = (
        '<Period><AdaptationSet mimeType="audio/mp4" lang="fr"><SegmentTemplate duration="8" '
        'media="$Number$"/><Representation id="a1" bandwidth="128000"/></AdaptationSet></Period>'
    )
    track = make_tracks(presentation(text))[0]
    assert track_label(track.representation) == "fr 128k (a1)"


def test_paths_do_not_depend_on_the_selection() -> None:
    shown = presentation(
        "<Period>"
        + adaptation_set("v", 8).replace(".m4s", ".m4s?a")
        + adaptation_set("V", 8).replace(".m4s", ".m4s?b")
        + "</Period>"
    )
    everything = {p.segment.url: p.path for p in planned(shown)}
    some = iter_plan(make_tracks(shown)[1:], make_layout(shown))
    assert all(everything[p.segment.url] == p.path for p in some)


def test_problems_of_representations_that_are_not_selected_do_not_matter() -> None:
    text = (
        '<AdaptationSet mimeType="text/vtt"><SegmentTemplate timescale="0" duration="2"'
        ' media="$Number$"/><Representation id="t" bandwidth="1"/></AdaptationSet>'
    )
    shown = presentation(f"<Period>{adaptation_set('v', 4)}{text}</Period>")
    name = SafePath("x.mpd")
    expected = expected_of(shown, name, parse_selection(text="none"))
    assert len(list(expected.iter_plan())) == 3
    assert expected.partial
    (named,) = expected_of(shown, name, parse_selection()).unplanned
    assert "@timescale is 0" in str(named.problems)
