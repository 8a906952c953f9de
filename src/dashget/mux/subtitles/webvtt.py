"""Read WebVTT files (W3C WebVTT, 6.1): a whole file, or one segment of a Representation.

``X-TIMESTAMP-MAP`` is a header of HLS. In DASH the times of a segment are media times, as players
take them, and the header is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from dashget.common.lateregex import late
from dashget.mux.subtitles.cues import Cue, Script
from dashget.mux.subtitles.limits import MOST_CUES, MOST_PROBLEMS, MOST_TEXT, SubtitleError

_TIMES: Final = late(
    r"\s*(?:([0-9]{1,7}):)?([0-9]{1,2}):([0-9]{2})[.,]([0-9]{3})\s*-->"
    r"\s*(?:([0-9]{1,7}):)?([0-9]{1,2}):([0-9]{2})[.,]([0-9]{3})(?:\s++(.*))?"
)
_BLOCKS: Final = late(r"\n(?:[ \t]*\n)+")
_ARROW: Final = "-->"
_SIGNATURE: Final = late(r"\ufeff?WEBVTT(?:[ \t\n]|$)")
_SHOWN: Final = 60


def is_webvtt(text: str) -> bool:
    """Return True if a text begins as WebVTT must."""
    return _SIGNATURE.match(text) is not None


def read_webvtt(text: str) -> Script:
    """Return the cues of a WebVTT file; SubtitleError if it is none.

    A cue with unreadable times is left out with a problem, as is one that ends before it begins.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    if not is_webvtt(text):
        raise SubtitleError("a WebVTT file begins with WEBVTT")
    cues: list[Cue] = []
    styles: list[str] = []
    problems: list[str] = []
    for number, block in enumerate(_BLOCKS.split(text)):
        if len(block) > 2 * MOST_TEXT and _ARROW in block:
            raise SubtitleError(f"a cue of more than {MOST_TEXT:,} characters")
        lines = block.strip("\n").split("\n")
        if _ARROW not in block:
            if number and lines[0].split(None, 1)[:1] in (["STYLE"], ["REGION"]):
                styles.append("\n".join(lines))
            continue
        _read_block(lines, cues, problems)
        if len(problems) > MOST_PROBLEMS:
            raise SubtitleError(f"more than {MOST_PROBLEMS:,} unreadable cues: {problems[0]}")
        if len(cues) > MOST_CUES:
            raise SubtitleError(f"more than {MOST_CUES:,} cues")
    return Script(tuple(cues), tuple(styles), tuple(problems))


def _read_block(lines: Sequence[str], cues: list[Cue], problems: list[str]) -> None:
    """Read the cues of a block: a line with an arrow ends the text before it."""
    if lines[0].split(None, 1)[:1] == ["NOTE"]:
        return
    arrows = [number for number, line in enumerate(lines) if _ARROW in line]
    for arrow, end in zip(arrows, [*arrows[1:], len(lines)], strict=True):
        found = _TIMES.fullmatch(lines[arrow])
        if len(problems) > MOST_PROBLEMS:
            return
        if found is None:
            problems.append(f"unreadable times: {lines[arrow].strip()[:_SHOWN]!r}")
            continue
        start, stop = _time(found.groups()[:4]), _time(found.groups()[4:8])
        if stop <= start:
            problems.append(f"a cue that ends before it begins: {lines[arrow].strip()[:_SHOWN]!r}")
            continue
        identifier = lines[arrow - 1].strip() if arrow == arrows[0] == 1 else ""
        settings = " ".join((found.group(9) or "").split())
        payload = "\n".join(lines[arrow + 1 : end])
        cues.append(Cue(start, stop, payload, settings, identifier))


def _time(words: Sequence[str | None]) -> Fraction:
    hours, minutes, seconds, thousandths = (int(word or "0") for word in words)
    return Fraction(((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths, 1000)
