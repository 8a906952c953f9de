"""Read the samples of WebVTT in MP4 (``wvtt``, ISO/IEC 14496-30, 6).

A sample has the cues that are shown during all of it, each in a ``vttc`` box, or one ``vtte`` box
if there are none. A cue that is shown longer comes again in the next sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from dashget.media.isobmff import Box, BoxError, iter_boxes
from dashget.mux.subtitles.cues import Cue
from dashget.mux.subtitles.limits import SubtitleError

_KNOWN: Final = frozenset(("vttc", "vtte", "vtta", "vttx", "free", "skip"))
_PARTS: Final = {"payl": "payload", "sttg": "settings", "iden": "identifier"}


def read_sample(data: bytes, start: Fraction, end: Fraction) -> tuple[Cue, ...]:
    """Return the cues of a sample; SubtitleError if it is not made of the boxes of ``wvtt``."""
    cues = []
    for box in _boxes(data, 0, len(data)):
        if box.type not in _KNOWN:
            raise SubtitleError(f"a sample of wvtt has a box {box.type!r}")
        if box.type == "vttc":
            cue = _read_cue(data, box, start, end)
            if cue.payload:
                cues.append(cue)
    return tuple(cues)


def read_header(configuration: bytes) -> tuple[str, ...]:
    """Return the style blocks of a ``vttC`` box: what a WebVTT file has before its cues."""
    text = configuration.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    blocks = (block.strip("\n") for block in text.split("\n\n"))
    return tuple(b for b in blocks if b.startswith(("STYLE", "REGION")) and "-->" not in b)


def _read_cue(data: bytes, box: Box, start: Fraction, end: Fraction) -> Cue:
    parts = {"payload": "", "settings": "", "identifier": ""}
    for part in _boxes(data, box.payload, box.end or len(data)):
        name = _PARTS.get(part.type)
        if name is not None:
            text = data[part.payload : part.end].decode("utf-8", "replace").replace("\0", "\ufffd")
            if name != "payload":
                text = " ".join(text.split()).replace("-->", "")
            parts[name] = text.replace("\r\n", "\n").replace("\r", "\n")
    return Cue(start, end, **parts)


def _boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield boxes that fill the bytes between two offsets."""
    position = start
    try:
        for box in iter_boxes(data, start, end):
            position = end if box.end is None else box.end
            yield box
    except BoxError as error:
        raise SubtitleError(f"a sample of wvtt: {error}") from error
    if position != end:
        raise SubtitleError(f"a sample of wvtt is cut off: {end - start} bytes")
