"""What another program reads of a file: languages, titles and purposes of its tracks, all chapters.

ffprobe reads it: that of the tests, which is not the libavformat that has written the file.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.integration.mux.conftest import Mirrored, mux
from tests.support.media import Tools


class Said(NamedTuple):
    """What the manifest says of a track, and what is read of it: in MP4, in Matroska, flags."""

    lang: str
    more: str
    mp4: str
    matroska: str
    title: str | None = None
    flags: frozenset[str] = frozenset()


def role(value: str) -> str:
    return f'<Role schemeIdUri="urn:mpeg:dash:role:2011" value="{value}"/>'


def flags(*names: str) -> frozenset[str]:
    return frozenset(names)


AUDIO = (
    Said(
        "en", "<Label>Original</Label>" + role("main"), "eng", "eng", "Original", flags("default")
    ),
    Said("de", role("dub"), "deu", "ger", None, flags("dub")),
    Said("fr-CA", role("commentary"), "fra", "fre", None, flags("comment")),
    Said(
        "zh-Hant",
        role("enhanced-audio-intelligibility"),
        "zho",
        "chi",
        None,
        flags("hearing_impaired"),
    ),
    Said("cs", role("description"), "ces", "cze", None, flags("visual_impaired")),
    Said("ell", "<Label>Ελληνικά &amp; más</Label>", "ell", "gre", "Ελληνικά & más"),
    Said("x-klingon", "<Label>Private</Label>", "und", "und", "Private"),
)
TEXTS = (
    Said("nl", "", "nld", "dut"),
    Said("fa", role("forced-subtitle"), "fas", "per", None, flags("default", "forced")),
    Said("is", role("caption") + "<Label>CC</Label>", "isl", "ice", "CC", flags("captions")),
)
PROGRAM = (
    "<ProgramInformation><Title>Probed</Title><Copyright>None</Copyright></ProgramInformation>"
)
EVENTS = (
    '<EventStream schemeIdUri="urn:example:chapters" timescale="1">'
    '<Event presentationTime="0" duration="2">One</Event>'
    '<Event presentationTime="2">Zwei ✓</Event></EventStream>'
)
_MEANT = {
    ".mp4": {
        "hearing_impaired": flags("hearing_impaired", "captions"),
        "captions": flags("hearing_impaired", "captions"),
        "visual_impaired": flags("visual_impaired", "descriptions"),
    },
    ".mkv": {"captions": flags("hearing_impaired")},
    ".webm": dict.fromkeys(("dub", "comment", "hearing_impaired", "visual_impaired"), flags()),
}
"""What a container has for a purpose that it does not have by itself."""
_VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"


def make_source(form: Path, source: Path) -> None:
    """Write a presentation of one video, and of the same audio and text with many labels."""
    shutil.copytree(form, source)
    manifest = source / "manifest.mpd"
    text = manifest.read_text()
    sets = re.findall("<AdaptationSet.*?</AdaptationSet>", text, re.DOTALL)
    video, audio = sets[0], next(s for s in sets if 'contentType="audio"' in s)
    tracks = [video, *(labelled(audio, number, said) for number, said in enumerate(AUDIO))]
    for said in TEXTS:
        (source / f"{said.lang}.vtt").write_text(_VTT)
        tracks.append(
            f'<AdaptationSet contentType="text" mimeType="text/vtt" lang="{said.lang}">{said.more}'
            f'<Representation id="text-{said.lang}" bandwidth="9"><BaseURL>{said.lang}.vtt</BaseURL>'
            "</Representation></AdaptationSet>"
        )
    start, end = text.index(sets[0]), text.index(sets[-1]) + len(sets[-1])
    text = text[:start] + EVENTS + "".join(tracks) + text[end:]
    text = re.sub("<ProgramInformation.*?</ProgramInformation>", "", text, flags=re.DOTALL)
    manifest.write_text(re.sub("(<Period)", rf"{PROGRAM}\1", text, count=1), encoding="utf-8")


def labelled(audio: str, number: int, said: Said) -> str:
    """Return an AdaptationSet with the same segments, and labels of its own."""
    (own,) = re.findall('<Representation id="([^"]*)"', audio)
    audio = audio.replace("$RepresentationID$", own)
    audio = audio.replace(f'<Representation id="{own}"', f'<Representation id="audio-{number}"')
    audio = re.sub("<Role.*?/>|<Label>.*?</Label>", "", audio)
    audio = re.sub(r'\slang="[^"]*"', "", audio)
    return re.sub("(<AdaptationSet[^>]*)>", rf'\1 lang="{said.lang}">{said.more}', audio, count=1)


def probe(tools: Tools, file: Path) -> Any:
    words = ("-v", "error", "-show_streams", "-show_format", "-show_chapters", "-of", "json")
    done = subprocess.run([tools.ffprobe, *words, str(file)], check=True, capture_output=True)
    return json.loads(done.stdout)


def read_label(stream: Any) -> tuple[str, str | None, frozenset[str]]:
    tags = stream.get("tags", {})
    title = tags.get("title") or tags.get("name")
    given = {name for name, value in stream["disposition"].items() if value}
    return tags.get("language", "und"), title, frozenset(given)


def wanted_flags(said: Said, suffix: str) -> frozenset[str]:
    """Return the purposes as the container knows them."""
    return flags().union(*(_MEANT[suffix].get(flag, {flag}) for flag in said.flags))


@pytest.mark.parametrize(
    ("form", "suffix"), [("timeline", ".mp4"), ("timeline", ".mkv"), ("webm", ".webm")]
)
def test_another_program_reads_what_the_manifest_says(
    form: str, suffix: str, media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    make_source(media / form, source)
    file = tmp_path / f"show{suffix}"
    mux(mirrored(source), file, check=True)
    told = probe(tools, file)
    streams = [s for s in told["streams"] if s["codec_type"] in ("audio", "subtitle")]
    matroska = suffix != ".mp4"
    wanted = [
        (said.matroska if matroska else said.mp4, said.title, wanted_flags(said, suffix))
        for said in (*AUDIO, *TEXTS)
    ]
    assert [read_label(stream) for stream in streams] == wanted
    tags = {name.lower(): value for name, value in told["format"]["tags"].items()}
    assert (tags["title"], tags["copyright"]) == ("Probed", "None")
    chapters = [
        (c["start_time"][:5], c["end_time"][:5], c["tags"]["title"]) for c in told["chapters"]
    ]
    assert [(start, title) for start, _, title in chapters] == [
        ("0.000", "One"),
        ("2.000", "Zwei ✓"),
    ]
    assert chapters[0][1] == "2.000"
