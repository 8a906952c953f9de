"""The facts of a recording as lines of the mirror's record, and back."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import msgspec

from dashget.live.facts import (
    EndFact,
    Fact,
    FileFact,
    HoleFact,
    LineFact,
    LossFact,
    OutageFact,
    SegmentFact,
    SessionFact,
    ShapeFact,
    StretchFact,
)
from dashget.store import Mirror
from dashget.store.soundness import UNREADABLE

_LINES = 4096
_MOST = 2**62


class _Line(msgspec.Struct):
    """The fields of any line that tell what kind of fact it is; other fields are skipped."""

    path: str | None = None
    line: int | None = None
    t: int | None = None
    d: int | None = None
    n: int | None = None
    removed: bool = False
    key: str | None = None
    lost: int | None = None
    hole: int | None = None
    ends: int | None = None
    outage: float | None = None
    shape: int | None = None
    stretch: int | None = None
    recorder: str | None = None


_decode = msgspec.json.Decoder(_Line).decode


def write_fact(store: Mirror, fact: Fact) -> None:
    """Write a fact down as one line."""
    store.note_fact(msgspec.json.encode(fact) + b"\n")


def read_facts(store: Mirror, manifest: str) -> Iterator[Fact]:
    """Yield the facts of earlier recorders, as written; damaged lines are passed over."""
    record = store.open_record()
    if record is None:
        return
    with record:
        while block := list(itertools.islice(record, _LINES)):
            for line in block:
                if line.endswith(b"\n"):
                    with contextlib.suppress(*UNREADABLE):
                        fact = _fact(line, manifest)
                        if fact is not None:
                            yield fact


def _fact(text: bytes, manifest: str) -> Fact | None:
    found = _decode(text)
    if found.path is not None:
        if found.removed or found.path == manifest:
            return None
        if found.line is None:
            return FileFact(found.path)
        fact = SegmentFact(found.line, found.t or 0, found.d or 0, found.n or 0)
        return fact if fact.d > 0 and max(abs(fact.t), fact.d) < _MOST else None
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
    if found.ends is not None:
        return msgspec.json.decode(text, type=EndFact)
    if found.outage is not None:
        return msgspec.json.decode(text, type=OutageFact)
    if found.recorder is not None:
        return msgspec.json.decode(text, type=SessionFact)
    return None
