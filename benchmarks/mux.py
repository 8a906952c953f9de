"""Write one file from a mirror with DashGet, beside ``ffmpeg -c copy``, and print a table.

The presentation has segments of two seconds: one track of video, or one of video and five of
audio. A few segments are encoded with FFmpeg and repeated at later times, so that 2 GB take
seconds to make. FFmpeg cannot read a mirror's segments as files, so each track is joined into a
file first; the time of joining, and its copies, are a row of their own.

    python3 benchmarks/mux.py --workdir /dev/shm
    python3 benchmarks/mux.py --scale 0.05 --rounds 1
"""

from __future__ import annotations

import argparse
import functools
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from measuring import Disturbances, Reading, clear, environment, machine, run, run_undisturbed
from served import find_nginx, serve

REPOSITORY = Path(__file__).resolve().parents[1]
VIDEO_SEGMENTS = 1000
VIDEO_RATE = 8_400_000
"""Bits per second: 1,000 segments of two seconds are 2.1 GB."""
_ENCODED = 5
"""The segments that are encoded, and then repeated."""
_FRAMES_OF_AAC = 94
"""The packets of 1024 samples in a segment of audio: two seconds at 48 kHz, nearly."""
_JOIN = "import shutil, sys\nout = open(sys.argv[1], 'wb')\nfor name in sys.argv[2:]:\n"
_JOIN += "    shutil.copyfileobj(open(name, 'rb'), out)"


