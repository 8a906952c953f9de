"""Write cues: as files of SubRip and WebVTT, and as the samples of 3GPP timed text (``tx3g``).

Times are milliseconds. Lines that are empty are left out: they would end a cue.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dashget.common.lateregex import late
from dashget.mux.subtitles.cues import Cue, parted
from dashget.mux.subtitles.limits import SubtitleError
from dashget.mux.subtitles.markup import (
    OWN_CLASS,
    Run,
    lines_of,
    own_colors,
    plain_text,
    read_payload,
    subrip_text,
)

Timed = tuple[int, int, Cue]

_MOST_SAMPLE: Final = 0xFFFF
_EMPTY_LINES: Final = late(r"\n(?:[^\S\n]*\n)+")
_FACE: Final = {"bold": 1, "italic": 2, "underline": 4}
_FONT: Final = (1, 16)
"""The number of the only font, and its size."""
_FONT_NAME: Final = b"Arial"
"""With its size what libavcodec takes for plain text: nothing else is said about it then."""


def subrip_payload(cue: Cue) -> str:
    """Return the text of a cue in SubRip; empty if nothing is shown."""
    return subrip_text(lines_of(read_payload(cue.payload)))


def subrip_file(timed: Iterable[Timed]) -> str:
    """Return cues as a file of SubRip."""
    shown = ((start, end, subrip_payload(cue)) for start, end, cue in timed)
    return "".join(
        f"{number}\n{_time(start, ',')} --> {_time(end, ',')}\n{text}\n\n"
        for number, (start, end, text) in enumerate((one for one in shown if one[2]), 1)
    )


def webvtt_payload(cue: Cue) -> str:
    """Return the text of a cue in WebVTT, as it was, but for what would end the cue."""
    return _EMPTY_LINES.sub("\n", cue.payload).strip("\n").replace("-->", "--&gt;")


def webvtt_file(timed: Sequence[Timed], styles: Iterable[str] = ()) -> str:
    """Return cues as a file of WebVTT, with blocks of styles before them."""
    shown = [(start, end, cue, webvtt_payload(cue)) for start, end, cue in timed]
    own = [
        f"STYLE\n::cue(.{OWN_CLASS}{color}) {{ color: #{color} }}"
        for color in own_colors(text for *_, text in shown)
    ]
    blocks = ["WEBVTT", *styles, *own]
    for start, end, cue, text in shown:
        if not text.strip():
            continue
        identifier = f"{cue.identifier}\n" if cue.identifier else ""
        settings = f" {cue.settings}" if cue.settings else ""
        times = f"{_time(start, '.')} --> {_time(end, '.')}{settings}"
        blocks.append(f"{identifier}{times}\n{text}")
    return "\n\n".join(blocks) + "\n"


def timed_text_samples(timed: Iterable[Timed]) -> Iterator[tuple[int, int, bytes]]:
    """Yield the samples of ``tx3g``, one after the other from zero; empty ones in the gaps.

    Cues that are shown together are in one sample, each on lines of its own.
    """
    shown = ((start, end, cue) for start, end, cue in timed if subrip_payload(cue))
    for start, end, cues in parted(shown):
        yield start, end, timed_text_sample(cues)


def timed_text_sample(cues: Iterable[Cue]) -> bytes:
    """Return a sample of ``tx3g`` (3GPP TS 26.245, 5.17): text, and its styles."""
    runs: list[Run] = []
    for number, cue in enumerate(cues):
        if number:
            runs.append(Run("\n"))
        runs.extend(lines_of(read_payload(cue.payload)))
    text = plain_text(runs).encode("utf-8", "replace")
    if len(text) > _MOST_SAMPLE:
        raise SubtitleError(f"{len(text):,} bytes of text at once: MP4 holds {_MOST_SAMPLE:,}")
    return struct.pack(">H", len(text)) + text + _styles(runs)


def timed_text_entry(*, forced: bool) -> bytes:
    """Return what a sample entry of ``tx3g`` says: white text in the middle of the last lines."""
    flags = 0xC0000000 if forced else 0
    box = struct.pack(">hhhh", 0, 0, 0, 0)
    font = struct.pack(">HHB", 1, _FONT[0], len(_FONT_NAME)) + _FONT_NAME
    table = struct.pack(">I4s", 8 + len(font), b"ftab") + font
    style = struct.pack(">HHHBBI", 0, 0, _FONT[0], 0, _FONT[1], 0xFFFFFFFF)
    return struct.pack(">IbbI", flags, 1, -1, 0) + box + style + table


def _styles(runs: Iterable[Run]) -> bytes:
    """Return the ``styl`` box of a sample; nothing if all of its text is plain."""
    records = []
    position = 0
    for run in runs:
        style, end = run.style, position + len(run.text)
        face = sum(bit for name, bit in _FACE.items() if getattr(style, name))
        if (face or style.color) and position < end <= _MOST_SAMPLE:
            color = int(f"{style.color or 'ffffff'}ff", 16)
            records.append(struct.pack(">HHHBBI", position, end, _FONT[0], face, _FONT[1], color))
        position = end
    if not records:
        return b""
    body = struct.pack(">H", len(records)) + b"".join(records)
    return struct.pack(">I4s", 8 + len(body), b"styl") + body


def _time(milliseconds: int, point: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{thousandths:03}"
