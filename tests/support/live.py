"""Live presentations of real media whose clocks are far from zero, as encoders write them.

Each is made of the form ``number`` of ``media``: every decode time is an hour later, and the
manifest says so by ``@presentationTimeOffset``. The Period began at ``STARTED``; six seconds
later, of a time-shift buffer of three seconds, five segments of each Representation are there.
"""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = STARTED + timedelta(seconds=6)
LATER_SECONDS = 3600
AVAILABLE = 5
"""How many media segments of each Representation are available."""
SNAPSHOTS = ("live-number", "live-by-time", "live-timeline", "live-list")
"""By ``@duration`` with ``$Number$`` and with ``$Time$``; by a timeline; as a list."""
_SECOND = 1_000_000
_TEMPLATE = re.compile(r"<SegmentTemplate [^>]*>\s*</SegmentTemplate>")
_INIT = "init-stream$RepresentationID$.m4s"
_MEDIA = "chunk-stream$RepresentationID$-"


def make_snapshot(source: Path, form: str, directory: Path) -> None:
    """Write one of ``SNAPSHOTS``; ``source`` is the form ``number`` of ``media``."""
    directory.mkdir(parents=True)
    scales = {}
    for path in sorted(source.glob("init-stream*.m4s")):
        data = path.read_bytes()
        (directory / path.name).write_bytes(data)
        scales[path.stem[-1]] = _media_timescale(data)
    for path in sorted(source.glob("chunk-stream*.m4s")):
        stream, number = re.findall(r"stream(\d)-(\d+)", path.name)[0]
        name = path.name
        if form == "live-by-time":
            name = f"chunk-stream{stream}-{(int(number) - 1) * _SECOND}.m4s"
        (directory / name).write_bytes(_later(path.read_bytes(), scales[stream]))
    text = (source / "manifest.mpd").read_text()
    stamp = STARTED.strftime("%Y-%m-%dT%H:%M:%SZ")
    live = f'type="dynamic" availabilityStartTime="{stamp}" timeShiftBufferDepth="PT3S"'
    text = re.sub(r'type="static"\s+mediaPresentationDuration="[^"]*"', live, text)
    streams = iter(sorted(scales))
    text = _TEMPLATE.sub(lambda _: _addressing(form, next(streams)), text)
    (directory / "manifest.mpd").write_text(text)


def _addressing(form: str, stream: str) -> str:
    clock = f'timescale="{_SECOND}" presentationTimeOffset="{LATER_SECONDS * _SECOND}"'
    row = f'<S t="{(LATER_SECONDS + 1) * _SECOND}" d="{_SECOND}" r="{AVAILABLE - 1}"/>'
    timeline = f"<SegmentTimeline>{row}</SegmentTimeline>"
    if form == "live-list":
        names = (f"chunk-stream{stream}-{n:05}.m4s" for n in range(2, 2 + AVAILABLE))
        urls = "".join(f'<SegmentURL media="{name}"/>' for name in names)
        first = f'<Initialization sourceURL="init-stream{stream}.m4s"/>'
        return f"<SegmentList {clock}>{first}{timeline}{urls}</SegmentList>"
    by_time = form == "live-by-time"
    media = _MEDIA + ("$Time$.m4s" if by_time else "$Number%05d$.m4s")
    names_ = f'initialization="{_INIT}" media="{media}"'
    if form == "live-timeline":
        return f'<SegmentTemplate {clock} {names_} startNumber="2">{timeline}</SegmentTemplate>'
    return f'<SegmentTemplate {clock} {names_} duration="{_SECOND}" startNumber="1"/>'


def _media_timescale(data: bytes) -> int:
    at = data.index(b"mdhd")
    version = data[at + 4]
    scale: int = struct.unpack_from(">I", data, at + (24 if version else 16))[0]
    return scale


def _later(data: bytes, timescale: int) -> bytes:
    """Return a segment with a later decode time; FFmpeg writes it with 64 bits."""
    at = data.index(b"tfdt")
    assert data[at + 4] == 1
    changed = bytearray(data)
    ticks = struct.unpack_from(">Q", data, at + 8)[0] + LATER_SECONDS * timescale
    struct.pack_into(">Q", changed, at + 8, ticks)
    return bytes(changed)
