"""Decode files with FFmpeg, and read when their tracks begin: what a player would show."""

from __future__ import annotations

import hashlib
import subprocess
from fractions import Fraction
from pathlib import Path

from dashget.mux.coverwriter import is_cover
from tests.support.media import Tools


def pictures(tools: Tools, file: Path, track: int = 0) -> list[str]:
    """Return the hash of every picture of a video track, in the order of display."""
    words = ("-map", f"0:v:{track}", "-vsync", "passthrough", "-f", "framemd5", "-")
    lines = _ffmpeg(tools, file, *words).decode().splitlines()
    return [line.rpartition(",")[2].strip() for line in lines if not line.startswith("#")]


def samples(tools: Tools, file: Path, track: int = 0) -> bytes:
    """Return the decoded samples of an audio track, 16 bits each."""
    return _ffmpeg(tools, file, "-map", f"0:a:{track}", "-f", "s16le", "-")


def starts(file: Path) -> list[Fraction]:
    """Return when each track begins, in seconds, as libavformat reads it."""
    import av

    with av.open(str(file), "r") as container:
        media = [s for s in container.streams if s.type in ("video", "audio") and not is_cover(s)]
        return [stream.start_time * stream.time_base for stream in media]


def packets(file: Path) -> list[list[tuple[Fraction, int, str]]]:
    """Return the time, the size and the hash of every packet, track by track."""
    import av

    with av.open(str(file), "r") as container:
        media = [s for s in container.streams if s.type in ("video", "audio") and not is_cover(s)]
        found: dict[int, list[tuple[Fraction, int, str]]] = {s.index: [] for s in media}
        for packet in container.demux(*media):
            if packet.size:
                time = packet.pts * packet.time_base
                digest = hashlib.md5(bytes(packet)).hexdigest()
                found[packet.stream_index].append((time, packet.size, digest))
    return list(found.values())


def labels(file: Path) -> list[tuple[str, str | None, str]]:
    """Return the language, the title and the disposition of each track."""
    import av

    with av.open(str(file), "r") as container:
        return [
            (
                stream.metadata.get("language", "und"),
                stream.metadata.get("title") or stream.metadata.get("name"),
                stream.disposition.name or "",
            )
            for stream in container.streams
            if stream.type in ("video", "audio")
        ]


def chapters(file: Path) -> list[tuple[Fraction, str]]:
    """Return the start and the title of each chapter."""
    import av

    with av.open(str(file), "r") as container:
        return [(c["start"] * c["time_base"], c["metadata"]["title"]) for c in container.chapters()]


def ffmpeg(tools: Tools, *words: str) -> None:
    """Run FFmpeg, to make what a test needs."""
    command = [tools.ffmpeg, "-v", "error", *words]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def _ffmpeg(tools: Tools, file: Path, *words: str) -> bytes:
    command = [tools.ffmpeg, "-v", "error", "-threads", "1", "-i", str(file), *words]
    done = subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    if done.stderr:
        raise ValueError(f"{file.name}: {done.stderr.decode()}")
    return done.stdout


def subtitles(tools: Tools, file: Path, track: int = 0) -> list[tuple[str, str]]:
    """Return the times and the text of every cue of a track of subtitles, as SubRip."""
    text = _ffmpeg(tools, file, "-map", f"0:s:{track}", "-copyts", "-f", "srt", "-").decode()
    blocks = [block.split("\n", 2) for block in text.strip().split("\n\n") if block]
    return [(times, words) for _, times, words in blocks]


def subtitle_labels(file: Path) -> list[tuple[str, str]]:
    """Return the language and the disposition of each track of subtitles."""
    import av

    with av.open(str(file), "r") as container:
        return [
            (stream.metadata.get("language", "und"), stream.disposition.name or "")
            for stream in container.streams.subtitles
        ]
