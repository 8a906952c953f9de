"""Take an encrypted stretch apart into pieces that one key decrypts each.

libavformat decrypts with the one key that it is given, and does not see where keys change. So the
fragments are looked at here, each run of the same key becomes a piece, and its initialization
segment names the parameters of that key.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from dashget.common.secrets import HidesSecrets
from dashget.media.isobmff import BoxError, iter_boxes
from dashget.mux.contents import Contents, Piece, Span
from dashget.mux.errors import LockedError
from dashget.mux.keys import Keys, as_uuid
from dashget.mux.locks import SUPPORTED, Lock, Locks, fragment_lock, read_locks, with_lock
from dashget.mux.source import JoinedFile, read_box, read_bytes

_HEADER_BYTES: Final = 32
_LARGEST_FRAGMENT: Final = 1 << 24
_LARGEST_HEADS: Final = 1 << 26


class Unlocked(msgspec.Struct, frozen=True):
    """The pieces of a stretch, and some of their fragments in which each key is tried."""

    pieces: tuple[Piece, ...]
    probes: tuple[Piece, ...]


class _Fragment(msgspec.Struct, frozen=True, gc=False):
    """The bytes of a fragment, as positions in the joined file, and its lock."""

    start: int
    end: int
    lock: Lock | None


def unlock(joined: JoinedFile, contents: Contents, beginning: bytes, keys: Keys) -> Unlocked | None:
    """Return how to decrypt a stretch; None if its sample entries are clear.

    ``beginning`` is its ``moov``. Raises LockedError for a scheme that cannot be decrypted and
    for keys that are missing; BoxError, OSError, MirrorIncompleteError.
    """
    locks = read_locks(beginning)
    if locks is None:
        return None
    unknown = [scheme for scheme in locks.schemes if scheme not in SUPPORTED]
    if unknown:
        known = f"{', '.join(SUPPORTED[:-1])} and {SUPPORTED[-1]}"
        raise LockedError(f"{', '.join(unknown)}, which cannot be decrypted; {known} can")
    fragments = list(_fragments(joined, locks))
    defaults = {lock for lock in locks.entries if lock is not None}
    named = {f.lock for f in fragments if f.lock is not None} if fragments else defaults
    ids = dict.fromkeys(lock.key_id for lock in sorted(named, key=_by_id) if lock.protected)
    lacking = [key_id for key_id in ids if keys.get(key_id) is None]
    if lacking:
        raise LockedError(f"{', '.join(locks.schemes)}; {_ids(lacking)}, for which there is no key")
    if not fragments and locks.groups:
        raise BoxError("the key changes inside the file")
    file_type = read_box(joined, "ftyp")
    if len(named) <= 1 and named <= defaults:
        key = next((keys.get(key_id) for key_id in ids), None)
        parts = [_Part(key, file_type + beginning, tuple(fragments))]
        pieces: tuple[Piece, ...] = (Piece(contents, key),)
    else:
        runs = [
            (lock, tuple(run)) for lock, run in itertools.groupby(fragments, key=lambda f: f.lock)
        ]
        if len(runs) * (len(file_type) + len(beginning)) > _LARGEST_HEADS:
            raise BoxError(f"the key changes {len(runs)} times")
        parts = [_part(lock, run, file_type, beginning, keys) for lock, run in runs]
        pieces = tuple(_piece(contents, part, part.run) for part in parts)
    return Unlocked(pieces, tuple(_probes(contents, parts)) or pieces)


class _Part(HidesSecrets, frozen=True):
    """Fragments in a row that one key decrypts, and their beginning."""

    secrets = ("key",)

    key: str | None
    head: bytes
    run: tuple[_Fragment, ...]


def _part(
    lock: Lock | None, run: tuple[_Fragment, ...], file_type: bytes, beginning: bytes, keys: Keys
) -> _Part:
    if lock is None:
        return _Part(None, file_type + beginning, run)
    key = keys.get(lock.key_id) if lock.protected else None
    return _Part(key, file_type + with_lock(beginning, lock), run)


def _ids(key_ids: Sequence[str]) -> str:
    return f"key id {', '.join(map(as_uuid, key_ids))}"


def _by_id(lock: Lock) -> str:
    return lock.key_id


def _fragments(joined: JoinedFile, locks: Locks) -> Iterator[_Fragment]:
    """Yield the fragments of the joined file, each with what stands before its ``moof``."""
    position, start, lock, open_ = 0, None, None, False
    while position < joined.size:
        box = next(iter_boxes(read_bytes(joined, position, _HEADER_BYTES)), None)
        if box is None:
            raise BoxError(f"no box at {position}")
        size = joined.size - position if box.size is None else box.size
        if box.type == "moof":
            if open_ and start is not None:
                yield _Fragment(start, position, lock)
                start = position
            start = position if start is None else start
            if size > _LARGEST_FRAGMENT:
                raise BoxError(f"a moof box of {size} bytes")
            lock, open_ = fragment_lock(read_bytes(joined, position, size), locks), True
        elif box.type == "mdat" and open_ and start is not None:
            yield _Fragment(start, position + size, lock)
            start, open_ = position + size, False
        position += size


def _piece(contents: Contents, part: _Part, run: Sequence[_Fragment]) -> Piece:
    spans = (Span("", 0, len(part.head)), *_cut(contents.spans, run[0].start, run[-1].end))
    cut = msgspec.structs.replace(contents, spans=spans, first_media=1, whole=False)
    return Piece(cut, part.key, part.head)


def _probes(contents: Contents, parts: Sequence[_Part]) -> Iterator[Piece]:
    """Yield fragments from the begin, the middle and the end of the first part of each key."""
    seen: set[str] = set()
    for part in parts:
        locked = [fragment for fragment in part.run if fragment.lock is not None]
        if part.key is None or part.key in seen or not locked:
            continue
        seen.add(part.key)
        last = len(locked) - 1
        for number in sorted({0, last // 2, last}):
            yield _piece(contents, part, locked[number : number + 1])


def _cut(spans: Sequence[Span], start: int, end: int) -> Iterator[Span]:
    """Yield the spans between two positions of the joined file."""
    begin = 0
    for span in spans:
        first, last = max(start, begin), min(end, begin + span.size)
        if first < last:
            yield Span(span.path, span.first + first - begin, last - first)
        begin += span.size
