"""The local MPD of a recording: holes, restarts, new shapes, sequences, fractions of ticks."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashget.live.facts import Fact, LineFact, SegmentFact, ShapeFact, StretchFact
from dashget.live.localmpd import Coverage, local_mpd
from dashget.live.state import State
from dashget.mpd.names import NAMESPACE
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from tests.support.played import PlayedFile, initializations, played_files

BEGIN = 1_700_000_000


def shape(track: str, media: str = "$Number$.m4s", kind: str = "video", codecs: str = "x") -> str:
    return (
        f'<MPD xmlns="{NAMESPACE}" profiles="p" minBufferTime="PT2S" type="static">'
        f'<BaseURL>./</BaseURL><Period><AdaptationSet contentType="{kind}" mimeType="{kind}/mp4">'
        f'<Representation id="{track}" bandwidth="8000" codecs="{codecs}">'
        f'<SegmentTemplate media="{track}/{media}" initialization="{track}/{codecs}.mp4"/>'
        "</Representation></AdaptationSet></Period></MPD>"
    )


def line(
    number: int,
    *segments: tuple[int, int],
    step: int = 2,
    scale: int = 1,
    media: str = "$Number$.m4s",
    kind: str = "video",
    period: str = "p",
    start: Fraction | int = 0,
    offset: int = 0,
    generation: int = 1,
) -> list[Fact]:
    """Return a line of segments, each a time in ticks and a number; the Period starts there."""
    origin = BEGIN + Fraction(start) - Fraction(offset, scale)
    name = f"{kind[0]}{number}"
    return [
        LineFact(number, f"{name}/{media} time/{scale}", generation, name, scale, 0, float(origin)),
        ShapeFact(number, shape(name, media, kind)),
        StretchFact(
            number, segments[0][0] if segments else 0, number, str(BEGIN + Fraction(start)),
            str(origin), period=period,
        ),
        *(SegmentFact(number, time, step, n) for time, n in segments),
    ]  # fmt: skip


def steps(first: int, last: int, step: int = 2) -> list[tuple[int, int]]:
    """Return segments of equal duration, by their numbers."""
    return [(n * step, n) for n in range(first, last + 1)]


def played(*facts: list[Fact]) -> list[PlayedFile]:
    state = State.of(fact for each in facts for fact in each)
    local = local_mpd(Coverage.of(state))
    return [] if local is None else played_files(local)


def starts(*facts: list[Fact]) -> list[float]:
    state = State.of(fact for each in facts for fact in each)
    local = local_mpd(Coverage.of(state))
    assert local is not None
    return [float(period.start) for period in resolve(parse_mpd(local), url="http://m/").periods]


def begins(files: list[PlayedFile], track: str) -> list[tuple[float, str, int]]:
    return [(float(f.begin), f.path, f.period) for f in files if f.track == track]


def test_nothing_is_written_while_nothing_is_recorded() -> None:
    assert played(line(1)) == []


def test_the_first_segment_is_at_zero() -> None:
    assert begins(played(line(1, *steps(5, 6))), "v1") == [(0, "v1/5.m4s", 0), (2, "v1/6.m4s", 0)]


def test_a_hole_of_all_tracks_ends_the_period_where_it_ends() -> None:
    video = line(1, *steps(0, 4), *steps(8, 9))
    audio = line(2, *steps(0, 4), *steps(8, 9), kind="audio", media="$Time$.m4s")
    assert starts(video, audio) == [0, 16]
    files = played(video, audio)
    assert [(b, p) for b, _, p in begins(files, "v1")][-2:] == [(16, 1), (18, 1)]
    assert len(files) == 14


def test_single_segments_that_are_lost_of_one_track_and_then_of_the_other_leave_no_track_alone() -> (
    None
):
    """As an outage of a packager of low latency leaves them."""
    video = line(1, *steps(0, 11), (26, 13), *steps(15, 20))
    audio = line(2, *steps(0, 12), *steps(15, 20), kind="audio")
    assert starts(video, audio) == [0, 30]
    files = played(video, audio)
    assert [b for b, _, _ in begins(files, "v1")] == [*range(0, 24, 2), *range(30, 42, 2)]
    assert [b for b, _, _ in begins(files, "a2")] == [*range(0, 24, 2), *range(30, 42, 2)]


@pytest.mark.parametrize("media", ["$Number$.m4s", "$Time$.m4s"])
def test_what_is_alone_at_the_ends_is_left_out(media: str) -> None:
    video = line(1, *steps(0, 9), media=media)
    audio = line(2, *steps(3, 12), kind="audio", media=media)
    files = played(video, audio)
    assert starts(video, audio) == [0]
    assert [path for _, path, _ in begins(files, "v1")] == [
        f"v1/{n if 'N' in media else n * 2}.m4s" for n in range(3, 10)
    ]
    assert len(begins(files, "a2")) == 7


def test_segments_of_unlike_durations_are_kept_where_both_are() -> None:
    """What runs on beside nothing is less than a segment."""
    video = line(1, *steps(0, 5, 3), step=3)
    audio = line(2, *steps(0, 2), *steps(6, 9), kind="audio")
    files = played(video, audio)
    assert [b for b, _, _ in begins(files, "v1")] == [0, 3, 12, 15]
    assert [b for b, _, _ in begins(files, "a2")] == [0, 2, 4, 12, 14, 16]


def test_a_recording_that_has_hardly_any_sound_is_played_without() -> None:
    """Else nearly all of it would be left out."""
    video, audio = line(1, *steps(0, 9)), line(2, *steps(0, 3), kind="audio")
    assert {file.track for file in played(video, audio)} == {"v1"}
    assert len(played(video, audio)) == 10
    longer = line(2, *steps(0, 6), kind="audio")
    assert len(played(video, longer)) == 14


def test_a_period_that_has_no_audio_of_its_own_stays() -> None:
    """An advertisement, for one."""
    first = line(1, *steps(0, 4)) + line(2, *steps(0, 4), kind="audio")
    second = line(3, *steps(0, 4), period="q", start=10)
    assert starts(first, second) == [0, 10]
    assert len(played(first, second)) == 15


@pytest.mark.parametrize("name", ["q", ""])
def test_a_period_of_which_all_audio_is_lost_is_left_out(name: str) -> None:
    first = line(1, *steps(0, 4)) + line(2, *steps(0, 4), kind="audio")
    second = line(3, *steps(0, 2), period=name, start=10)
    lost = line(4, kind="audio", period=name, start=10)
    third = line(5, *steps(0, 4), period="r", start=16)
    third += line(6, *steps(0, 4), kind="audio", period="r", start=16)
    assert starts(first, second, lost, third) == [0, 16]
    assert "v3" not in {file.track for file in played(first, second, lost, third)}


def test_text_is_left_out_where_nothing_is_beside_it() -> None:
    video = line(1, *steps(0, 4), *steps(10, 14))
    audio = line(2, *steps(0, 4), *steps(9, 14), kind="audio")
    text = line(3, *steps(0, 7), *steps(9, 14), kind="text")
    assert starts(video, audio, text) == [0, 20]
    files = played(video, audio, text)
    assert [b for b, _, _ in begins(files, "t3")] == [0, 2, 4, 6, 8, 20, 22, 24, 26, 28]


def test_text_alone_is_played_where_there_is_nothing_else() -> None:
    assert len(played(line(1, *steps(0, 4), kind="text"))) == 5


@pytest.mark.parametrize("media", ["$Number$.m4s", "$Time$.m4s"])
def test_of_two_tracks_of_video_the_one_with_a_hole_is_not_in_the_period_of_the_other(
    media: str,
) -> None:
    """Players stay with the track that they have chosen, and wait for it."""
    one = line(1, *steps(0, 4), *steps(10, 14), media=media)
    other = line(2, *steps(0, 14), media=media)
    audio = line(3, *steps(0, 14), kind="audio", media=media)
    assert starts(one, other, audio) == [0, 10, 20]
    files = played(one, other, audio)
    assert {period for _, _, period in begins(files, "v1")} == {0, 2}
    assert {period for _, _, period in begins(files, "v2")} == {0, 1, 2}
    assert len({file.path for file in files}) == 40


def test_a_track_of_video_that_comes_later_is_in_a_period_of_its_own() -> None:
    one, other = line(1, *steps(0, 14)), line(2, *steps(5, 9))
    assert starts(one, other) == [0, 10, 20]
    assert {period for _, _, period in begins(played(one, other), "v2")} == {1}


def test_a_single_segment_that_is_lost_of_two_tracks_costs_one_cut() -> None:
    one, other = line(1, *steps(0, 4), *steps(6, 9)), line(2, *steps(0, 9))
    assert starts(one, other) == [0, 12]


def test_one_file_gets_all_that_is_recorded() -> None:
    facts = line(1, *steps(0, 9)) + line(2, *steps(0, 3), *steps(6, 9), kind="audio")
    local = local_mpd(Coverage.of(State.of(facts)), whole=True)
    assert local is not None
    assert len(played_files(local)) == 18


@pytest.mark.parametrize("media", ["$Number$.m4s", "$Time$.m4s"])
def test_video_without_its_audio_is_left_out(media: str) -> None:
    """No player shows it, and a long stretch of it ends the playing."""
    video = line(1, *steps(0, 9), media=media)
    audio = line(2, *steps(0, 3), *steps(6, 9), kind="audio", media=media)
    assert starts(video, audio) == [0, 12]
    files = played(video, audio)
    assert [b for b, _, _ in begins(files, "v1")] == [0, 2, 4, 6, 12, 14, 16, 18]
    assert [b for b, _, _ in begins(files, "a2")] == [0, 2, 4, 6, 12, 14, 16, 18]


def test_a_hole_of_one_track_with_numbers_is_cut_where_segments_of_video_meet() -> None:
    video = line(1, *steps(0, 9, 3), step=3)
    audio = line(2, *steps(0, 3), *steps(7, 14), kind="audio")
    assert starts(video, audio) == [0, 12]
    files = played(video, audio)
    assert len(files) == 21
    assert [n for _, n, _ in begins(files, "v1")][2:4] == ["v1/2.m4s", "v1/4.m4s"]


def test_a_segment_that_runs_where_there_is_no_better_cut_is_in_both_periods() -> None:
    video = line(1, *steps(0, 2, 20), step=20)
    audio = line(2, *steps(0, 3), *steps(5, 29), kind="audio")
    assert starts(video, audio) == [0, 10]
    assert begins(played(video, audio), "v1") == [
        (0, "v1/0.m4s", 0), (0, "v1/0.m4s", 1), (20, "v1/1.m4s", 1), (40, "v1/2.m4s", 1),
    ]  # fmt: skip


def test_numbers_that_go_on_over_a_pause_of_a_sparse_track_are_no_hole() -> None:
    video = line(1, *steps(0, 9))
    text = line(2, (0, 0), (10, 1), kind="text")
    assert starts(video, text) == [0]
    assert [b for b, _, _ in begins(played(video, text), "t2")] == [0, 10]


def test_periods_start_where_the_presentation_says() -> None:
    first = line(1, *steps(0, 4))
    second = line(2, *steps(0, 4), period="q", start=Fraction(19, 2))
    assert starts(first, second) == [0, 9.5]
    assert [b for b, _, _ in begins(played(first, second), "v2")] == [9.5, 11.5, 13.5, 15.5, 17.5]


def test_an_encoder_whose_times_begin_again_comes_after_the_one_before() -> None:
    files = played(line(1, *steps(0, 4)), line(2, *steps(0, 2), generation=2))
    assert [b for b, _, _ in begins(files, "v2")] == [10, 12, 14]
    assert files[-1].path == "_again/2/v2/2.m4s"


def test_another_initialization_within_a_period_begins_a_new_one() -> None:
    facts = line(1, *steps(0, 5))
    facts += [
        ShapeFact(7, shape("v1", codecs="y")),
        StretchFact(1, 6, 7, str(BEGIN), str(BEGIN), period="p"),
    ]
    assert starts(facts) == [0, 6]
    state = State.of(facts)
    local = local_mpd(Coverage.of(state))
    assert local is not None
    assert initializations(local) == {"v1/x.mp4", "v1/y.mp4"}
    assert len(played(facts)) == 6


@pytest.mark.parametrize("media", ["$Number$.m4s", "$Time$.m4s"])
def test_a_cut_between_ticks_moves_no_track_against_another(media: str) -> None:
    video = line(1, *((n * 3003, n) for n in range(9) if n != 4), step=3003, scale=30_000)
    audio = line(
        2, *((n * 4410, n) for n in range(9) if n not in (4, 5)), step=4410, scale=44_100,
        kind="audio", media=media,
    )  # fmt: skip
    for file in played(video, audio):
        scale, step = (30_000, 3003) if file.track == "v1" else (44_100, 4410)
        assert file.begin == file.media, "both began together, at media time 0"
        assert file.media % Fraction(step, scale) == 0


def test_parts_of_sequences_are_one_row() -> None:
    facts: list[Fact] = []
    for sub in range(2):
        facts += [
            LineFact(sub + 1, f"v/$Number$-$SubNumber$.m4s#{sub} time/1", 1, "v", 1, 0, BEGIN),
            ShapeFact(1, shape("v", "$Number$-$SubNumber$.m4s")),
            StretchFact(sub + 1, 0, 1, str(BEGIN), str(BEGIN), period="p", sub=sub),
            *(SegmentFact(sub + 1, n * 2, 2, n) for n in range(3)),
        ]
    assert [file.path for file in played(facts)] == [
        f"v/{number}-{sub}.m4s" for number in range(3) for sub in range(2)
    ]


def test_the_same_names_on_another_axis_are_played_once() -> None:
    """A manifest that changes its timescale."""
    first = line(1, *steps(0, 4))
    again: list[Fact] = [
        LineFact(2, "v1/$Number$.m4s time/10", 1, "v1", 10, 0, BEGIN),
        StretchFact(2, 60, 1, str(BEGIN), str(BEGIN), period="p"),
        *(SegmentFact(2, n * 20, 20, n) for n in range(3, 8)),
    ]
    assert [f.path for f in played(first, again)] == [f"v1/{n}.m4s" for n in range(8)]


def test_facts_that_make_no_sense_are_passed_over() -> None:
    facts: list[Fact] = [
        *line(1, *steps(0, 1)),
        ShapeFact(8, "<nothing"),
        StretchFact(1, 2, 8, "1/0", "x"),
        StretchFact(9, 2, 8, "1", "1"),
        StretchFact(1, 4, 99, str(BEGIN), str(BEGIN)),
    ]
    assert len(played(facts)) == 2


def test_estimates_that_change_cut_no_period() -> None:
    facts = line(1, *steps(0, 5))
    renewed = shape("v1").replace("8000", "9000")
    facts += [ShapeFact(7, renewed), StretchFact(1, 6, 7, str(BEGIN), str(BEGIN), period="p")]
    assert starts(facts) == [0]
    state = State.of(facts)
    local = local_mpd(Coverage.of(state))
    assert local is not None
    assert b'bandwidth="9000"' in local, "the newest one counts"


def test_a_first_document_without_times_adds_nothing() -> None:
    """As Shaka Packager writes it, before the first segment is complete."""
    early: list[Fact] = [
        LineFact(2, "v1/$Number$.m4s name", 1, "v1", 1, 0, BEGIN),
        StretchFact(2, 0, 1, str(BEGIN), str(BEGIN), period="p"),
        SegmentFact(2, 0, 1, 0),
    ]
    files = played(line(1, *steps(0, 4)), early)
    assert [(f.path, f.begin) for f in files] == [(f"v1/{n}.m4s", 2 * n) for n in range(5)]
