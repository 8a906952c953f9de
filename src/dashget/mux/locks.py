"""Which key each fragment of encrypted media needs (ISO/IEC 23001-7).

A track names its key in ``tenc``. Where keys change, fragments name theirs in a sample group
``seig``; the parameters there have the same form as in ``tenc``. No I/O.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.media.isobmff import Box, BoxError, iter_boxes
from dashget.mux.sampleentries import find_moov, read_tracks

SUPPORTED: Final = ("cenc", "cbc1", "cbcs")
"""The schemes that libavformat decrypts; of ``cens`` it decrypts audio wrongly."""
_HEADER: Final = 4
_PARAMETERS: Final = 20
"""The bytes of ``tenc`` after its version, at least: pattern, protection, size of IVs, key id."""
_IN_FRAGMENT: Final = 0x10000
_MAX_DEPTH: Final = 16
_SET_DESCRIPTION: Final = 0x02
_SET_OFFSET: Final = 0x01


class Lock(msgspec.Struct, frozen=True):
    """What is needed to decrypt samples: the payload of ``tenc`` after its version and flags."""

    parameters: bytes

    @property
    def protected(self) -> bool:
        """True for encrypted samples."""
        return self.parameters[2] != 0

    @property
    def key_id(self) -> str:
        """The key id, as hexadecimal digits."""
        return self.parameters[4:_PARAMETERS].hex()


class Locks(msgspec.Struct, frozen=True):
    """The locks of the sample entries of a track, None for clear ones."""

    entries: tuple[Lock | None, ...]
    schemes: tuple[str, ...]
    default_entry: int
    groups: tuple[Lock, ...]
    """Locks of sample groups that the initialization segment defines."""


def read_locks(beginning: bytes) -> Locks | None:
    """Return the locks of a ``moov``; None if no sample entry is encrypted, or there is none."""
    moov = find_moov(beginning)
    if moov is None:
        return None
    tracks = read_tracks(moov)
    entries = tracks[0] if tracks else ()
    locks = tuple(_lock(entry.tenc) if entry.is_encrypted else None for entry in entries)
    if not any(locks):
        return None
    schemes = tuple(dict.fromkeys(entry.scheme for entry in entries if entry.is_encrypted))
    return Locks(locks, schemes, _default_entry(moov), tuple(_groups(moov, 8, len(moov))))


def fragment_lock(moof: bytes, locks: Locks) -> Lock | None:
    """Return the lock of a fragment, None if its sample entry is a clear one.

    Raises BoxError where the samples of one fragment have different locks.
    """
    box = next(iter_boxes(moof))
    for child in iter_boxes(moof, box.payload, len(moof)):
        if child.type == "traf":
            return _fragment_lock(moof, child, locks)
    return None


def _fragment_lock(moof: bytes, traf: Box, locks: Locks) -> Lock | None:
    entry, groups, runs = locks.default_entry, tuple[Lock, ...](), list[tuple[int, int]]()
    samples = 0
    for box in iter_boxes(moof, traf.payload, traf.end):
        end = _end(moof, box)
        if box.type == "tfhd":
            entry = _entry_of(moof, box, entry)
        elif box.type == "sgpd":
            groups += _described(moof, box)
        elif box.type == "sbgp" and moof[box.payload + 4 : box.payload + 8] == b"seig":
            runs += _runs(moof, box.payload, end)
        elif box.type == "trun":
            (count,) = _unpack(">I", moof, box.payload + _HEADER)
            samples += count
    if not 1 <= entry <= len(locks.entries):
        raise BoxError(f"a fragment of sample entry {entry} of {len(locks.entries)}")
    default = locks.entries[entry - 1]
    if default is None:
        return None
    found = {_group(number, groups, locks.groups, default) for count, number in runs if count}
    if sum(count for count, _ in runs) < samples or not runs:
        found.add(default)
    if len(found) > 1:
        raise BoxError("the key changes inside a fragment")
    return found.pop()


def with_lock(moov: bytes, lock: Lock) -> bytes:
    """Return a ``moov`` whose encrypted sample entries name the key and parameters of a lock."""
    return _replaced(moov, 0, len(moov), lock)


def _replaced(data: bytes, start: int, end: int, lock: Lock, depth: int = 0) -> bytes:
    if depth > _MAX_DEPTH:
        raise BoxError(f"boxes are nested more than {_MAX_DEPTH} deep")
    parts = []
    for box in iter_boxes(data, start, end):
        stop = min(_end(data, box), end)
        head, inner = data[box.start : box.payload], None
        if box.type == "tenc":
            # Version 1: the first parameters are the pattern of cbcs.
            parts.append(_box(b"tenc", b"\1\0\0\0" + lock.parameters))
            continue
        if box.type in _INSIDE:
            inner = box.payload + _INSIDE[box.type]
        if inner is None or inner > stop:
            parts.append(data[box.start : stop])
            continue
        fixed = data[box.payload : inner]
        parts.append(_box(head[4:8], fixed + _replaced(data, inner, stop, lock, depth + 1)))
    return b"".join(parts)


_INSIDE: Final = {
    **dict.fromkeys(("moov", "trak", "mdia", "minf", "stbl", "sinf", "schi"), 0),
    "stsd": 8,
    "encv": 78,
    "enca": 28,
}
"""Boxes that lead to ``tenc``, and the bytes in each before its boxes."""


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def _lock(tenc: bytes) -> Lock:
    if len(tenc) < _HEADER + _PARAMETERS:
        raise BoxError("an encrypted sample entry without its tenc box")
    return Lock(tenc[_HEADER:])


def _default_entry(moov: bytes) -> int:
    for box in iter_boxes(moov, 8, len(moov)):
        if box.type == "mvex":
            for child in iter_boxes(moov, box.payload, box.end):
                if child.type == "trex":
                    (entry,) = _unpack(">I", moov, child.payload + 8)
                    return entry
    return 1


def _entry_of(data: bytes, tfhd: Box, default: int) -> int:
    flags = int.from_bytes(data[tfhd.payload + 1 : tfhd.payload + 4], "big")
    if not flags & _SET_DESCRIPTION:
        return default
    (entry,) = _unpack(">I", data, tfhd.payload + 8 + (8 if flags & _SET_OFFSET else 0))
    return entry


def _groups(data: bytes, start: int, end: int, depth: int = 0) -> Iterator[Lock]:
    if depth > _MAX_DEPTH:
        raise BoxError(f"boxes are nested more than {_MAX_DEPTH} deep")
    for box in iter_boxes(data, start, end):
        if box.type in ("trak", "mdia", "minf", "stbl"):
            yield from _groups(data, box.payload, _end(data, box), depth + 1)
        elif box.type == "sgpd":
            yield from _described(data, box)


def _described(data: bytes, box: Box) -> tuple[Lock, ...]:
    """Return the locks that a ``sgpd`` box describes; nothing if it is about something else."""
    at, end = box.payload, _end(data, box)
    if data[at + 4 : at + 8] != b"seig":
        return ()
    version, fixed = data[at], 0
    at += 8
    if version >= 1:
        (fixed,) = _unpack(">I", data, at)
        at += 4
    if version >= 2:
        at += 4
    (count,) = _unpack(">I", data, at)
    at += 4
    locks = []
    for _ in range(count):
        size = fixed or (_PARAMETERS if version == 0 else _unpack(">I", data, at)[0])
        at += 0 if fixed or version == 0 else 4
        if size < _PARAMETERS or at + size > end:
            raise BoxError("a sample group of keys that ends too early")
        locks.append(Lock(data[at : at + size]))
        at += size
    return tuple(locks)


def _runs(data: bytes, at: int, end: int) -> list[tuple[int, int]]:
    """Return the entries of a ``sbgp`` box: a number of samples, and their group."""
    at += 12 if data[at] else 8
    (count,) = _unpack(">I", data, at)
    if at + 4 + 8 * count > end:
        raise BoxError("a sbgp box that ends too early")
    return [_unpack(">II", data, at + 4 + 8 * i) for i in range(count)]  # type: ignore[misc]  # pairs


def _group(number: int, own: tuple[Lock, ...], shared: tuple[Lock, ...], default: Lock) -> Lock:
    if number == 0:
        return default
    groups, position = (own, number - _IN_FRAGMENT) if number > _IN_FRAGMENT else (shared, number)
    if not 1 <= position <= len(groups):
        raise BoxError(f"a sample group of keys {number} that is not described")
    return groups[position - 1]


def _unpack(form: str, data: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, data, at)
    except struct.error as error:
        raise BoxError("a box that ends too early") from error


def _end(data: bytes, box: Box) -> int:
    return len(data) if box.end is None else min(box.end, len(data))
