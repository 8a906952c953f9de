"""Times: tracks keep their distance, samples are counted, media before zero are hidden or left out."""

from __future__ import annotations

import itertools
import re
import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from dashget.mux.selection import Choices
from tests.integration.mux.conftest import Mirrored, leaves, mux
from tests.support.decoding import chapters, ffmpeg, packets, pictures, samples, starts
from tests.support.media import FRAMES, Tools
from tests.support.periods import Piece, write_periods

RATE = 48000


def joined(directory: Path, stream: int, target: Path) -> Path:
    """Join the initialization segment and the media of a stream, without DashGet."""
    (init,) = directory.glob(f"init-stream{stream}.*")
    media = sorted(directory.glob(f"chunk-stream{stream}-*"))
    file = target.with_suffix(".webm" if init.suffix == ".webm" else ".mp4")
    file.write_bytes(b"".join(path.read_bytes() for path in (init, *media)))
    return file


def dash(tools: Tools, media: Path, target: Path, late: dict[str, str], *words: str) -> Path:
    """Package video and audio, each delayed by so many seconds, with FFmpeg."""
    target.mkdir()
    inputs = [
        word
        for name in ("large", "en")
        for word in (
            *("-itsoffset", late.get(name, "0"), "-i", str(media / ".sources" / f"{name}.mp4")),
        )
    ]
    subprocess.run(
        [
            tools.ffmpeg,
            "-v",
            "error",
            *inputs,
            "-map",
            "0:v",
            "-map",
            "1:a",
            "-c",
            "copy",
            "-f",
            "dash",
            "-seg_duration",
            "1",
            *words,
            str(target / "manifest.mpd"),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return target


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    "late", [{"large": "0.08"}, {"en": "0.067"}, {"large": "1.5", "en": "0.5"}]
)
def test_tracks_that_begin_apart_stay_apart(
    late: dict[str, str],
    suffix: str,
    media: Path,
    mirrored: Mirrored,
    tools: Tools,
    tmp_path: Path,
) -> None:
    source = dash(tools, media, tmp_path / "-".join((*late, *late.values())), late)
    file = tmp_path / f"show{suffix}"
    mux(mirrored(source), file, check=True)
    sources = [joined(source, number, tmp_path / f"source{number}") for number in (0, 1)]
    tolerance = 0 if suffix == ".mp4" else Fraction(1, 1000)
    for begin, origin in zip(starts(file), sources, strict=True):
        assert abs(begin - starts(origin)[0]) <= tolerance
    assert pictures(tools, file) == pictures(tools, sources[0])
    assert samples(tools, file) == samples(tools, sources[1])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_opus_of_webm_keeps_every_sample_and_no_more(
    suffix: str, media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    file = tmp_path / f"show{suffix}"
    mux(mirrored(media / "webm"), file, check=True)
    video, audio = (joined(media / "webm", n, tmp_path / f"source{n}") for n in (0, 1))
    assert samples(tools, file) == samples(tools, audio)
    assert pictures(tools, file) == pictures(tools, video)
    _, heard = packets(file)
    if suffix == ".mp4":
        steps = {later[0] - earlier[0] for earlier, later in itertools.pairwise(heard)}
        assert steps == {Fraction(960, RATE)}


def test_opus_whose_delay_is_no_whole_tick_of_webm_keeps_every_sample(
    tools: Tools, mirrored: Mirrored, tmp_path: Path
) -> None:
    """The delay is 6.5 ms, for which libavformat takes 7 ms off all times."""
    source, encoded, file = tmp_path / "source", tmp_path / "o.webm", tmp_path / "show.m4a"
    source.mkdir()
    ffmpeg(tools, "-f", "lavfi", "-i", "sine=duration=3", "-c:a", "libopus", str(encoded))
    described = f"in={encoded},stream=audio,output={source / 'audio.webm'}"
    words = (described, "--mpd_output", str(source / "manifest.mpd"))
    subprocess.run([tools.packager, *words], check=True, capture_output=True)
    mux(mirrored(source), file, check=True)
    (edits,) = leaves(file)["/moov/trak/edts/elst"]
    heard = len(samples(tools, source / "audio.webm")) // 2
    assert struct.unpack(">8xIii", edits) == (heard, 312, 1 << 16)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_opus_whose_delay_is_no_whole_millisecond_loses_no_sample(
    suffix: str, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    """Its first sample is at zero, and the times of the packets say half a millisecond before."""
    source = tmp_path / "source"
    source.mkdir()
    tone = ("-f", "lavfi", "-i", "sine=sample_rate=48000:duration=2", "-c:a", "libopus")
    form = ("-f", "dash", "-dash_segment_type", "webm", "-seg_duration", "1")
    command = [tools.ffmpeg, "-v", "error", *tone, *form, str(source / "manifest.mpd")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    manifest = source / "manifest.mpd"
    text = manifest.read_text()
    (scale,) = re.findall(r'timescale="(\d+)"', text)
    offset = f'presentationTimeOffset="{int(scale) * 7 // 1000}"'
    manifest.write_text(text.replace("<SegmentTemplate ", f"<SegmentTemplate {offset} "))
    file = tmp_path / f"tone{suffix}"
    mux(mirrored(source), file, check=True)
    assert samples(tools, file) == samples(tools, joined(source, 0, tmp_path / "joined"))
    assert starts(file) == [0]


@pytest.fixture
def early(media: Path, tmp_path: Path) -> Path:
    """A presentation whose media begin half a second before its Period."""
    source = Path(shutil.copytree(media / "timeline", tmp_path / "early"))
    piece = Piece(0, 6, ("0", "2"))
    write_periods(source, source / "manifest.mpd", [piece], early=Fraction(1, 2))
    return source


def test_media_before_the_first_period_are_hidden_in_mp4(
    early: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    file = tmp_path / "show.mp4"
    mux(mirrored(early), file, check=True)
    assert starts(file) == [0, 0]
    # Half a second of 25 pictures each: the first that is shown began 20 ms before zero.
    assert len(pictures(tools, file)) in (FRAMES - 12, FRAMES - 13)
    assert abs(len(samples(tools, file)) // 2 - (6 * RATE - RATE // 2)) <= 1024


def test_media_before_the_first_period_are_left_out_of_matroska_where_they_can_be(
    early: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    file = tmp_path / "show.mkv"
    mux(mirrored(early), file, check=True)
    video, audio = packets(file)
    # Pictures need their key picture, half a second before zero: all tracks move by that.
    assert len(video) == FRAMES
    assert video[0][0] == 0
    assert abs(audio[0][0] - Fraction(1, 2)) < Fraction(1024, RATE)


def test_chapters_move_with_the_tracks(media: Path, mirrored: Mirrored, tmp_path: Path) -> None:
    source = Path(shutil.copytree(media / "timeline", tmp_path / "early"))
    pieces = [Piece(0, 3, ("0", "2")), Piece(3, 6, ("0", "2"))]
    write_periods(source, source / "manifest.mpd", pieces, early=Fraction(1, 2))
    for suffix, second in ((".mp4", 3), (".mkv", Fraction(7, 2))):
        file = tmp_path / f"show{suffix}"
        mux(mirrored(source), file, check=True)
        assert [start for start, _ in chapters(file)][1] == second


@pytest.mark.parametrize("tag", ["hvc1", "hev1"])
def test_sample_entries_stay_what_they_are(
    tag: str, media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    source = tmp_path / tag
    source.mkdir()
    subprocess.run(
        [
            tools.ffmpeg,
            "-v",
            "error",
            "-i",
            str(media / ".sources" / "small.mp4"),
            "-t",
            "1",
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-x265-params",
            "log-level=none:pools=1",
            "-tag:v",
            tag,
            "-f",
            "dash",
            str(source / "manifest.mpd"),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    file = tmp_path / "show.mp4"
    mux(mirrored(source), file, Choices(), check=True)
    assert file.read_bytes().count(tag.encode()) == 1
