"""Read a file again, and compare it with what was written."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from dashget.common.numbers import nearest_float
from dashget.errors import MuxError
from dashget.mux.container import Container, Family
from dashget.mux.coverwriter import is_cover
from dashget.mux.errors import as_file, as_mux_error, load_av
from dashget.mux.witness import TextWitness, Witness, Written

_MILLISECOND = Fraction(1, 1000)
_TYPES = ("video", "audio", "subtitle")


def check_file(
    path: Path,
    name: str,
    container: Container,
    written: Sequence[Written],
    begins: Sequence[Fraction],
) -> None:
    """Raise MuxError unless every track has the packets that were written, in their order.

    ``begins`` is when each track begins to be seen or heard, in seconds.
    """
    exact = container.family is Family.MP4
    raw = {"ignore_editlist": "1"} if exact else {}
    av = load_av()
    with as_mux_error(f"{name} cannot be read again"):
        with av.open(as_file(path), "r", options={**raw, "fflags": "+nofillin+noparse"}) as file:
            found = _read(file, len(written))
        with av.open(as_file(path), "r") as file:
            starts = [_start(stream) for stream in _media(file)]
            types = [stream.type for stream in _media(file)]
    if len(starts) != len(written):
        raise MuxError(f"{name} has {len(starts)} tracks, {len(written)} were written")
    for number, (expected, actual) in enumerate(zip(written, found, strict=True)):
        _compare(f"{name}, track {number}", expected, actual, exact=exact)
        # Of an MP4 track without any libavformat reads the first picture, or all, as key pictures.
        if types[number] == "video" and not (exact and 1 not in expected.keys):
            _compare_keys(f"{name}, track {number}", expected.keys, actual.keys)
        begin, wanted = starts[number], begins[number]
        if types[number] == "subtitle" and not exact:
            # libavformat does not know it in Matroska; the time of each cue was compared.
            continue
        if begin is None or abs(begin - wanted) > (0 if exact else _MILLISECOND):
            raise MuxError(
                f"{name}, track {number} begins at {_shown(begin)} s, not at {_shown(wanted)} s"
            )


def _media(file: Any) -> list[Any]:
    return [s for s in file.streams if s.type in _TYPES and not is_cover(s)]


def _read(file: Any, count: int) -> list[Written]:
    streams = _media(file)
    witnesses = {
        stream.index: (TextWitness if stream.type == "subtitle" else Witness)(hashed=True)
        for stream in streams[:count]
    }
    for packet in file.demux(*streams[:count]):
        if packet.size:
            witnesses[packet.stream_index].note(packet)
    return [
        witnesses[stream.index].written(stream.time_base.denominator) for stream in streams[:count]
    ]


def _start(stream: Any) -> Fraction | None:
    start = stream.start_time
    return None if start is None else start * stream.time_base


def _compare(track: str, expected: Written, actual: Written, *, exact: bool) -> None:
    for name, word in (("packets", "packets"), ("size", "bytes"), ("digest", "as hash")):
        wanted, got = getattr(expected, name), getattr(actual, name)
        if wanted != got:
            raise MuxError(f"{track} was read with {got} {word}, {wanted} were written")
    # Matroska tells the duration of few packets.
    spans = [(expected.last - expected.start, actual.last - actual.start)]
    if exact:
        spans.append((expected.end - expected.start, actual.end - actual.start))
    for wanted, got in spans:
        if abs(got - wanted) > (0 if exact else _MILLISECOND):
            raise MuxError(
                f"{track} was read with {_shown(got)} s, {_shown(wanted)} s were written"
            )
    moved = _first_moved(expected, actual, exact=exact)
    if moved is not None:
        raise MuxError(f"{track}: packet {moved} was read with another time than was written")


def _compare_keys(track: str, expected: bytes, actual: bytes) -> None:
    """Compare which pictures are key pictures, from which players can begin."""
    if expected == actual:
        return
    pairs = enumerate(zip(expected, actual, strict=True))
    number = next(number for number, (wanted, got) in pairs if wanted != got)
    was, reads = ("a key picture", "none") if expected[number] else ("no key picture", "one")
    raise MuxError(f"{track}: packet {number} was written as {was}, and is read as {reads}")


def _first_moved(expected: Written, actual: Written, *, exact: bool) -> int | None:
    """Return the first packet whose distance in time from the first one has changed."""
    scale, other = expected.timescale, actual.timescale
    most = 0 if exact else scale * other // 1000
    both = zip(expected.times, actual.times, strict=True)
    first, its_first = next(both, (0, 0))
    for number, (time, its) in enumerate(both, 1):
        if abs((time - first) * other - (its - its_first) * scale) > most:
            return number
    return None


def _shown(seconds: Fraction | None) -> str:
    return "an unknown time" if seconds is None else f"{nearest_float(seconds):.6f}"
