"""Read the subtitles of one Representation from the bytes of its files, whatever they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Final

from dashget.common.lateregex import late
from dashget.media.isobmff import BoxError, iter_boxes
from dashget.mux.subtitles import wvtt
from dashget.mux.subtitles.cues import Cue, Script, joined
from dashget.mux.subtitles.fragments import TextHeader, iter_samples, read_text_header
from dashget.mux.subtitles.limits import MOST_BYTES, SubtitleError
from dashget.mux.subtitles.ttml import read_ttml
from dashget.mux.subtitles.webvtt import is_webvtt, read_webvtt

_FIRST_BOXES: Final = frozenset(
    (b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"free", b"emsg", b"prft", b"skip")
)
_XML: Final = late(rb"\s*<(?:\?xml\s|!--|!DOCTYPE|(?:[A-Za-z_][\w.-]*:)?tt[\s>])")
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SHOWN: Final = 24


def read_script(initialization: bytes, media: Iterable[bytes]) -> Script:
    """Return the cues of an initialization segment (if there is one) and media segments.

    Their times are media times in seconds. Raises SubtitleError.
    """
    cues: list[tuple[Cue, ...]] = []
    styles: dict[str, None] = {}
    problems: dict[str, None] = {}
    size, header = 0, read_text_header(initialization) if initialization else None
    for data in media:
        size += len(data)
        if size > MOST_BYTES:
            raise SubtitleError(f"more than {MOST_BYTES:,} bytes")
        if is_mp4(data):
            header = header or read_text_header(data)
            pieces, found = _read_samples(data, header)
            cues.extend(pieces)
            styles.update(dict.fromkeys(found.styles))
            problems.update(dict.fromkeys(found.problems))
            continue
        script = _read_text(data)
        cues.append(script.cues)
        styles.update(dict.fromkeys(script.styles))
        problems.update(dict.fromkeys(script.problems))
    return Script(joined(cues), tuple(styles), tuple(problems))


def _read_samples(data: bytes, header: TextHeader) -> tuple[list[tuple[Cue, ...]], Script]:
    """Return the cues of each sample, and what else is told."""
    reader = _READERS.get(header.code)
    if reader is None:
        raise SubtitleError(f"subtitles of a kind that cannot be read yet: {header.code}")
    _require_fragments(data)
    styles = wvtt.read_header(header.configuration)
    pieces: list[tuple[Cue, ...]] = []
    problems: list[str] = []
    size = 0
    for sample in iter_samples(data, header):
        size += sample.size
        if size > MOST_BYTES:
            raise SubtitleError(f"samples of more than {MOST_BYTES:,} bytes")
        start = Fraction(sample.start, header.timescale)
        end = start + Fraction(sample.duration, header.timescale)
        script = reader(data[sample.offset : sample.offset + sample.size], start, end)
        pieces.append(script.cues)
        problems.extend(script.problems)
    return pieces, Script((), styles, tuple(problems))


def _wvtt(data: bytes, start: Fraction, end: Fraction) -> Script:
    return Script(wvtt.read_sample(data, start, end) if start < end else ())


def _stpp(data: bytes, start: Fraction, end: Fraction) -> Script:
    return read_ttml(data, (start, end)) if data.strip() else Script(())


_READERS: Final[dict[str, Callable[[bytes, Fraction, Fraction], Script]]] = {
    "wvtt": _wvtt,
    "stpp": _stpp,
}


def _require_fragments(data: bytes) -> None:
    kinds = set(_kinds(data))
    if "mdat" in kinds and "moof" not in kinds:
        raise SubtitleError("an MP4 file without fragments, which cannot be read yet")


def _kinds(data: bytes) -> Iterator[str]:
    try:
        for box in iter_boxes(data):
            yield box.type
    except BoxError as error:
        raise SubtitleError(f"a segment: {error}") from error


def _read_text(data: bytes) -> Script:
    """Read a file of WebVTT or TTML; one without content has no cues."""
    if not data.strip():
        return Script(())
    text = decoded(data)
    if is_webvtt(text):
        return read_webvtt(text)
    if _XML.match(text[:200].lstrip("\ufeff").encode("utf-8", "replace")):
        return read_ttml(data)
    raise SubtitleError(f"neither WebVTT, TTML nor MP4: {text.strip()[:_SHOWN]!r}")


def decoded(data: bytes) -> str:
    """Return the text of a file: UTF-8, unless a byte order mark says UTF-16."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def is_mp4(data: bytes) -> bool:
    """Return True if a file begins like a segment of MP4."""
    return data[4:8] in _FIRST_BOXES
