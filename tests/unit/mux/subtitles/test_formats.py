"""Cues as SubRip, as WebVTT and as samples of MP4."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashget.mux.subtitles.cues import Cue, in_milliseconds
from dashget.mux.subtitles.formats import (
    subrip_file,
    timed_text_sample,
    timed_text_samples,
    webvtt_file,
)
from dashget.mux.subtitles.limits import SubtitleError
from dashget.mux.subtitles.webvtt import read_webvtt


def cue(start: int, end: int, text: str, settings: str = "", name: str = "") -> Cue:
    return Cue(Fraction(start), Fraction(end), text, settings, name)


CUES = (
    cue(1, 2, "a\n\n\n<i>b</i>", "line:0", "first"),
    cue(3600, 3601, "<c.rgbff8800>c</c> --> d"),
    cue(4000, 4001, "<i> </i>"),
)


def test_subrip_has_no_empty_lines_in_a_cue_and_no_empty_cues() -> None:
    assert subrip_file(in_milliseconds(CUES)) == (
        "1\n00:00:01,000 --> 00:00:02,000\na\n<i>b</i>\n\n"
        "2\n01:00:00,000 --> 01:00:01,000\n"
        '<font color="#ff8800">c</font> --> d\n\n'
    )


def test_webvtt_keeps_settings_names_and_colors() -> None:
    text = webvtt_file(in_milliseconds(CUES[:2]), ["STYLE\n::cue { color: red }"])
    script = read_webvtt(text)
    assert [one.payload for one in script.cues] == [
        "a\n<i>b</i>",
        "<c.rgbff8800>c</c> --&gt; d",
    ]
    assert (script.cues[0].settings, script.cues[0].identifier) == ("line:0", "first")
    assert script.styles == (
        "STYLE\n::cue { color: red }",
        "STYLE\n::cue(.rgbff8800) { color: #ff8800 }",
    )


def test_samples_of_mp4_have_no_gaps_and_no_overlap() -> None:
    timed = in_milliseconds((cue(1, 4, "a"), cue(2, 3, "b"), cue(6, 7, "c")))
    assert list(timed_text_samples(timed)) == [
        (0, 1000, b"\0\0"),
        (1000, 2000, b"\0\1a"),
        (2000, 3000, b"\0\3a\nb"),
        (3000, 4000, b"\0\1a"),
        (4000, 6000, b"\0\0"),
        (6000, 7000, b"\0\1c"),
    ]


def test_styles_of_a_sample_count_characters() -> None:
    sample = timed_text_sample([cue(0, 1, "\u00e9<b>x</b>")])
    assert sample[:5] == b"\0\3\xc3\xa9x"
    assert sample[5:] == (
        b"\0\0\0\x16styl\0\1" b"\0\1\0\2" b"\0\1" b"\1" b"\x10" b"\xff\xff\xff\xff"
    )  # fmt: skip


def test_a_sample_that_is_too_long_is_refused() -> None:
    with pytest.raises(SubtitleError, match="MP4 holds 65,535"):
        timed_text_sample([cue(0, 1, "x" * 70_000)])
