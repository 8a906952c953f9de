"""List the segments of a Representation with one call, without any I/O."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction

from dashget.errors import SelectionError
from dashget.mpd.model import MPD
from dashget.mpd.presentation import Presentation, Representation
from dashget.mpd.resolve import resolve
from dashget.segments import address
from dashget.segments.segment import Segment


def iter_segments(
    mpd: MPD | Presentation,
    representation: str | Representation,
    now: datetime | Fraction | None = None,
    *,
    limit: int | None = None,
) -> Iterator[Segment]:
    """Yield every segment of a Representation, in order.

    ``mpd`` is the result of ``parse_mpd(data, url=...)`` or of ``resolve``. ``representation`` is
    a ``Representation@id``, whose segments in all Periods follow one another, or a resolved
    Representation, which belongs to one Period. ``now`` is the wall-clock time, which an
    unresolved dynamic MPD needs. Nothing is fetched, and only the document is held in memory.

    ::

        mpd = parse_mpd(data, url="https://example.com/dash/manifest.mpd")
        for segment in iter_segments(mpd, "v1"):
            print(segment.url, segment.range, segment.start)

    Raises MPDValidityError for a manifest that breaks the standard, SelectionError for an
    unknown id, UnsupportedMPDError for more than ``limit`` media segments.
    """
    if isinstance(representation, Representation):
        yield from address(representation, limit=limit)
        return
    presentation = resolve(mpd, now=now) if isinstance(mpd, MPD) else mpd
    chosen = [
        candidate
        for period in presentation.periods
        for adaptation_set in period.adaptation_sets
        for candidate in adaptation_set.representations
        if candidate.id == representation
    ]
    if not chosen:
        raise SelectionError(f"unknown Representation id: {representation!r}")
    for found in chosen:
        yield from address(found, limit=limit)
