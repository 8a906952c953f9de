"""Any bytes in subtitles end in cues or in a refusal, and cues are written and read again."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashget.mux.subtitles.cues import Cue, in_milliseconds, in_order, joined
from dashget.mux.subtitles.document import read_script
from dashget.mux.subtitles.formats import subrip_file, timed_text_samples, webvtt_file
from dashget.mux.subtitles.limits import SubtitleError
from dashget.mux.subtitles.markup import read_payload, write_payload
from dashget.mux.subtitles.webvtt import read_webvtt
from tests.unit.mux.subtitles.mp4 import NOTHING, initialization, segment, shown

WORDS = st.sampled_from(
    [b"WEBVTT\n\n", b"00:01.000 --> 00:02.000\n", b"<i>", b"</i>", b"\n\n", b"a", b"&lt;", b"-->"]
)
TAGS = st.sampled_from(
    [
        b'<tt xmlns="http://www.w3.org/ns/ttml">', b"<body>", b"<div>", b'<p begin="1s" end="2s">',
        b'<span begin="1f" dur="3t">', b"</span>", b"</p>", b"</div>", b"</body>", b"</tt>", b"x",
        b"<br/>", b'<style xml:id="a" style="a"/>', b"<head>", b"</head>",
    ]
)  # fmt: skip
BOXES = st.sampled_from([NOTHING, shown("a"), shown("b", "line:0"), b"\0\0\0\x08vtta", b"\0\0\0\0"])
SAMPLES = st.one_of(
    st.binary(max_size=40),
    st.lists(WORDS).map(b"".join),
    st.lists(TAGS).map(b"".join),
    st.lists(BOXES).map(b"".join),
)


@given(
    st.sampled_from(["wvtt", "stpp", "tx3g"]),
    st.lists(st.tuples(st.integers(0, 2**32 - 1), SAMPLES), max_size=4),
    st.integers(0, 2**40),
)
def test_any_sample_ends_in_cues_or_a_refusal(
    code: str, samples: list[tuple[int, bytes]], time: int
) -> None:
    written(initialization(code), [segment(time, samples)])


@given(st.one_of(SAMPLES, st.binary()), st.integers(0, 400), st.binary(max_size=6))
def test_any_file_ends_in_cues_or_a_refusal(data: bytes, at: int, change: bytes) -> None:
    written(b"", [data])
    whole = initialization("wvtt") + segment(0, [(5, shown("a"))])
    written(b"", [whole[:at] + change + whole[at + len(change) :]])


def written(beginning: bytes, media: list[bytes]) -> None:
    """Read, and write what was read in every form."""
    try:
        cues = read_script(beginning, media).cues
        timed = in_milliseconds(cues)
        assert all(start < end for start, end, _ in timed)
        end = 0
        for start, until, _ in timed_text_samples(timed):
            assert start == end < until
            end = until
    except SubtitleError:
        return
    subrip_file(timed)
    again = read_webvtt(webvtt_file(timed))
    assert again.problems == ()
    assert len(again.cues) <= len(timed)


@given(st.text("<>/ bicu.vlang&;amp\n-", max_size=40))
def test_text_with_styles_is_written_and_read_as_the_same(payload: str) -> None:
    runs = read_payload(payload)
    assert read_payload(write_payload(runs)) == runs


CUTS = st.lists(st.integers(1, 99), unique=True).map(lambda cuts: [0, *sorted(cuts), 100])


@given(st.lists(st.tuples(st.integers(0, 98), st.integers(1, 50)), max_size=8), CUTS)
def test_cues_that_are_cut_anywhere_are_made_whole(
    spans: list[tuple[int, int]], cuts: list[int]
) -> None:
    whole = [
        Cue(Fraction(start), Fraction(min(start + length, 100)), str(number))
        for number, (start, length) in enumerate(spans)
    ]
    pieces = [
        [
            Cue(max(cue.start, Fraction(begin)), min(cue.end, Fraction(end)), cue.payload)
            for cue in whole
            if cue.start < end and cue.end > begin
        ]
        for begin, end in pairwise(cuts)
    ]
    found = sorted(joined(pieces), key=lambda cue: cue.payload)
    assert in_order(found) == in_order(sorted(whole, key=lambda cue: cue.payload))
