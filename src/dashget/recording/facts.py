"""The facts of a recording as lines of the mirror's record, and back."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import msgspec

from dashget.common.numbers import read_time
from dashget.live.facts import (
    CoverageFact,
    EndFact,
    EventFact,
    ExpiredFact,
    Fact,
    FileFact,
    HeldFact,
    HoleFact,
    LateFact,
    LineFact,
    LossFact,
    NamedFact,
    NamesFact,
    OutageFact,
    SegmentFact,
    SessionFact,
    ShapeFact,
    ShortFact,
    StretchFact,
)
from dashget.planning.layout import is_safe_path
from dashget.recording.soundness import is_sound
from dashget.store import Mirror
from dashget.store.soundness import UNREADABLE

_LINES = 4096


class _Line(msgspec.Struct):
    """The fields of any line that tell what kind of fact it is; other fields are skipped."""

    path: str | None = None
    line: int | None = None
    t: int | None = None
    d: int | None = None
    n: int | None = None
    size: int = 0
    time: str | None = None
    media: bool = False
    removed: bool = False
    key: str | None = None
    lost: int | None = None
    hole: int | None = None
    ends: int | None = None
    outage: float | None = None
    shape: int | None = None
    stretch: int | None = None
    late: int | None = None
    recorder: str | None = None
    expired: float | int | None = None
    coverage: int | None = None
    held: int | None = None
    event: str | None = None
    names: int | None = None
    named: int | None = None
    scale: int | None = None
    at: float | None = None
    more: int = 0
    short: int | None = None


_decode = msgspec.json.Decoder(_Line).decode


def write_fact(store: Mirror, fact: Fact) -> None:
    """Write a fact down as one line."""
    store.note_fact(encode_fact(fact))


def encode_fact(fact: Fact) -> bytes:
    """Return the line of a fact, with its end."""
    return msgspec.json.encode(fact) + b"\n"


def read_facts(store: Mirror, manifest: str) -> Iterator[Fact]:
    """Yield the facts of earlier recorders, as written; damaged lines are passed over."""
    for _, fact in read_placed_facts(store, manifest, 0):
        if fact is not None:
            yield fact


def read_placed_facts(
    store: Mirror, manifest: str, begin: int
) -> Iterator[tuple[int, Fact | None]]:
    """Yield the facts from a byte on, each with where its line ends; None for other lines."""
    for end, line in read_lines(store, begin):
        fact = None
        with contextlib.suppress(*UNREADABLE):
            fact = fact_of(line, manifest)
        yield end, fact


def read_lines(store: Mirror, begin: int) -> Iterator[tuple[int, bytes]]:
    """Yield the complete lines of a record from a byte on, each with where it ends."""
    record = store.open_record()
    if record is None:
        return
    with record:
        record.seek(begin)
        while block := list(itertools.islice(record, _LINES)):
            for line in block:
                if line.endswith(b"\n"):
                    begin += len(line)
                    yield begin, line


def fact_of(text: bytes, manifest: str) -> Fact | None:
    """Return the fact of a line; None for a line without one, or with one that makes no sense.

    Raises what ``msgspec`` does.
    """
    fact = _fact_of(text, manifest)
    return fact if fact is not None and is_sound(fact) else None


def _fact_of(text: bytes, manifest: str) -> Fact | None:
    found = _decode(text)
    if found.path is not None:
        if found.removed or found.path == manifest or not is_safe_path(found.path):
            return None
        if found.line is None or found.media:
            return _file_of(found.path, found)
        return SegmentFact(found.line, found.t or 0, found.d or 0, found.n or 0, found.size)
    if found.names is not None:
        return msgspec.json.decode(text, type=NamesFact)
    if found.named is not None:
        return msgspec.json.decode(text, type=NamedFact)
    if found.short is not None:
        return msgspec.json.decode(text, type=ShortFact)
    if found.key is not None:
        return msgspec.json.decode(text, type=LineFact)
    if found.lost is not None:
        return msgspec.json.decode(text, type=LossFact)
    if found.hole is not None:
        return msgspec.json.decode(text, type=HoleFact)
    if found.stretch is not None:
        return msgspec.json.decode(text, type=StretchFact)
    if found.shape is not None:
        return msgspec.json.decode(text, type=ShapeFact)
    if found.late is not None:
        return msgspec.json.decode(text, type=LateFact)
    if found.event is not None:
        return msgspec.json.decode(text, type=EventFact)
    if found.ends is not None:
        return msgspec.json.decode(text, type=EndFact)
    if found.outage is not None:
        return msgspec.json.decode(text, type=OutageFact)
    if found.recorder is not None:
        return msgspec.json.decode(text, type=SessionFact)
    if found.coverage is not None:
        return msgspec.json.decode(text, type=CoverageFact)
    if found.expired is not None:
        return msgspec.json.decode(text, type=ExpiredFact)
    if found.held is not None:
        return msgspec.json.decode(text, type=HeldFact)
    return None


def _file_of(path: str, found: _Line) -> FileFact:
    came = moment_of(found.time) if found.media else None
    if not found.media or not found.line:
        return FileFact(path, found.size, came)
    return FileFact(
        path=path,
        size=found.size,
        came=came,
        line=found.line,
        n=found.n or 0,
        t=found.t,
        d=found.d or 0,
        scale=found.scale or 1,
        at=found.at,
        more=found.more,
    )


def moment_of(time: str | None) -> float | None:
    """Return the time of a line in seconds since 1970."""
    moment = None if time is None else read_time(time)
    return None if moment is None else moment.timestamp()
