"""When a recording has video and audio together: what is alone is left out of its local MPD.

Browsers play where they have all kinds of media that a presentation has. Over a stretch that lacks
one of them a player comes only if it has loaded what lies behind it, so one that is longer than
what it loads ahead is its end, whether the Period goes on or is cut; and a Period that lacks one is
refused by some. What is left out shows nothing in any of them.

Where a recording has hardly any sound, or hardly any picture, leaving out what lacks it would leave
nothing: then that kind is what is left out. Of all ways the one counts that leaves out the least.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import msgspec

Span = tuple[Fraction, Fraction]
"""Begin and end in seconds of server time."""


class Period(msgspec.Struct, frozen=True, eq=False):
    """What is recorded of a Period of the presentation: the spans of each main kind of media."""

    announced: frozenset[str]
    """The main kinds that the presentation has there."""
    spans: Mapping[str, Sequence[Span]]
    """When each kind is there: sorted, and none touches another. A kind that is not among them, and
    is announced, is missing."""
    unknown: frozenset[str]
    """The kinds of which nobody knows when they are there: those of files without times."""
    step: Fraction
    """The usual duration of a segment, of the track whose segments are the shortest."""

    def wanted(self, kinds: Iterable[str]) -> frozenset[str]:
        """Return the kinds that have to be there, where a local MPD has some kinds."""
        return (self.announced & frozenset(kinds)) or self.announced

    def together(self, kinds: Iterable[str]) -> list[Span]:
        """Return when all kinds are there that have to be; what is too short is none."""
        found: list[Span] | None = None
        for kind in self.wanted(kinds) - self.unknown:
            spans = self.spans.get(kind, ())
            found = list(spans) if found is None else common(found, spans)
        return [(begin, end) for begin, end in found or () if 2 * (end - begin) >= self.step]

    def left_out(self, kinds: Iterable[str]) -> Fraction:
        """Return how many seconds of media a local MPD of some kinds leaves out."""
        wanted = self.wanted(kinds)
        together = seconds(self.together(kinds)) if wanted - self.unknown else Fraction(0)
        return sum(
            (
                seconds(spans) - (together if kind in wanted else 0)
                for kind, spans in self.spans.items()
                if kind not in self.unknown
            ),
            Fraction(0),
        )


def chosen_kinds(periods: Sequence[Period]) -> frozenset[str]:
    """Return the main kinds that a local MPD has: those with which the least is left out."""
    recorded = sorted({kind for period in periods for kind in (*period.spans, *period.unknown)})
    ways = [frozenset(recorded), *(frozenset([kind]) for kind in reversed(recorded))]
    return min(ways, key=lambda kinds: sum(period.left_out(kinds) for period in periods))


def united(spans: Iterable[Span], slack: Fraction) -> list[Span]:
    """Return spans sorted; those that are less than ``slack`` apart are one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin - found[-1][1] < slack:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found


def common(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """Return what is in both."""
    found: list[Span] = []
    at = beside = 0
    while at < len(one) and beside < len(other):
        begin = max(one[at][0], other[beside][0])
        end = min(one[at][1], other[beside][1])
        if begin < end:
            found.append((begin, end))
        if one[at][1] < other[beside][1]:
            at += 1
        else:
            beside += 1
    return found


def seconds(spans: Iterable[Span]) -> Fraction:
    """Return how long spans are."""
    return sum((end - begin for begin, end in spans), Fraction(0))
