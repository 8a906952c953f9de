"""Which recorded segments a local MPD has to have: worked out from the facts, moment by moment."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from dashget.live.facts import Fact, LateFact, LineFact, SegmentFact, ShapeFact, StretchFact


class Recorded(NamedTuple):
    """A segment on the clock of the presentation. ``where`` is its Period there."""

    fact: SegmentFact
    kind: str
    where: tuple[int, str]
    begin: Fraction
    end: Fraction


def shown_segments(disk: Sequence[Fact], *, timed: bool) -> dict[tuple[int, int], Recorded]:
    """Return the segments that players can show, by line and time.

    They show none that has less than a tenth of a segment beside it of the other kind, video or
    audio, if the presentation has that in its Period. Where more would be left out than if there
    were no such kind at all, that kind is left out.
    """
    segments, announced = _recorded(disk, timed=timed)
    if not segments:
        return {}
    kinds = frozenset(each.kind for each in segments)
    ways = [kinds, *(frozenset([kind]) for kind in ("video", "audio") if kind in kinds)]
    found = [_shown(segments, announced, way) for way in ways]
    kept = min(found, key=lambda each: each[0])[1]
    return {(each.fact.line, each.fact.t): each for each in kept}


def _recorded(
    disk: Sequence[Fact], *, timed: bool
) -> tuple[list[Recorded], dict[tuple[int, str], set[str]]]:
    lines = {fact.line: fact for fact in disk if isinstance(fact, LineFact)}
    kinds = {
        fact.shape: "audio" if 'contentType="audio"' in fact.mpd else "video"
        for fact in disk
        if isinstance(fact, ShapeFact)
    }
    late = {fact.late: Fraction(fact.by) for fact in disk if isinstance(fact, LateFact)}
    stretches: dict[int, dict[int, StretchFact]] = {}
    announced: dict[tuple[int, str], set[str]] = {}
    for fact in disk:
        if isinstance(fact, StretchFact):
            stretches.setdefault(fact.stretch, {})[fact.t] = fact
            where = lines[fact.stretch].generation, fact.period
            announced.setdefault(where, set()).add(kinds[fact.shape])
    found = []
    for fact in disk:
        if isinstance(fact, SegmentFact):
            own, line = stretches[fact.line], lines[fact.line]
            stretch = own[max((t for t in own if t <= fact.t), default=min(own))]
            begin = Fraction(stretch.origin) + Fraction(fact.t, line.scale)
            begin += Fraction(0) if timed else late.get(fact.line, Fraction(0))
            end = begin + Fraction(fact.d, line.scale)
            where = line.generation, stretch.period
            found.append(Recorded(fact, kinds[stretch.shape], where, begin, end))
    return found, announced


def _shown(
    segments: Iterable[Recorded],
    announced: Mapping[tuple[int, str], set[str]],
    way: frozenset[str],
) -> tuple[Fraction, list[Recorded]]:
    """Return the seconds that are left out if some kinds are played, and the segments that are."""
    left, kept = Fraction(0), []
    for where in {each.where for each in segments}:
        own = [each for each in segments if each.where == where]
        wanted = announced[where] & way or announced[where]
        spans = list(_together(own, wanted))
        kept += [
            each
            for each in own
            if each.kind in wanted and any(_common(each, span) > _step(own) / 10 for span in spans)
        ]
        left += sum((each.end - each.begin for each in own), Fraction(0))
        left -= sum((end - begin for begin, end in spans), Fraction(0)) * len(wanted)
    return left, kept


def _together(own: Sequence[Recorded], wanted: set[str]) -> Iterable[tuple[Fraction, Fraction]]:
    moments = sorted({moment for each in own for moment in (each.begin, each.end)})
    spans: list[tuple[Fraction, Fraction]] = []
    for begin, end in itertools.pairwise(moments):
        here = {each.kind for each in own if each.begin <= begin and end <= each.end}
        if not wanted <= here:
            continue
        if spans and spans[-1][1] == begin:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((begin, end))
    return [(begin, end) for begin, end in spans if end - begin >= _step(own) / 2]


def _step(own: Sequence[Recorded]) -> Fraction:
    return min(each.end - each.begin for each in own)


def _common(segment: Recorded, span: tuple[Fraction, Fraction]) -> Fraction:
    return min(segment.end, span[1]) - max(segment.begin, span[0])
