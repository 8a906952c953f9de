"""TTML: times in every spelling, styles by every road, and documents that ask for too much."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashget.mux.subtitles.limits import MOST_DEPTH, SubtitleError
from dashget.mux.subtitles.ttml import read_ttml

HEAD = (
    '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling"'
    ' xmlns:ttp="http://www.w3.org/ns/ttml#parameter" {}>'
)


def document(body: str, attributes: str = "", head: str = "") -> bytes:
    return f"{HEAD.format(attributes)}<head>{head}</head><body>{body}</body></tt>".encode()


def times(body: str, attributes: str = "") -> list[tuple[Fraction, Fraction]]:
    return [(cue.start, cue.end) for cue in read_ttml(document(body, attributes)).cues]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:00:01", Fraction(1)),
        ("01:00:00.25", Fraction(14401, 4)),
        ("00:00:01:12", Fraction(37, 25)),
        ("1.5s", Fraction(3, 2)),
        ("1500ms", Fraction(3, 2)),
        ("2m", Fraction(120)),
        ("1h", Fraction(3600)),
        ("50f", Fraction(2)),
        ("20000000t", Fraction(2)),
    ],
)
def test_times_are_exact(text: str, seconds: Fraction) -> None:
    rates = 'ttp:frameRate="25" ttp:tickRate="10000000"'
    body = f'<div><p begin="{text}" dur="1s">x</p></div>'
    assert times(body, rates) == [(seconds, seconds + 1)]


def test_frames_of_ntsc_are_exact() -> None:
    rates = 'ttp:frameRate="30" ttp:frameRateMultiplier="1000 1001"'
    assert times('<div><p begin="30f" end="60f">x</p></div>', rates) == [
        (Fraction(1001, 1000), Fraction(1001, 500))
    ]


def test_times_add_up_and_end_with_what_is_around() -> None:
    body = (
        '<div begin="10s" end="13s"><p begin="1s" dur="1s">a</p><p begin="2s" end="9s">b</p></div>'
    )
    assert times(body) == [(11, 12), (12, 13)]


def test_children_of_a_sequence_follow_one_another() -> None:
    body = '<div timeContainer="seq"><p dur="1s">a</p><p begin="1s" dur="1s">b</p></div>'
    assert times(body) == [(0, 1), (2, 3)]


def test_parts_with_times_become_several_cues() -> None:
    body = '<div><p begin="1s" end="4s">a <span begin="1s" end="2s">b</span></p></div>'
    cues = read_ttml(document(body)).cues
    assert [(cue.start, cue.end, cue.payload) for cue in cues] == [
        (1, 2, "a"),
        (2, 3, "a b"),
        (3, 4, "a"),
    ]


def test_styles_come_from_references_regions_and_elements_around() -> None:
    head = (
        '<styling><style xml:id="a" tts:color="#FF8800"/>'
        '<style xml:id="b" style="a b" tts:fontStyle="italic"/></styling>'
        '<layout><region xml:id="r" tts:origin="10% 10%" tts:extent="80% 20%">'
        '<style tts:textDecoration="underline" tts:textAlign="left"/></region></layout>'
    )
    body = (
        '<div region="r"><p begin="0s" end="1s" style="b">x<span tts:fontWeight="bold"'
        ' tts:color="yellow">y</span></p></div>'
    )
    (cue,) = read_ttml(document(body, head=head)).cues
    assert cue.payload == "<c.rgbff8800><i><u>x</u></i></c><c.yellow><b><i><u>y</u></i></b></c>"
    assert cue.settings == "line:10% align:left"


def test_spaces_are_shown_as_a_player_does() -> None:
    body = '<div><p begin="0s" end="1s">\n  a <br/> \n b\t<span> c </span>\n</p></div>'
    assert read_ttml(document(body)).cues[0].payload == "a\nb c"
    assert read_ttml(document(body, 'xml:space="preserve"')).cues[0].payload != "a\nb c"


def test_hidden_text_and_metadata_are_left_out() -> None:
    body = (
        '<div><p begin="0s" end="1s"><metadata>m</metadata>a'
        '<span tts:visibility="hidden">b</span><span tts:display="none">c</span></p></div>'
    )
    assert read_ttml(document(body)).cues[0].payload == "a"


def test_a_cue_without_an_end_is_told() -> None:
    script = read_ttml(document('<div><p begin="1s">x</p></div>'))
    assert [(cue.start, cue.end) for cue in script.cues] == [(1, 11)]
    assert script.problems == ("a cue without an end is shown for 10 s",)


def test_the_first_drafts_are_read_too() -> None:
    data = document('<div><p begin="0s" end="1s">x</p></div>')
    for name in (b"2006/04/ttaf1", b"2006/10/ttaf1"):
        assert read_ttml(data.replace(b"ns/ttml", name)).cues


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'<!DOCTYPE tt [<!ENTITY a "b">]>' + document("&a;"), "entity of its own: 'a'"),
        (document("&a;"), "undefined entity"),
        (document('<div><p begin="soon">x</p></div>'), "invalid time: 'soon'"),
        (document("", 'ttp:frameRate="0"'), "invalid frameRate: '0'"),
        (document("", 'ttp:frameRateMultiplier="1"'), "invalid frameRateMultiplier"),
        (document("", 'ttp:tickRate="x"'), "invalid tickRate"),
        (document("<div>" * (MOST_DEPTH + 1)), "nested more than"),
        (document("<p/>" * 100_001), "more than 100,000 elements"),
        (b'<?xml version="1.0" encoding="none"?><tt/>', "unknown encoding"),
    ],
)
def test_documents_that_cannot_be_read_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(SubtitleError, match=words):
        read_ttml(data)


def test_parts_that_multiply_each_other_have_a_limit() -> None:
    spans = "".join(f'<span begin="{n}s" end="{n + 1}s">x</span>' for n in range(1500))
    with pytest.raises(SubtitleError, match="pieces of text"):
        read_ttml(document(f'<div><p begin="0s" end="9999s">{spans}</p></div>'))
