"""Initialization segments that change behind one name: they are looked at again with each Period.

The first Period that names one has it fetched. When another Period names one that is here, or a
recorder goes on, it is fetched once more: it is small. If it has other bytes by then, it gets a
name of its own, ``_again/1.2/``, and the media of that Period are played with it. One that changes
within a Period, without any sign, is not noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Final
from urllib.parse import unquote

import msgspec

from dashget.common.lateregex import late
from dashget.live.agenda import AGAIN
from dashget.live.listing import Listing, Once, Version
from dashget.live.named import stored_name
from dashget.media.kind import SegmentKind

_REFERENCE: Final = late(
    r'( initialization="|<(?:[^\s<>/]+:)?Initialization\b[^<>]*? sourceURL=")(?:_again/1\.\d+/)?'
)

_NAMED: Final = late(
    r'(?: initialization="|<(?:[^\s<>/]+:)?Initialization\b[^<>]*? sourceURL=")([^"]*)"'
)


class Place(msgspec.Struct, frozen=True):
    """A Period that names an initialization segment."""

    generation: int
    period: str
    path: str
    start: Fraction


class Descriptions:
    """Knows which initialization segments were looked at for which Period."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, str, str]] = set()
        self._asked: dict[str, list[Place]] = {}

    def looks(
        self, version: Version, generation: int, has: Callable[[str], bool]
    ) -> Iterator[tuple[str, Once]]:
        """Yield the files that are to be fetched to be compared with those that are here.

        ``version`` is what the document says, and ``has`` tells what was here before it.
        """
        for listing in version.listings:
            for once in listing.once:
                key = generation, listing.period, once.path
                if once.kind is not SegmentKind.INITIALIZATION or key in self._seen:
                    continue
                self._seen.add(key)
                stored, following = _newest(once.path, generation, has)
                if has(stored):
                    place = Place(*key, listing.period_start)
                    self._asked.setdefault(following, []).append(place)
                    yield following, msgspec.structs.replace(once, compare=stored)

    def changed(self, path: str) -> list[Place]:
        """Return the Periods whose initialization segment has turned out to be another one."""
        return self._asked.pop(path, [])


def in_turn(listing: Listing, generation: int, has: Callable[[str], bool]) -> Listing:
    """Return a listing with the newest initialization segment of its name."""
    for position, once in enumerate(listing.once):
        if once.kind is not SegmentKind.INITIALIZATION:
            continue
        stored, _ = _newest(once.path, generation, has)
        path = stored.removeprefix(_prefix(generation))
        if path != once.path:
            made = msgspec.structs.replace(once, path=path)
            files = (*listing.once[:position], made, *listing.once[position + 1 :])
            shape = reshaped(listing.shape, path.removesuffix(once.path))
            return msgspec.structs.replace(
                listing,
                shape=shape,
                once=tuple(
                    msgspec.structs.replace(each, behind=path) if each.behind == once.path else each
                    for each in files
                ),
            )
    return listing


def initializations(written: str) -> set[str]:
    """Return the paths of the initialization segments that shapes, or a local MPD, name."""
    # The references of shapes are percent-encoded: no other character is written in two ways.
    references = (match[1].replace("&amp;", "&") for match in _NAMED.finditer(written))
    paths = {each.replace("$$", "$") for each in references}
    return {unquote(path.removeprefix("./")) for path in paths if not path.startswith("data:")}


def reshaped(shape: str, folder: str) -> str:
    """Return a shape whose initialization segment is in a folder; empty: in none."""
    return _REFERENCE.sub(lambda found: found[1] + folder, shape)


def folder_of(path: str) -> str:
    """Return the folder in which a later one is, by its path: ``_again/1.2/``."""
    at = path.rindex(f"{AGAIN}/1.")
    return path[at : path.index("/", at + len(AGAIN) + 1) + 1]


def _prefix(generation: int) -> str:
    return f"{AGAIN}/{generation}/" if generation > 1 else ""


def _newest(path: str, generation: int, has: Callable[[str], bool]) -> tuple[str, str]:
    """Return the path of the newest file of a name, and that of the one which would follow it."""
    prefix, turn = _prefix(generation), 1
    while has(prefix + stored_name(path, turn + 1)):
        turn += 1
    return prefix + stored_name(path, turn), prefix + stored_name(path, turn + 1)
