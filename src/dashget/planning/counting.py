"""How many files tracks name. Several segments, and several tracks, may be in the same file."""

from __future__ import annotations

from collections.abc import Sequence

from dashget.mpd.template import Address
from dashget.planning.tracks import Track


def count_files(tracks: Sequence[Track]) -> tuple[int, ...]:
    """Return for each track how many files it names that no track before it names.

    This is arithmetic, so a template with fields counts once for each segment. Tracks that name
    the same segments by such templates are counted each: ``is_counted_again`` tells which files
    that are.
    """
    seen: set[str] = set()
    return tuple(_count_new(track, seen) for track in tracks)


def is_counted_again(address: Address) -> bool:
    """Return True if ``count_files`` counts a file again that was named before."""
    return bool(address.patterns[0].fields)


def _count_new(track: Track, seen: set[str]) -> int:
    """Count the files of a track, and add those without fields to ``seen``."""
    index, before = track.index, len(seen)
    with_fields = 0
    for segment in index.preamble():
        if is_counted_again(segment.address):
            with_fields += 1
        else:
            seen.add(segment.address.patterns[0].marked)
    for address in index.media_addresses():
        if is_counted_again(address):
            with_fields += index.count()
        elif index.count():
            seen.add(address.patterns[0].marked)
    return with_fields + len(seen) - before
