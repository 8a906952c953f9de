"""Chapters from Periods and from events that have text."""

from __future__ import annotations

from fractions import Fraction

import pytest

import dashget
from dashget.mux.chapters import chapters_of

NAMED = "urn:example:chapters"
PERIOD = """\
<Period id="{id}" duration="PT60S">{events}<AdaptationSet mimeType="video/mp4">
<Representation id="v" bandwidth="1"><BaseURL>{id}.mp4</BaseURL></Representation>
</AdaptationSet></Period>"""
STREAM = """\
<EventStream schemeIdUri="{scheme}" timescale="10" presentationTimeOffset="100">{events}
</EventStream>"""


def chapters(*events: str, scheme: str = NAMED, zero: int = 0) -> list[tuple[float, float, str]]:
    stream = STREAM.format(scheme=scheme, events="".join(events)) if events else ""
    return found([stream], zero)


def found(streams: list[str], zero: int = 0) -> list[tuple[float, float, str]]:
    periods = "".join(PERIOD.format(id=f"p{n}", events=s) for n, s in enumerate(streams))
    document = f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">{periods}</MPD>'
    mpd = dashget.parse_mpd(document.encode(), url="http://h.example/x.mpd")
    made = chapters_of(dashget.resolve(mpd).periods, Fraction(zero))
    return [(float(c.start), float(c.end), c.title) for c in made]


def test_an_event_with_text_is_a_chapter_to_its_end_or_the_next() -> None:
    assert chapters(
        '<Event presentationTime="100" duration="50">Opening  titles</Event>',
        '<Event presentationTime="200" messageData="First act"/>',
        '<Event presentationTime="400" duration="999">Second act</Event>',
    ) == [(0, 5, "Opening titles"), (10, 30, "First act"), (30, 60, "Second act")]


def test_an_event_at_the_start_of_a_period_names_its_chapter() -> None:
    stream = STREAM.format(scheme=NAMED, events='<Event presentationTime="100">News</Event>')
    assert found(["", stream]) == [(0, 60, "p0"), (60, 120, "News")]


@pytest.mark.parametrize(
    "event",
    [
        '<Event presentationTime="700">after the end</Event>',
        '<Event presentationTime="0">before the Period</Event>',
        '<Event presentationTime="100"/>',
        '<Event presentationTime="100"><Signal xmlns="urn:x"/></Event>',
        '<Event presentationTime="100" contentEncoding="base64">SGFsbG8=</Event>',
        '<Event presentationTime="100">{"a": 1}</Event>',
        f'<Event presentationTime="100">{"A" * 40}</Event>',
        f'<Event presentationTime="100">{"word " * 60}</Event>',
    ],
)
def test_what_is_no_title_inside_its_period_makes_no_chapter(event: str) -> None:
    assert chapters(event) == []


def test_events_for_programs_make_no_chapters() -> None:
    event = '<Event presentationTime="100">splice</Event>'
    for scheme in ("urn:scte:scte35:2013:xml", "urn:mpeg:dash:event:2012"):
        assert chapters(event, scheme=scheme) == []
