"""Subtitles in the file and beside it: every cue of the source, at its time."""

from __future__ import annotations

from pathlib import Path

import pytest

import dashget
from dashget.mux.options import Subtitles
from dashget.mux.selection import Choices
from tests.integration.mux.conftest import Mirrored, mux
from tests.support.decoding import subtitle_labels, subtitles
from tests.support.media import Tools

TT = (
    '<tt xmlns="http://www.w3.org/ns/ttml" xml:lang="en"><body><div>'
    '<p begin="{}ms" end="{}ms">{}</p></div></body></tt>'
)
SETS = '<AdaptationSet contentType="text" mimeType="{mime}" lang="{lang}">{inner}</AdaptationSet>'
ROLE = '<Role schemeIdUri="urn:mpeg:dash:role:2011" value="{}"/>'
REPRESENTATION = (
    '<Representation id="{id}" bandwidth="1"{more}><BaseURL>{file}</BaseURL></Representation>'
)


@pytest.fixture
def source(media: Path, tmp_path: Path) -> Path:
    """A presentation of one video, whose subtitles a test adds."""
    folder = tmp_path / "source"
    folder.mkdir()
    data = (media / "ondemand" / "small.mp4").read_bytes()
    (folder / "small.mp4").write_bytes(data)
    return folder


def write_manifest(folder: Path, *sets: str) -> None:
    video = SETS.format(mime="video/mp4", lang="und", inner=REPRESENTATION).replace("text", "video")
    text = video.format(
        id="v", more=' codecs="avc1.64000c" width="160" height="90"', file="small.mp4"
    )
    (folder / "manifest.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles=""'
        ' mediaPresentationDuration="PT6S"><Period id="p">'
        + text
        + "".join(sets)
        + "</Period></MPD>"
    )


def sidecar(folder: Path, name: str, text: str, lang: str = "en", role: str = "") -> str:
    """Write a file of subtitles; return its AdaptationSet."""
    (folder / name).write_text(text)
    mime = "text/vtt" if name.endswith("vtt") else "application/ttml+xml"
    inner = REPRESENTATION.format(id=name, more="", file=name)
    return SETS.format(mime=mime, lang=lang, inner=(ROLE.format(role) if role else "") + inner)


def vtt(*cues: str) -> str:
    return "WEBVTT\n\n" + "\n\n".join(cues) + "\n"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("form", ["ondemand", "live"])
