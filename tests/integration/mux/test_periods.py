"""Several Periods in one file: joined to the sample, refused where a decoder cannot go on."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import pytest

import dashget
from dashget.mux.selection import Choices
from tests.integration.mux.conftest import Mirrored, mux
from tests.support.decoding import chapters, ffmpeg, packets, pictures, samples
from tests.support.media import FRAMES, Tools
from tests.support.periods import Piece, write_periods

LARGE, SMALL, ENGLISH, FRENCH = "0", "1", "2", "3"


@pytest.fixture
def cut(media: Path, tmp_path: Path) -> Path:
    """The form ``timeline``, whose manifest a test replaces."""
    return Path(shutil.copytree(media / "timeline", tmp_path / "cut"))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_two_periods_are_the_unsplit_encoding_to_the_sample(
    suffix: str, media: Path, cut: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    tracks = (LARGE, ENGLISH)
    write_periods(cut, cut / "manifest.mpd", [Piece(0, 3, tracks), Piece(3, 6, tracks)])
    whole, joined = tmp_path / f"whole{suffix}", tmp_path / f"joined{suffix}"
    choices = Choices(audio="lang=en,best")
    mux(mirrored(media / "timeline"), whole, choices)
    events = mux(mirrored(cut), joined, check=True)
    assert events.warnings() == []
    assert packets(joined) == packets(whole)
    assert pictures(tools, joined) == pictures(tools, whole)
    assert samples(tools, joined) == samples(tools, whole)
    assert chapters(joined) == [(0, "p0"), (3, "p1")]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_periods_that_overlap_lose_no_packet(
    suffix: str, media: Path, cut: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    tracks = (LARGE, ENGLISH)
    pieces = [Piece(0, 3, tracks), Piece(3, 6, tracks)]
    write_periods(cut, cut / "manifest.mpd", pieces, overlap=Fraction(1, 10))
    file = tmp_path / f"joined{suffix}"
    events = mux(mirrored(cut), file, check=True)
    whole = tmp_path / f"whole{suffix}"
    mux(mirrored(media / "timeline"), whole, Choices(audio="lang=en,best"))
    assert [len(track) for track in packets(file)] == [len(track) for track in packets(whole)]
    assert [warning.partition(" packets")[0] for warning in events.warnings()] == [
        "video 0-0 of Period p0: Periods overlap; 2",
        "audio 2-0 of Period p0: Periods overlap; 4",
    ]


@pytest.mark.slow
def test_periods_of_different_packagers_are_one_file(
    media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    file = tmp_path / "show.mp4"
    mux(mirrored(media / "periods"), file, check=True)
    once = pictures(tools, media / ".sources" / "master.mp4")
    assert pictures(tools, file) == [*once, *once]
    assert [start for start, _ in chapters(file)] == [0, 6]


def test_periods_whose_ticks_differ_keep_every_time(
    media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    source = tmp_path / "ticks"
    source.mkdir()
    for number, ticks in enumerate(("12800", "90000")):
        again, folder = tmp_path / f"{ticks}.mp4", source / str(number)
        folder.mkdir()
        copy = ("-c", "copy", "-video_track_timescale", ticks)
        ffmpeg(tools, "-i", str(media / ".sources" / "small.mp4"), *copy, str(again))
        single = ("-f", "dash", "-single_file", "1", str(folder / "manifest.mpd"))
        ffmpeg(tools, "-i", str(again), "-c", "copy", *single)
    bodies = [(source / str(n) / "manifest.mpd").read_text() for n in (0, 1)]
    periods = [
        f'<Period id="{n}" duration="PT6S"><BaseURL>{n}/</BaseURL>'
        + body[body.index(">", body.index("<Period")) + 1 : body.index("</MPD>")]
        for n, body in enumerate(bodies)
    ]
    head = bodies[0][: bodies[0].index("<Period")]
    (source / "manifest.mpd").write_text(f"{head}{''.join(periods)}</MPD>")
    for suffix in (".mp4", ".mkv"):
        file = tmp_path / f"show{suffix}"
        events = mux(mirrored(source), file, check=True)
        assert not events.warnings()
        (video,) = packets(file)
        times = sorted(time for time, _, _ in video)
        assert times == [Fraction(number, 25) for number in range(2 * FRAMES)]


def test_a_time_that_no_file_can_hold_is_refused(
    cut: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    manifest = cut / "manifest.mpd"
    write_periods(cut, manifest, [Piece(0, 6, (LARGE,))])
    text = manifest.read_text()
    assert 'presentationTimeOffset="0"' in text
    far = text.replace('presentationTimeOffset="0"', f'presentationTimeOffset="{10**19}"')
    manifest.write_text(far)
    for suffix in (".mp4", ".mkv"):
        with pytest.raises(dashget.DashGetError) as caught:
            mux(mirrored(cut), tmp_path / f"show{suffix}")
        assert "beyond" in caught.value.message
    assert not list(tmp_path.glob("show*"))


def test_another_picture_size_is_refused_before_a_byte_is_written(
    cut: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    write_periods(cut, cut / "manifest.mpd", [Piece(0, 3, (LARGE,)), Piece(3, 6, (SMALL,))])
    before = set(tmp_path.iterdir())
    for suffix in (".mp4", ".mkv"):
        with pytest.raises(dashget.MuxError) as caught:
            mux(mirrored(cut), tmp_path / f"joined{suffix}")
        assert caught.value.message == (
            "video 1-3 of Period p1 cannot follow video 0-0 of Period p0 in one file:"
            " another picture size (320x180 and 160x90)"
        )
        assert "--split" in str(caught.value.hint)
    assert set(tmp_path.iterdir()) == before


def test_split_writes_a_good_file_for_each_period(
    cut: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    write_periods(
        cut, cut / "manifest.mpd", [Piece(0, 3, (LARGE, ENGLISH)), Piece(3, 6, (SMALL, FRENCH))]
    )
    mux(mirrored(cut), tmp_path / "show.mp4", split=True, check=True)
    first, second = tmp_path / "show-1.mp4", tmp_path / "show-2.mp4"
    assert len(pictures(tools, first)) == len(pictures(tools, second)) == FRAMES // 2
    assert not (tmp_path / "show.mp4").exists()
    assert packets(second)[0][0][0] == 0


def test_a_track_that_a_period_lacks_leaves_its_time_free(
    cut: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    pieces = [Piece(0, 3, (LARGE,)), Piece(3, 6, (LARGE, ENGLISH))]
    write_periods(cut, cut / "manifest.mpd", pieces)
    for suffix in (".mp4", ".mkv"):
        file = tmp_path / f"show{suffix}"
        mux(mirrored(cut), file, check=True)
        _, audio = packets(file)
        # The first segment that is listed begins there.
        assert 3.98 < audio[0][0] < 4


def test_tracks_continue_by_language_whatever_their_order_and_id(
    media: Path, cut: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    pieces = [Piece(0, 3, (LARGE, ENGLISH, FRENCH)), Piece(3, 6, (FRENCH, ENGLISH, LARGE))]
    write_periods(cut, cut / "manifest.mpd", pieces)
    mux(mirrored(cut), tmp_path / "joined.mp4", check=True)
    mux(mirrored(media / "timeline"), tmp_path / "whole.mp4")
    assert packets(tmp_path / "joined.mp4") == packets(tmp_path / "whole.mp4")
