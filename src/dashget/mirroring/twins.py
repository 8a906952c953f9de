"""Find segments of one Representation that have the same bytes under different numbers.

A server or a cache may send one segment for all. Where media has its times inside (ISO base media,
WebM, transport streams), no two segments are the same, not even of silence or a black picture;
pictures, texts and audio without a container may truly repeat, and so may what is very small.
Every file of a run passes here, so only its size and its two ends are looked at; what looks the
same is compared in the end. Repeats that are far apart are not found: few files are remembered.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from dashget.media.kind import WEBM, Content
from dashget.mirroring.files import role_of

if TYPE_CHECKING:
    from dashget.planning.plan import PlannedSegment
    from dashget.planning.tracks import Track
    from dashget.store import Mirror

_LEAST_BYTES: Final = 1024
_BEGINNING: Final = 256
_END: Final = 64
_REMEMBERED: Final = 64
_COMPARED: Final = 8
_BLOCK: Final = 1 << 20


class Twins:
    """The segments seen lately, and those that may be the same as others."""

    def __init__(self, store: Mirror) -> None:
        self._store = store
        self._seen: dict[int, dict[Hashable, str] | None] = {}
        """For each track its last segments; None where they may repeat."""
        self._alike: dict[int, list[tuple[str, str]]] = {}
        """For each track the first segments that may be the same as others, with these."""
        self._counts: dict[int, int] = {}
        """How many they are in all."""
        self._tracks: dict[int, Track] = {}

    def add_pieces(self, planned: PlannedSegment, size: int, pieces: Sequence[bytes]) -> None:
        """Look at a small segment that has arrived whole."""
        if size >= _LEAST_BYTES:
            key = size, pieces[0][:_BEGINNING], pieces[-1][-_END:]
            self.add(planned, size, hash(key))

    def add(self, planned: PlannedSegment, size: int, key: Hashable) -> None:
        """Look at a segment by a key that is the same for equal bytes."""
        if size < _LEAST_BYTES:
            return
        track = planned.track
        try:
            seen = self._seen[id(track)]
        except KeyError:
            seen = self._learn(planned)
        if seen is None:
            return
        other = seen.setdefault(key, planned.path)
        if other != planned.path:
            pairs = self._alike.setdefault(id(track), [])
            if len(pairs) < _COMPARED:
                pairs.append((planned.path, other))
            self._counts[id(track)] = self._counts.get(id(track), 0) + 1
        elif len(seen) > _REMEMBERED:
            seen.clear()

    def found(self) -> Iterator[tuple[Track, str]]:
        """Yield the tracks of which segments are the same, each with a sentence about them."""
        for known, pairs in self._alike.items():
            checked = [pair for pair in pairs if self._are_equal(*pair)]
            if not checked:
                continue
            path, other = checked[0]
            # Of many, some stand for all.
            count = self._counts[known] if len(checked) == len(pairs) else len(checked)
            more = f", and {count - 1:,} more" if count > 1 else ""
            yield (
                self._tracks[known],
                f"{path} has the same bytes as {other}{more}: the server may have sent one"
                " segment in the place of others",
            )

    def _learn(self, planned: PlannedSegment) -> dict[Hashable, str] | None:
        track, role = planned.track, role_of(planned)
        timed = role.is_iso or role.mime in WEBM or role.mime == "video/mp2t"
        self._tracks[id(track)] = track
        found = self._seen[id(track)] = {} if timed and role.content is Content.MEDIA else None
        return found

    def _are_equal(self, path: str, other: str) -> bool:
        size = self._store.size(path)
        if size is None or size != self._store.size(other):
            return False
        try:
            with self._store.open(path) as one, self._store.open(other) as two:
                while block := one.read(_BLOCK):
                    if block != two.read(_BLOCK):
                        return False
        except OSError:
            return False
        return True
