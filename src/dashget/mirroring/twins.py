"""Find segments of one Representation that have the same bytes under different numbers.

A server or a cache may send one segment for all. Where media has its times inside (ISO base media,
WebM, transport streams), no two segments are the same, not even of silence or a black picture;
pictures, texts and audio without a container may truly repeat, and so may what is very small.
Every file of a run passes here, so only its size and its end are looked at; what looks the same
is compared in the end. Repeats that are far apart are not found: few files are remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from dashget.media.kind import WEBM, Content
from dashget.mirroring.files import role_of

if TYPE_CHECKING:
    from dashget.planning.plan import PlannedSegment
    from dashget.planning.tracks import Track
    from dashget.store import Mirror

_LEAST_BYTES: Final = 1024
END_BYTES: Final = 64
"""As many of its last bytes stand for a segment, until it looks like another one."""
_REMEMBERED: Final = 64
_COMPARED: Final = 8
_BLOCK: Final = 1 << 20


class Twins:
    """The segments seen lately, and those that may be the same as others."""

    def __init__(self, store: Mirror) -> None:
        self._store = store
        self._seen: dict[tuple[int, bytes], PlannedSegment] = {}
        """The last segments by size and end, of whatever track."""
        self._tracks: dict[int, Track | None] = {}
        """The tracks that were looked at; None for those whose segments may repeat."""
        self._of_tracks: dict[tuple[int, bytes, int], PlannedSegment] = {}
        """The last segments by size, end and track, if they are like one of another track."""
        self._alike: dict[int, list[tuple[str, str]]] = {}
        """For each track the first segments that may be the same as others, with these."""
        self._counts: dict[int, int] = {}
        """How many they are in all."""

    def add(self, planned: PlannedSegment, size: int, end: bytes) -> None:
        """Look at a segment by its size and its last bytes, always as many.

        Every file of a run passes here: compressed media that ends alike is rare.
        """
        seen = self._seen
        other = seen.setdefault((size, end), planned)
        if other is not planned:
            self._compare(planned, other, size, end)
        elif len(seen) > _REMEMBERED:
            seen.clear()
            self._of_tracks.clear()

    def _compare(
        self, planned: PlannedSegment, other: PlannedSegment, size: int, end: bytes
    ) -> None:
        """Keep two segments that look the same, if they are of one track and cannot repeat."""
        known = id(planned.track)
        if other.track is not planned.track:
            other = self._of_tracks.setdefault((size, end, known), planned)
        if size < _LEAST_BYTES or other.path == planned.path:
            return
        track = self._tracks[known] if known in self._tracks else self._learn(planned)
        if track is None:
            return
        pairs = self._alike.setdefault(known, [])
        if len(pairs) < _COMPARED:
            pairs.append((planned.path, other.path))
        self._counts[known] = self._counts.get(known, 0) + 1

    def found(self) -> Iterator[tuple[Track, str]]:
        """Yield the tracks of which segments are the same, each with a sentence about them."""
        for known, pairs in self._alike.items():
            track = self._tracks[known]
            checked = [pair for pair in pairs if self._are_equal(*pair)]
            if track is None or not checked:
                continue
            path, other = checked[0]
            # Of many, some stand for all.
            count = self._counts[known] if len(checked) == len(pairs) else len(checked)
            more = f", and {count - 1:,} more" if count > 1 else ""
            yield (
                track,
                f"{path} has the same bytes as {other}{more}: the server may have sent one"
                " segment in the place of others",
            )

    def _learn(self, planned: PlannedSegment) -> Track | None:
        track, role = planned.track, role_of(planned)
        timed = role.is_iso or role.mime in WEBM or role.mime == "video/mp2t"
        found = track if timed and role.content is Content.MEDIA else None
        self._tracks[id(track)] = found
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
