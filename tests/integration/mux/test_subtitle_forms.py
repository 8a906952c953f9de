"""Subtitles in every form that DASH carries them in, and over several Periods."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import dashget
from dashget.mux.options import Subtitles
from tests.integration.mux.conftest import Mirrored, mux
from tests.support.decoding import subtitles
from tests.support.media import Tools

CUES = """\
WEBVTT

00:00:00.500 --> 00:00:02.250
one

00:00:02.000 --> 00:00:03.001 line:10%
two
lines

00:00:05.000 --> 00:00:05.999
last
"""
SHOWN = [
    ("00:00:00,500 --> 00:00:02,250", "one"),
    ("00:00:02,000 --> 00:00:03,001", "two\nlines"),
    ("00:00:05,000 --> 00:00:05,999", "last"),
]
VIDEO = (
    '<AdaptationSet contentType="video" mimeType="video/mp4"><Representation id="v" bandwidth="1"'
    ' codecs="avc1.64000c" width="160" height="90"><BaseURL>small.mp4</BaseURL></Representation>'
    "</AdaptationSet>"
)
TEXT = (
    '<AdaptationSet contentType="text" mimeType="text/vtt" lang="en"><Representation id="t"'
    ' bandwidth="1">{}</Representation></AdaptationSet>'
)


def manifest(*periods: str) -> str:
    written = "".join(f'<Period duration="PT6S">{VIDEO}{text}</Period>' for text in periods)
    return f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="">{written}</MPD>'


@pytest.fixture
def folder(media: Path, tmp_path: Path) -> Path:
    """The directory of a presentation, with a video."""
    made = tmp_path / "source"
    made.mkdir()
    shutil.copy(media / "ondemand" / "small.mp4", made)
    return made


@pytest.mark.parametrize("form", ["vtt+mp4", "ttml+mp4"])
def test_cues_over_the_borders_of_segments_in_mp4(
    form: str, media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    (tmp_path / "en.vtt").write_text(CUES)
    source = tmp_path / "source"
    source.mkdir()
    video = f"in={media}/ondemand/small.mp4,stream=video,init_segment=v.mp4,segment_template=v$Number$.m4s"
    text = f"in={tmp_path}/en.vtt,stream=text,format={form},lang=en,init_segment=t.mp4,segment_template=t$Number$.m4s"
    options = (
        "--segment_duration",
        "1",
        "--mpd_output",
        "manifest.mpd",
        "--generate_static_live_mpd",
    )
    subprocess.run(
        [tools.packager, video, text, *options], cwd=source, check=True, capture_output=True
    )
    file = tmp_path / "show.mkv"
    assert mux(mirrored(source), file, check=True).warnings() == []
    assert subtitles(tools, file) == SHOWN


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_segments_of_text_have_media_times(
    suffix: str, folder: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    head = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n"
    (folder / "1.vtt").write_text(f"{head}01:30.500 --> 01:34.000\nx\n")
    (folder / "2.vtt").write_text(
        f"{head}01:30.500 --> 01:34.000\nx\n\n01:34.000 --> 01:35.000\ny\n"
    )
    (folder / "3.vtt").write_text(f"{head}01:30.000 --> 01:31.000\nagain\n")
    template = (
        '<SegmentTemplate media="$Number$.vtt" duration="3" timescale="1"'
        ' presentationTimeOffset="90" startNumber="{}" endNumber="{}"/>'
    )
    periods = (TEXT.format(template.format(*ends)) for ends in ((1, 2), (3, 3)))
    (folder / "manifest.mpd").write_text(manifest(*periods))
    file = tmp_path / f"show{suffix}"
    mux(mirrored(folder), file, check=True)
    assert subtitles(tools, file) == [
        ("00:00:00,500 --> 00:00:04,000", "x"),
        ("00:00:04,000 --> 00:00:05,000", "y"),
        ("00:00:06,000 --> 00:00:07,000", "again"),
    ]


def test_a_file_that_all_periods_share_is_cut_to_each(
    folder: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    cues = "WEBVTT\n\n00:01.000 --> 00:02.000\na\n\n00:05.000 --> 00:07.000\nb\n"
    (folder / "all.vtt").write_text(f"{cues}\n00:08.000 --> 00:09.000\nc\n")
    one = TEXT.format("<BaseURL>all.vtt</BaseURL>")
    two = TEXT.format('<BaseURL>all.vtt</BaseURL><SegmentBase presentationTimeOffset="6"/>')
    (folder / "manifest.mpd").write_text(manifest(one, two))
    root = mirrored(folder)
    mux(root, tmp_path / "show.mkv", check=True)
    assert subtitles(tools, tmp_path / "show.mkv") == [
        ("00:00:01,000 --> 00:00:02,000", "a"),
        ("00:00:05,000 --> 00:00:07,000", "b"),
        ("00:00:08,000 --> 00:00:09,000", "c"),
    ]
    mux(root, tmp_path / "show.mp4", split=True, subtitles=Subtitles.SUBRIP)
    assert "00:00:00,000 --> 00:00:01,000\nb" in (tmp_path / "show-2.en.srt").read_text()


def test_webm_has_webvtt_with_its_settings(
    media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    source = Path(shutil.copytree(media / "webm", tmp_path / "source"))
    (source / "en.vtt").write_text(CUES)
    text = (source / "manifest.mpd").read_text()
    added = TEXT.format("<BaseURL>en.vtt</BaseURL>")
    (source / "manifest.mpd").write_text(text.replace("</Period>", f"{added}</Period>"))
    file = tmp_path / "show.webm"
    assert mux(mirrored(source), file, check=True).warnings() == []
    assert subtitles(tools, file) == SHOWN
    import av

    with av.open(str(file), "r") as container:
        packets = [p for p in container.demux(container.streams.subtitles[0]) if p.size]
        settings = [
            p.get_sidedata("webvtt_settings") for p in packets if p.has_sidedata("webvtt_settings")
        ]
    assert [bytes(each) for each in settings] == [b"line:10%"]


def test_encrypted_subtitles_are_refused_by_name(
    folder: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    (folder / "t.vtt").write_text(CUES)
    lock = '<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc"/>'
    (folder / "manifest.mpd").write_text(manifest(TEXT.format(f"{lock}<BaseURL>t.vtt</BaseURL>")))
    with pytest.raises(dashget.MuxError, match="text t of Period 0 is encrypted: cenc"):
        mux(mirrored(folder), tmp_path / "show.mp4")


def test_a_missing_segment_of_subtitles_is_a_hole_only_if_allowed(
    folder: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    (folder / "1.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\na\n")
    (folder / "2.vtt").write_text("WEBVTT\n\n00:04.000 --> 00:05.000\nb\n")
    template = '<SegmentTemplate media="$Number$.vtt" duration="3" endNumber="2"/>'
    (folder / "manifest.mpd").write_text(manifest(TEXT.format(template)))
    root = Path(shutil.copytree(mirrored(folder), tmp_path / "mirror"))
    (root / "1.vtt").unlink()
    with pytest.raises(dashget.MirrorIncompleteError, match=r"1\.vtt \(missing\)"):
        mux(root, tmp_path / "show.mp4")
    mux(root, tmp_path / "show.mp4", check=True, allow_gaps=True)
    assert subtitles(tools, tmp_path / "show.mp4") == [("00:00:04,000 --> 00:00:05,000", "b")]


def test_subtitles_of_a_period_without_a_file_are_told(
    folder: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    (folder / "t.vtt").write_text(CUES)
    text = TEXT.format("<BaseURL>t.vtt</BaseURL>")
    written = manifest(text).replace(
        "</MPD>", f'<Period id="end" duration="PT6S">{text}</Period></MPD>'
    )
    (folder / "manifest.mpd").write_text(written)
    events = mux(mirrored(folder), tmp_path / "show.mp4", split=True)
    assert events.warnings() == [
        "text t of Period end: its Period has no video or audio, and no file"
    ]
