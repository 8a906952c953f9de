"""Times are integers of the file track: placement, zero, and counted samples."""

from __future__ import annotations

from fractions import Fraction

import pytest

import dashget
from dashget.mpd.presentation import Representation
from dashget.mux.contents import Contents
from dashget.mux.description import Configuration, Description
from dashget.mux.labels import Label
from dashget.mux.times import (
    SampleCounter,
    movie_timescale,
    opus_samples,
    origin_of,
    place,
    timescale_of,
    zero_of,
)
from dashget.mux.tracks import FileTrack, Stretch

MPD = """\
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT60S">
 <Period start="PT30S"><AdaptationSet mimeType="video/mp4">
  <SegmentTemplate media="$Number$.m4s" duration="2" timescale="{scale}"
   presentationTimeOffset="{offset}"/>
  <Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>
"""
NOTHING = Contents((), 0, (), beginning_lacks=False)


def representation(scale: int = 1, offset: int = 0) -> Representation:
    document = MPD.format(scale=scale, offset=offset).encode()
    presentation = dashget.resolve(dashget.parse_mpd(document, url="http://h.example/x.mpd"))
    return presentation.periods[0].adaptation_sets[0].representations[0]


def stretch(
    kind: str = "video", *, ticks: int = 90000, first: int = 0, rate: int = 0, offset: int = 0
) -> Stretch:
    described = Description(
        kind=kind,
        configuration=Configuration("h264", "avc1", b"", (), sample_rate=rate),
        timescale=ticks,
        first_pts=first,
        first_dts=first,
        frame_samples=1024 if rate else 0,
        priming=0,
        in_webm=False,
    )
    found = representation(1, offset)
    adaptation_set = dashget.AdaptationSet(
        index=0, id=None, content_type=found.content_type, representations=(found,)
    )
    return Stretch(found, adaptation_set, NOTHING, (), described)


def track(*stretches: Stretch) -> FileTrack:
    return FileTrack(stretches[0].description.kind, Label("und", None, frozenset()), stretches)


def test_the_offset_comes_from_the_addressing() -> None:
    assert origin_of(representation(90000, 900000)) == 20
    assert origin_of(representation(3, 1)) == 30 - Fraction(1, 3)


def test_a_stretch_is_placed_in_whole_ticks_of_its_track() -> None:
    placed = place(stretch(ticks=1000, offset=5), 90000, Fraction(30))
    assert placed.at(5000) == 0
    assert placed.at(5040) == 3600
    assert not placed.counted


def test_periods_with_other_ticks_share_a_track_that_fits_both() -> None:
    assert timescale_of(track(stretch(ticks=12800), stretch(ticks=90000))) == 2880000
    largest = track(stretch(ticks=2_000_000_011), stretch(ticks=90000))
    assert timescale_of(largest) == 2_000_000_011


def test_audio_has_the_ticks_of_its_samples_and_is_counted_where_the_source_has_others() -> None:
    audio = stretch("audio", ticks=1000, rate=48000)
    assert timescale_of(track(audio)) == 48000
    assert place(audio, 48000, Fraction(30)).counted
    assert not place(stretch("audio", ticks=48000, rate=48000), 48000, Fraction(30)).counted


@pytest.mark.parametrize(
    ("first", "live", "holes", "zero"),
    [
        (0, False, False, 30),
        (9, False, False, 30),
        (11, False, False, 41),
        (11, False, True, 30),
        (5, True, False, 35),
        (-1, True, False, 30),
    ],
)
def test_zero_is_the_first_period_unless_nothing_is_there(
    first: int, live: bool, holes: bool, zero: int
) -> None:
    late = track(stretch(first=90000 * first))
    later = track(stretch(first=90000 * (first + 3)))
    assert zero_of((later, late), live=live, holes=holes) == zero


def test_the_movie_timescale_is_exact_for_all_tracks() -> None:
    for scales in ((12800, 48000), (90000, 44100, 48000)):
        assert all(movie_timescale(scales) % scale == 0 for scale in scales)
    assert movie_timescale((2**31 - 1, 48000)) == 2**31 - 1


def counted(*ticks: int, duration: int = 21) -> list[int]:
    counter = SampleCounter()
    placed = place(stretch("audio", ticks=1000, rate=48000), 48000, Fraction(30))
    counter.begin(placed, 1024, "aac")
    return [counter.take(tick, duration, memoryview(b""))[0] for tick in ticks]


def test_samples_are_counted_through_rounded_ticks() -> None:
    assert counted(0, 21, 43, 64, 85) == [0, 1024, 2048, 3072, 4096]


def test_a_hole_in_the_source_begins_the_count_anew() -> None:
    assert counted(0, 21, 1000, 1021) == [0, 1024, 48000, 49024]


@pytest.mark.parametrize(
    ("head", "samples"),
    [
        (b"", 0),
        (b"\xfc", 960),
        (b"\xfd", 1920),
        (b"\xff\x03", 2880),
        (b"\xff", 0),
        (b"\x18", 2880),
        (b"\x60", 480),
        (b"\x80", 120),
    ],
)
def test_an_opus_packet_tells_its_samples(head: bytes, samples: int) -> None:
    assert opus_samples(head) == samples
