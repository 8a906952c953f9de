"""How many files and segments tracks name, and the limits on that.

A count is arithmetic, made before the first segment is worked out: a manifest of a few lines may
imply billions of segments, and nobody should learn that after hours of requests. Several segments,
and several tracks, may be in the same file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from dashget.errors import UnsupportedMPDError
from dashget.mpd.budget import RAISED_BY, Budget
from dashget.mpd.template import Address
from dashget.planning.tracks import Track

DEFAULT_SEGMENT_LIMIT: Final = 10_000_000
DEFAULT_TOTAL_LIMIT: Final = 50_000_000
_USUAL_URL: Final = 200
"""The characters of a segment's URLs that no limit counts."""


class Limits(msgspec.Struct, frozen=True):
    """The most segments of one Representation, and of all together; None for no limit."""

    segments: int | None = DEFAULT_SEGMENT_LIMIT
    total: int | None = DEFAULT_TOTAL_LIMIT


def require_countable(
    tracks: Sequence[Track], limits: Limits, budget: Budget | None = None
) -> None:
    """Raise UnsupportedMPDError if tracks have more segments than allowed.

    With a ``budget``, their URLs have to stay within its limit, too.
    """
    if budget is not None:
        _require_short(tracks, budget.limits.max_urls)
    total, largest = 0, 0
    for position, track in enumerate(tracks):
        if limits.segments is not None:
            track.index.require_at_most(limits.segments)
        count = _count(track)
        total += count
        if count > _count(tracks[largest]):
            largest = position
    if limits.total is None or total <= limits.total:
        return
    index = tracks[largest].index
    raise UnsupportedMPDError(
        f"the presentation has more than {limits.total:,} segments in all: {total:,}, the most in "
        f"Representation {index.representation.id!r}: {_count(tracks[largest]):,} {index.reason()}",
        hint="select a part of it (--video, --audio, --period), or raise the limit (--total-limit)",
    )


def _require_short(tracks: Sequence[Track], most: int) -> None:
    """Raise UnsupportedMPDError if templates make URLs of too many characters altogether.

    Those of lists are in the document, and counted when it is resolved.
    """
    total = 0
    for track, index in ((t, i) for t in tracks for i in (t.index, *t.index.spares)):
        address = next(iter(index.media_addresses()), None)
        if address is None or not address.patterns[0].fields:
            continue
        size = sum(len(pattern.marked) for pattern in address.patterns)
        if size <= _USUAL_URL:
            continue
        total += index.count() * (size - _USUAL_URL)
        if total > most:
            representation = track.representation
            raise UnsupportedMPDError(
                f"the URLs of the presentation have more than {most:,} characters, at last"
                f" {index.count():,} times {size:,} in Representation"
                f" {representation.id!r} ({representation.where}, line {representation.line})",
                hint=f"select a part of it (--video, --audio, --period); {RAISED_BY}",
            )


def countable(tracks: Sequence[Track], limits: Limits) -> tuple[Track, ...]:
    """Return the first tracks that stay within the limits; leave out each that would not."""
    kept, total = [], 0
    for track in tracks:
        count = _count(track)
        if limits.segments is not None and count > limits.segments:
            continue
        if limits.total is not None and total + count > limits.total:
            continue
        total += count
        kept.append(track)
    return tuple(kept)


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


def _count(track: Track) -> int:
    """Return the number of media segments, those included that are not in use."""
    return track.index.count() + sum(index.count() for index in track.index.spares)


def _count_new(track: Track, seen: set[str]) -> int:
    """Count the files of a track, and add those without fields to ``seen``."""
    index, before = track.index, len(seen)
    with_fields = 0
    for segment in index.preamble():
        if is_counted_again(segment.address):
            with_fields += 1
        else:
            seen.add(segment.address.patterns[0].marked)
    for each in (index, *index.spares):
        for address in each.media_addresses():
            if is_counted_again(address):
                with_fields += each.count()
            elif each.count():
                seen.add(address.patterns[0].marked)
    return with_fields + len(seen) - before
