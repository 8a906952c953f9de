"""WebVTT: files as they are written by people, packagers and for HLS."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashget.mux.subtitles.document import read_script
from dashget.mux.subtitles.limits import SubtitleError
from dashget.mux.subtitles.markup import Run, Style, read_payload, subrip_text, write_payload
from dashget.mux.subtitles.webvtt import read_webvtt

FILE = """\
WEBVTT - a title
X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000

STYLE
::cue(.a) { color: red }

NOTE a remark, with --> in it
01:00.000 --> 02:00.000

first
00:01.500 --> 00:00:02.000 align:start line:0
One
two

100:00:00.001 --> 100:00:01.000
<i>Late</i>
"""


def test_a_file_has_its_cues_settings_and_styles() -> None:
    script = read_webvtt(FILE.replace("\n", "\r\n"))
    one, late = script.cues
    assert (one.start, one.end) == (Fraction(3, 2), 2)
    assert (one.payload, one.settings, one.identifier) == (
        "One\ntwo",
        "align:start line:0",
        "first",
    )
    assert (late.start, late.payload) == (Fraction(360000001, 1000), "<i>Late</i>")
    assert script.styles == ("STYLE\n::cue(.a) { color: red }",)
    assert script.problems == ()


def test_an_empty_segment_has_no_cues() -> None:
    assert read_webvtt("\ufeffWEBVTT").cues == ()


def test_unreadable_times_are_told() -> None:
    text = (
        "WEBVTT\n\n00:01 --> 00:02\nx\n\n00:02.000 --> 00:01.000\ny\n\n00:03.000 --> 00:04.000\nz"
    )
    script = read_webvtt(text)
    assert [cue.payload for cue in script.cues] == ["z"]
    assert script.problems == (
        "unreadable times: '00:01 --> 00:02'",
        "a cue that ends before it begins: '00:02.000 --> 00:01.000'",
    )


def test_a_second_arrow_begins_another_cue() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\na\n00:02.000 --> 00:03.000\nb"
    assert [cue.payload for cue in read_webvtt(text).cues] == ["a", "b"]


@pytest.mark.parametrize("text", ["", "<html>", "WEBVTTX\n", "1\n00:00:01,000 --> 00:00:02,000\nx"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(SubtitleError, match="begins with WEBVTT"):
        read_webvtt(text)


def test_many_unreadable_cues_are_a_file_that_cannot_be_read() -> None:
    with pytest.raises(SubtitleError, match="more than 1,000 unreadable cues"):
        read_webvtt("WEBVTT\n\n" + "-->\n" * 10_000)


def test_a_cue_has_a_limit_of_its_text() -> None:
    tags = "<b>" * 30_000
    cue = "00:01.000 --> 00:02.000\n{}x\n\n"
    with pytest.raises(SubtitleError, match="more than 4,000,000 characters"):
        read_script(b"", [("WEBVTT\n\n" + cue.format("y" * 60_000) * 67).encode()])
    file = f"WEBVTT\n\n{cue.format(tags)}".encode()
    with pytest.raises(SubtitleError, match="more than 65,536 characters"):
        read_script(b"", [file])


def test_tags_become_styles_and_back() -> None:
    payload = "<v Roger><b>A &amp; <i>b</i></b> <c.yellow.big>c</c> <00:01.000><u>d&#x41;"
    runs = read_payload(payload)
    assert runs == (
        Run("A & ", Style(bold=True)),
        Run("b", Style(bold=True, italic=True)),
        Run(" "),
        Run("c", Style(color="ffff00")),
        Run(" "),
        Run("dA", Style(underline=True)),
    )
    assert read_payload(write_payload(runs)) == runs
    assert subrip_text(runs) == (
        '<b>A & </b><b><i>b</i></b> <font color="#ffff00">c</font> <u>dA</u>'
    )


def test_closing_tags_of_others_and_odd_brackets_are_left_alone() -> None:
    assert read_payload("a</i>b <x>c</x> d < e &unknown; & f") == (Run("ab c d "),)