def test_a_file_has_the_cues_of_the_source(
    form: str, suffix: str, media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    file = tmp_path / f"show{suffix}"
    events = mux(mirrored(media / form), file, check=True)
    assert events.warnings() == []
    assert subtitles(tools, file) == subtitles(tools, media / ".sources" / "en.vtt")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_ttml_overlaps_gaps_and_styles(
    suffix: str, source: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    body = (
        '<p begin="1.001s" end="3s">one</p><p begin="2s" end="3s"><span'
        ' xmlns:s="http://www.w3.org/ns/ttml#styling" s:fontStyle="italic">two</span></p>'
        '<p begin="3600s" end="3601.5s">late</p>'
    )
    text = TT.format(0, 1, "zero").replace("</div>", f"{body}</div>")
    write_manifest(source, sidecar(source, "en.ttml", text))
    file = tmp_path / f"show{suffix}"
    assert mux(mirrored(source), file, check=True).warnings() == []
    found = subtitles(tools, file)
    assert found[0] == ("00:00:00,000 --> 00:00:00,001", "zero")
    assert found[-1] == ("01:00:00,000 --> 01:00:01,500", "late")
    if suffix == ".mkv":
        assert found[1:-1] == [
            ("00:00:01,001 --> 00:00:03,000", "one"),
            ("00:00:02,000 --> 00:00:03,000", "<i>two</i>"),
        ]
    else:
        assert found[1:-1] == [
            ("00:00:01,001 --> 00:00:02,000", "one"),
            ("00:00:02,000 --> 00:00:03,000", "one\n<i>two</i>"),
        ]


def test_labels_tell_languages_and_purposes(
    source: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    cue = vtt("00:01.000 --> 00:02.000\nx")
    write_manifest(
        source,
        sidecar(source, "a.vtt", cue, "de-AT", "caption"),
        sidecar(source, "b.vtt", cue, "fr", "forced-subtitle"),
        sidecar(source, "c.vtt", cue, ""),
        sidecar(source, "d.vtt", cue, "qab"),
    )
    for suffix, german, french in ((".mp4", "deu", "fra"), (".mkv", "ger", "fre")):
        mux(mirrored(source), tmp_path / f"show{suffix}", check=True)
        (one, captions), (two, forced), *others = subtitle_labels(tmp_path / f"show{suffix}")
        assert (one, two) == (german, french)
        assert "hearing_impaired" in captions
        assert "forced" in forced or suffix == ".mp4"
        assert [language for language, _ in others] == ["und", "und"]


def test_files_beside_are_named_by_language_and_purpose(
    source: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    cue = "00:01.000 --> 00:02.000 line:0\n<i>x</i>"
    write_manifest(
        source,
        sidecar(source, "a.vtt", vtt(cue)),
        sidecar(source, "b.vtt", vtt(cue)),
        sidecar(source, "c.vtt", vtt(cue), "de-AT", "forced-subtitle"),
        sidecar(source, "d.vtt", vtt(cue), "../x"),
    )
    root = mirrored(source)
    events = mux(root, tmp_path / "show.mp4", subtitles=Subtitles.SUBRIP)
    names = ["show.en.srt", "show.en.2.srt", "show.de-at.forced.srt", "show.und.srt"]
    assert sorted(path.name for path in tmp_path.glob("show.*.srt")) == sorted(names)
    text = (tmp_path / names[0]).read_text()
    assert text == "1\n00:00:01,000 --> 00:00:02,000\n<i>x</i>\n\n"
    (muxed,) = (event for event in events if isinstance(event, dashget.Muxed))
    assert muxed.subtitles == tuple(str(tmp_path / name) for name in names)
    assert muxed.tracks == 1
    mux(root, tmp_path / "show.mkv", subtitles=Subtitles.WEBVTT)
    assert (tmp_path / "show.en.vtt").read_text() == vtt("00:" + cue.replace("> ", "> 00:"))
    with pytest.raises(dashget.UsageError, match=r"show\.en\.srt exists"):
        mux(root, tmp_path / "show.m4v", subtitles=Subtitles.SUBRIP)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.ttml", "<tt><body><div><image/></div></body></tt>", "its subtitles are pictures"),
        ("x.ttml", '<tt><body begin="soon"/></tt>', "invalid time"),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(
    name: str, text: str, words: str, source: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    good = sidecar(source, "good.vtt", vtt("00:01.000 --> 00:02.000\nx"))
    write_manifest(source, sidecar(source, name, text), good)
    root = mirrored(source)
    with pytest.raises(dashget.MuxError, match=words) as caught:
        mux(root, tmp_path / "show.mp4")
    assert caught.value.message.startswith(f"text {name} of Period p cannot be written: ")
    assert f"--text id!={name}" in str(caught.value.hint)
    assert not list(tmp_path.glob("show*"))
    mux(root, tmp_path / "show.mp4", Choices(text=f"id!={name}"))


def test_profiles_of_pictures_are_refused_before_a_file_is_read(
    source: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    made = sidecar(source, "x.ttml", TT.format(0, 1, "x"))
    write_manifest(source, made.replace('bandwidth="1"', 'bandwidth="1" codecs="stpp.ttml.im1i"'))
    with pytest.raises(dashget.MuxError, match=r"pictures \(stpp\.ttml\.im1i\)"):
        mux(mirrored(source), tmp_path / "show.mp4")


def test_unreadable_cues_and_tracks_without_cues_are_told(
    source: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    bad = vtt("00:01 --> 00:02\nx", "00:01.000 --> 00:02.000\ny")
    write_manifest(source, sidecar(source, "a.vtt", bad), sidecar(source, "b.vtt", vtt(), "fr"))
    events = mux(mirrored(source), tmp_path / "show.mp4", check=True)
    assert events.warnings() == [
        "text a.vtt of Period p: unreadable times: '00:01 --> 00:02'",
        "text b.vtt of Period p has no cues, and is left out",
    ]
