"""The subtitles of a Representation, whatever its files are."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashget.mux.subtitles.cues import Cue
from dashget.mux.subtitles.document import read_script
from dashget.mux.subtitles.limits import SubtitleError
from dashget.mux.subtitles.ttml import PictureError
from tests.unit.mux.subtitles.mp4 import NOTHING, box, initialization, segment, shown

TTML = b'<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="%s" end="%s">x</p></div></body></tt>'


def times(cues: tuple[Cue, ...]) -> list[tuple[Fraction, Fraction, str]]:
    return [(cue.start, cue.end, cue.payload) for cue in cues]


def test_a_cue_in_samples_of_several_segments_is_one() -> None:
    segments = [
        segment(0, [(500, NOTHING), (500, shown("a"))]),
        segment(1000, [(250, shown("a") + shown("b", "line:0")), (750, shown("b", "line:0"))]),
    ]
    script = read_script(initialization("wvtt"), segments)
    assert times(script.cues) == [
        (Fraction(1, 2), Fraction(5, 4), "a"),
        (Fraction(1), Fraction(2), "b"),
    ]
    assert script.cues[1].settings == "line:0"


def test_style_blocks_of_the_sample_entry_are_kept() -> None:
    head = box("vttC", b"WEBVTT\n\nSTYLE\n::cue { color: red }")
    script = read_script(initialization("wvtt", 1000, head), [segment(0, [(1, NOTHING)])])
    assert script.styles == ("STYLE\n::cue { color: red }",)


def test_documents_in_samples_are_cut_to_them_and_joined() -> None:
    document = TTML % (b"0.5s", b"3s")
    segments = [segment(0, [(1000, document)]), segment(1000, [(1000, document)])]
    script = read_script(initialization("stpp"), segments)
    assert times(script.cues) == [(Fraction(1, 2), Fraction(2), "x")]


def test_one_file_may_hold_everything() -> None:
    whole = initialization("wvtt") + segment(9000, [(500, shown("a"))])
    script = read_script(b"", [box("ftyp", b"isom0000") + whole])
    assert times(script.cues) == [(9, Fraction(19, 2), "a")]


def test_files_of_text_are_recognized_by_what_they_hold() -> None:
    vtt = b"\xef\xbb\xbfWEBVTT\n\n00:01.000 --> 00:02.000\na"
    assert times(read_script(b"", [vtt]).cues) == [(1, 2, "a")]
    document = b'<?xml version="1.0"?>\n' + TTML % (b"1s", b"2s")
    assert times(read_script(b"", [document]).cues) == [(1, 2, "x")]
    utf16 = (TTML % (b"1s", b"2s")).decode().encode("utf-16")
    assert times(read_script(b"", [utf16]).cues) == [(1, 2, "x")]
    assert read_script(b"", [b" \n"]).cues == ()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"1\n00:00:01,000 --> 00:00:02,000\nx", "neither WebVTT, TTML nor MP4"),
        (initialization("tx3g") + segment(0, [(1, b"\0\0")]), "cannot be read yet: tx3g"),
        (initialization("wvtt") + box("mdat", b"x"), "without fragments"),
        (segment(0, [(1, NOTHING)]), "no initialization segment"),
        (initialization("wvtt", 0) + segment(0, [(1, NOTHING)]), "timescale of 0"),
        (initialization("wvtt") + segment(0, [(1, b"\0\0\0\x20vttc")]), "cut off"),
        (initialization("wvtt") + segment(0, [(1, box("abcd"))]), "has a box 'abcd'"),
        (initialization("wvtt") + segment(0, [(1, NOTHING)])[:-1], "not in its segment"),
        (initialization("stpp") + segment(0, [(1, b"<tt")]), "unclosed token"),
        (initialization("stpp") + segment(0, [(1, b"<a/>")]), "that is not TTML"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(data: bytes, words: str) -> None:
    with pytest.raises(SubtitleError, match=words):
        read_script(b"", [data])


@pytest.mark.parametrize(
    "picture",
    [
        b'<div xmlns:s="http://www.smpte-ra.org/schemas/2052-1/2010/smpte-tt" s:backgroundImage="#a"/>',
        b'<div><p><span><image src="a.png"/></span></p></div>',
    ],
)
def test_pictures_are_refused(picture: bytes) -> None:
    document = b'<tt xmlns="http://www.w3.org/ns/ttml"><body>' + picture + b"</body></tt>"
    with pytest.raises(PictureError, match="pictures"):
        read_script(b"", [document])