def main() -> int:
    options = _parse_arguments()
    nginx, ffmpeg = find_nginx(), shutil.which("ffmpeg")
    if nginx is None or ffmpeg is None:
        print("nginx and ffmpeg are needed (nginx-light, ffmpeg)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="dashget-mux-", dir=options.workdir) as name:
        directory = Path(name)
        count = max(2, round(VIDEO_SEGMENTS * options.scale))
        print("\n".join(machine(directory)), end="\n\n")
        for tracks in options.tracks:
            origin = directory / "origin"
            origin.mkdir()
            _make(ffmpeg, origin, count, tracks)
            mirror = directory / "mirror"
            with serve(nginx, directory) as address:
                _call(options.dashget, f"{address}/manifest.mpd", "-o", str(mirror), "-q")
            shutil.rmtree(origin)
            _measure(options, ffmpeg, directory, mirror, tracks)
            shutil.rmtree(mirror)
    return 0


def _measure(
    options: argparse.Namespace, ffmpeg: str, directory: Path, mirror: Path, tracks: int
) -> None:
    output, joined = directory / "output", directory / "joined"
    size = sum(file.stat().st_size for file in mirror.rglob("*.m4s"))
    files = sum(1 for _ in mirror.rglob("*.m4s"))
    inputs = [joined / f"{track}.mp4" for track in range(tracks)]
    words = [word for file in inputs for word in ("-i", str(file))]
    maps = [word for number in range(tracks) for word in ("-map", str(number))]
    copy = (ffmpeg, "-v", "error", *words, *maps, "-c", "copy", str(output / "ffmpeg.mp4"))
    mux = (options.dashget, "mux", str(mirror))
    rows: dict[str, Sequence[str]] = {
        "dashget mux": (*mux, str(output / "a.mp4")),
        "dashget mux, .mkv": (*mux, str(output / "a.mkv")),
        "dashget mux --check": (*mux, str(output / "b.mp4"), "--check"),
        "ffmpeg -c copy": copy,
        "cp -r": ("cp", "-r", str(mirror), str(output / "copy")),
    }
    clear(joined)
    for number, file in enumerate(inputs):
        parts = sorted((mirror / f"t{number}").glob("*.m4s"))
        subprocess.run([sys.executable, "-c", _JOIN, str(file), *map(str, parts)], check=True)
    counts = Disturbances()
    readings: dict[str, list[Reading]] = {row: [] for row in rows}
    for _ in range(options.rounds):
        for row, command in rows.items():
            readings[row].append(
                run_undisturbed(functools.partial(_run, command, output, size), counts)
            )
    shutil.rmtree(joined)
    shutil.rmtree(output)
    _print_table(readings, tracks, files, size, counts)


def _run(command: Sequence[str], output: Path, size: int) -> Reading:
    clear(output, size)
    reading = run(command, limit=120, stderr=output.with_suffix(".err"), environment=environment())
    if reading.status:
        print(output.with_suffix(".err").read_text(), file=sys.stderr)
        raise SystemExit(f"{command[0]} ended with {reading.status}")
    return reading


def _print_table(
    readings: dict[str, list[Reading]], tracks: int, files: int, size: int, counts: Disturbances
) -> None:
    print(f"{tracks} tracks, {files:,} segments of 2 s, {size / 1e9:.2f} GB\n")
    print("| | wall | CPU | peak memory |\n| --- | ---: | ---: | ---: |")
    for row, found in readings.items():
        wall, cpu = (statistics.median(getattr(r, name) for r in found) for name in ("wall", "cpu"))
        memory = statistics.median(r.memory for r in found)
        print(f"| {row} | {wall:.2f} s | {cpu:.2f} s | {memory / 1e6:.0f} MB |")
    print(f"\n{counts.repeated} disturbed runs repeated, {counts.kept} kept\n")


def _make(ffmpeg: str, origin: Path, count: int, tracks: int) -> None:
    """Make the presentation: its manifest, and a directory for each track."""
    sets = []
    for track in range(tracks):
        folder = origin / f"t{track}"
        folder.mkdir()
        video = track == 0
        _encode(ffmpeg, folder, track, video=video)
        ticks = 51200 if video else 1024 * _FRAMES_OF_AAC
        _repeat(folder, count, ticks)
        scale = 25600 if video else 48000
        kind, extra = ("video", "") if video else ("audio", f' lang="x{chr(96 + track)}"')
        sets.append(
            f'<AdaptationSet contentType="{kind}" mimeType="{kind}/mp4"{extra}>'
            f'<SegmentTemplate timescale="{scale}" initialization="t{track}/00000.m4s"'
            f' media="t{track}/$Number%05d$.m4s" startNumber="1"><SegmentTimeline>'
            f'<S t="0" d="{ticks}" r="{count - 1}"/></SegmentTimeline></SegmentTemplate>'
            f'<Representation id="{track}" bandwidth="1000"/></AdaptationSet>'
        )
    (origin / "manifest.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT2S"'
        f' mediaPresentationDuration="PT{2 * count}S"'
        f' profiles="urn:mpeg:dash:profile:full:2011"><Period>{"".join(sets)}</Period></MPD>'
    )


def _encode(ffmpeg: str, folder: Path, track: int, *, video: bool) -> None:
    seconds = 2 * _ENCODED + 1
    source = (
        f"nullsrc=size=640x360:rate=25:duration={seconds},geq=random(1)*255:128:128"
        if video
        else f"sine=frequency={300 + 50 * track}:sample_rate=48000:duration={seconds}"
    )
    rate = str(VIDEO_RATE)
    coding = (
        ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "50", "-sc_threshold", "0",
         "-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate, "-pix_fmt", "yuv420p",
         "-video_track_timescale", "25600")
        if video
        else ("-c:a", "aac", "-b:a", "128k")
    )  # fmt: skip
    flags = ("frag_keyframe",) if video else ()
    duration = () if video else ("-frag_duration", str(1024 * _FRAMES_OF_AAC * 1_000_000 // 48000))
    whole = folder / "whole.mp4"
    subprocess.run(
        [ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, *coding, *duration, "-movflags",
         "+".join(("empty_moov", "default_base_moof", "omit_tfhd_offset", *flags)), str(whole)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _repeat(folder: Path, count: int, ticks: int) -> None:
    """Cut the encoded file into segments, and write them again and again at later times."""
    whole = folder / "whole.mp4"
    data = whole.read_bytes()
    whole.unlink()
    boxes, position = [], 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        boxes.append((kind, data[position : position + size]))
        position += size
    (folder / "00000.m4s").write_bytes(b"".join(b for k, b in boxes if k in (b"ftyp", b"moov")))
    starts = [number for number, (kind, _) in enumerate(boxes) if kind == b"moof"]
    bodies = [boxes[start][1] + boxes[start + 1][1] for start in starts]
    for number in range(1, count + 1):
        body = bytearray(bodies[(number - 1) % _ENCODED])
        at = body.index(b"tfdt")
        form, moment = (">Q", 8) if body[at + 4] == 1 else (">I", 8)
        struct.pack_into(form, body, at + moment, (number - 1) * ticks)
        (folder / f"{number:05d}.m4s").write_bytes(body)


def _call(*words: str) -> None:
    subprocess.run(words, check=True, env=environment(), stdin=subprocess.DEVNULL)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="so many times the segments")
    parser.add_argument("--tracks", type=int, nargs="+", default=[1, 6])
    parser.add_argument("--workdir", type=Path, help="where the files are made")
    parser.add_argument("--dashget", default=str(REPOSITORY / "dashget"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
