"""Tracks: the selected Representations of a presentation, each with its segments."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dashget.common.shortrepr import short_repr
from dashget.mpd.presentation import ListAddressing, Presentation, Representation
from dashget.mpd.validity import validity_error
from dashget.segments import SegmentIndex, address


class Track(msgspec.Struct, frozen=True, eq=False):
    """One Representation of one Period with its segments; ``key`` is its number in the plan."""

    __repr__ = short_repr

    key: int
    representation: Representation
    index: SegmentIndex

    @property
    def bytes_estimated(self) -> int | None:
        """Bandwidth x duration, right within some ten percent; None if either is unknown."""
        span = self.representation.period
        if self.representation.bandwidth is None or span.duration is None:
            return None
        return int(self.representation.bandwidth * span.duration / 8)


def make_tracks(presentation: Presentation) -> tuple[Track, ...]:
    """Make a track of every Representation of a presentation, numbered in document order."""
    return tuple(
        Track(key, representation, address(representation))
        for key, representation in enumerate(iter_representations(presentation))
    )


def names_nothing(track: Track) -> bool:
    """Return True if a Representation names no file at all, and is not just empty for now."""
    addressing = track.representation.addressing
    if not isinstance(addressing, ListAddressing):
        return False
    rows, without = addressing.segments, addressing.without_media
    if len(without) < len(rows) or any(row.index is not None for row in rows):
        return False
    return next(track.index.preamble(), None) is None


def require_sound(presentation: Presentation) -> None:
    """Raise MPDValidityError with all problems of a presentation's Representations."""
    problems = presentation.problems
    if problems:
        raise validity_error(problems)


def split_sound(presentation: Presentation) -> tuple[Presentation, tuple[Representation, ...]]:
    """Return the part of a presentation that can be planned, and the Representations that cannot.

    Raises MPDValidityError with all problems if none can be planned.
    """
    problems = presentation.problems
    if not problems:
        return presentation, ()
    replace = msgspec.structs.replace
    periods = []
    for period in presentation.periods:
        sets = [
            replace(s, representations=tuple(r for r in s.representations if not r.problems))
            for s in period.adaptation_sets
        ]
        kept = tuple(s for s in sets if s.representations)
        periods.append(replace(period, adaptation_sets=kept))
    sound = replace(presentation, periods=tuple(p for p in periods if p.adaptation_sets))
    if not sound.periods:
        raise validity_error(problems)
    return sound, tuple(r for r in iter_representations(presentation) if r.problems)


def unplanned_reason(representation: Representation) -> str:
    """Describe the problem that leaves a Representation without a list of segments."""
    first, *more = representation.problems
    others = f" (and {len(more)} more problems)" if more else ""
    return f"Representation {representation.id!r} cannot be planned: {first}{others}"


def unplanned_hint(representation: Representation) -> str:
    """Return advice for one that cannot be planned: to run the same command again is in vain."""
    if all("leads from https to http" in str(problem) for problem in representation.problems):
        return "allow it with --allow-downgrade"
    return (
        "the manifest itself is at fault, so the same command ends the same; a corrected copy of it"
        " can be mirrored: dashget FILE --base-url URL"
    )


def iter_representations(presentation: Presentation) -> Iterator[Representation]:
    """Yield all Representations in document order."""
    for period in presentation.periods:
        for adaptation_set in period.adaptation_sets:
            yield from adaptation_set.representations


def track_label(representation: Representation) -> str:
    """Describe a Representation to people: ``1280x720 2400k (v2)``."""
    facts: list[str] = []
    if representation.width and representation.height:
        facts.append(f"{representation.width}x{representation.height}")
    if representation.lang:
        facts.append(representation.lang)
    if representation.bandwidth:
        facts.append(f"{representation.bandwidth / 1000:.0f}k")
    facts.append(f"({representation.id})")
    return " ".join(facts)
