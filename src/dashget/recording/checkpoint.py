"""Go on with a recording from the tail of its record: a checkpoint tells what all before it says.

A week is two million lines of the record, which take a minute to read: longer than most windows.
So now and then what they tell is written to ``.dashget/checkpoint.jsonl``, as few facts, with the
place up to which they were read. A checkpoint is never needed: one that is missing, damaged, or
does not fit the record is passed over, and all of the record is read.
"""

from __future__ import annotations

from hashlib import sha256
from typing import BinaryIO, Final

import msgspec

from dashget.errors import StoreError
from dashget.live.snapshot import facts_of
from dashget.live.state import State
from dashget.planning.layout import CONTROL_DIRECTORY
from dashget.recording.facts import encode_fact, fact_of
from dashget.store import Mirror
from dashget.store.soundness import UNREADABLE

PLACE: Final = f"{CONTROL_DIRECTORY}/checkpoint.jsonl"
_FORM: Final = 1
_MOST_BYTES: Final = 1 << 28
_WITNESS_BYTES: Final = 1 << 16
"""So many bytes of the record before the place have to be the same."""


class _Head(msgspec.Struct, frozen=True):
    """The first line of a checkpoint."""

    checkpoint: int
    """The form."""
    end: int
    """How many bytes of the record it stands for."""
    witness: str
    """The checksum of the first and the last of these."""
    facts: str
    """The checksum of the lines that follow."""


def text_of(store: Mirror, state: State, end: int) -> bytes:
    """Return a checkpoint that stands for the record up to a byte."""
    body = b"".join(map(encode_fact, facts_of(state)))
    head = _Head(_FORM, end, _witness_of(store, end), sha256(body).hexdigest())
    return msgspec.json.encode(head) + b"\n" + body


def write(store: Mirror, text: bytes) -> None:
    """Store a checkpoint. A disk without room for it costs nothing but time."""
    try:
        if len(text) <= _MOST_BYTES:
            store.write(PLACE, text)
    except StoreError as error:
        if not error.is_full:
            raise


def read(store: Mirror) -> tuple[State, int] | None:
    """Return what a record tells up to a byte, and that byte; None without a sound checkpoint."""
    try:
        first, _, body = store.read(PLACE).partition(b"\n")
        head = msgspec.json.decode(first, type=_Head)
        sound = head.checkpoint == _FORM and sha256(body).hexdigest() == head.facts
        if not sound or not head.witness or _witness_of(store, head.end) != head.witness:
            return None
        facts = (fact_of(line, "") for line in body.splitlines(keepends=True))
        return State.of(fact for fact in facts if fact is not None), head.end
    except (*UNREADABLE, ValueError, OSError, StoreError):
        return None


def _witness_of(store: Mirror, end: int) -> str:
    record = store.open_record()
    if record is None or end <= 0:
        return ""
    with record:
        return _witness(record, end)


def _witness(record: BinaryIO, end: int) -> str:
    """Return the checksum of the beginning of a record, and of its last bytes before an end."""
    first = record.read(min(_WITNESS_BYTES, end))
    begin = max(end - _WITNESS_BYTES, 0)
    record.seek(begin)
    tail = record.read(end - begin)
    return sha256(first + tail).hexdigest() if len(tail) == end - begin else ""
